"""What is integrated, as typed values: tables, columns, mappings, option sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SideName = Literal["nav", "crm"]
Direction = Literal["to_crm", "to_nav", "both"]

#: What a column holds, the same words for both products; decides the dtype (``frames.DTYPES``).
Kind = Literal[
    "text", "code", "guid", "lookup", "option", "integer", "decimal", "boolean",
    "date", "datetime", "blob", "record_id", "rowversion",
]  # fmt: skip

#: How a field's value travels (mappings.yaml, transform_kinds).
Transfer = Literal[
    "text", "blob_text", "number", "date", "constant", "coupled_lookup", "special_lookup",
    "option_via_coupling", "option_record",
]  # fmt: skip


#: What the couplings of sales orders are called (contract 6), and NAV's document type of an order.
SALES_ORDER, SALES_ORDER_TYPE = "SALES ORDER", 1


@dataclass(frozen=True)
class Flow:
    """A NAV flow field: ``method`` of ``column`` over ``table`` where its columns match ours.

    ``match`` pairs a column of ``table`` with a column of the flow field's own table;
    ``where`` pairs a column of ``table`` with a constant.
    """

    method: Literal["sum", "lookup", "exist"]
    table: str
    column: str
    match: Mapping[str, str]
    where: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column of a NAV table or an attribute of a CRM entity.

    ``length`` in characters (text, code), None = unlimited; ``scale`` in decimals;
    ``options`` member integer -> caption; ``targets`` the entities a lookup may name;
    ``access`` what CRM accepts for it: ``full``, ``insert``, ``modify`` or ``read``;
    ``default`` what a new record gets when nothing is given (None = blank).
    """

    name: str
    kind: Kind
    length: int | None = None
    scale: int | None = None
    options: Mapping[int, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    flow: Flow | None = None
    access: str = "full"
    default: object = None


@dataclass(frozen=True)
class Table:
    """A NAV table (``id`` = table number) or a CRM entity (``entity_set`` = its plural in URLs)."""

    side: SideName
    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    id: int | None = None
    entity_set: str | None = None
    modified_on: str | None = None


@dataclass(frozen=True)
class Option:
    """A member of a CRM option set: its value, its name (source of the NAV code) and its label."""

    value: int
    name: str
    label: str


@dataclass(frozen=True)
class Condition:
    """One condition of a filter; the conditions of a side are joined by *and*.

    ``ge`` (at least) and ``lt`` (less than) compare numbers and days, and hold for no blank one;
    a mapping file knows the other four.
    """

    field: str
    op: Literal["eq", "ne", "in", "not_null", "ge", "lt"]
    value: object = None


@dataclass(frozen=True)
class Template:
    """What new records get whose source meets all conditions of ``where`` (R3.33)."""

    sets: Mapping[str, object]
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A transformation rule and its settings (engine 4.8; ``catalog.transformations``)."""

    kind: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class FieldMapping:
    """A pair of fields and how a value travels between them (engine 1.5).

    ``nav`` or ``crm`` is None on a constant row. ``via`` names the mapping whose couplings (or
    option mapping) translate a reference. ``blank`` says what a blank source gives
    (``null``, ``local_currency``, ``leave_unchanged``, ``error``); ``missing`` what an uncoupled
    source gives (``error``, ``clear_destination``, ``leave_unchanged``). ``minimum`` is a lower
    bound applied on the way to CRM. ``transformation`` are the rules of each direction, applied to
    the source before it is compared.
    """

    nav: Column | None
    crm: Column | None
    direction: Direction
    transfer: Transfer
    constant: str | None = None
    via: str | None = None
    rule: str | None = None
    blank: str = "null"
    missing: str = "error"
    minimum: int | None = None
    validate_nav: bool = True
    clear_on_failed_sync: bool = False
    not_null: bool = False
    match: bool = False
    match_priority: int = 0
    case_sensitive: bool = False
    enabled: bool = True
    transformation: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    @property
    def pair(self) -> tuple[str, str]:
        """The names of both fields, blank where there is none: what identifies the row."""
        return (self.nav.name if self.nav else "", self.crm.name if self.crm else "")

    def runs(self, direction: Direction) -> bool:
        """Say whether the row takes part in a pass of ``direction``."""
        return self.enabled and self.direction in (direction, "both")


@dataclass(frozen=True)
class TableMapping:
    """A NAV table and a CRM entity that are kept the same (engine 1.4).

    ``option_attribute`` is set on an option mapping (PAYMENT TERMS, ...): the CRM attribute whose
    option set stands against the NAV table; otherwise the mapping couples records.
    ``nav_name`` / ``crm_name`` are the columns people know a record by.
    """

    name: str
    nav: Table
    crm: Table
    direction: Direction
    fields: tuple[FieldMapping, ...]
    filters: Mapping[SideName, tuple[Condition, ...]]
    nav_name: str | None = None
    crm_name: str | None = None
    option_attribute: str | None = None
    depends_on: tuple[str, ...] = ()
    enabled: bool = True
    synch_only_coupled: bool = True
    update_conflict: Literal["none", "send", "get", "merge"] = "none"
    deletion_conflict: Literal["none", "restore", "remove_coupling"] = "none"
    match_based_coupling: Mapping[str, object] = field(default_factory=dict)
    auto_match: tuple[str, ...] = ()
    templates: Mapping[str, tuple[Template, ...]] = field(default_factory=dict)
    job: Mapping[str, object] = field(default_factory=dict)

    def table(self, side: SideName) -> Table:
        """Return the table of one side."""
        return self.nav if side == "nav" else self.crm

    def name_field(self, side: SideName) -> str | None:
        """Return the column people know a record of this side by."""
        return self.nav_name if side == "nav" else self.crm_name

    @property
    def enabled_fields(self) -> tuple[FieldMapping, ...]:
        """The field mappings that take part, in the order they run."""
        return tuple(row for row in self.fields if row.enabled)

    def columns(self, side: SideName) -> list[str]:
        """List the columns of one side that are read: key, name, mapped, asked by templates."""
        table = self.table(side)
        mapped = [row.nav if side == "nav" else row.crm for row in self.enabled_fields]
        templates = self.templates.get("to_crm" if side == "nav" else "to_nav", ())
        asked = [condition.field for each in templates for condition in each.where]
        names = [*table.key, self.name_field(side), *(c.name for c in mapped if c), *asked]
        return list(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True)
class Catalog:
    """Everything known about the two products: tables of both sides, mappings, option sets.

    ``mappings`` is in dependency order (engine 7.4, 7.5); ``option_sets`` is keyed
    ``entity.attribute``.
    """

    nav: Mapping[str, Table]
    crm: Mapping[str, Table]
    mappings: Mapping[str, TableMapping]
    option_sets: Mapping[str, tuple[Option, ...]]

    def tables(self, side: SideName) -> Mapping[str, Table]:
        """Return the tables of one side by name."""
        return self.nav if side == "nav" else self.crm

    @property
    def orders(self) -> TableMapping:
        """What couples sales orders; no mapping synchronises them (documents P1)."""
        nav, crm = self.nav["Sales Header"], self.crm["salesorder"]
        filters: dict[SideName, tuple[Condition, ...]] = {
            "nav": (Condition("Document Type", "eq", SALES_ORDER_TYPE),)
        }
        return TableMapping(
            SALES_ORDER, nav, crm, "to_nav", (), filters, nav_name="No.", crm_name="ordernumber"
        )

    @property
    def coupled(self) -> Mapping[str, TableMapping]:
        """Everything that has couplings: the mappings, and the sales orders."""
        return {**self.mappings, SALES_ORDER: self.orders}
