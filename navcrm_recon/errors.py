"""The one family of errors. Each carries what it is about, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class Error(Exception):
    """Base of everything this package raises on purpose.

    Attributes
    ----------
    mapping, record, field, value
        What the error is about, where known; otherwise None.
    """

    def __init__(
        self,
        message: str,
        *,
        mapping: str | None = None,
        record: str | None = None,
        field: str | None = None,
        value: object = None,
    ) -> None:
        super().__init__(message)
        self.mapping = mapping
        self.record = record
        self.field = field
        self.value = value


class ConfigError(Error):
    """A workspace or mapping file is wrong; ``problems`` lists every mistake found in it."""

    def __init__(self, message: str, *, problems: Sequence[str] = (), **about: str | None) -> None:
        super().__init__(message, **about)
        self.problems = tuple(problems) or (message,)


class SideError(Error):
    """A side cannot be reached, or lacks a table, a column or a right."""


class BusyError(SideError):
    """Someone else is at the same work; try again when it has ended."""


class DataError(Error):
    """A side holds something that cannot be understood: a wrong type, a duplicate key."""


class ReadOnlyError(Error):
    """Something was to be written to a side or state that is only read."""


class CouplingError(Error):
    """A coupling is not possible: one of the two records already has another partner."""


class NotFoundError(Error):
    """A mapping, record or coupling that was named does not exist."""


def shorten(value: object, limit: int = 200) -> str:
    """Text of a value for a message: at most ``limit`` characters."""
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(name: object, allowed: Iterable[str]) -> str:
    """Return `` Did you mean 'X'?`` for the name nearest to ``name``, else an empty text."""
    names = {each.casefold(): each for each in allowed}
    found = get_close_matches(str(name).casefold(), names, n=1, cutoff=0.6)
    return f" Did you mean '{names[found[0]]}'?" if found else ""


def examples(values: Iterable[object], limit: int = 5) -> str:
    """List at most ``limit`` values for a message and say how many more there are."""
    texts = [shorten(value) for value in values]
    more = f" and {len(texts) - limit:,} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
