"""What a pair of tables needs beyond its field mappings, by the tables' names (engine 3.5, 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.recon.align import Mask
from navcrm_recon.recon.fields import FieldWrite
from navcrm_recon.state.store import Store
from navcrm_recon.sync import adjust, goods, invoice_lines, invoices, price_groups, rates
from navcrm_recon.sync.adjust import Adjust
from navcrm_recon.sync.make import Make
from navcrm_recon.sync.scene import Scene

#: Returns which records a scheduled pass leaves out, None for none.
Ignores = Callable[[Scene, TableMapping, Direction, pd.DataFrame], Mask | None]


#: Returns the mappings, and their records, that other records cannot be without.
Needs = Callable[[Scene, TableMapping, Direction, pd.DataFrame], Sequence[tuple[str, list[str]]]]


#: Returns CRM records to be made that new ones cannot be without and no mapping brings.
Makes = Callable[[Scene, TableMapping, pd.DataFrame], Sequence[Make]]


#: Returns which records leave the destination's record to another one, None for none.
Yields = Callable[[Scene, Store, TableMapping, Direction, pd.DataFrame], Mask | None]


def _nothing_ignored(*_: object) -> None:
    return None


def _not_needed(*_: object) -> bool:
    return False


def _nothing_needed(*_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class Follows:
    """What is synchronised after records of a mapping, in their direction, as a job of its own.

    ``mapping``: whose records follow, those that name a record in ``column``; ``after``: what was
    done with that one. A record that was not modified since (D6) leads nothing.
    """

    mapping: str
    column: str
    after: frozenset[str] = frozenset({"insert", "restore", "modify", "unchanged"})


@dataclass(frozen=True)
class Hook:
    """What a pair of tables needs beyond its field mappings.

    ``nav`` / ``crm``: columns it reads besides the mapped ones. ``adjust``: further columns of
    the destination, with the records as they are there or without (new ones). ``ignores``: the
    records a scheduled pass leaves out without a counter (R3.7). ``needs`` / ``new_needs``: what
    is synchronised before records, or new records, are, in the same direction (engine 4.5).
    ``makes`` / ``lists``: what new records, or any, need beside; ``local_currency``: whether they
    need that. ``yields``: which leave the destination's record to others. ``again``: new records
    are looked at once more as they then are, as CRM takes some columns in a modification only;
    ``later``: which of them the next run looks at as well.
    ``follows``: what is synchronised after them;
    ``completes``: the columns they get once that is done; ``marks``: what the source then holds.
    ``led``: its records only go with those they follow; ``by_name``: who names one makes it, though
    only coupled ones are synchronised by themselves; ``closed``: what CRM has closed it does not
    change any more. ``sent``: NAV's records as their values are
    transferred, from the columns that are read.
    """

    adjust: Adjust
    nav: tuple[str, ...] = ()
    crm: tuple[str, ...] = ()
    ignores: Ignores = _nothing_ignored
    needs: Needs = _nothing_needed
    new_needs: Needs = _nothing_needed
    makes: Makes = _nothing_needed
    lists: Makes = _nothing_needed
    local_currency: Callable[[Scene, pd.DataFrame], bool] = _not_needed
    yields: Yields = _nothing_ignored
    again: bool = False
    later: Callable[[pd.DataFrame], Mask] | None = None
    follows: Follows | None = None
    completes: Adjust | None = None
    marks: Mapping[str, Any] = field(default_factory=dict)
    led: bool = False
    by_name: bool = False
    closed: bool = False
    sent: Callable[[pd.DataFrame], pd.DataFrame] | None = None


_PRODUCT = Hook(
    goods.product,
    nav=goods.NAV_COLUMNS,
    crm=goods.CRM_COLUMNS,
    ignores=goods.write_in_products,
    lists=goods.lists_of_products,
    local_currency=lambda *_: True,
    again=True,
    later=goods.blocked,
)

HOOKS: Mapping[tuple[str, str], Hook] = {
    ("Customer", "account"): Hook(
        adjust.customer,
        nav=("Blocked",),
        crm=("statecode", "owneridtype"),
        needs=adjust.owners,
    ),
    ("Contact", "contact"): Hook(
        adjust.contact,
        nav=("Type", "Company No."),
        crm=("parentcustomerid", "owneridtype"),
        ignores=adjust.ignored_contacts,
        needs=adjust.owners,
        new_needs=adjust.customers_of_contacts,
    ),
    ("Currency", "transactioncurrency"): Hook(
        rates.currency, crm=("exchangerate", "currencyprecision")
    ),
    ("Item", "product"): _PRODUCT,
    ("Resource", "product"): _PRODUCT,
    ("Sales Invoice Header", "invoice"): Hook(
        invoices.invoice,
        nav=invoices.NAV_COLUMNS,
        crm=invoices.CRM_COLUMNS,
        closed=True,
        new_needs=invoices.customers_of_invoices,
        makes=invoices.lists_of_invoices,
        follows=Follows("POSTEDSALESLINE-INV", "Document No."),
        completes=invoices.completed,
        marks={"Coupled to CRM": True},
        by_name=True,
    ),
    ("Sales Invoice Line", "invoicedetail"): Hook(
        invoice_lines.line,
        nav=invoice_lines.NAV_COLUMNS,
        crm=invoice_lines.CRM_COLUMNS,
        new_needs=invoice_lines.products_of_lines,
        makes=invoice_lines.prices_of_lines,
        again=True,
        led=True,
        sent=invoice_lines.as_sent,
    ),
    ("Unit of Measure", "uomschedule"): Hook(goods.unit_group, crm=("name", "statecode")),
    ("Customer Price Group", "pricelevel"): Hook(
        price_groups.price_group,
        nav=price_groups.GROUP_COLUMNS,
        crm=price_groups.LIST_COLUMNS,
        needs=price_groups.items_of_groups,
        local_currency=price_groups.needs_local_currency,
        follows=Follows(price_groups.PRICES, "Sales Code"),
    ),
    ("Sales Price", "productpricelevel"): Hook(
        price_groups.price_line,
        nav=price_groups.PRICE_COLUMNS,
        crm=price_groups.LINE_COLUMNS,
        yields=price_groups.yielding_prices,
    ),
}


def hook_of(mapping: TableMapping) -> Hook | None:
    """Return what the pair of tables needs beyond its field mappings, None for nothing."""
    return HOOKS.get((mapping.nav.name, mapping.crm.name))


def is_led(mapping: TableMapping) -> bool:
    """Say whether a mapping's records only go with those they follow (documents IN-3)."""
    hook = hook_of(mapping)
    return hook is not None and hook.led


def made_by_name(mapping: TableMapping) -> bool:
    """Say whether naming a record makes it, though only coupled ones are synchronised (IN-1)."""
    hook = hook_of(mapping)
    return hook is not None and hook.by_name


def completions(work: adjust.Work) -> list[FieldWrite]:
    """Return the columns records get once those that follow them are synchronised."""
    hook = hook_of(work.mapping)
    return hook.completes(work) if hook is not None and hook.completes and len(work) else []


def adjustments(work: adjust.Work) -> list[FieldWrite]:
    """Return the further columns of the destination a pass writes."""
    hook = hook_of(work.mapping)
    return hook.adjust(work) if hook is not None and len(work) else []
