"""What sales orders name, read at once for many of them: never a statement per order or line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from navcrm_recon.catalog.model import Condition, SideName
from navcrm_recon.frames import TEXT, join_key
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.renames import followed
from navcrm_recon.sync.scene import Scene, coupling_records, option_rows, read_available

ORDER = (
    "name", "ordernumber", "description", "statecode", "statuscode", "lastbackofficesubmit",
    "customerid", "customeridtype", "transactioncurrencyid", "requestdeliveryby",
    "shippingmethodcode", "paymenttermscode", "freighttermscode", "discountamount",
    "discountpercentage", "freightamount", "totallineitemamount", "totalamountlessfreight",
    *(f"{to}_{part}" for to in ("billto", "shipto") for part in (
        "line1", "line2", "city", "postalcode", "country", "stateorprovince")),
)  # fmt: skip
LINE = (
    "salesorderid", "productid", "productdescription", "quantity", "priceperunit",
    "volumediscountamount", "manualdiscountamount", "sequencenumber", "lineitemnumber",
)  # fmt: skip
PRODUCT = ("name", "productnumber", "statecode", "producttypecode")
CUSTOMER = (
    "No.", "Name", "Name 2", "Address", "Address 2", "City", "Contact", "Post Code", "County",
    "Country/Region Code", "Phone No.", "E-Mail", "Blocked", "Bill-to Customer No.", "Ship-to Code",
    "Primary Contact No.", "Payment Terms Code", "Payment Method Code", "Shipment Method Code",
    "Shipping Agent Code", "Shipping Agent Service Code", "Location Code", "Customer Posting Group",
    "Gen. Bus. Posting Group", "VAT Bus. Posting Group", "VAT Registration No.",
    "Customer Price Group", "Customer Disc. Group", "Invoice Disc. Code", "Prices Including VAT",
    "Combine Shipments", "Language Code", "Salesperson Code",
)  # fmt: skip
ITEM = (
    "Description", "Description 2", "Type", "Blocked", "Base Unit of Measure",
    "Sales Unit of Measure", "Gen. Prod. Posting Group", "VAT Prod. Posting Group",
    "Item Category Code", "Allow Invoice Disc.",
)  # fmt: skip
RESOURCE = (
    "Name", "Blocked", "Base Unit of Measure", "Gen. Prod. Posting Group",
    "VAT Prod. Posting Group",
)  # fmt: skip
ACCOUNT = (
    "Name", "Blocked", "Direct Posting", "Gen. Prod. Posting Group", "VAT Prod. Posting Group",
)  # fmt: skip
#: NAV's setup of sales: one row.
SALES_SETUP = (
    "Calc. Inv. Discount", "Write-in Product Type", "Write-in Product No.", "Freight G/L Acc. No.",
)  # fmt: skip
_OPTIONS = ("SHIPPING AGENT", "PAYMENT TERMS", "SHIPMENT METHOD")
_CODES = ("Shipping Agent", "Shipment Method", "Country/Region")


@dataclass(frozen=True)
class Parties:
    """Whom orders are for.

    ``customers_of``: NAV key by account; ``contacts_of``: company contact by customer; ``cards``:
    contacts in NAV; ``ship_to``: Ship-to Address.
    """

    contacts: pd.DataFrame
    accounts: pd.DataFrame
    customers_of: pd.Series
    customers: pd.DataFrame
    contacts_of: pd.Series
    cards: pd.DataFrame
    ship_to: pd.DataFrame


@dataclass(frozen=True)
class Terms:
    """Currencies with their rates, the option mapping, and the codes an order may name."""

    currencies: pd.DataFrame
    nav_currencies: pd.DataFrame
    rates: pd.DataFrame
    options: pd.DataFrame
    codes: Mapping[str, pd.Index[str]]
    payment: pd.DataFrame


@dataclass(frozen=True)
class Goods:
    """What is sold.

    ``items_of``, ``resources_of``: NAV key by product; ``item_units``, ``units``: NAV's units;
    ``vat``: VAT Posting Setup.
    """

    products: pd.DataFrame
    items_of: pd.Series
    resources_of: pd.Series
    items: pd.DataFrame
    resources: pd.DataFrame
    gl_accounts: pd.DataFrame
    item_units: pd.DataFrame
    units: pd.DataFrame
    vat: pd.DataFrame


@dataclass(frozen=True)
class Facts:
    """Some CRM orders with their lines, and everything they name, as record frames by key.

    ``lines`` stand by order and in the order they become NAV lines; ``setup``: Sales & Receivables
    Setup; ``ledger``: General Ledger Setup; ``discounted``: the invoice discount codes that have
    rows; ``lcy``: code of the local currency.
    """

    orders: pd.DataFrame
    lines: pd.DataFrame
    parties: Parties
    terms: Terms
    goods: Goods
    setup: pd.Series
    ledger: pd.Series
    discounted: pd.Series
    lcy: str


class Reader:
    """Reads what a scene's sides and state know of some orders, each table once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def rows(
        self,
        side: SideName,
        table: str,
        columns: Sequence[str],
        keys: pd.Series | None = None,
        where: Sequence[Condition] = (),
    ) -> pd.DataFrame:
        """Read records, those of some keys or all."""
        known, at = self.scene.catalog.tables(side)[table], self.scene.side(side)
        wanted = None if keys is None else keys[keys.ne("")].drop_duplicates().tolist()
        if side == "crm":
            return at.read(known, list(columns), where, wanted)
        return read_available(at, known, columns, where, wanted)

    def coupled(self, mapping: str, crm_ids: pd.Series) -> pd.Series:
        """Return the NAV key of each coupled CRM record, by its id."""
        scene, known = self.scene, self.scene.catalog.coupled[mapping]
        ids = crm_ids[crm_ids.ne("")].drop_duplicates().tolist()
        if scene.store is None:
            every = coupling_records(scene, known)
            found = every[every["crm_id"].isin(ids)]
        else:
            found = scene.store.coupling_records(mapping, crm_ids=ids)
            found = followed(scene, scene.store, known, found)
        return found.drop_duplicates("crm_id").set_index("crm_id")["nav_key"]

    def setup(self, table: str, columns: Sequence[str]) -> pd.Series:
        """Return the one row of a setup table; blank where there is none."""
        found = self.rows("nav", table, columns)
        return (found if len(found) else found.reindex([""])).iloc[0]


def read_facts(scene: Scene, crm_ids: Sequence[str]) -> Facts:
    """Read some CRM orders and everything they name.

    Raises
    ------
    SideError, DataError
        As ``side.Side.read``.
    """
    reader = Reader(scene)
    orders = reader.rows("crm", "salesorder", ORDER, pd.Series(list(crm_ids), dtype=TEXT))
    detail = Condition("salesorderid", "in", orders.index.tolist())
    lines = reader.rows("crm", "salesorderdetail", LINE, where=(detail,))
    setup = reader.setup("Sales & Receivables Setup", SALES_SETUP)
    code, _ = local_currency(scene)
    return Facts(
        orders=orders,
        lines=_sorted(lines),
        parties=_parties(reader, orders),
        terms=_terms(reader, orders),
        goods=_goods(reader, lines, setup),
        setup=setup,
        ledger=reader.setup(
            "General Ledger Setup", ["Amount Rounding Precision", "VAT Tolerance %"]
        ),
        discounted=reader.rows("nav", "Cust. Invoice Disc.", ["Code"])["Code"],
        lcy=code or "",
    )


def _sorted(lines: pd.DataFrame) -> pd.DataFrame:
    """Return lines by order, sequence number, line item number and id (documents L1)."""
    by = lines.assign(
        id=lines.index,
        sequencenumber=lines["sequencenumber"].fillna(0),
        lineitemnumber=lines["lineitemnumber"].fillna(0),
    ).sort_values(["salesorderid", "sequencenumber", "lineitemnumber", "id"])
    return lines.loc[by.index]


def _parties(reader: Reader, orders: pd.DataFrame) -> Parties:
    """Read accounts, contacts and customers (documents 1.4)."""
    by_contact = orders["customeridtype"].eq("contact")
    contacts = reader.rows(
        "crm", "contact", ["fullname", "parentcustomerid"], orders["customerid"][by_contact]
    )
    ids = pd.concat([orders["customerid"][~by_contact], contacts["parentcustomerid"]])
    accounts = reader.rows("crm", "account", ["name"], ids)
    customers_of = reader.coupled("CUSTOMER", ids)
    sell_to = reader.rows("nav", "Customer", CUSTOMER, customers_of)
    others = sell_to["Bill-to Customer No."]
    others = others[~others.isin(list(sell_to["No."]))]
    customers = pd.concat([sell_to, reader.rows("nav", "Customer", CUSTOMER, join_key([others]))])
    relation = reader.setup("Marketing Setup", ["Bus. Rel. Code for Customers"]).iloc[0]
    linked = reader.rows(
        "nav", "Contact Business Relation", ["Contact No.", "No."],
        where=(
            Condition("Link to Table", "eq", 1),
            Condition("Business Relation Code", "eq", relation or ""),
            Condition("No.", "in", customers["No."].drop_duplicates().tolist()),
        ),
    )  # fmt: skip
    company = linked.drop_duplicates("No.").set_index("No.")["Contact No."]
    named = pd.concat([customers["Primary Contact No."], company])
    of_them = Condition("Customer No.", "in", customers["No."].tolist())
    return Parties(
        contacts,
        accounts,
        customers_of,
        customers.drop_duplicates("No."),
        company,
        reader.rows("nav", "Contact", ["E-Mail", "Phone No."], join_key([named.astype(TEXT)])),
        reader.rows("nav", "Ship-to Address", _SHIP_TO, where=(of_them,)),
    )


_SHIP_TO = (
    "Customer No.", "Code", "Name", "Name 2", "Address", "Address 2", "City", "Contact",
    "Post Code", "County", "Country/Region Code", "Shipment Method Code", "Shipping Agent Code",
    "Location Code",
)  # fmt: skip


def _terms(reader: Reader, orders: pd.DataFrame) -> Terms:
    """Read currencies, options and the codes an order may name (documents 1.5, 1.6)."""
    currencies = reader.rows(
        "crm", "transactioncurrency", ["isocurrencycode"], orders["transactioncurrencyid"]
    )
    codes = currencies["isocurrencycode"].str.replace(" ", "", regex=False)
    named = Condition("Currency Code", "in", codes.drop_duplicates().tolist())
    catalog = reader.scene.catalog
    options = [option_rows(reader.scene, catalog.mappings[name]) for name in _OPTIONS]
    rate = [
        "Currency Code", "Starting Date", "Exchange Rate Amount", "Relational Exch. Rate Amount"
    ]  # fmt: skip
    return Terms(
        currencies,
        reader.rows("nav", "Currency", ["Code", "Amount Rounding Precision"], join_key([codes])),
        reader.rows("nav", "Currency Exchange Rate", rate, where=(named,)),
        pd.concat(options, ignore_index=True),
        {table: reader.rows("nav", table, ["Code"]).index for table in _CODES},
        reader.rows("nav", "Payment Terms", ["Due Date Calculation", "Discount Date Calculation"]),
    )


def _goods(reader: Reader, lines: pd.DataFrame, setup: pd.Series) -> Goods:
    """Read products, items, resources, units and what their VAT follows from (documents 1.7)."""
    write_in = pd.Series([setup["Write-in Product No."] or ""], dtype=TEXT)
    by_item = (setup["Write-in Product Type"] or 0) == 0
    items_of = reader.coupled("ITEM-PRODUCT", lines["productid"])
    resources_of = reader.coupled("RESOURCE-PRODUCT", lines["productid"])
    own = join_key([write_in])
    item_keys = pd.concat([items_of, own]) if by_item else items_of
    resource_keys = resources_of if by_item else pd.concat([resources_of, own])
    items = reader.rows("nav", "Item", ["No.", *ITEM], item_keys)
    units = Condition("Item No.", "in", items["No."].tolist())
    freight = pd.Series([setup["Freight G/L Acc. No."] or ""], dtype=TEXT)
    return Goods(
        reader.rows("crm", "product", PRODUCT, lines["productid"]),
        items_of,
        resources_of,
        items,
        reader.rows("nav", "Resource", ["No.", *RESOURCE], resource_keys),
        reader.rows("nav", "G/L Account", ["No.", *ACCOUNT], join_key([freight])),
        reader.rows("nav", "Item Unit of Measure", ["Qty. per Unit of Measure"], where=(units,)),
        reader.rows("nav", "Unit of Measure", ["Description"]),
        reader.rows("nav", "VAT Posting Setup", ["VAT Calculation Type", "VAT %"]),
    )
