"""Fields and records that follow others: what the products' own code does when one is written.

NAV's rules live in its server and CRM's in its own; a database has neither, so they are here, as
far as the mappings rely on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from navcrm_recon.catalog.model import Table
from navcrm_recon.sides import crm_rules
from navcrm_recon.sides.sql_schema import Physical
from navcrm_recon.sides.sql_transaction import (
    Transaction,
    Values,
    find_rows,
    has_table,
    insert_rows,
    setup_value,
)
from navcrm_recon.sides.sql_values import upper
from navcrm_recon.sides.writing import Write, Written

#: Table -> a column and the column that holds it in capitals. That follows as long as it was not
#: given another text (NAV: OnValidate of the column).
_SEARCH: Mapping[str, tuple[str, str]] = {
    "Customer": ("Name", "Search Name"),
    "Contact": ("Name", "Search Name"),
    "Vendor": ("Name", "Search Name"),
    "Resource": ("Name", "Search Name"),
    "Item": ("Description", "Search Description"),
    "Salesperson/Purchaser": ("E-Mail", "Search E-Mail"),
}
#: Table -> the columns a name is made of (NAV: Contact.CalculatedName; CRM: contact.fullname).
_NAMES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Contact": ("Name", ("First Name", "Middle Name", "Surname")),
    "contact": ("fullname", ("firstname", "middlename", "lastname")),
}
#: What a customer's company contact has in common with it (NAV: codeunit 5056, CustCont-Update).
_COMMON = (
    "Name", "Name 2", "Address", "Address 2", "City", "Phone No.", "Territory Code",
    "Currency Code", "Language Code", "Salesperson Code", "Country/Region Code", "Fax No.",
    "VAT Registration No.", "Post Code", "County", "E-Mail", "Home Page",
)  # fmt: skip
_RELATION, _SETUP = "Contact Business Relation", "Marketing Setup"
_COMPANY, _PERSON = 0, 1
_LINKED_TO_CUSTOMER = 1

WriteAll = Callable[[Transaction, Table, Sequence[Write]], list[Written]]
Change = dict[str, Any]


def needed(table: Table, names: Mapping[str, Any]) -> list[str]:
    """Return the columns whose old values the rules need when ``names`` are modified."""
    wanted: list[str] = []
    if table.name in _SEARCH and _SEARCH[table.name][0] in names:
        wanted += _SEARCH[table.name]
    if table.name in _NAMES:
        name, parts = _NAMES[table.name]
        wanted += [name, *parts, *_SEARCH.get(table.name, ()), "Type", "Company Name"]
    if table.name == "Customer":
        wanted += [name for name in _COMMON if name in names]
    return [name for name in dict.fromkeys(wanted) if name in table.columns]


def before(
    tx: Transaction, table: Table, rows: Sequence[Values], old: Sequence[Values] | None
) -> list[Change]:
    """Return what is to be written with the fields that follow from it.

    ``old`` are the present values of ``needed`` columns, None for new records. All rows get the
    same columns.
    """
    there = tx.find(table).columns
    olds: Sequence[Values] = [{}] * len(rows) if old is None else old
    changes = [dict(row) for row in rows]
    for rule in _RULES:
        for change, extra in zip(changes, rule(tx, table, changes, olds), strict=True):
            change |= {name: value for name, value in extra.items() if name in there}
    return changes


def after(
    tx: Transaction,
    table: Table,
    rows: Mapping[str, Values],
    old: Mapping[str, Values] | None,
    write_all: WriteAll,
) -> None:
    """Write the records that follow from written ones; ``old`` is None for new records."""
    if table.side == "crm":
        crm_rules.after(tx, table, rows, old)
    if table.name != "Customer" or table.side != "nav":
        return
    changed = _changed(rows, old)
    relation = setup_value(tx, _SETUP, "Bus. Rel. Code for Customers") if changed else None
    if not relation or not has_table(tx, tx.catalog.nav[_RELATION]):
        return
    if old is None:
        _new_companies(tx, changed, relation, write_all)
    else:
        _changed_companies(tx, changed, relation, write_all)


def _changed(rows: Mapping[str, Values], old: Mapping[str, Values] | None) -> dict[str, Values]:
    """Return the common fields of each customer, of old ones only those that really change."""
    common = {key: {n: row[n] for n in _COMMON if n in row} for key, row in rows.items()}
    if old is None:
        return dict(common)
    changed = {
        key: {n: value for n, value in fields.items() if (value or "") != old[key].get(n)}
        for key, fields in common.items()
    }
    return {key: fields for key, fields in changed.items() if fields}


def _composed_names(
    tx: Transaction, table: Table, rows: Sequence[Values], olds: Sequence[Values]
) -> list[Change]:
    """Return the name of a person made of its parts, when one of these is written."""
    name, parts = _NAMES.get(table.name, ("", ()))
    if not any(part in row for row in rows for part in parts):
        return [{} for _ in rows]
    if table.side == "nav" and any(name in row for row in rows):
        return [{} for _ in rows]
    out = []
    for row, old in zip(rows, olds, strict=True):
        merged = {**old, **row}
        person = table.side == "crm" or (merged.get("Type") or 0) == _PERSON
        composed = " ".join(text for part in parts if (text := merged.get(part)))
        out.append({name: composed if person else merged.get(name)})
    return out


def _search_names(
    tx: Transaction, table: Table, rows: Sequence[Values], olds: Sequence[Values]
) -> list[Change]:
    """Return the search name: the name in capitals."""
    name, search = _SEARCH.get(table.name, ("", ""))
    if not any(name in row for row in rows) or any(search in row for row in rows):
        return [{} for _ in rows]
    length = table.columns[search].length
    out = []
    for row, old in zip(rows, olds, strict=True):
        before, present = upper(old.get(name) or "")[:length], old.get(search) or ""
        follows = present in ("", before) and name in row
        out.append({search: upper(row[name] or "")[:length] if follows else present})
    return out


def _company_names(
    tx: Transaction, table: Table, rows: Sequence[Values], olds: Sequence[Values]
) -> list[Change]:
    """Return the company's number and name of a contact (NAV: Contact, Company No. and Name)."""
    touched = {"Company No.", "Name", "No."}
    if table.name != "Contact" or not any(touched & row.keys() for row in rows):
        return [{} for _ in rows]
    numbers = list(dict.fromkeys(row["Company No."] for row in rows if row.get("Company No.")))
    companies = find_rows(tx, table, ["Name"], numbers)
    out = []
    for row, old in zip(rows, olds, strict=True):
        company = (row.get("Type", old.get("Type")) or _COMPANY) == _COMPANY
        change = {"Company Name": old.get("Company Name")}
        if company and "Name" in row:
            change["Company Name"] = row["Name"]
        elif not company and "Company No." in row:
            found = companies.get(row["Company No."] or "")
            change["Company Name"] = found.values["Name"] if found else ""
        if company and "No." in row:
            change["Company No."] = row["No."]
        out.append(change)
    return out


def _status_reasons(
    tx: Transaction, table: Table, rows: Sequence[Values], olds: Sequence[Values]
) -> list[Change]:
    """Return the status reason CRM gives a record whose state changes: the one named alike."""
    state, reason = table.columns.get("statecode"), table.columns.get("statuscode")
    given = any("statecode" in row for row in rows) and not any("statuscode" in r for r in rows)
    if table.side == "nav" or state is None or reason is None or not given:
        return [{} for _ in rows]
    alike = {
        value: next((n for n, each in reason.options.items() if each == caption), None)
        for value, caption in state.options.items()
    }
    reasons = [alike.get(row.get("statecode", -1)) for row in rows]
    return [{} if None in reasons else {"statuscode": each} for each in reasons]


_RULES = (
    _composed_names, _search_names, _company_names, _status_reasons, crm_rules.price_lines,
    crm_rules.document_lines, crm_rules.exchange_rates,
)  # fmt: skip


def _new_companies(
    tx: Transaction, rows: Mapping[str, Values], relation: str, write_all: WriteAll
) -> None:
    """Make the company contact of new customers (NAV: CustCont-Update, InsertNewContact).

    Where Marketing Setup names no series for contacts, none is made: NAV would refuse the
    customer, which would then be missing.
    """
    if not setup_value(tx, _SETUP, "Contact Nos."):
        return
    contact = tx.catalog.nav["Contact"]
    there = tx.find(contact).columns
    contacts = [
        Write("insert", "", {"Type": _COMPANY, **{n: row[n] for n in row if n in there}})
        for row in rows.values()
    ]
    made = write_all(tx, contact, contacts)
    relations = [
        {
            "Contact No.": each.key,
            "Business Relation Code": relation,
            "Link to Table": _LINKED_TO_CUSTOMER,
            "No.": customer,
        }
        for customer, each in zip(rows, made, strict=True)
    ]
    insert_rows(tx, tx.catalog.nav[_RELATION], relations)


def _changed_companies(
    tx: Transaction, rows: Mapping[str, Values], relation: str, write_all: WriteAll
) -> None:
    """Take changed fields over to the company contact (NAV: CustCont-Update, OnModify)."""
    contact = tx.catalog.nav["Contact"]
    there = tx.find(contact).columns
    contacts = _contacts(tx, list(rows), relation)
    present = find_rows(tx, contact, (), list(contacts.values()))
    writes = [
        Write("update", number, {n: rows[customer][n] for n in rows[customer] if n in there})
        for customer, number in contacts.items()
        if number in present
    ]
    if writes:
        write_all(tx, contact, writes)


def _contacts(tx: Transaction, customers: Sequence[str], relation: str) -> dict[str, str]:
    """Return the company contact of each customer that has one."""

    def narrow(physical: Physical) -> Sequence[sa.ColumnElement[bool]]:
        return [
            physical.column("Link to Table") == _LINKED_TO_CUSTOMER,
            physical.column("No.").in_(customers),
        ]

    table = tx.catalog.nav[_RELATION]
    rows = find_rows(tx, table, ["No.", "Contact No."], narrow=narrow).values()
    return {
        row.values["No."]: row.values["Contact No."]
        for row in rows
        if row.values["Business Relation Code"] == relation
    }
