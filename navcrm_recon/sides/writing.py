"""What may be written to a side, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from navcrm_recon.errors import DataError

WAS_DELETED = "The record was deleted meanwhile."
WAS_CHANGED = "The record was changed by someone else meanwhile."


@dataclass(frozen=True)
class Lines:
    """Lines that are inserted with their header: all of it, or nothing.

    ``rows`` are their values by the catalogue's names, without the columns that name the header:
    those of the header's key, in NAV with ``Document No.`` for ``No.``.
    """

    table: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Write:
    """One record to be written.

    Attributes
    ----------
    action
        ``insert``, ``update`` or ``delete``.
    key
        ``nav_key`` or ``crm_id``; blank for a NAV insert whose number comes from a series.
    values
        Plain Python values by the catalogue's names, of the column's kind; None = blank.
    expected
        Modified-on the record must still have (update, delete); None = not checked.
    identity
        NAV insert: the GUID its Integration Record gets, so that a repeated attempt finds its own
        work.
    lines
        NAV insert: the lines of a document.
    """

    action: Literal["insert", "update", "delete"]
    key: str
    values: Mapping[str, Any]
    expected: datetime | None = None
    identity: str = ""
    lines: Lines | None = None


@dataclass(frozen=True)
class Written:
    """What became of a ``Write``.

    Attributes
    ----------
    key
        The key the record has now.
    modified_on
        What the product stamped (UTC); None where it keeps none, and of a CRM record that is gone.
    error
        Why it was not written; blank = written. The same cause gives the same text every time.
    field, value
        What the error is about, where known.
    stale
        The record was changed or deleted by someone else since ``expected``.
    """

    key: str
    modified_on: datetime | None
    error: str = ""
    field: str = ""
    value: str = ""
    stale: bool = False


class Refused(DataError):
    """A record cannot be written; the others can."""

    def __init__(
        self, message: str, *, field: str = "", value: object = "", stale: bool = False
    ) -> None:
        super().__init__(message, field=field, value=value)
        self.stale = stale
