"""The grammar of scenario files: what may be said, checked before anything runs (contract 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from navcrm_recon.errors import ConfigError, nearest, shorten
from navcrm_recon.state.jobs import COUNTERS
from navcrm_recon.workspace_file import SETUP_KEYS

#: Step -> its arguments, True = must be given; None = it takes a value, or keys of any name.
STEPS: dict[str, dict[str, bool] | None] = {
    "advance": None,
    "insert_nav": {"table": True, "row": True},
    "edit_nav": {"table": True, "key": True, "set": True},
    "delete_nav": {"table": True, "key": True},
    "insert_crm": {"entity": True, "row": True, "by": False},
    "edit_crm": {"entity": True, "key": True, "set": True, "by": False},
    "delete_crm": {"entity": True, "key": True},
    "couple": {"mapping": True, "nav_key": True, "crm_id": True, "synchronize": False},
    "couple_matches": {"mapping": True},
    "uncouple": {"mapping": True, "nav_keys": False, "crm_ids": False},
    "synchronize": {"mapping": False, "direction": False, "records": False, "force": False},
    "full_synchronization": {"mappings": False},
    "run_due": {},
    "restore": {"mapping": True, "nav_keys": False},
    "plan": {"mapping": False, "direction": False, "records": False, "force": False},
    "apply": {},
    "create_sales_order": {"crm_id": True},
    "create_sales_orders": {},
    "post_sales_order": {"order": True, "ship": False, "invoice": False, "quantity": False},
    "update_order_states": {},
    "update_statistics": {},
    "update_invoice_states": {},
    "post_updates": {},
    "set_mapping": None,
    "set_setup": None,
}
GIVEN = (
    "now", "setup", "mappings", "nav", "crm", "options", "option_sets", "couplings",
)  # fmt: skip
#: Frames an expectation may name -> the keys of its entries; None = the columns of the frame.
ENTRIES: dict[str, tuple[str, ...] | None] = {
    "couplings": None,
    "diff": None,
    "missing_options": None,
    "links": None,
    "match": None,
    "jobs": ("mapping", "direction", "type", "message", *COUNTERS),
    "errors": (
        "mapping", "direction", "nav_key", "crm_id", "field", "value", "message", "contains",
    ),
    "plan": ("mapping", "direction", "nav_key", "crm_id", "action", "reason", "fields"),
}  # fmt: skip
THEN = ("nav", "crm", "count", "absent", *ENTRIES)
MATCHERS = ("contains", "matches", "any", "blank", "between", "new")
#: Rows of ``given`` with keys of their own; True = must be given.
_ROWS = {
    "options": {"mapping": True, "nav_key": True, "value": True, "caption": False},
    "couplings": {
        "mapping": True,
        "nav_key": True,
        "crm_id": True,
        "synchronized": False,
        "skipped": False,
        "last_synch_modified_on": False,
        "last_synch_crm_modified_on": False,
        "last_synch_result": False,
        "last_synch_crm_result": False,
    },
}
#: Arguments of steps that must be a list, and those that must be a table of keys.
_LISTS = ("records", "nav_keys", "crm_ids", "mappings")
_TABLES = ("row", "set")
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
    given = _given(raw.get("given") or {}, f"{name}: given")
    steps = tuple(_steps(raw.get("when") or [], name))
    then = _then(raw.get("then") or {}, f"{name}: then")
    return Scenario(name, str(raw.get("title", "")), given, steps, then)


def _given(raw: Any, path: str) -> dict[str, Any]:
    known_keys(raw, GIVEN, path)
    given = {key: value for key, value in raw.items() if value is not None}
    for key in ("nav", "crm", "option_sets"):
        _tables(given.get(key, {}), f"{path}.{key}")
    known_keys(given.get("setup", {}), SETUP_KEYS, f"{path}.setup")
    known_keys(given.get("mappings", {}), given.get("mappings", {}), f"{path}.mappings")
    for key, columns in _ROWS.items():
        for place, row in enumerate(_rows(given.get(key, []), f"{path}.{key}")):
            _arguments(row, columns, f"{path}.{key}[{place}]")
    return given


def _then(raw: Any, path: str) -> dict[str, Any]:
    known_keys(raw, THEN, path)
    then = {key: value for key, value in raw.items() if value is not None}
    for key in ("nav", "crm"):
        _tables(then.get(key, {}), f"{path}.{key}")
    for key, columns in ENTRIES.items():
        for place, row in enumerate(_rows(then.get(key, []), f"{path}.{key}")):
            known_keys(row, columns or row, f"{path}.{key}[{place}]")
            if key == "match":
                _arguments(
                    row, {"mapping": True} | dict.fromkeys(row, False), f"{path}.{key}[{place}]"
                )
    count, absent = then.get("count", {}), then.get("absent", {})
    known_keys(count, ("nav", "crm"), f"{path}.count")
    for side, tables in count.items():
        known_keys(tables, tables, f"{path}.count.{side}")
        for table, number in tables.items():
            if not isinstance(number, int):
                raise ConfigError(f"{path}.count.{side}.{table}: must be a number of rows.")
    known_keys(absent, ("nav", "crm", "couplings"), f"{path}.absent")
    for side in ("nav", "crm"):
        known_keys(absent.get(side, {}), absent.get(side, {}), f"{path}.absent.{side}")
        for table, keys in absent.get(side, {}).items():
            _list(keys, f"{path}.absent.{side}.{table}")
    _rows(absent.get("couplings", []), f"{path}.absent.couplings")
    return then


def _list(found: Any, path: str) -> list[Any]:
    if not isinstance(found, list):
        raise ConfigError(f"{path}: must be a list, found {shorten(found)!r}.")
    return found


def _rows(found: Any, path: str) -> list[Any]:
    for place, row in enumerate(_list(found, path)):
        known_keys(row, row, f"{path}[{place}]")
    return found  # type: ignore[no-any-return]


def _tables(found: Any, path: str) -> None:
    known_keys(found, found, path)
    for table, rows in found.items():
        _rows(rows, f"{path}.{table}")


def _arguments(found: Any, allowed: Mapping[str, bool], path: str) -> None:
    known_keys(found, tuple(allowed), path)
    missing = [key for key, needed in allowed.items() if needed and found.get(key) is None]
    if missing:
        raise ConfigError(f"{path}: needs {', '.join(missing)}.")


def _steps(raw: Any, name: str) -> Iterator[Step]:
    for place, each in enumerate(_list(raw, f"{name}: when")):
        path = f"{name}: when[{place}]"
        if not isinstance(each, dict):
            raise ConfigError(f"{path}: a step must be a table of keys, found {shorten(each)!r}.")
        names = [key for key in each if key not in _BESIDE]
        if len(names) != 1:
            raise ConfigError(f"{path}: must name one step, found {', '.join(names) or 'none'}.")
        step = names[0]
        known_keys({step: None}, STEPS, path)
        arguments = _step_arguments(step, each[step], f"{path}.{step}")
        raises = each.get("raises")
        known_keys(raises or {}, ("error", "contains"), f"{path}.raises")
        yield Step(step, arguments, raises, _then(each.get("then") or {}, f"{path}.then"))


def _step_arguments(step: str, found: Any, path: str) -> Any:
    """Return the arguments of a step, checked; one that takes none may stand there without any."""
    allowed = STEPS[step]
    if allowed is None:
        if step == "set_setup":
            known_keys(found, SETUP_KEYS, path)
        if step == "set_mapping":
            known_keys(found, found, path)
        return found
    arguments = {} if found is None and not any(allowed.values()) else found
    _arguments(arguments, allowed, path)
    given = {name: value for name, value in arguments.items() if value is not None}
    for name, value in given.items():
        if name in _LISTS:
            _list(value, f"{path}.{name}")
        if name in _TABLES:
            known_keys(value, value, f"{path}.{name}")
    return given


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
