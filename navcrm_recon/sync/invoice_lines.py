"""Lines of posted invoices in CRM: what follows from their invoice and product (documents 2.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.frames import DECIMAL, TEXT, join_key
from navcrm_recon.recon.align import Mask, arrow, looked_up
from navcrm_recon.recon.fields import FieldWrite
from navcrm_recon.sync.adjust import Work
from navcrm_recon.sync.amounts import added, taken_off
from navcrm_recon.sync.invoice_prices import price_lines
from navcrm_recon.sync.invoices import SOLD, refusing
from navcrm_recon.sync.make import Make
from navcrm_recon.sync.scene import Scene, read_available

NAV_COLUMNS = (
    "Document No.", "Line No.", "Type", "No.", "Description", "Unit Price", "Amount",
    "Amount Including VAT", "Inv. Discount Amount", "Line Discount Amount",
)  # fmt: skip
CRM_COLUMNS = ("lineitemnumber", "tax", "productid", "uomid", "invoiceid")
#: What a line has of its invoice in CRM (documents 2.4).
_OF_INVOICE = {
    "actualdeliveryon": "datedelivered",
    **{
        name: name
        for name in (
            "shipto_name", "shipto_line1", "shipto_line2", "shipto_line3", "shipto_city",
            "shipto_stateorprovince", "shipto_postalcode", "shipto_country", "shipto_telephone",
            "shipto_fax",
        )
    },
}  # fmt: skip
_MAPPINGS = {2: "ITEM-PRODUCT", 3: "RESOURCE-PRODUCT"}
_INVOICES = "POSTEDSALESINV-INV"
_PRODUCT = ["defaultuomid", "defaultuomscheduleid"]
_NO_INVOICE = "the invoice of the line is not coupled to one in CRM: synchronise the invoice"
_NO_PRODUCT = "what the line sells is not coupled to a product: synchronise or couple that item " \
    "or resource first"  # fmt: skip


def as_sent(records: pd.DataFrame) -> pd.DataFrame:
    """Return NAV's lines with the amounts CRM has in the end (documents 2.4).

    CRM counts both discounts of the line in its base amount, and that of the invoice in its
    extended amount, since the invoice takes them off.
    """
    if not {"Amount", "Amount Including VAT", *_DISCOUNTS} <= set(records):
        return records
    invoice, line = (arrow(records[name]) for name in _DISCOUNTS)
    base = added(arrow(records["Amount"]), invoice, line)
    extended = added(arrow(records["Amount Including VAT"]), invoice)
    return records.assign(
        **{"Amount": _decimals(base, records), "Amount Including VAT": _decimals(extended, records)}
    )


_DISCOUNTS = ("Inv. Discount Amount", "Line Discount Amount")


def _decimals(values: pa.Array, records: pd.DataFrame) -> pd.Series:
    return pd.Series(pd.arrays.ArrowExtensionArray(values), index=records.index, dtype=DECIMAL)


def line(work: Work) -> list[FieldWrite]:
    """Give a line its invoice, its product or what stands for it, and its tax (documents 2.4)."""
    if work.direction != "to_crm":
        return []
    source = work.source.reset_index(drop=True)
    documents, invoices = _invoices(work.scene, source["Document No."])
    products = _products(work.scene, source)
    sold = products["mapping"].ne("")
    alone = sold & products["productid"].eq("")
    named = source["No."].where(alone, "")
    given = _mask(documents.ne(""))
    tax = taken_off(arrow(source["Amount Including VAT"]), arrow(source["Amount"]))
    tax = added(tax, arrow(source["Line Discount Amount"]))  # back from what is sent (``as_sent``)
    return [
        refusing(work, "Document No.", source["Document No."].mask(given, ""), _NO_INVOICE),
        refusing(work, "No.", named, _NO_PRODUCT),
        work.put("invoiceid", arrow(documents), given=given),
        work.put("lineitemnumber", arrow(source["Line No."])),
        work.put("tax", tax),
        *_copied(work, invoices, given),
        *_sold(work, source, products, _mask(sold)),
    ]


def _mask(values: pd.Series) -> Mask:
    return np.asarray(values.to_numpy(), dtype=bool)


def _invoices(scene: Scene, documents: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
    """Return the CRM invoice of each document, blank where there is none, and its columns."""
    keys = join_key([documents])
    ids = pd.Series("", index=documents.index, dtype=TEXT)
    if scene.store is not None:
        wanted = keys.drop_duplicates().tolist()
        known = scene.store.coupling_records(_INVOICES, nav_keys=wanted).drop_duplicates("nav_key")
        ids = looked_up(keys, known.set_index("nav_key")["crm_id"])
    names = [*_OF_INVOICE.values(), "pricelevelid"]
    table = scene.catalog.crm["invoice"]
    rows = read_available(scene.crm, table, names, (), _distinct(ids))
    return ids.where(ids.isin(list(rows.index)), ""), rows.reindex(ids.to_numpy())


def _distinct(values: pd.Series) -> list[str]:
    return [each for each in values.unique().tolist() if each]


def _copied(work: Work, invoices: pd.DataFrame, given: Mask) -> list[FieldWrite]:
    """Return what a line has of its invoice."""
    return [
        work.put(name, arrow(invoices[column]), given=given)
        for name, column in _OF_INVOICE.items()
        if work.old is None
    ]


def _sold(work: Work, source: pd.DataFrame, products: pd.DataFrame, sold: Mask) -> list[FieldWrite]:
    """Return the product of a line, or the text that stands for it (IL2)."""
    there, unit = (_mask(products[name].ne("")) for name in ("productid", "defaultuomid"))
    texts = (source["No."] + " " + source["Description"] + ".").str.slice(0, 250)
    return [
        work.put("productid", arrow(products["productid"]), given=there),
        work.put("uomid", arrow(products["defaultuomid"]), given=there & unit),
        work.put("isproductoverridden", pa.array(~sold)),
        work.put("productdescription", arrow(texts), given=~sold),
    ]


def _products(scene: Scene, lines: pd.DataFrame) -> pd.DataFrame:
    """Return the product of each line of an item or resource.

    Returns
    -------
    DataFrame
        ``mapping`` (of the item or resource, blank for other lines), ``productid`` (blank where it
        is not coupled), ``defaultuomid``, ``defaultuomscheduleid``, all str; index as ``lines``.
    """
    mapping = _mapping_of(scene, lines)
    ids = pd.Series("", index=lines.index, dtype=TEXT)
    for name in _MAPPINGS.values():
        own = mapping.eq(name)
        keys = join_key([lines.loc[own, "No."]])
        if scene.store is not None and own.any():
            known = scene.store.coupling_records(name, nav_keys=_distinct(keys))
            partner = known.drop_duplicates("nav_key").set_index("nav_key")["crm_id"]
            ids[own] = looked_up(keys, partner).to_numpy()
    rows = read_available(scene.crm, scene.catalog.crm["product"], _PRODUCT, (), _distinct(ids))
    units = rows.reindex(ids.to_numpy()).set_axis(lines.index, axis=0).fillna("")
    return pd.DataFrame({"mapping": mapping, "productid": ids, **units[_PRODUCT]})


def _mapping_of(scene: Scene, lines: pd.DataFrame) -> pd.Series:
    """Return the mapping of what a line sells, blank for what is written in (IL2, IL5)."""
    kind, number = _write_in(scene)
    written_in = lines["Type"].eq(kind).fillna(False) & lines["No."].eq(number)
    found = lines["Type"].map(_MAPPINGS).astype(TEXT).fillna("")
    return found.mask(written_in, "")


def _write_in(scene: Scene) -> tuple[int, str]:
    """Return type and number of the product that stands for what CRM users wrote in (W1, W2)."""
    table = scene.catalog.nav["Sales & Receivables Setup"]
    rows = read_available(scene.nav, table, ["Write-in Product Type", "Write-in Product No."])
    if not len(rows) or not rows["Write-in Product No."].iloc[0]:
        return -1, ""
    kind = rows["Write-in Product Type"].fillna(0).iloc[0]
    return int(kind) + min(SOLD), str(rows["Write-in Product No."].iloc[0])


def products_of_lines(
    scene: Scene, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> list[tuple[str, list[str]]]:
    """Return the items and resources of new lines that are not coupled yet (IL1)."""
    products = _products(scene, records)
    lost = products["productid"].eq("")
    keys = join_key([records["No."]])
    return [
        (name, _distinct(keys[lost & products["mapping"].eq(name)])) for name in _MAPPINGS.values()
    ]


def prices_of_lines(scene: Scene, mapping: TableMapping, records: pd.DataFrame) -> Sequence[Make]:
    """Return the price list lines that new lines need in their invoice's price list (IL3)."""
    source = records.reset_index(drop=True)
    _, invoices = _invoices(scene, source["Document No."])
    products = _products(scene, source)
    lists = invoices["pricelevelid"].reset_index(drop=True).fillna("")
    lines = pd.DataFrame(
        {
            "pricelevelid": lists,
            "productid": products["productid"],
            "uomid": products["defaultuomid"],
            "uomscheduleid": products["defaultuomscheduleid"],
            "price": source["Unit Price"],
        }
    )
    return price_lines(scene, lines)
