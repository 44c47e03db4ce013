"""What a field mapping leaves unsaid and its columns tell: direction, transfer, ``via``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from navcrm_recon.catalog.grammar import SIDES, Draft, Raw, Row
from navcrm_recon.catalog.model import Column, Direction, Kind, SideName, Table, Transfer
from navcrm_recon.errors import nearest, shorten

_NAMES: frozenset[Kind] = frozenset({"text", "code"})
_NUMBERS: frozenset[Kind] = frozenset({"decimal", "integer"})
_DAYS: frozenset[Kind] = frozenset({"date", "datetime"})
#: Kinds that travel as their text where the other side keeps one (engine 4.2).
_WRITTEN: frozenset[Kind] = frozenset({"option", "boolean", *_NUMBERS, *_DAYS})

#: Transfer, and the kinds of the NAV and the CRM column it goes between; the first that fits wins.
TRAVELS: Sequence[tuple[Transfer, frozenset[Kind], frozenset[Kind]]] = (
    ("text", _NAMES, frozenset({"text"})),
    ("text", frozenset({"guid"}), frozenset({"guid", "text"})),
    ("text", _WRITTEN, frozenset({"text"})),
    ("text", _NAMES, _WRITTEN - {"option"}),
    ("number", _NUMBERS, _NUMBERS),
    ("number", frozenset({"boolean"}), frozenset({"boolean"})),
    ("number", frozenset({"option"}), frozenset({"option"})),
    ("date", _DAYS, _DAYS),
    ("coupled_lookup", _NAMES, frozenset({"lookup"})),
    ("option_via_coupling", _NAMES, frozenset({"option"})),
    ("blob_text", frozenset({"blob"}), frozenset({"text"})),
    ("special_lookup", _NAMES, frozenset({"lookup"})),
    ("option_record", _NAMES, frozenset({"option"})),
)


@dataclass(frozen=True)
class Known:
    """What names can be looked up in: mappings, tables of both sides, option sets.

    ``groups`` names the option set of an ``entity.attribute``.
    """

    drafts: Mapping[str, Draft]
    tables: Mapping[SideName, Mapping[str, Table]]
    groups: Mapping[str, str]

    def table(self, draft: Draft, side: SideName) -> Table | None:
        """Return the table of one side of a mapping, None where there is none of that name."""
        return self.tables[side].get(draft.entity if side == "crm" else draft.table)

    def column(self, draft: Draft, side: SideName, name: str | None) -> Column | None:
        """Return a column of one side of a mapping, None where there is none of that name."""
        table = self.table(draft, side)
        return table.columns.get(name) if table and name else None

    def option_set(self, entity: str, attribute: str) -> str:
        """Return what names the option set of an attribute; a set of its own has its own name."""
        name = f"{entity}.{attribute}"
        return self.groups.get(name, name)


def direction_of(draft: Draft, values: Raw) -> Direction:
    """Return the direction of a field row: its own, its constant's, else its mapping's."""
    if "direction" in values:
        return values["direction"]  # type: ignore[no-any-return] # a word of the grammar
    if "constant" in values:
        return "to_nav" if "nav" in values else "to_crm"
    return draft.settings.get("direction", "both")  # type: ignore[no-any-return] # as above


def transfer_of(
    draft: Draft, values: Raw, nav: Column | None, crm: Column | None
) -> Transfer | None:
    """Return how a row's value travels, None where a value of these columns cannot."""
    if nav is None or crm is None:
        return "constant"
    fitting = [name for name, left, right in TRAVELS if nav.kind in left and crm.kind in right]
    wanted: Transfer | None = values.get("transfer")
    if wanted is None and "rule" in values:
        wanted = "special_lookup"
    if wanted is None and crm.name == draft.option:
        wanted = "option_record"
    if wanted is None:
        return fitting[0] if fitting else None
    return wanted if wanted in fitting else None


def via_of(transfer: Transfer | None, crm: Column | None, draft: Draft, known: Known) -> list[str]:
    """List the mappings that could translate a reference; a row needs exactly one.

    Enabled mappings come before disabled ones: these count only where there are no others.
    """
    if crm is None or transfer not in ("coupled_lookup", "option_via_coupling"):
        return []
    drafts = known.drafts.values()
    if transfer == "coupled_lookup":
        fitting = [each for each in drafts if not each.option and each.entity in crm.targets]
    else:
        wanted = known.option_set(draft.entity, crm.name)
        options = [(each, each.option) for each in drafts]
        fitting = [
            each for each, name in options if name and known.option_set(each.entity, name) == wanted
        ]
    enabled = [each.name for each in fitting if each.enabled]
    return enabled or [each.name for each in fitting]


def completed(draft: Draft, known: Known) -> Draft:
    """Return a draft whose rows say their direction and, where only one fits, their ``via``.

    Rows of an option mapping go where their mapping goes, also when a user turns it round.
    """
    return replace(draft, fields=tuple(_completed(draft, row, known) for row in draft.fields))


def _completed(draft: Draft, row: Row, known: Known) -> Row:
    values = dict(row.values)
    if not draft.option:
        values["direction"] = direction_of(draft, values)
    nav, crm = (known.column(draft, side, values.get(side)) for side in SIDES)
    fitting = via_of(transfer_of(draft, values, nav, crm), crm, draft, known)
    if "via" not in values and len(fitting) == 1:
        values["via"] = fitting[0]
    return Row(row.path, values)


def literal(column: Column, value: Any) -> object:
    """Return a value written in YAML as the column holds it; a caption becomes its integer.

    Raises
    ------
    ValueError
        The value is none of the column's; the text says why.
    """
    if value is None:
        return "" if column.kind in ("text", "code") else None
    if column.kind == "option":
        return _option(column, value)
    if column.kind == "boolean":
        return _typed(value, bool, "true or false")
    if column.kind in ("integer", "rowversion"):
        return _typed(value, int, "a whole number")
    if column.kind == "decimal":
        return _decimal(value)
    if column.kind in ("date", "datetime"):
        return _day(value)
    text: str = _typed(value, str, "a text; put it in quotes")
    if column.kind in ("guid", "lookup"):
        return text.lower()
    return text.strip().upper() if column.kind == "code" else text


def _option(column: Column, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if value in column.options or not column.options:
            return value
    else:
        captions = {text.strip().casefold(): number for number, text in column.options.items()}
        number = captions.get(str(value).strip().casefold())
        if number is not None:
            return number
    listed = ", ".join(
        f"{number} {text.strip() or '(blank)'}" for number, text in column.options.items()
    )
    hint = nearest(value, column.options.values())
    raise ValueError(f"'{shorten(value)}' is no option of {column.name}.{hint} Options: {listed}.")


def _typed(value: Any, kind: type, words: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"'{shorten(value)}' must be {words}.")
    return value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError(f"'{value}' must be a number.")
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"'{shorten(value)}' must be a number.") from None


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"'{shorten(value)}' must be a date or time in ISO form.") from None
