"""The catalogue as it stands: the shipped files with a user's changes, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from navcrm_recon.catalog.check import check, constant_of
from navcrm_recon.catalog.grammar import (
    SIDES,
    Draft,
    Raw,
    Row,
    clean,
    pair_of,
    read_drafts,
    templates,
)
from navcrm_recon.catalog.infer import Known, completed, direction_of, literal, transfer_of
from navcrm_recon.catalog.model import (
    Catalog,
    Column,
    Condition,
    FieldMapping,
    Option,
    SideName,
    Table,
    TableMapping,
    Template,
    Transfer,
)
from navcrm_recon.catalog.tables import declare, shipped_tables, with_options
from navcrm_recon.catalog.transformations import rules_of
from navcrm_recon.errors import ConfigError, nearest, shorten

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPTION = {"value": "a whole number", "name": "a text", "label": "a text"}


@dataclass(frozen=True)
class _Shipped:
    """What the package's own files say."""

    drafts: Mapping[str, Draft]
    tables: Mapping[SideName, Mapping[str, Table]]
    sets: Mapping[str, tuple[Option, ...]]
    groups: Mapping[str, str]


def load_catalog(
    changes: Mapping[str, Any] | None = None,
    *,
    source: str = "",
    option_sets: Mapping[str, Any] | None = None,
) -> Catalog:
    """Return the catalogue: tables of both sides, mappings in dependency order, option sets.

    Parameters
    ----------
    changes
        A user's mapping file as read from YAML (contract 6): settings replace the shipped ones,
        ``filters`` the sides given, ``fields`` are merged by their pair of NAV and CRM field; a
        name that is not shipped is a new mapping.
    source
        What messages call the file.
    option_sets
        ``entity.attribute`` -> options with ``value``, ``name``, ``label``, in place of the
        shipped ones.

    Raises
    ------
    ConfigError
        With every mistake: its path, what was found, and the nearest valid name.

    Examples
    --------
    >>> catalog = load_catalog({"CUSTOMER": {"direction": "to_crm"}})
    >>> catalog.mappings["CUSTOMER"].direction
    'to_crm'
    >>> catalog.mappings["CUSTOMER"].fields[2].pair
    ('Name', 'name')
    """
    if not changes and not option_sets:
        return _default()
    return _loaded(changes or {}, source or "mappings.yaml", option_sets or {})


@cache
def _default() -> Catalog:
    return _loaded({}, "mappings.yaml", {})


def _loaded(changes: Mapping[str, Any], source: str, option_sets: Mapping[str, Any]) -> Catalog:
    shipped = _shipped()
    problems: list[str] = []
    drafts = merge(shipped.drafts, read_drafts(changes, problems), problems)
    tables = {
        side: declare(side, shipped.tables[side], list(drafts.values()), problems) for side in SIDES
    }
    sets = dict(shipped.sets) | _read_sets(option_sets, shipped.sets, tables["crm"], problems)
    tables["crm"] = with_options(tables["crm"], sets)
    known = Known(drafts, tables, shipped.groups)
    known = replace(known, drafts={name: completed(each, known) for name, each in drafts.items()})
    check(known, problems)
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        message = f"The mappings in {source} cannot be used:{listed}"
        raise ConfigError(message, problems=[f"{source}: {problem}" for problem in problems])
    mappings = {name: _mapping(known.drafts[name], known) for name in dependency_order(drafts)}
    for mapping in mappings.values():
        if mapping.option_attribute:
            column = mapping.crm.columns[mapping.option_attribute]
            sets.setdefault(f"{mapping.crm.name}.{column.name}", _options_of(column))
    return Catalog(
        MappingProxyType(tables["nav"]),
        MappingProxyType(tables["crm"]),
        MappingProxyType(mappings),
        MappingProxyType(sets),
    )


def merge(
    shipped: Mapping[str, Draft], changes: Mapping[str, Draft], problems: list[str]
) -> dict[str, Draft]:
    """Return the shipped mappings with a user's changes, new mappings at the end."""
    drafts = dict(shipped)
    for name, change in changes.items():
        if name in shipped:
            drafts[name] = _changed(shipped[name], change)
        elif change.table or change.entity:
            drafts[name] = change
        else:
            problems.append(
                f"{name}: there is no mapping of this name.{nearest(name, shipped)}"
                " A new one names its nav table and its crm entity."
            )
    return drafts


def _changed(draft: Draft, change: Draft) -> Draft:
    rows = {pair_of(row): row for row in draft.fields}
    changed: set[tuple[str, str]] = set()
    added: list[Row] = []
    for row in change.fields:
        pair = pair_of(row)
        if pair in rows and pair not in changed:
            rows[pair] = Row(row.path, rows[pair].values | row.values)
            changed.add(pair)
        else:  # new, or there twice, which ``check`` refuses
            added.append(row)
    settings = draft.settings | change.settings
    if "templates" in settings:  # each direction by itself
        settings["templates"] = {
            **draft.settings.get("templates", {}),
            **change.settings.get("templates", {}),
        }
    return replace(
        draft,
        settings=settings,
        ends={side: draft.ends[side] | change.ends[side] for side in SIDES},
        filters={**draft.filters, **change.filters},
        fields=(*rows.values(), *added),
    )


def dependency_order(drafts: Mapping[str, Draft]) -> list[str]:
    """List mapping names so that each follows those it depends on, else as in the file."""
    waiting = list(drafts)
    ordered: list[str] = []
    while waiting:
        ready = next(
            name
            for name in waiting
            if not set(drafts[name].settings.get("depends_on", ())).intersection(waiting)
        )
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


@cache
def _shipped() -> _Shipped:
    problems: list[str] = []
    sets: dict[str, tuple[Option, ...]] = {}
    groups: dict[str, str] = {}
    for group, content in _read("options").items():
        options = tuple(Option(**each) for each in content["options"])
        for attribute in content["attributes"]:
            sets[attribute], groups[attribute] = options, group
    tables: dict[SideName, dict[str, Table]] = {
        side: shipped_tables(side, _read(side)) for side in SIDES
    }
    drafts = read_drafts(_read("mappings"), problems)
    if problems:
        raise ValueError("; ".join(problems))
    known = Known({name: _located(each) for name, each in drafts.items()}, tables, groups)
    known = replace(known, tables={**tables, "crm": with_options(tables["crm"], sets)})
    rows = {name: completed(each, known) for name, each in known.drafts.items()}
    return _Shipped(rows, tables, sets, groups)


def _located(draft: Draft) -> Draft:
    """Name rows by their pair: a place in a list would be looked for in the user's file."""
    rows = tuple(
        Row(f"{draft.path}.fields[{' -> '.join(filter(None, pair_of(row)))}]", row.values)
        for row in draft.fields
    )
    return replace(draft, fields=rows)


def _read(name: str) -> Raw:
    text = Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8")
    content: Raw = yaml.load(text, _LOADER)  # noqa: S506 - a safe loader, in C where there is one
    return content


def _read_sets(
    content: Mapping[str, Any],
    shipped: Mapping[str, Sequence[Option]],
    entities: Mapping[str, Table],
    problems: list[str],
) -> dict[str, tuple[Option, ...]]:
    found = {}
    for name, rows in content.items():
        entity, _, attribute = str(name).partition(".")
        table = entities.get(entity)
        if table is None or attribute not in table.columns:
            hint = nearest(name, shipped)
            problems.append(f"option_sets: there is no attribute '{shorten(name)}'.{hint}")
            continue
        cleaned = [
            clean(row, _OPTION, f"option_sets.{name}[{place}]", problems)
            for place, row in enumerate(rows)
        ]
        known = {(each.value, each.label): each.name for each in shipped.get(name, ())}
        found[name] = tuple(_option(row, known) for row in cleaned if "value" in row)
    return found


def _option(row: Raw, known: Mapping[tuple[int, str], str]) -> Option:
    label = str(row.get("label", row.get("name", "")))
    value = int(row["value"])
    name = str(row.get("name", "")) or known.get((value, label)) or option_name(label)
    return Option(value, name, label)


def option_name(label: str) -> str:
    """Return the name of an option of which only the label is known.

    >>> option_name("2% 10, Net 30")
    '2%10Net30'
    """
    return label.translate(str.maketrans("", "", " ,;"))


def _options_of(column: Column) -> tuple[Option, ...]:
    return tuple(Option(value, option_name(text), text) for value, text in column.options.items())


def _mapping(draft: Draft, known: Known) -> TableMapping:
    settings, nav, crm = draft.settings, known.table(draft, "nav"), known.table(draft, "crm")
    if nav is None or crm is None:
        raise KeyError(draft.name)
    tables: dict[SideName, Table] = {"nav": nav, "crm": crm}
    return TableMapping(
        name=draft.name,
        nav=nav,
        crm=crm,
        fields=tuple(_field(draft, row, tables) for row in draft.fields),
        filters={
            side: tuple(_condition(tables[side], row) for row in draft.filters.get(side, ()))
            for side in SIDES
        },
        nav_name=draft.ends["nav"].get("name"),
        crm_name=draft.ends["crm"].get("name"),
        option_attribute=draft.option,
        depends_on=tuple(settings.get("depends_on", ())),
        auto_match=tuple(settings.get("auto_match", ())),
        templates=_templates(draft, tables),
        **{
            key: value
            for key, value in settings.items()
            if key not in ("depends_on", "auto_match", "templates")
        },
    )


def _templates(draft: Draft, tables: Mapping[SideName, Table]) -> dict[str, tuple[Template, ...]]:
    found: dict[str, tuple[Template, ...]] = {}
    for direction, written in templates(draft.settings, draft.path, []):
        nav, crm = tables["nav"], tables["crm"]
        source, other = (nav, crm) if direction == "to_crm" else (crm, nav)
        values = {
            name: literal(other.columns[name], value)
            for name, value in written.values["set"].items()
        }
        where = tuple(
            _condition(source, Row(written.path, {"field": name, "value": value}))
            for name, value in written.values.get("where", {}).items()
        )
        found[direction] = (*found.get(direction, ()), Template(values, where))
    return found


def _condition(table: Table, row: Row) -> Condition:
    column, value = table.columns[row.values["field"]], row.values.get("value")
    if isinstance(value, list):
        return Condition(column.name, "in", tuple(literal(column, each) for each in value))
    op = row.values.get("op", "eq")
    return Condition(column.name, op, None if op == "not_null" else literal(column, value))


def _field(draft: Draft, row: Row, tables: Mapping[SideName, Table]) -> FieldMapping:
    values = dict(row.values)
    names = {side: values.pop(side, "") for side in SIDES}
    nav, crm = (tables[side].columns.get(names[side]) for side in SIDES)
    transfer = transfer_of(draft, row.values, nav, crm)
    column = nav or crm
    if transfer is None or column is None:
        raise KeyError(row.path)
    if "constant" in values:
        values["constant"] = constant_of(column, values["constant"])
    if "transformation" in values:
        values["transformation"] = rules_of(values["transformation"])
    inferred: Raw = {
        "direction": direction_of(draft, row.values),
        "blank": "leave_unchanged" if values.get("not_null") else "null",
        "missing": _missing(transfer, values),
    }
    return FieldMapping(nav=nav, crm=crm, **(inferred | values | {"transfer": transfer}))


def _missing(transfer: Transfer, values: Raw) -> str:
    """Say what an uncoupled source gives: an unmapped option never blanks (contract 1)."""
    if values.get("clear_on_failed_sync") or transfer == "special_lookup":
        return "clear_destination"
    return "leave_unchanged" if transfer == "option_via_coupling" else "error"
