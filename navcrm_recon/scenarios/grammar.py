"""The grammar of scenario files: what may be said, checked before anything runs (contract 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from navcrm_recon.errors import ConfigError, nearest, shorten

#: Step -> its arguments; True = must be given.
STEPS: dict[str, dict[str, bool]] = {
    "advance": {},
    "insert_nav": {"table": True, "row": True},
    "edit_nav": {"table": True, "key": True, "set": True},
    "delete_nav": {"table": True, "key": True},
    "insert_crm": {"entity": True, "row": True, "by": False},
    "edit_crm": {"entity": True, "key": True, "set": True, "by": False},
    "delete_crm": {"entity": True, "key": True},
    "set_mapping": {},
    "set_setup": {},
}
GIVEN = (
    "now", "setup", "mappings", "nav", "crm", "options", "option_sets", "couplings",
)  # fmt: skip
THEN = ("nav", "crm", "count", "absent", "couplings", "diff", "missing_options", "links")
MATCHERS = ("contains", "matches", "any", "blank", "between", "new")
_TOP = ("id", "title", "given", "when", "then")
_BESIDE = ("then", "raises")
_DURATIONS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

#: The moment a scenario starts at when it does not say.
START = datetime(2018, 10, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """One step: its name, its arguments, what it raises, and a checkpoint after it."""

    name: str
    arguments: Any
    raises: Mapping[str, str] | None
    then: Mapping[str, Any] | None


@dataclass(frozen=True)
class Scenario:
    """One example: what is given, what happens, what must then be so."""

    id: str
    title: str
    given: Mapping[str, Any]
    steps: tuple[Step, ...]
    then: Mapping[str, Any]


def load(path: Path) -> dict[str, Any]:
    """Read a scenario file: every scenario as it is written, by its id.

    Raises
    ------
    ConfigError
        The file is not YAML, or not a list of scenarios with an id each.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}.") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: is not valid YAML: {exc}") from exc
    if not isinstance(content, list | None):
        raise ConfigError(f"{path}: must be a list of scenarios.")
    named: dict[str, Any] = {}
    for place, each in enumerate(content or []):
        name = str(each.get("id", "")) if isinstance(each, dict) else ""
        if not name or name in named:
            raise ConfigError(f"{path}[{place}]: a scenario needs an id of its own.")
        named[name] = each
    return named


class _Loader(yaml.SafeLoader):
    """Safe YAML that leaves times as text, so that a time means the same in every column."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(name: str, raw: Mapping[str, Any]) -> Scenario:
    """Return a scenario once everything it says is known to the grammar.

    Raises
    ------
    ConfigError
        It says something the grammar does not know.
    """
    known_keys(raw, _TOP, name)
    given = raw.get("given") or {}
    known_keys(given, GIVEN, f"{name}: given")
    steps = tuple(_steps(raw.get("when") or [], name))
    then = raw.get("then") or {}
    known_keys(then, THEN, f"{name}: then")
    return Scenario(name, str(raw.get("title", "")), given, steps, then)


def _steps(raw: list[Any], name: str) -> Iterator[Step]:
    for place, each in enumerate(raw):
        path = f"{name}: when[{place}]"
        if not isinstance(each, dict):
            raise ConfigError(f"{path}: a step must be a table of keys, found {shorten(each)!r}.")
        names = [key for key in each if key not in _BESIDE]
        if len(names) != 1:
            raise ConfigError(f"{path}: must name one step, found {', '.join(names) or 'none'}.")
        step, arguments = names[0], each[names[0]]
        known_keys({step: None}, STEPS, path)
        allowed = STEPS[step]
        if allowed:
            known_keys(arguments, tuple(allowed), f"{path}.{step}")
            missing = [key for key, needed in allowed.items() if needed and key not in arguments]
            if missing:
                raise ConfigError(f"{path}.{step}: needs {', '.join(missing)}.")
        raises = each.get("raises")
        known_keys(raises or {}, ("error", "contains"), f"{path}.raises")
        known_keys(each.get("then") or {}, THEN, f"{path}.then")
        yield Step(step, arguments, raises, each.get("then"))


def known_keys(found: Any, allowed: Any, path: str) -> None:
    """Refuse keys the grammar does not know; an unknown key is never ignored."""
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: must be a table of keys, found {shorten(found)!r}.")
    for key in found:
        if key not in allowed:
            listed = ", ".join(allowed)
            raise ConfigError(
                f"{path}: unknown key '{key}'.{nearest(key, allowed)} Known: {listed}."
            )


def duration(text: Any) -> timedelta:
    """Read a duration such as ``30s``, ``15m``, ``1h``, ``2d``.

    >>> duration("15m")
    datetime.timedelta(seconds=900)
    """
    number, unit = str(text)[:-1], str(text)[-1:]
    if unit not in _DURATIONS or not number.isdigit():
        raise ConfigError(f"advance: '{shorten(text)}' is no duration; say 30s, 15m, 1h or 2d.")
    return timedelta(**{_DURATIONS[unit]: int(number)})


def moment(text: Any) -> datetime:
    """Read an ISO time, in UTC when it names no zone."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as exc:
        raise ConfigError(f"'{shorten(text)}' is no ISO time.") from exc
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
