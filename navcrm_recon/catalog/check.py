"""Whether mappings make sense: every name known, every value possible, no dependency in a circle.

Works on drafts, so that a problem says the path it was written at; all problems are collected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from navcrm_recon.catalog.grammar import SIDES, Draft, Row, pair_of, templates
from navcrm_recon.catalog.infer import Known, direction_of, literal, transfer_of, via_of
from navcrm_recon.catalog.model import Column, Direction, Table, Transfer
from navcrm_recon.catalog.transformations import check_rules
from navcrm_recon.errors import nearest, shorten

#: Rules of special lookups.
RULES = ("opportunity_parent_account",)
#: How values travel that transformation rules may change.
_TRANSFORMED = ("text", "coupled_lookup", "option_via_coupling")


def check(known: Known, problems: list[str]) -> None:
    """Add everything that is wrong with the mappings to ``problems``."""
    for draft in known.drafts.values():
        before = len(problems)
        _check_settings(draft, known, problems)
        _check_filters(draft, known, problems)
        for row in draft.fields:
            _check_row(draft, row, known, problems)
        _check_pairs(draft, problems)
        if len(problems) == before:
            _check_directions(draft, problems)
    if cycle := find_cycle({name: _needs(draft) for name, draft in known.drafts.items()}):
        path = f"{cycle[0]}.depends_on"
        problems.append(f"{path}: goes round in a circle: {' -> '.join(cycle)}.")
    _check_flows(known.tables["nav"], problems)


def find_cycle(needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the names of a circle of dependencies, first name repeated at the end, else none.

    >>> find_cycle({"A": ("B",), "B": ("A",)})
    ['A', 'B', 'A']
    """
    done: set[str] = set()

    def follow(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for other in needs.get(name, ()):
            if found := follow(other, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in needs if (found := follow(name, []))), [])


def _needs(draft: Draft) -> tuple[str, ...]:
    return tuple(draft.settings.get("depends_on", ()))


def _check_settings(draft: Draft, known: Known, problems: list[str]) -> None:
    if "direction" not in draft.settings:
        problems.append(f"{draft.path}.direction: is missing; say to_crm, to_nav or both.")
    for name in _needs(draft):
        if name not in known.drafts:
            hint = nearest(name, known.drafts)
            problems.append(f"{draft.path}.depends_on: no mapping '{shorten(name)}'.{hint}")
    for side in SIDES:
        _column(
            known.table(draft, side), draft.ends[side], "name", f"{draft.path}.{side}", problems
        )
    option = _column(
        known.table(draft, "crm"), draft.ends["crm"], "option", f"{draft.path}.crm", problems
    )
    if option and option.kind != "option":
        path = f"{draft.path}.crm.option"
        problems.append(f"{path}: {option.name} is no option set but a {option.kind}.")
    for name in draft.settings.get("auto_match", ()):
        path = f"{draft.path}.auto_match"
        _known_column(known.table(draft, "crm"), name, path, problems)
    for direction, template in templates(draft.settings, draft.path, problems):
        _check_template(draft, direction, template, known, problems)


def _check_template(
    draft: Draft, direction: str, template: Row, known: Known, problems: list[str]
) -> None:
    """Refuse columns that are not there, and values they cannot hold."""
    source, other = (
        known.table(draft, side) for side in (SIDES if direction == "to_crm" else SIDES[::-1])
    )
    of_a_list = template.path.endswith("]")
    for key, table in (("where", source), ("set", other)):
        for name, value in template.values.get(key, {}).items():
            path = f"{template.path}{f'.{key}' if of_a_list else ''}.{name}"
            column = _known_column(table, name, path, problems)
            several = value if key == "where" and isinstance(value, list) else [value]
            for each in several:
                _try(literal, column, each, path, problems)


def _check_filters(draft: Draft, known: Known, problems: list[str]) -> None:
    for side, rows in draft.filters.items():
        table = known.table(draft, side)
        for row in rows:
            column = _column(table, row.values, "field", row.path, problems, needed=True)
            op, value = row.values.get("op", "eq"), row.values.get("value")
            path = f"{row.path}.value"
            if op == "not_null":
                if value is not None:
                    problems.append(f"{path}: not_null takes no value.")
            elif "value" not in row.values:
                problems.append(f"{path}: is missing; {op} needs one.")
            elif (op == "in") != isinstance(value, list):
                words = "a list of values" if op == "in" else "a single value"
                problems.append(f"{path}: {op} takes {words}, found '{shorten(value)}'.")
            else:
                for each in value if isinstance(value, list) else [value]:
                    _try(literal, column, each, path, problems)


def _check_row(draft: Draft, row: Row, known: Known, problems: list[str]) -> None:
    before = len(problems)
    nav, crm = (
        _column(known.table(draft, side), row.values, side, row.path, problems) for side in SIDES
    )
    _check_constant(row, problems)
    if len(problems) > before:
        return
    if "constant" in row.values:
        _try(constant_of, nav or crm, row.values["constant"], f"{row.path}.constant", problems)
    transfer = transfer_of(draft, row.values, nav, crm)
    if transfer is None and nav and crm:
        given = "transfer" in row.values
        problems.append(
            f"{row.path}{'.transfer' if given else ''}: {nav.name} ({nav.kind}) and {crm.name}"
            f" ({crm.kind}) cannot be mapped"
            + (f" as '{row.values['transfer']}'." if given else " to each other.")
        )
    if row.values.get("enabled", True):
        _check_via(draft, row, transfer, known, problems)
    _check_flags(draft, row, transfer, nav, problems)
    _check_transformation(draft, row, transfer, {"to_crm": nav, "to_nav": crm}, problems)


def _check_transformation(
    draft: Draft,
    row: Row,
    transfer: Transfer | None,
    sources: Mapping[str, Column | None],
    problems: list[str],
) -> None:
    """Refuse rules that are none, and rules where nothing travels as text (engine 4.8)."""
    path, goes = f"{row.path}.transformation", direction_of(draft, row.values)
    rules = check_rules(row.values.get("transformation", {}), path, problems)
    for direction in (each for each, given in rules.items() if given):
        source = sources[direction]
        if goes not in (direction, "both"):
            problems.append(f"{path}.{direction}: nothing goes this way; the field goes {goes}.")
        elif source is None or source.kind not in ("text", "code"):
            found = f"{source.name} is a {source.kind}" if source else "a constant has no source"
            problems.append(f"{path}.{direction}: rules are for a text or code; {found}.")
        elif transfer not in _TRANSFORMED or draft.option:
            problems.append(f"{path}.{direction}: {source.name} is looked up; rules cannot help.")


def _check_constant(row: Row, problems: list[str]) -> None:
    """Refuse rows that are not two fields, or one field and its constant (engine 1.5)."""
    given = [side for side in SIDES if row.values.get(side)]
    constant = "constant" in row.values
    if not given:
        problems.append(f"{row.path}: names no field; give nav, crm or both.")
    elif constant and len(given) == 2:
        problems.append(
            f"{row.path}.constant: a constant has one field only; leave nav or crm out."
        )
    elif len(given) == 1 and not constant:
        other = "crm" if given == ["nav"] else "nav"
        problems.append(f"{row.path}.{other}: is missing; name a field, or give a constant.")
    elif constant and row.values.get("direction", f"to_{given[0]}") != f"to_{given[0]}":
        problems.append(f"{row.path}.direction: a constant for {given[0]} goes to_{given[0]} only.")


def constant_of(column: Column, value: object) -> str:
    """Return a constant as text: options by caption or integer, truth values as true, false.

    Raises
    ------
    ValueError
        The column cannot hold it.
    """
    if column.kind not in ("text", "code"):
        literal(column, value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_via(
    draft: Draft, row: Row, transfer: Transfer | None, known: Known, problems: list[str]
) -> None:
    via, path = row.values.get("via"), f"{row.path}.via"
    if transfer == "special_lookup" and (rule := row.values.get("rule")) not in RULES:
        problems.append(
            f"{row.path}.rule: '{shorten(rule)}' is no rule.{nearest(rule, RULES)}"
            f" Allowed: {', '.join(RULES)}."
        )
    if via is not None and via not in known.drafts:
        problems.append(f"{path}: no mapping '{shorten(via)}'.{nearest(via, known.drafts)}")
        return
    if transfer not in ("coupled_lookup", "option_via_coupling"):
        return
    crm = known.column(draft, "crm", row.values.get("crm"))
    fitting = via_of(transfer, crm, draft, known)
    if via is None:
        found = f"{', '.join(fitting)} could" if fitting else "no mapping could by itself"
        problems.append(f"{path}: is missing; {found} translate {crm.name if crm else ''}.")
    elif bool(known.drafts[via].option) != (transfer == "option_via_coupling"):
        words = "an option mapping" if transfer == "option_via_coupling" else "a record mapping"
        problems.append(f"{path}: '{via}' does not fit; {crm.name if crm else ''} needs {words}.")


def _check_flags(
    draft: Draft, row: Row, transfer: Transfer | None, nav: Column | None, problems: list[str]
) -> None:
    """Refuse flags and directions that cannot work for a row (FLD-008, R1.12)."""
    values, direction = row.values, direction_of(draft, row.values)
    if values.get("not_null") and transfer not in ("coupled_lookup", "special_lookup", None):
        problems.append(f"{row.path}.not_null: is for lookups only.")
    if values.get("not_null") and values.get("clear_on_failed_sync"):
        problems.append(
            f"{row.path}.not_null: cannot go with clear_on_failed_sync; one keeps the"
            " value, the other clears it."
        )
    if nav and nav.flow and direction != "to_crm":
        problems.append(
            f"{row.path}.direction: {nav.name} is calculated in NAV and cannot be written;"
            f" use to_crm, found {direction}."
        )
    if "minimum" in values and transfer not in ("number", None):
        problems.append(f"{row.path}.minimum: is for numbers only.")
    if draft.option and direction == "both":
        where = row.path if "direction" in values else draft.path
        problems.append(f"{where}.direction: an option mapping cannot go both ways.")


def _check_pairs(draft: Draft, problems: list[str]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for row in draft.fields:
        first = seen.setdefault(pair_of(row), row.path)
        if first != row.path:
            names = " and ".join(f"'{name}'" for name in pair_of(row) if name)
            problems.append(f"{row.path}: maps {names} a second time, after {first}.")


def _check_directions(draft: Draft, problems: list[str]) -> None:
    """Every direction of a mapping needs a field that goes there."""
    wanted: Direction = draft.settings["direction"]
    passes: tuple[Direction, ...] = ("to_crm", "to_nav") if wanted == "both" else (wanted,)
    served = {
        direction_of(draft, row.values) for row in draft.fields if row.values.get("enabled", True)
    }
    for direction in passes:
        if draft.enabled and not served & {direction, "both"}:
            problems.append(
                f"{draft.path}.direction: is {wanted}, but no enabled field goes {direction};"
                " change it, or the direction of a field."
            )


def _check_flows(tables: Mapping[str, Table], problems: list[str]) -> None:
    for table in tables.values():
        for column in table.columns.values():
            if not column.flow:
                continue
            flow, path = column.flow, f"{table.name}.columns.{column.name}.flow"
            source = tables.get(flow.table)
            if source is None:
                hint = nearest(flow.table, tables)
                problems.append(f"{path}.table: there is no table '{flow.table}'.{hint}")
                continue
            for name in filter(None, (flow.column, *flow.match, *flow.where)):
                _known_column(source, name, path, problems)
            for name in flow.match.values():
                _known_column(table, name, path, problems)


def _column(
    table: Table | None,
    values: Mapping[str, Any],
    key: str,
    path: str,
    problems: list[str],
    *,
    needed: bool = False,
) -> Column | None:
    """Return the column a key names; report it when the table has none of that name."""
    if key not in values:
        if needed:
            problems.append(f"{path}.{key}: is missing.")
        return None
    return _known_column(table, values[key], f"{path}.{key}", problems)


def _known_column(table: Table | None, name: str, path: str, problems: list[str]) -> Column | None:
    if table is None:  # reported where the mapping names it
        return None
    if name not in table.columns:
        hint = nearest(name, table.columns)
        problems.append(f"{path}: {table.name} has no column '{shorten(name)}'.{hint}")
    return table.columns.get(name)


def _try(
    convert: Callable[[Column, Any], object],
    column: Column | None,
    value: object,
    path: str,
    problems: list[str],
) -> None:
    if column is None:
        return
    try:
        convert(column, value)
    except ValueError as exc:
        problems.append(f"{path}: {exc}")
