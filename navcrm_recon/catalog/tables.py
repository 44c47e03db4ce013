"""Tables and entities as typed values, from the catalogue's files and a user's declarations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from navcrm_recon.catalog.grammar import Draft, Raw, Shape, clean
from navcrm_recon.catalog.model import Column, Flow, Kind, Option, SideName, Table
from navcrm_recon.errors import nearest, shorten

#: Name of a type in each product -> kind, and the scale of its decimals.
TYPES: Mapping[SideName, Mapping[str, tuple[Kind, int | None]]] = {
    "nav": {
        "Code": ("code", None),
        "Text": ("text", None),
        "Option": ("option", None),
        "Integer": ("integer", None),
        "BigInteger": ("integer", None),
        "Decimal": ("decimal", 20),
        "Boolean": ("boolean", None),
        "Date": ("date", None),
        "DateTime": ("datetime", None),
        "Time": ("text", None),
        "DateFormula": ("text", None),
        "GUID": ("guid", None),
        "BLOB": ("blob", None),
        "RecordID": ("record_id", None),
        "RowVersion": ("rowversion", None),
    },
    "crm": {
        "string": ("text", None),
        "memo": ("text", None),
        "entityname": ("text", None),
        "picklist": ("option", None),
        "state": ("option", None),
        "status": ("option", None),
        "lookup": ("lookup", None),
        "customer": ("lookup", None),
        "owner": ("lookup", None),
        "uniqueidentifier": ("guid", None),
        "integer": ("integer", None),
        "bigint": ("integer", None),
        "decimal": ("decimal", 10),
        "money": ("decimal", 4),
        "boolean": ("boolean", None),
        "date": ("date", None),
        "datetime": ("datetime", None),
    },
}
COLUMN: Mapping[str, Shape] = {
    "type": "a text",
    "options": "anything",
    "targets": "a list of texts",
    "flow": "a table of keys",
    "access": ("full", "insert", "modify", "read"),
    "default": "anything",
}
FLOW: Mapping[str, Shape] = {
    "method": ("sum", "lookup", "exist"),
    "table": "a text",
    "column": "a text",
    "match": "a table of keys",
    "where": "a table of keys",
}
#: Columns every table has, so that no file repeats them.
SYSTEM: Mapping[SideName, Mapping[str, object]] = {
    "nav": {"timestamp": "RowVersion"},
    "crm": {
        "createdon": {"type": "datetime", "access": "read"},
        "createdby": {"type": "lookup(systemuser)", "access": "read"},
        "modifiedon": {"type": "datetime", "access": "read"},
        "modifiedby": {"type": "lookup(systemuser)", "access": "read"},
        "versionnumber": {"type": "bigint", "access": "read"},
    },
}
_TYPE = re.compile(r"(\w+)(?:\[(\d+)\]|\(([\w, ]*)\))?")


def shipped_tables(side: SideName, content: Mapping[str, Raw]) -> dict[str, Table]:
    """Return the tables of one of the catalogue's own files by name."""
    problems: list[str] = []
    found = {name: _table(side, name, raw, name, problems) for name, raw in content.items()}
    if problems:
        raise ValueError("; ".join(problems))
    return found


def declare(
    side: SideName, tables: Mapping[str, Table], drafts: Sequence[Draft], problems: list[str]
) -> dict[str, Table]:
    """Return the tables with what mappings declare: new tables, and columns added to known ones."""
    found = dict(tables)
    for draft in drafts:
        end, path = draft.ends[side], f"{draft.path}.{side}"
        word = "table" if side == "nav" else "entity"
        name = end.get(word)
        if name is None:
            problems.append(f"{path}.{word}: is missing; name the {word} of the {side} side.")
        elif name in found:
            found[name] = _extended(found[name], end, path, problems)
        elif "columns" in end:
            new = _table(side, name, end, path, problems)
            _check_number(new, found, path, problems)
            found[name] = new
        else:
            hint = nearest(name, found) or " A new one needs its columns here."
            problems.append(f"{path}.{word}: there is no {word} '{shorten(name)}'.{hint}")
    return found


def with_options(
    tables: Mapping[str, Table], sets: Mapping[str, Sequence[Option]]
) -> dict[str, Table]:
    """Return the entities with the labels of the option sets as captions of their attributes."""
    found = dict(tables)
    for name, options in sets.items():
        entity, _, attribute = name.partition(".")
        labels = {option.value: option.label for option in options}
        column = replace(found[entity].columns[attribute], options=labels)
        found[entity] = _with_columns(found[entity], {attribute: column})
    return found


def _table(side: SideName, name: str, raw: Raw, path: str, problems: list[str]) -> Table:
    modified_on = raw.get("modified_on", "modifiedon") if side == "crm" else None
    columns: Raw = dict(raw.get("columns", {}))
    default_key = f"{name}id" if side == "crm" else []
    key = raw.get("key", default_key)
    if side == "crm":
        columns = {key: {"type": "uniqueidentifier", "access": "insert"}} | columns
    if side == "nav" or modified_on:
        columns |= {each: spec for each, spec in SYSTEM[side].items() if each not in columns}
    if side == "nav":
        for needed in ("id", "key"):
            if not raw.get(needed):
                problems.append(f"{path}.{needed}: is missing; the new table '{name}' needs it.")
    table = Table(
        side=side,
        name=name,
        key=(key,) if isinstance(key, str) else tuple(key),
        columns=MappingProxyType(_columns(side, columns, f"{path}.columns", problems)),
        id=raw.get("id"),
        entity_set=raw.get("entity_set", f"{name}s") if side == "crm" else None,
        modified_on=modified_on,
    )
    for column in table.key:
        if column not in columns:
            hint = nearest(column, columns)
            problems.append(f"{path}.key: '{shorten(column)}' is not among the columns.{hint}")
    return table


def _extended(table: Table, end: Raw, path: str, problems: list[str]) -> Table:
    known: Raw = {"id": table.id, "entity_set": table.entity_set, "modified_on": table.modified_on}
    known["key"] = list(table.key) if table.side == "nav" else table.key[0]
    for key, value in known.items():
        if end.get(key, value) != value:
            problems.append(
                f"{path}.{key}: '{shorten(end[key])}' does not fit: {table.name} is known with"
                f" '{shorten(value)}'. Leave it out, or declare a table of another name."
            )
    added = _columns(table.side, end.get("columns", {}), f"{path}.columns", problems)
    return _with_columns(table, added) if added else table


def _with_columns(table: Table, columns: Mapping[str, Column]) -> Table:
    return replace(table, columns=MappingProxyType({**table.columns, **columns}))


def _columns(
    side: SideName, content: Mapping[str, object], path: str, problems: list[str]
) -> dict[str, Column]:
    found = {}
    for name, spec in content.items():
        raw: Raw = {"type": spec} if isinstance(spec, str) else {}
        raw = raw or clean(spec, COLUMN, f"{path}.{name}", problems)
        found[name] = _column(side, name, raw, f"{path}.{name}", problems)
    return found


def _column(side: SideName, name: str, raw: Raw, path: str, problems: list[str]) -> Column:
    written = _TYPE.fullmatch(str(raw.get("type", "")).strip())
    word = written[1] if written else ""
    if not written or word not in TYPES[side]:
        hint = nearest(word, TYPES[side])
        allowed = ", ".join(TYPES[side])
        shown = shorten(raw.get("type", ""))
        problems.append(f"{path}: '{shown}' is no type.{hint} Allowed: {allowed}.")
        return Column(name, "text")  # so that its users are not reported as well
    kind, scale = TYPES[side][word]
    inside = written[2] or written[3] or ""
    targets = tuple(raw.get("targets", ()))
    if kind == "lookup" and inside:
        targets = tuple(part.strip() for part in inside.split(","))
    elif inside and not inside.isdigit():
        problems.append(f"{path}: '{shorten(inside)}' is no length of {word}.")
    return Column(
        name=name,
        kind=kind,
        length=int(inside) if inside.isdigit() else None,
        scale=scale,
        options=_options(raw.get("options", {}), path, problems),
        targets=targets,
        flow=_flow(raw["flow"], path, problems) if "flow" in raw else None,
        access=raw.get("access", "full"),
        default=raw.get("default", False if side == "crm" and kind == "boolean" else None),
    )


def _options(raw: Any, path: str, problems: list[str]) -> dict[int, str]:
    options = dict(enumerate(raw)) if isinstance(raw, list) else raw
    if not isinstance(options, Mapping) or not all(
        isinstance(value, int) and isinstance(caption, str) for value, caption in options.items()
    ):
        problems.append(f"{path}.options: must be a list of captions, or integers with captions.")
        return {}
    return dict(options)


def _flow(raw: Raw, path: str, problems: list[str]) -> Flow | None:
    flow = clean(raw, FLOW, f"{path}.flow", problems)
    if missing := [key for key in ("method", "table", "match") if key not in flow]:
        problems.append(f"{path}.flow: needs {', '.join(missing)}.")
        return None
    return Flow(
        flow["method"], flow["table"], flow.get("column", ""), flow["match"], flow.get("where", {})
    )


def _check_number(table: Table, known: Mapping[str, Table], path: str, problems: list[str]) -> None:
    """Refuse a second table of one number: a record ID would not say which it means."""
    for other in known.values():
        if table.id is not None and other.id == table.id:
            problems.append(f"{path}.id: {table.id} is the number of {other.name} already.")
