"""What a mapping file may say: keys, types and words. Every mistake is listed, not only the first.

A file is read into drafts, one a mapping, that remember where each row stood; columns and other
mappings are looked up later (``check``), when all tables are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from navcrm_recon.catalog.model import Direction, SideName, Transfer
from navcrm_recon.errors import nearest, shorten

Raw = dict[str, Any]
Shape = str | tuple[str, ...]

SIDES: tuple[SideName, ...] = get_args(SideName)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)

#: Settings of a mapping and what each may be: a shape of ``_SHAPES`` or one of these words.
MAPPING: Mapping[str, Shape] = {
    "enabled": "true or false",
    "nav": "a table of keys",
    "crm": "a table of keys",
    "direction": DIRECTIONS,
    "depends_on": "a list of texts",
    "synch_only_coupled": "true or false",
    "update_conflict": ("none", "send", "get", "merge"),
    "deletion_conflict": ("none", "restore", "remove_coupling"),
    "filters": "a table of keys",
    "match_based_coupling": "a table of keys",
    "auto_match": "a list of texts",
    "templates": "a table of keys",
    "job": "a table of keys",
    "fields": "a list",
}
ENDS: Mapping[SideName, Mapping[str, Shape]] = {
    "nav": {
        "table": "a text",
        "id": "a whole number",
        "key": "a list of texts",
        "name": "a text",
        "columns": "a table of keys",
    },
    "crm": {
        "entity": "a text",
        "entity_set": "a text",
        "key": "a text",
        "modified_on": "a text",
        "name": "a text",
        "option": "a text",
        "columns": "a table of keys",
    },
}
FIELD: Mapping[str, Shape] = {
    "nav": "a text",
    "crm": "a text",
    "direction": DIRECTIONS,
    "constant": "a single value",
    "transfer": get_args(Transfer),
    "via": "a text",
    "rule": "a text",
    "blank": ("null", "local_currency", "leave_unchanged", "error"),
    "missing": ("error", "clear_destination", "leave_unchanged"),
    "minimum": "a whole number",
    "validate_nav": "true or false",
    "clear_on_failed_sync": "true or false",
    "not_null": "true or false",
    "match": "true or false",
    "match_priority": "a whole number",
    "case_sensitive": "true or false",
    "enabled": "true or false",
    "transformation": "a table of keys",
}
CONDITION: Mapping[str, Shape] = {
    "field": "a text",
    "op": ("eq", "ne", "in", "not_null"),
    "value": "anything",
}
TEMPLATE: Mapping[str, Shape] = {"where": "a table of keys", "set": "a table of keys"}
#: Settings that are tables themselves.
NESTED: Mapping[str, Mapping[str, Shape]] = {
    "match_based_coupling": {
        "create_new_if_no_match": "true or false",
        "synch_after_bulk_coupling": "true or false",
    },
    "templates": {
        "to_nav": "a table of keys or a list",
        "to_crm": "a table of keys or a list",
    },
    "job": {
        "interval_minutes": "a whole number",
        "inactivity_timeout_minutes": "a whole number",
        "max_attempts": "a whole number",
        "rerun_delay_seconds": "a whole number",
    },
}
#: Keys that say what a row is about.
_NAMING = frozenset({"nav", "crm", "constant", "field", "op", "value"})
_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "a text": lambda value: isinstance(value, str) and bool(value),
    "a text or blank": lambda value: isinstance(value, str),
    "true or false": lambda value: isinstance(value, bool),
    "a whole number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "a table of keys": lambda value: isinstance(value, Mapping),
    "a table of keys or a list": lambda value: isinstance(value, (Mapping, list)),
    "a list": lambda value: isinstance(value, list),
    "a list of texts": lambda value: (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    ),
    "a single value": lambda value: (
        value is not None and not isinstance(value, (list, Mapping)) and value != ""
    ),
    "anything": lambda value: True,
}


@dataclass(frozen=True)
class Row:
    """A field mapping or a condition as written, and the path it was written at."""

    path: str
    values: Raw


@dataclass(frozen=True)
class Draft:
    """A mapping as written, or a user's changes to one; ``filters`` holds only the sides given."""

    name: str
    path: str
    settings: Raw = field(default_factory=dict)
    ends: Mapping[SideName, Raw] = field(default_factory=lambda: {"nav": {}, "crm": {}})
    filters: Mapping[SideName, tuple[Row, ...]] = field(default_factory=dict)
    fields: tuple[Row, ...] = ()

    @property
    def option(self) -> str | None:
        """The CRM attribute of an option mapping."""
        option: str | None = self.ends["crm"].get("option")
        return option

    @property
    def table(self) -> str:
        """The name of the NAV table, blank where it is not said."""
        return str(self.ends["nav"].get("table", ""))

    @property
    def entity(self) -> str:
        """The name of the CRM entity, blank where it is not said."""
        return str(self.ends["crm"].get("entity", ""))

    @property
    def enabled(self) -> bool:
        """Whether the mapping takes part."""
        return bool(self.settings.get("enabled", True))


def pair_of(row: Row) -> tuple[str, str]:
    """Return the two field names that identify a field mapping."""
    return (row.values.get("nav", ""), row.values.get("crm", ""))


def read_drafts(content: Mapping[str, Any], problems: list[str]) -> dict[str, Draft]:
    """Read a mapping file into drafts; what is wrong is left out and said in ``problems``."""
    drafts = {}
    for name, settings in content.items():
        if not isinstance(name, str) or not name.strip():
            problems.append(f"'{shorten(name)}': a mapping needs a name that is a text.")
            continue
        drafts[name] = _draft(name, settings, problems)
    return drafts


def clean(value: object, shapes: Mapping[str, Shape], path: str, problems: list[str]) -> Raw:
    """Return the keys of a table that are known and well shaped; report the others."""
    if not isinstance(value, Mapping):
        problems.append(f"{path}: must be a table of keys, found {_found(value)}.")
        return {}
    kept = {}
    for key, each in value.items():
        each = "null" if each is None and "null" in shapes.get(key, "") else each
        if key not in shapes:
            allowed = ", ".join(shapes)
            problems.append(f"{path}.{key}: unknown key.{nearest(key, shapes)} Allowed: {allowed}.")
        elif wrong := _wrong(each, shapes[key]):
            problems.append(f"{path}.{key}: {wrong}")
        else:
            kept[key] = each
    return kept


def templates(settings: Raw, path: str, problems: list[str]) -> Iterator[tuple[str, Row]]:
    """Return direction, path and content (``where``, ``set``) of every template of a mapping."""
    for direction, written in settings.get("templates", {}).items():
        place = f"{path}.templates.{direction}"
        if isinstance(written, Mapping):
            yield direction, Row(place, {"set": written})
            continue
        for number, each in enumerate(written):
            row = Row(f"{place}[{number}]", clean(each, TEMPLATE, f"{place}[{number}]", problems))
            if "set" in row.values:
                yield direction, row
            elif isinstance(each, Mapping) and "set" not in each:
                problems.append(f"{row.path}.set: is missing; say what the new record gets.")


def _draft(name: str, content: object, problems: list[str]) -> Draft:
    settings = clean(content, MAPPING, name, problems)
    ends = {
        side: clean(settings.pop(side, {}), ENDS[side], f"{name}.{side}", problems)
        for side in SIDES
    }
    written = clean(
        settings.pop("filters", {}), dict.fromkeys(SIDES, "a list"), f"{name}.filters", problems
    )
    filters = {
        side: tuple(_rows(written[side], CONDITION, f"{name}.filters.{side}", problems))
        for side in SIDES
        if side in written
    }
    rows = tuple(_rows(settings.pop("fields", []), FIELD, f"{name}.fields", problems))
    for key in NESTED:
        if key in settings:
            settings[key] = clean(settings[key], NESTED[key], f"{name}.{key}", problems)
    return Draft(name, name, settings, ends, filters, rows)


def _rows(
    rows: list[object], shapes: Mapping[str, Shape], path: str, problems: list[str]
) -> Iterator[Row]:
    for place, row in enumerate(rows):
        values = clean(row, shapes, f"{path}[{place}]", problems)
        # A row that lost its name would be reported again for what it no longer says.
        if isinstance(row, Mapping) and not _NAMING.intersection(row).difference(values):
            yield Row(f"{path}[{place}]", values)


def _wrong(value: Any, shape: Shape) -> str:
    """Say what is wrong with a value, nothing when it has its shape."""
    if isinstance(shape, tuple):
        if value in shape:
            return ""
        hint = nearest(value, shape) if isinstance(value, str) else ""
        return f"'{shorten(value)}' is not one of {', '.join(shape)}.{hint}"
    return "" if _SHAPES[shape](value) else f"must be {shape}, found {_found(value)}."


def _found(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table of keys"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value in (None, "") else f"'{shorten(value)}'"
