"""Posted invoices in CRM: what their columns follow from beyond the mapped ones (documents 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.frames import TEXT, empty, join_key, split_key
from navcrm_recon.recon.align import Mask, arrow, looked_up
from navcrm_recon.recon.fields import FieldWrite
from navcrm_recon.sync.adjust import Work
from navcrm_recon.sync.amounts import added, sums, taken_off
from navcrm_recon.sync.invoice_ledger import invoice_states, ledger_amounts
from navcrm_recon.sync.invoice_prices import price_lists
from navcrm_recon.sync.make import Make
from navcrm_recon.sync.scene import Scene, read_available, read_naming

_AMOUNTS = ("Amount", "Amount Including VAT", "Invoice Discount Amount")
NAV_COLUMNS = (
    "Your Reference", "Sell-to Customer No.", "Currency Code", "Shipment Method Code", *_AMOUNTS,
)  # fmt: skip
TOTALS = (
    "totallineitemdiscountamount", "freightamount", "discountpercentage", "totaltax",
    "totaldiscountamount",
)  # fmt: skip
CRM_COLUMNS = ("statecode", "statuscode", *TOTALS)
#: What an invoice has of its order (IB3), beside the order's id.
_OF_ORDER = ("opportunityid", "pricelevelid", "name", "customerid", "customeridtype")
_ACTIVE = 0
#: Sales Invoice Line, Type: what has a product in CRM.
SOLD = {2: "Item", 3: "Resource"}

_NO_ACCOUNT = "the Sell-to Customer of the invoice is not coupled to an account: synchronise or " \
    "couple that customer first"  # fmt: skip
_OTHER_CUSTOMER = "the customer has changed: the account of the sales order in CRM stands for " \
    "the first of these customers, and the invoice has the second as Sell-to Customer. Couple " \
    "the account with that customer, or give the order another one"  # fmt: skip
_BLOCKED = "Blocked must be No for every item and resource of the invoice: unblock them in NAV"
_WITHOUT_LINES = "not all lines of the invoice are in CRM as in NAV. Mend what the log says of " \
    "them, then synchronise the invoice again"  # fmt: skip


def invoice(work: Work) -> list[FieldWrite]:
    """Give a new invoice what its order says, or else its customer (documents IB1 to IB6, IN-4)."""
    if work.direction != "to_crm" or work.old is not None:
        return []
    source = work.source.reset_index(drop=True)
    orders = orders_of(work.scene, source["Your Reference"])
    found = orders["salesorderid"].ne("")
    lists = price_lists(work.scene, source["Currency Code"][~found].drop_duplicates())
    priced = orders["pricelevelid"].where(found, looked_up(source["Currency Code"], lists.ids))
    named = orders["name"].where(found & orders["name"].ne(""), source["No."])
    ordered = [_text(work, name, orders[name]) for name in ("salesorderid", "opportunityid")]
    return [
        _blocked(work),
        *_customer(work, source, orders),
        *ordered,
        _text(work, "name", named),
        _text(work, "pricelevelid", priced),
        _description(work),
    ]


def refusing(work: Work, field: str, found: pd.Series, problem: str) -> FieldWrite:
    """Return a write that writes nothing and fails the records for which something was found.

    ``field``: what the error is about; ``found``: the value it names, blank for no error.
    """
    fails = _mask(found.ne(""))
    write = work.put("description", arrow(found), given=work.nowhere, fails=fails, problem=problem)
    return replace(write, column=replace(write.column, name=field))


def _text(work: Work, name: str, values: pd.Series) -> FieldWrite:
    """Return the write of texts; a blank one is not written."""
    return work.put(name, arrow(values), given=_mask(values.ne("")))


def _mask(values: pd.Series) -> Mask:
    return np.asarray(values.to_numpy(), dtype=bool)


def orders_of(scene: Scene, references: pd.Series) -> pd.DataFrame:
    """Return the CRM order whose number each reference is, blanks where there is none (IB2, IB6).

    Returns
    -------
    DataFrame
        ``salesorderid`` and what an invoice has of its order (str), index as ``references``.
    """
    references = references.str.strip()
    table = scene.catalog.crm["salesorder"]
    names = ["ordernumber", *_OF_ORDER]
    rows = read_naming(scene.crm, table, names, "ordernumber", references)
    rows = rows.rename_axis("salesorderid").reset_index()
    rows = rows.assign(number=_alike(rows["ordernumber"])).drop_duplicates("number")
    known = rows.set_index("number")[["salesorderid", *_OF_ORDER]]
    found = known.reindex(_alike(references).mask(references.eq(""), "\0"))
    return found.set_axis(references.index, axis=0).astype(TEXT).fillna("")


def _alike(numbers: pd.Series) -> pd.Series:
    """Return texts that are equal where CRM says that the given ones are."""
    return numbers.str.rstrip(" ").str.lower()


def _customer(work: Work, source: pd.DataFrame, orders: pd.DataFrame) -> list[FieldWrite]:
    """Give the invoice the order's customer, which must be its own, or its customer's account."""
    found = orders["salesorderid"].ne("")
    sold_to = source["Sell-to Customer No."]
    account = _accounts(work.scene, sold_to)
    theirs = customers_of(work.scene, orders["customerid"], orders["customeridtype"])
    unknown = sold_to.mask(sold_to.eq(""), "none").where(~found & account.eq(""), "")
    both = theirs.mask(theirs.eq(""), "none") + " / " + sold_to
    kind = orders["customeridtype"].where(orders["customeridtype"].ne(""), "account")
    values = orders["customerid"].where(found, account)
    return [
        refusing(work, "customerid", both.where(found & theirs.ne(sold_to), ""), _OTHER_CUSTOMER),
        refusing(work, "Sell-to Customer No.", unknown, _NO_ACCOUNT),
        _text(work, "customerid", values),
        _text(work, "customeridtype", kind),
    ]


def _accounts(scene: Scene, customers: pd.Series) -> pd.Series:
    """Return the account each customer is coupled to."""
    wanted = join_key([customers.drop_duplicates()])
    known = _couplings(scene, "CUSTOMER", nav_keys=wanted.tolist()).drop_duplicates("nav_key")
    return looked_up(join_key([customers]), known.set_index("nav_key")["crm_id"])


def customers_of(scene: Scene, ids: pd.Series, kinds: pd.Series) -> pd.Series:
    """Return the NAV customer that stands behind the customer of an order (documents 1.4).

    Parameters
    ----------
    ids, kinds
        ``customerid`` and ``customeridtype``: an account, or a contact of one.

    Returns
    -------
    Series
        ``No.`` of the customer (str), blank where none is found; index as ``ids``.
    """
    contact = kinds.eq("contact")
    rows = read_available(
        scene.crm, scene.catalog.crm["contact"], ["parentcustomerid"], (), _distinct(ids[contact])
    )
    parents = looked_up(ids, rows["parentcustomerid"])
    accounts = ids.where(~contact, parents)
    known = _couplings(scene, "CUSTOMER", crm_ids=_distinct(accounts)).drop_duplicates("crm_id")
    numbers = known["nav_key"].map(lambda key: split_key(key)[0])
    return looked_up(accounts, numbers.set_axis(known["crm_id"]))


def _distinct(values: pd.Series) -> list[str]:
    return [each for each in values.unique().tolist() if each]


def _couplings(
    scene: Scene,
    mapping: str,
    *,
    nav_keys: Sequence[str] | None = None,
    crm_ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    if scene.store is None:
        return empty("coupling_records")
    return scene.store.coupling_records(mapping, nav_keys=nav_keys, crm_ids=crm_ids)


def _description(work: Work) -> FieldWrite:
    """Describe the invoice by its shipment method, where no field mapping does (IB1)."""
    codes = work.source["Shipment Method Code"].reset_index(drop=True)
    rows = read_available(
        work.scene.nav, work.scene.catalog.nav["Shipment Method"], ["Description"], (),
        join_key([codes[codes.ne("")].drop_duplicates()]).tolist(),
    )  # fmt: skip
    texts = looked_up(join_key([codes]), rows["Description"])
    for row in work.mapping.enabled_fields:
        if row.nav is not None and row.crm is not None and row.crm.name == "description":
            texts = texts.mask(work.source[row.nav.name].reset_index(drop=True).ne(""), "")
    return _text(work, "description", texts)


def _blocked(work: Work) -> FieldWrite:
    """Fail an invoice with a blocked item or resource (IN-4)."""
    numbers = work.source["No."].reset_index(drop=True)
    table = work.scene.catalog.nav["Sales Invoice Line"]
    names = ["Document No.", "Type", "No."]
    lines = read_naming(work.scene.nav, table, names, "Document No.", numbers)
    found = pd.Series("", index=numbers.index, dtype=TEXT)
    for kind, name in SOLD.items():
        own = lines[lines["Type"].eq(kind).fillna(False) & lines["No."].ne("")]
        keys = join_key([own["No."]])
        rows = read_available(
            work.scene.nav, work.scene.catalog.nav[name], ["Blocked"], (), _distinct(keys)
        )
        blocked = rows.index[rows["Blocked"].fillna(False).to_numpy(dtype=bool)]
        held = own[keys.isin(list(blocked))].drop_duplicates("Document No.")
        texts = f"{name} " + held.set_index("Document No.")["No."]
        found = found.mask(found.eq(""), looked_up(numbers, texts))
    return refusing(work, "Blocked", found, _BLOCKED)


def customers_of_invoices(
    scene: Scene, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> list[tuple[str, list[str]]]:
    """Return the customers of new invoices that have no order: their accounts come first (IB4)."""
    if direction != "to_crm":
        return []
    without = records[orders_of(scene, records["Your Reference"])["salesorderid"].eq("")]
    keys = _distinct(join_key([without["Sell-to Customer No."]]))
    known = set(_couplings(scene, "CUSTOMER", nav_keys=keys)["nav_key"])
    return [("CUSTOMER", [key for key in keys if key not in known])]


def lists_of_invoices(scene: Scene, mapping: TableMapping, records: pd.DataFrame) -> list[Make]:
    """Return the price lists that new invoices need and that are not there (IB5)."""
    without = records[orders_of(scene, records["Your Reference"])["salesorderid"].eq("")]
    return price_lists(scene, without["Currency Code"].drop_duplicates()).wanted


def completed(work: Work) -> list[FieldWrite]:
    """Give an invoice whose lines are in CRM its totals and its state (documents 2.5).

    One whose lines are not all there fails. What CRM has closed follows its payments (2.6).
    """
    source = work.source.reset_index(drop=True)
    numbers = source["No."]
    missing = _missing_lines(work, numbers)
    discount = _line_discounts(work.scene, numbers)
    amount, with_vat, invoice_discount = (arrow(source[name]) for name in _AMOUNTS)
    totals = {
        "totallineitemdiscountamount": discount,
        "freightamount": 0,
        "discountpercentage": 0,
        "totaltax": taken_off(with_vat, amount),
        "totaldiscountamount": added(invoice_discount, discount),
    }
    fails = _mask(missing.ne(""))
    return [
        refusing(work, "Line No.", missing, _WITHOUT_LINES),
        *(work.put(name, values, given=~fails) for name, values in totals.items()),
        *_state(work, numbers, ~fails),
    ]


def _line_discounts(scene: Scene, numbers: pd.Series) -> pa.Array:
    """Return the sum of the line discounts of each invoice."""
    table, names = scene.catalog.nav["Sales Invoice Line"], ["Document No.", "Line Discount Amount"]
    lines = read_naming(scene.nav, table, names, "Document No.", numbers)
    return sums(lines["Document No."], lines["Line Discount Amount"], numbers)


def _missing_lines(work: Work, numbers: pd.Series) -> pd.Series:
    """Return the lines of each invoice that are not in CRM as they should be, blank for none."""
    mapping = work.scene.catalog.mappings.get("POSTEDSALESLINE-INV")
    if mapping is None or not mapping.enabled:
        return pd.Series("", index=numbers.index, dtype=TEXT)
    where, names = mapping.filters.get("nav", ()), ["Document No.", "Line No."]
    lines = read_naming(work.scene.nav, mapping.nav, names, "Document No.", numbers, *where)
    known = _couplings(work.scene, mapping.name, nav_keys=lines.index.tolist())
    done = known.loc[known["last_synch_crm_result"].ne("failure"), "nav_key"]
    lost = lines[~lines.index.isin(done.tolist())]
    texts = lost["Line No."].astype(TEXT).groupby(lost["Document No."].to_numpy()).agg(", ".join)
    return looked_up(numbers, texts)


def _state(work: Work, numbers: pd.Series, given: Mask) -> list[FieldWrite]:
    """Give an invoice that is still open in CRM its state by what is left to pay (2.5, 2.6)."""
    states = invoice_states(ledger_amounts(work.scene, numbers.tolist())).reindex(numbers)
    active = np.asarray(pc.equal(pc.fill_null(work.before("statecode"), _ACTIVE), _ACTIVE))
    known = given & active.astype(bool) & ~_mask(states["statecode"].isna())
    return [
        work.put(name, arrow(states[name].astype("Int64")), given=known)
        for name in ("statecode", "statuscode")
    ]
