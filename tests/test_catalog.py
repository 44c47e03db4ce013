"""The shipped catalogue: what it promises about mappings, columns and option sets."""

import time
from decimal import Decimal

import pytest

from navcrm_recon.catalog import Condition, Flow, Option, TableMapping, load_catalog
from navcrm_recon.catalog.infer import TRAVELS
from navcrm_recon.catalog.load import _default, _shipped
from navcrm_recon.frames import DTYPES

CATALOG = load_catalog()
MAPPINGS = list(CATALOG.mappings.values())
ROWS = [(mapping, row) for mapping in MAPPINGS for row in mapping.fields]

#: Mapping, its direction, the CRM key, enabled and all field rows, minutes between runs (FLD-010).
PROMISED = """
SALESPEOPLE        to_nav systemuserid          3  5 30
CURRENCY           to_crm transactioncurrencyid 3  3  2
PAYMENT_TERMS      to_nav accountid             1  1  -
SHIPMENT_METHOD    to_nav accountid             1  1  -
SHIPPING_AGENT     to_nav accountid             1  1  -
UNIT_OF_MEASURE    to_crm uomscheduleid         1  1  2
CUSTOMER           both   accountid            20 22  2
CONTACT            both   contactid            20 21  2
ITEM-PRODUCT       to_crm productid            11 11 30
RESOURCE-PRODUCT   to_crm productid             7  7  2
CUSTPRCGRP-PRICE   to_crm pricelevelid          1  1 30
SALESPRC-PRODPRICE to_crm productpricelevelid   6  6 30
OPPORTUNITY        both   opportunityid         7 10  -
POSTEDSALESINV-INV to_crm invoiceid            25 26 30
POSTEDSALESLINE-INV to_crm invoicedetailid      6  6  -
"""


def row_of(mapping: str, nav: str, crm: str):
    return next(row for row in CATALOG.mappings[mapping].fields if row.pair == (nav, crm))


def described(mapping: TableMapping) -> str:
    minutes = mapping.job.get("interval_minutes", "-")
    name = mapping.name if mapping.name in PROMISED else mapping.name.replace(" ", "_")
    counts = f"{len(mapping.enabled_fields)} {len(mapping.fields)}"
    return f"{name} {mapping.direction} {mapping.crm.key[0]} {counts} {minutes}"


def test_the_fifteen_mappings_stand_in_the_order_they_run():
    promised = [" ".join(line.split()) for line in PROMISED.strip().splitlines()]
    assert [described(mapping) for mapping in MAPPINGS] == promised


def test_only_the_opportunities_ship_switched_off():
    assert [mapping.name for mapping in MAPPINGS if not mapping.enabled] == ["OPPORTUNITY"]


def test_every_mapping_follows_what_it_depends_on():
    names = list(CATALOG.mappings)
    for mapping in MAPPINGS:
        assert all(names.index(name) < names.index(mapping.name) for name in mapping.depends_on)


def test_new_records_come_only_from_lines_prices_options_and_opportunities():
    creating = {mapping.name for mapping in MAPPINGS if not mapping.synch_only_coupled}
    assert creating == {
        "PAYMENT TERMS",
        "SHIPMENT METHOD",
        "SHIPPING AGENT",
        "SALESPRC-PRODPRICE",
        "POSTEDSALESLINE-INV",
        "OPPORTUNITY",
    }


@pytest.mark.parametrize(
    ("mapping", "nav", "crm"),
    [
        (
            "CUSTOMER",
            (Condition("Blocked", "eq", 0),),
            (Condition("statecode", "eq", 0), Condition("customertypecode", "eq", 3)),
        ),
        (
            "CONTACT",
            (Condition("Type", "eq", 1), Condition("Company No.", "ne", "")),
            (
                Condition("parentcustomerid", "not_null"),
                Condition("parentcustomeridtype", "eq", "account"),
                Condition("statecode", "eq", 0),
            ),
        ),
        (
            "SALESPEOPLE",
            (),
            (
                Condition("isdisabled", "eq", False),
                Condition("islicensed", "eq", True),
                Condition("isintegrationuser", "eq", False),
            ),
        ),
        ("CURRENCY", (), ()),
        ("ITEM-PRODUCT", (), (Condition("producttypecode", "eq", 1),)),
        ("RESOURCE-PRODUCT", (), (Condition("producttypecode", "eq", 3),)),
        (
            "SALESPRC-PRODPRICE",
            (Condition("Sales Type", "eq", 1), Condition("Sales Code", "ne", "")),
            (),
        ),
        ("OPPORTUNITY", (Condition("Status", "in", (0, 1)),), ()),
    ],
)
def test_default_filters(mapping, nav, crm):
    assert CATALOG.mappings[mapping].filters == {"nav": nav, "crm": crm}


@pytest.mark.parametrize(
    ("mapping", "nav", "crm", "not_null"),
    [
        ("CUSTOMER", "Salesperson Code", "ownerid", True),
        ("CUSTOMER", "County", "address1_stateorprovince", False),
        ("CONTACT", "Salesperson Code", "ownerid", True),
        ("CONTACT", "County", "address1_stateorprovince", False),
        ("OPPORTUNITY", "Salesperson Code", "ownerid", True),
        ("POSTEDSALESINV-INV", "Salesperson Code", "ownerid", True),
        ("ITEM-PRODUCT", "Vendor No.", "vendorid", False),
        ("ITEM-PRODUCT", "Vendor Item No.", "vendorpartnumber", False),
        ("RESOURCE-PRODUCT", "Vendor No.", "vendorid", False),
    ],
)
def test_a_blank_salesperson_leaves_the_owner_fld_011(mapping, nav, crm, not_null):
    row = row_of(mapping, nav, crm)
    assert row.not_null is not_null
    assert row.blank == ("leave_unchanged" if not_null else "null")


def test_country_codes_travel_both_ways_fld_004():
    assert row_of("CUSTOMER", "Country/Region Code", "address1_country").direction == "both"


def test_only_the_primary_contact_is_cleared_when_its_partner_is_uncoupled():
    clearing = [(mapping.name, row.pair) for mapping, row in ROWS if row.clear_on_failed_sync]
    assert clearing == [("CUSTOMER", ("Primary Contact No.", "primarycontactid"))]
    assert row_of("CUSTOMER", "Primary Contact No.", "primarycontactid").missing == (
        "clear_destination"
    )


def test_a_blank_currency_means_the_local_currency_everywhere():
    rows = [row for _, row in ROWS if row.via == "CURRENCY"]
    assert len(rows) == 4
    assert {row.blank for row in rows} == {"local_currency"}


def test_references_go_by_the_mapping_of_their_entity_or_option_set():
    found = {row.pair: row.via for _, row in ROWS if row.via}
    assert found["Salesperson Code", "ownerid"] == "SALESPEOPLE"
    assert found["Primary Contact No.", "primarycontactid"] == "CONTACT"
    assert found["Item No.", "productid"] == "ITEM-PRODUCT"
    assert found["Base Unit of Measure", "defaultuomscheduleid"] == "UNIT OF MEASURE"
    assert found["Payment Terms Code", "paymenttermscode"] == "PAYMENT TERMS"
    assert found["Shipment Method Code", "address1_freighttermscode"] == "SHIPMENT METHOD"
    assert found["Shipping Agent Code", "shippingmethodcode"] == "SHIPPING AGENT"


def test_option_mappings_pair_the_code_with_the_attribute():
    for name in ("PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"):
        mapping = CATALOG.mappings[name]
        (row,) = mapping.fields
        assert row.pair == ("Code", mapping.option_attribute)
        assert (row.transfer, row.direction) == ("option_record", "to_nav")


def test_an_unmapped_option_leaves_its_destination():
    rows = [row for _, row in ROWS if row.transfer == "option_via_coupling"]
    assert len(rows) == 5
    assert {row.missing for row in rows} == {"leave_unchanged"}


@pytest.mark.parametrize(("mapping", "row"), ROWS, ids=lambda each: getattr(each, "name", ""))
def test_a_row_names_columns_that_exist_and_can_exchange_values(mapping, row):
    for column, side in ((row.nav, "nav"), (row.crm, "crm")):
        assert column is None or mapping.table(side).columns[column.name] is column
    if row.transfer == "constant":
        assert (row.nav is None) != (row.crm is None)
        assert row.constant
        assert row.direction == ("to_crm" if row.nav is None else "to_nav")
    else:
        assert (row.nav.kind, row.crm.kind) in [
            (left, right)
            for transfer, lefts, rights in TRAVELS
            if transfer == row.transfer
            for left in lefts
            for right in rights
        ]
    assert (row.via in CATALOG.mappings) == (
        row.transfer in ("coupled_lookup", "option_via_coupling")
    )


def test_calculated_fields_never_come_back():
    assert {row.direction for _, row in ROWS if row.nav and row.nav.flow} == {"to_crm"}


@pytest.mark.parametrize("side", ["nav", "crm"])
def test_tables_are_whole(side):
    for table in CATALOG.tables(side).values():
        assert table.side == side
        assert table.key
        assert set(table.key) <= set(table.columns)
        for column in table.columns.values():
            assert column.kind in DTYPES
            assert (column.scale is not None) == (column.kind == "decimal")
            if column.flow:
                source = CATALOG.nav[column.flow.table]
                named = {column.flow.column, *column.flow.match, *column.flow.where} - {""}
                assert named <= set(source.columns)
                assert set(column.flow.match.values()) <= set(table.columns)


def test_nav_tables_carry_navs_numbers_once_each_and_a_row_version():
    numbers = [table.id for table in CATALOG.nav.values()]
    assert len(numbers) == len(set(numbers)) == 56
    assert {5151, 5330, 5331, 5334, 5335, 5336, 5338, 5339, 18, 36, 37, 112, 113} <= set(numbers)
    assert all(table.columns["timestamp"].kind == "rowversion" for table in CATALOG.nav.values())


def test_types_of_both_products_become_one_kind():
    customer, account = CATALOG.nav["Customer"].columns, CATALOG.crm["account"].columns
    assert (customer["No."].kind, customer["No."].length) == ("code", 20)
    assert (customer["Name"].kind, customer["Name"].length) == ("text", 50)
    assert customer["Credit Limit (LCY)"].scale == 20
    assert (account["creditlimit"].kind, account["creditlimit"].scale) == ("decimal", 4)
    assert (account["exchangerate"].scale, account["exchangerate"].access) == (10, "read")
    assert (account["description"].kind, account["description"].length) == ("text", None)
    assert account["ownerid"].targets == ("systemuser", "team")
    assert CATALOG.crm["invoice"].columns["duedate"].kind == "date"
    assert CATALOG.nav["CRM Option Mapping"].columns["Record ID"].kind == "record_id"


def test_flow_fields_have_their_formula():
    assert CATALOG.nav["Item"].columns["Inventory"].flow == Flow(
        "sum", "Item Ledger Entry", "Quantity", {"Item No.": "No."}
    )
    assert CATALOG.nav["Customer"].columns["Outstanding Orders (LCY)"].flow == Flow(
        "sum",
        "Sales Line",
        "Outstanding Amount (LCY)",
        {"Bill-to Customer No.": "No."},
        {"Document Type": 1},
    )


def test_a_new_crm_record_is_active_and_says_no():
    for entity in CATALOG.crm.values():
        state, status = entity.columns.get("statecode"), entity.columns.get("statuscode")
        if state and status:
            assert state.default == 0
            assert status.default in status.options
        for column in entity.columns.values():
            if column.kind == "boolean":
                assert column.default is (column.name == "islicensed")


def test_every_entity_but_the_option_labels_says_when_it_was_modified():
    without = [name for name, entity in CATALOG.crm.items() if not entity.modified_on]
    assert without == ["stringmap"]
    assert all(
        entity.columns[entity.modified_on].kind == "datetime"
        for entity in CATALOG.crm.values()
        if entity.modified_on
    )


def test_option_sets_have_names_that_make_the_nav_codes():
    codes = {
        mapping.name: [
            option.name.upper()[:10]
            for option in CATALOG.option_sets[f"account.{mapping.option_attribute}"]
        ]
        for mapping in MAPPINGS
        if mapping.option_attribute
    }
    assert codes == {
        "PAYMENT TERMS": ["NET30", "2%10NET30", "NET45", "NET60"],
        "SHIPMENT METHOD": ["FOB", "NOCHARGE"],
        "SHIPPING AGENT": ["AIRBORNE", "DHL", "FEDEX", "UPS", "POSTALMAIL", "FULLLOAD", "WILLCALL"],
    }


def test_option_sets_are_the_captions_of_their_attributes():
    for name, options in CATALOG.option_sets.items():
        entity, attribute = name.split(".")
        column = CATALOG.crm[entity].columns[attribute]
        assert column.options == {option.value: option.label for option in options}


def test_an_option_set_can_be_replaced():
    given = [{"value": 1, "label": "Net 30"}, {"value": 9, "label": "2% 5; Net 90"}]
    catalog = load_catalog(option_sets={"account.paymenttermscode": given})
    assert catalog.option_sets["account.paymenttermscode"] == (
        Option(1, "Net30", "Net 30"),
        Option(9, "2%5Net90", "2% 5; Net 90"),
    )
    assert len(catalog.option_sets["invoice.paymenttermscode"]) == 4
    assert load_catalog().option_sets["account.paymenttermscode"][1].name == "2%10Net30"


def test_the_catalogue_is_read_once_quickly_and_cannot_be_changed():
    _shipped.cache_clear()
    _default.cache_clear()
    start = time.perf_counter()
    catalog = load_catalog()
    assert time.perf_counter() - start < 0.5
    assert load_catalog() is catalog
    with pytest.raises(TypeError):
        catalog.mappings["X"] = MAPPINGS[0]
    with pytest.raises(TypeError):
        catalog.nav["Customer"].columns["X"] = catalog.nav["Customer"].columns["No."]


def test_minimum_and_constants():
    assert row_of("ITEM-PRODUCT", "Unit Price", "price").minimum == 0
    assert row_of("SALESPRC-PRODPRICE", "", "pricingmethodcode").constant == "Currency Amount"
    assert row_of("POSTEDSALESLINE-INV", "", "ispriceoverridden").constant == "true"
    [template] = CATALOG.mappings["CUSTOMER"].templates["to_crm"]
    assert (template.sets, template.where) == ({"customertypecode": 3}, ())
    assert Decimal(0) == CATALOG.mappings["ITEM-PRODUCT"].fields[2].minimum
