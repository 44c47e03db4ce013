"""Whether the setup of both products fits together: pure checks over what was read (documents 9).

The rights of CRM's users (9.1) and NAV's own users (9.6) are not among the tables that are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd

from navcrm_recon.catalog.model import SideName
from navcrm_recon.documents.links import is_guid
from navcrm_recon.documents.setup.facts import SOLUTION, Facts
from navcrm_recon.documents.setup.rules import (
    rounding_precision,
    user_name_problem,
    version_is_acceptable,
)
from navcrm_recon.frames import conform
from navcrm_recon.recon.addresses import TEST_MARKER, nav_client, server_address

OK, WARNING, ERROR = "ok", "warning", "error"

_LEDGER, _SALES = "General Ledger Setup", "Sales & Receivables Setup"
_NAV_SETUP = "CRM Connection Setup"
_NON_INTERACTIVE, _SERVICE = 4, 1
_LCY = "LCY Code"


class Finding(NamedTuple):
    """One thing that was looked at (a row of frame ``setup_checks``)."""

    check: str
    subject: str
    found: str
    verdict: str = OK
    remedy: str = ""


def setup_checks(facts: Facts) -> pd.DataFrame:
    """Return what was looked at and how it is: frame ``setup_checks``, in the order of ``CHECKS``.

    An ``error`` keeps work from being done right; a ``warning`` is something to look at.
    """
    rows = [row for check in CHECKS for row in check(facts)]
    return conform(pd.DataFrame(rows, columns=list(Finding._fields)), "setup_checks")


def _readable(facts: Facts) -> Iterator[Finding]:
    sides: tuple[SideName, ...] = ("nav", "crm")
    for side in sides:
        lost = list(facts.unread(side))
        if lost:
            yield Finding(
                "readable", side, f"not read: {'; '.join(lost)}", WARNING,
                "Let the account that reads, or the export, have it; what needs it is not checked.",
            )  # fmt: skip


def _server(facts: Facts) -> Iterator[Finding]:
    """Look at CRM's address (9.3); NAV's own is compared with ours."""
    given, subject = str(facts.setup.get("server_address", "")), "setup.server_address"
    address = server_address(given)
    check = "server_address"
    if not address.url:
        yield Finding(check, subject, "blank: records have no links to CRM")
        return
    if address.problem:
        remedy = "Give CRM's address as https://host."
        yield Finding(check, subject, f"the address {address.problem}", ERROR, remedy)
        return
    if address.shorter:
        remedy = f"If the path is no organisation's, say {address.shorter}."
        yield Finding(check, subject, address.url, WARNING, remedy)
    else:
        yield Finding(check, subject, address.url)
    own = server_address(facts.found[_NAV_SETUP].text("Server Address")).url
    if own not in ("", TEST_MARKER) and own.lower() != address.url.lower():
        remedy = "Let both name the same CRM."
        yield Finding(check, f"{_NAV_SETUP}, Server Address", own, WARNING, remedy)


def _client(facts: Facts) -> Iterator[Finding]:
    """Look at NAV's address; links in CRM open the one the solution keeps (NC2, SC5)."""
    given, check = str(facts.setup.get("nav_web_client", "")), "nav_web_client"
    address, subject = nav_client(given), "setup.nav_web_client"
    if address.problem:
        remedy = "Give the web client's address as https://host/instance."
        yield Finding(check, subject, f"the address {address.problem}", ERROR, remedy)
    else:
        yield Finding(check, subject, address.url or "blank: records have no links to NAV")
    if not (address.url and facts.found["nav_connection"].readable):
        return
    there = facts.found["nav_connection"].text("nav_dynamicsnavurl")
    if there.rstrip("/").lower() != address.url.rstrip("/").lower():
        remedy = "Set the NAV URL of NAV's connection in CRM, or nav_web_client, to the other."
        yield Finding(check, "CRM nav_connection", there or "blank", WARNING, remedy)


def _solution(facts: Facts) -> Iterator[Finding]:
    """Look for NAV's solution in CRM: both its entities can be read (SC2, SC4)."""
    there = all(facts.found[name].readable for name in SOLUTION)
    said = facts.setup.get("solution_installed")
    subject = "CRM, MicrosoftDynamicsNavIntegration"
    if there and said is False:
        remedy = "Say setup.solution_installed: true, and there are links to NAV."
        yield Finding("solution", subject, "installed, the setup says not", WARNING, remedy)
    elif there:
        yield Finding("solution", subject, "installed")
    else:
        needed = facts.setup.get("sales_order_integration") is True
        remedy = (
            "Import the solution, or let the account read its entities; without it there are no "
            "links to NAV, no statistics and no sales orders."
        )
        lost = [name for name in SOLUTION if not facts.found[name].readable]
        found = f"cannot be read: {', '.join(lost)}"
        yield Finding("solution", subject, found, ERROR if needed else WARNING, remedy)


def _version(facts: Facts) -> Iterator[Finding]:
    """Look at CRM's version as NAV noted it; it stops nobody (9.5)."""
    setup = facts.found[_NAV_SETUP]
    version = setup.text("CRM Version")
    if setup.first("Is Enabled") and not version:
        remedy = "Refresh NAV's connection; then NAV notes the version."
        yield Finding("crm_version", f"{_NAV_SETUP}, CRM Version", "blank", WARNING, remedy)
    elif version:
        fits = version_is_acceptable(version)
        remedy = "" if fits else "NAV 2018 works with CRM 2016 (8.0) and later, and with 7.0."
        verdict = OK if fits else WARNING
        yield Finding("crm_version", f"{_NAV_SETUP}, CRM Version", version, verdict, remedy)


def _local_currency(facts: Facts) -> Iterator[Finding]:
    """Look for NAV's local currency and CRM's base currency: they are the same (LC3, 9.4)."""
    ledger, subject = facts.found[_LEDGER], f"{_LEDGER}, {_LCY}"
    if not ledger.readable:
        return
    code = ledger.text(_LCY)
    if not code:
        verdict = ERROR if len(ledger.rows) else WARNING
        remedy = "Fill it in NAV; it says what a blank currency code is."
        yield Finding("local_currency", subject, "blank", verdict, remedy)
        return
    yield Finding("local_currency", subject, code)
    yield from _base_currency(facts, code)


def _base_currency(facts: Facts, code: str) -> Iterator[Finding]:
    known, check = facts.found["transactioncurrency"].rows["isocurrencycode"], "base_currency"
    base = facts.found["organization"].text("basecurrencyid")
    subject = "CRM organization, basecurrencyid"
    if base and base in known.index:
        own = str(known[base])
        if own == code:
            yield Finding(check, subject, own)
        else:
            remedy = (
                f"NAV's LCY Code {code} must be the ISO code of CRM's base currency; amounts in "
                "the local currency would go to CRM as if they were in the other one."
            )
            yield Finding(check, subject, own, ERROR, remedy)
    elif code in known.tolist():
        yield Finding(check, "CRM transactioncurrency", f"not told; taken to be {code}")
    elif not facts.found["transactioncurrency"].readable:
        return
    elif len(known):
        remedy = f"Add the currency {code} to CRM, or correct LCY Code in NAV."
        found = f"{code} matches no ISO currency code in CRM"
        yield Finding(check, "CRM transactioncurrency", found, ERROR, remedy)
    else:
        remedy = f"CRM has no currency yet; {code} is made when a record needs it."
        yield Finding(check, "CRM transactioncurrency", "none", WARNING, remedy)


def _precision(facts: Facts) -> Iterator[Finding]:
    """Compare how many decimals amounts have in both products."""
    organization = facts.found["organization"]
    new = organization.first("currencydecimalprecision")
    if new is not None:
        subject = "CRM organization, currencydecimalprecision"
        yield Finding("currency_precision", subject, f"{new} decimals in new currencies")
    decimals, own = _base_decimals(facts), facts.found[_LEDGER].first("Amount Rounding Precision")
    if decimals is None or not own:
        return
    crm, subject = rounding_precision(decimals), "CRM base currency"
    if crm > own:
        remedy = f"NAV rounds to {own:f}: amounts lose decimals in CRM. Give its currency more."
        yield Finding("currency_precision", subject, f"rounds to {crm:f}", WARNING, remedy)
    else:
        yield Finding("currency_precision", subject, f"rounds to {crm:f}")


def _base_decimals(facts: Facts) -> int | None:
    organization, currencies = facts.found["organization"], facts.found["transactioncurrency"].rows
    told = organization.first("basecurrencyprecision")
    if told is not None:
        return int(told)
    base, code = organization.text("basecurrencyid"), facts.found[_LEDGER].text(_LCY)
    row = currencies[(currencies.index == base) | currencies["isocurrencycode"].eq(code)]
    known = row["currencyprecision"].dropna()
    return int(known.iloc[0]) if len(known) else None


def _integration_user(facts: Facts) -> Iterator[Finding]:
    """Look at the user that synchronises (9.2); NAV 2018 itself checks none of it."""
    check, subject = "integration_user", "setup.integration_user"
    user, known = str(facts.setup.get("integration_user", "")), facts.found["systemuser"]
    if not user:
        remedy = "Name the CRM user that synchronises; else our own writes count as edits."
        yield Finding(check, subject, "blank", WARNING, remedy)
    elif not is_guid(user):
        remedy = "Give the systemuserid of the CRM user that synchronises."
        yield Finding(check, subject, "no GUID", ERROR, remedy)
    elif known.readable and not len(known.rows):
        remedy = "Give the systemuserid of the CRM user that synchronises."
        yield Finding(check, subject, f"CRM has no user {user.lower()}", ERROR, remedy)
    elif known.readable:
        yield from _user(facts, known.text("fullname") or user.lower())


def _user(facts: Facts, name: str) -> Iterator[Finding]:
    check, known = "integration_user", facts.found["systemuser"]
    subject = f"CRM systemuser {name}"
    wrong: list[tuple[bool, str, str, str]] = [
        (known.first("isdisabled") is True, "is disabled", ERROR, "Enable the user in CRM."),
        (
            known.first("islicensed") is False, "has no licence", WARNING,
            "Give the user a licence; one of Office 365 that only integrates needs none.",
        ),
        (
            known.first("accessmode") not in (None, _NON_INTERACTIVE), "can sign in by hand",
            WARNING,
            "Make it a non-interactive user: what it changes is never taken for an edit.",
        ),
        (
            known.first("isintegrationuser") is False, "is not marked as integration user", WARNING,
            "Mark it, so that it becomes no salesperson.",
        ),
    ]  # fmt: skip
    told = [Finding(check, subject, found, how, what) for bad, found, how, what in wrong if bad]
    yield from told or [Finding(check, subject, "fits")]
    yield from _nav_user(facts)


def _nav_user(facts: Facts) -> Iterator[Finding]:
    """Compare the user with the one NAV signs in with (IU3)."""
    nav, known = facts.found[_NAV_SETUP], facts.found["systemuser"]
    name, subject = nav.text("User Name").strip(), f"{_NAV_SETUP}, User Name"
    problem = user_name_problem(name, nav.text("Server Address"))
    if problem:
        yield Finding("integration_user", subject, name, WARNING, f"Correct it in NAV: {problem}.")
    names = {known.text(each).lower() for each in ("internalemailaddress", "domainname")} - {""}
    if name and names and name.lower() not in names:
        remedy = "Let NAV and integration_user name the same user: its writes are no edits."
        yield Finding("integration_user", subject, name, WARNING, remedy)


def _nav_integration(facts: Facts) -> Iterator[Finding]:
    """Look whether NAV synchronises by itself as well (contract 3)."""
    if facts.ours and facts.found[_NAV_SETUP].first("Is Enabled"):
        remedy = "See that NAV's own synchronisation jobs are off: couplings are kept here now."
        yield Finding("nav_integration", f"{_NAV_SETUP}, Is Enabled", "yes", WARNING, remedy)


def _sales_orders(facts: Facts) -> Iterator[Finding]:
    """Compare the switch of sales orders with CRM's (SO-7, ORD-009)."""
    check, ours = "sales_orders", facts.setup.get("sales_order_integration")
    theirs = facts.found["organization"].first("issopintegrationenabled")
    subject = "CRM organization, issopintegrationenabled"
    submitted = len(facts.found["submitted"].rows)
    if theirs is not None and ours is not None and theirs != ours:
        word, other = ("on", "off") if theirs else ("off", "on")
        remedy = "Set sales_order_integration as CRM has it, or switch both by ws.set_setup."
        yield Finding(check, subject, f"{word}; the setup says {other}", WARNING, remedy)
    elif theirs is not None:
        yield Finding(check, subject, "on" if theirs else "off")
    if ours is False and submitted:
        remedy = "Make NAV orders of them first, or have CRM's users cancel them."
        found = f"off, and CRM has submitted sales orders: {submitted:,}"
        yield Finding(check, "setup.sales_order_integration", found, ERROR, remedy)
    if ours is False and facts.setup.get("auto_create_sales_orders"):
        remedy = "Switch sales_order_integration on, or auto_create_sales_orders off."
        found = "on, and sales orders are off"
        yield Finding(check, "setup.auto_create_sales_orders", found, WARNING, remedy)


def _for_orders(facts: Facts) -> Iterator[Finding]:
    """Look at what NAV orders need, unless sales orders are switched off (W1 to W4, F2, H2)."""
    if facts.setup.get("sales_order_integration") is False or not facts.found[_SALES].readable:
        return
    yield from _order_numbers(facts)
    yield from _freight(facts)
    yield from _write_in(facts)
    off = {"CUSTOMER", "ITEM-PRODUCT", "RESOURCE-PRODUCT"} - facts.enabled
    if off:
        remedy = "Enable them: an order's customer and products must be coupled."
        found = f"switched off: {', '.join(sorted(off))}"
        yield Finding("mappings", "mappings of sales orders", found, WARNING, remedy)


def _order_numbers(facts: Facts) -> Iterator[Finding]:
    series, check, subject = facts.found[_SALES].text("Order Nos."), "order_numbers", "Order Nos."
    known = facts.found["No. Series"]
    verdict = ERROR if facts.setup.get("sales_order_integration") is True else WARNING
    if not series:
        remedy = "Name the series that numbers of sales orders are drawn from."
        yield Finding(check, f"{_SALES}, {subject}", "blank", verdict, remedy)
    elif known.readable and series not in known.rows.index:
        remedy = "Make the number series, or name another one."
        found = f"{series} is no number series"
        yield Finding(check, f"{_SALES}, {subject}", found, WARNING, remedy)
    else:
        yield Finding(check, f"{_SALES}, {subject}", series)


def _freight(facts: Facts) -> Iterator[Finding]:
    check, subject = "freight_account", f"{_SALES}, Freight G/L Acc. No."
    number, account = facts.found[_SALES].text("Freight G/L Acc. No."), facts.found["freight"]
    remedy = "Name a G/L account with direct posting; else orders with freight are refused."
    if not number:
        yield Finding(check, subject, "blank", WARNING, remedy)
    elif account.readable and not len(account.rows):
        yield Finding(check, subject, f"{number} is no G/L account", WARNING, remedy)
    elif account.first("Blocked") is True or account.first("Direct Posting") is False:
        found = f"{number} is blocked or takes no direct posting"
        yield Finding(check, subject, found, WARNING, remedy)
    else:
        yield Finding(check, subject, number)


def _write_in(facts: Facts) -> Iterator[Finding]:
    sales, product = facts.found[_SALES], facts.found["write-in"]
    check, subject = "write_in_product", f"{_SALES}, Write-in Product No."
    number, by_item = sales.text("Write-in Product No."), not sales.first("Write-in Product Type")
    kind = "item" if by_item else "resource"
    remedy = "Name an item of type Service or a resource; else write-ins are refused."
    if not number:
        yield Finding(check, subject, "blank", WARNING, remedy)
    elif product.readable and not len(product.rows):
        yield Finding(check, subject, f"there is no {kind} {number}", WARNING, remedy)
    elif by_item and product.first("Type") not in (None, _SERVICE):
        found = f"{number} is an item of type Inventory"
        yield Finding(check, subject, found, WARNING, remedy)
    elif facts.write_in_coupled:
        found = f"{kind} {number} is coupled to the product {facts.write_in_coupled}"
        remedy = "Uncouple it, or name another: it stands for what is no product."
        yield Finding(check, subject, found, WARNING, remedy)
    else:
        yield Finding(check, subject, f"{kind} {number}")


def _users(facts: Facts) -> Iterator[Finding]:
    """Say that NAV's users cannot be compared with CRM's (UM2)."""
    if facts.setup.get("user_mapping"):
        remedy = "See that each NAV user has a CRM user that is not disabled, by e-mail or name."
        yield Finding("user_mapping", "setup.user_mapping", "on; not checked", WARNING, remedy)


Check = Callable[[Facts], Iterator[Finding]]
#: What is looked at, in this order.
CHECKS: tuple[Check, ...] = (
    _readable, _server, _client, _solution, _version, _local_currency, _precision,
    _integration_user, _nav_integration, _sales_orders, _for_orders, _users,
)  # fmt: skip
