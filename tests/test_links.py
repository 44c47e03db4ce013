"""Where links lead, why there is none, and that no record's text gets into an address."""

from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.catalog import load_catalog
from navcrm_recon.documents.links import parse_link
from navcrm_recon.errors import DataError, NotFoundError
from navcrm_recon.frames import TEXT, join_key
from navcrm_recon.recon.addresses import TEST_MARKER, nav_client, page_start, server_address
from navcrm_recon.recon.links import PAGES, TABLES, crm_urls, nav_urls

CATALOG = load_catalog()
SERVERS = {"server_address": "https://crm.example", "nav_web_client": "https://nav.example/NAV"}
ORDER = {"Document Type": "Order", "No.": "101001"}
ORDERED = {"mapping": "SALES ORDER", "nav_key": "Order, 101001", "crm_id": "ord-1"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)


def texts(*values):
    return pd.Series(values, dtype=TEXT)


@pytest.mark.parametrize("entity", sorted(TABLES))
def test_every_entity_of_the_list_has_a_link_by_name_and_id(entity):
    """NVG-003: a case, an opportunity and a quote are listed in NAV, and coupled to nothing."""
    (url,) = crm_urls("https://crm.example/", CATALOG.crm[entity], texts("{abc-1}"))
    assert url == (
        f"https://crm.example/main.aspx?pagetype=entityrecord&etn={entity}&id=%7Babc-1%7D"
    )


def test_every_table_of_the_list_has_a_page():
    assert {table for tables in TABLES.values() for table in tables} == set(PAGES)


def test_braces_around_an_id_change_nothing():
    account, ids = CATALOG.crm["account"], texts("{abc-1}", "abc-1", "")
    assert crm_urls("https://crm.example", account, ids).tolist() == [
        *["https://crm.example/main.aspx?pagetype=entityrecord&etn=account&id=%7Babc-1%7D"] * 2,
        "",
    ]


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_what_is_no_id_stays_one_value_of_the_address(ids):
    urls = crm_urls("https://crm.example", CATALOG.crm["account"], texts(*ids))
    for url in urls[urls.ne("")]:
        assert url.isascii()
        assert urlsplit(url).fragment == ""
        assert urlsplit(url).query.count("&") == 2


@given(TEXTS, TEXTS)
def test_a_key_can_be_read_back_from_the_filter_of_its_link(code, company):
    key = join_key([texts("Order"), texts(code)]).iloc[0]
    table = CATALOG.nav["Sales Header"]
    (url,) = nav_urls("https://nav.example/NAV?tenant=a", company, table, texts(key))
    assert url.isascii()
    page, own, found = urlsplit(url).query.split("&")[1:]
    assert (page, unquote(own)) == ("page=42", f"company={company}")
    start = "filter='Document-Type'-IS-'Order'-AND-'No.'-IS-'"
    assert found.startswith(start)
    assert unquote(found.removeprefix(start).removesuffix("'")) == code.replace("'", "''")


@given(st.uuids(), st.sampled_from(sorted(TABLES)), st.booleans())
def test_a_link_of_the_solution_is_read_whatever_its_case(crm_id, entity, upper):
    text = f"CRMID:{{{crm_id}}};CRMType:{entity}"
    assert parse_link(text.upper() if upper else text) == (entity, str(crm_id))


@pytest.mark.parametrize(
    "text", ["", "account", "CRMID:{};CRMType:", "CRMID:{a};CRMType:acc-ount", "CRMType:account"]
)
def test_another_text_is_an_incorrectly_formatted_filter(text):
    with pytest.raises(DataError, match="filter .* incorrectly formatted") as caught:
        parse_link(text)
    assert caught.value.field == "filter"


@pytest.mark.parametrize("crm_id", ["{}", "{10000}", "{0f8fad5b-d9cb-469f-a165-70867728950}"])
def test_an_id_that_is_no_guid_is_incorrectly_formatted(crm_id):
    with pytest.raises(DataError, match="id .* incorrectly formatted") as caught:
        parse_link(f"CRMID:{crm_id};CRMType:account")
    assert caught.value.field == "id"


def pair(build, nav, crm, coupling, **setup):
    return build(setup=SERVERS | setup, nav=nav, crm=crm, couplings=[coupling])


class TestFromNav:
    def test_a_coupled_customer_has_a_link_by_mapping_or_table(self, build):
        customer = {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1"}
        world = pair(build, {"Customer": [{"No.": "10000"}]}, {}, customer)
        link = world.workspace.crm_link("CUSTOMER", "10000")
        assert link == world.workspace.crm_link("Customer", "10000")
        assert (link.mapping, link.crm_id) == ("CUSTOMER", world.handles.id("acc-1"))
        assert f"etn=account&id=%7B{link.crm_id}%7D" in link.url

    def test_an_uncoupled_one_is_told_to_be(self, build):
        """T25."""
        ws = build(setup=SERVERS, nav={"Customer": [{"No.": "10000"}]}).workspace
        link = ws.crm_link("CUSTOMER", "10000")
        assert (link.url, link.reason) == ("", "not_coupled")
        assert "couple 'CUSTOMER'" in link.message

    def test_a_mapping_that_is_off_is_told_to_be(self, build):
        """NVG-001: a table without a mapping."""
        ws = build(setup=SERVERS).workspace
        assert "switched off" in ws.crm_link("OPPORTUNITY", "OP1").message

    @pytest.mark.parametrize("name", ["Vendor", "Payment Terms", "PAYMENT TERMS", "Sales Price"])
    def test_other_tables_have_no_counterpart(self, build, name):
        """NV1."""
        assert build(setup=SERVERS).workspace.crm_link(name, "1").reason == "not_integrated"

    def test_what_is_no_table_is_not_found(self, build):
        with pytest.raises(NotFoundError, match="Did you mean 'Customer'"):
            build().workspace.crm_link("Custmer", "1")

    def test_without_an_address_the_pair_is_told_all_the_same(self, build):
        customer = {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1"}
        world = build(nav={"Customer": [{"No.": "10000"}]}, couplings=[customer])
        link = world.workspace.crm_link("CUSTOMER", "10000")
        assert (link.url, link.reason) == ("", "no_address")
        assert link.crm_id == world.handles.id("acc-1")

    def test_a_sales_order_that_crm_deleted_is_uncoupled(self, build):
        """P6."""
        world = pair(build, {"Sales Header": [ORDER]}, {}, ORDERED)
        link = world.workspace.crm_link("Sales Header", "Order, 101001")
        assert (link.url, link.reason) == ("", "gone")
        assert "removed" in link.message
        assert len(world.workspace._scene.store.coupling_records("SALES ORDER")) == 0
        assert world.workspace.jobs().iloc[0][["type", "uncoupled"]].tolist() == ["uncoupling", 1]
        assert world.workspace.crm_link("SALES ORDER", "Order, 101001").reason == "not_coupled"


class TestFromCrm:
    def test_a_product_leads_to_its_item_and_then_to_its_resource(self, build):
        """RD4."""
        both = [
            {"mapping": "RESOURCE-PRODUCT", "nav_key": "LINA", "crm_id": "pro-1"},
            {"mapping": "ITEM-PRODUCT", "nav_key": "1000", "crm_id": "pro-1"},
        ]
        goods = {"Item": [{"No.": "1000"}], "Resource": [{"No.": "LINA"}]}
        world = build(setup=SERVERS, nav=goods, couplings=both)
        product = world.handles.id("pro-1")
        assert "page=30" in world.workspace.nav_link("Product", product).url
        world.workspace.uncouple("ITEM-PRODUCT", nav_keys=["1000"])
        assert "page=76" in world.workspace.follow_link(f"crmid:{{{product}}};crmtype:product").url

    @pytest.mark.parametrize("entity", ["account", "incident", "quote", "something"])
    def test_what_is_not_coupled_is_told_so(self, build, entity):
        """RD3, RD5."""
        world = build(setup=SERVERS)
        assert world.workspace.nav_link(entity, world.handles.id("a")).reason == "not_coupled"

    def test_without_the_solution_there_is_no_way(self, build):
        """T26."""
        customer = {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1"}
        nav = {"Customer": [{"No.": "10000"}]}
        world = pair(build, nav, {}, customer, solution_installed=False)
        link = world.workspace.nav_link("account", world.handles.id("acc-1"))
        assert (link.url, link.reason) == ("", "no_solution")
        assert "solution" in link.message

    def test_a_customer_that_nav_deleted_stays_coupled(self, build):
        customer = {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1"}
        world = pair(build, {}, {}, customer)
        assert world.workspace.nav_link("account", world.handles.id("acc-1")).reason == "gone"
        assert len(world.workspace._scene.store.coupling_records("CUSTOMER")) == 1

    def test_a_renamed_customer_is_found(self, build):
        customer = {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1"}
        world = pair(build, {"Customer": [{"No.": "10000"}]}, {}, customer)
        world.take("edit_nav", {"table": "Customer", "key": "10000", "set": {"No.": "10001"}})
        link = world.workspace.nav_link("account", world.handles.id("acc-1"))
        assert link.url.endswith("'No.'-IS-'10001'")

    def test_a_sales_order_leads_to_its_nav_order(self, build):
        """RD7."""
        world = pair(build, {"Sales Header": [ORDER]}, {}, ORDERED)
        link = world.workspace.nav_link("salesorder", world.handles.id("ord-1"))
        assert "page=42" in link.url
        assert link.url.endswith("'Document-Type'-IS-'Order'-AND-'No.'-IS-'101001'")

    def test_a_sales_order_that_nav_deleted_is_uncoupled(self, build):
        """P6."""
        world = pair(build, {}, {}, ORDERED)
        link = world.workspace.nav_link("salesorder", world.handles.id("ord-1"))
        assert link.reason == "gone"
        assert "create it again" in link.message
        assert len(world.workspace._scene.store.coupling_records("SALES ORDER")) == 0

    def test_one_that_was_invoiced_stays_coupled_lest_it_is_made_twice(self, build):
        invoice = {"Sales Invoice Header": [{"No.": "103001", "Order No.": "101001"}]}
        world = pair(build, invoice, {}, ORDERED)
        link = world.workspace.nav_link("salesorder", world.handles.id("ord-1"))
        assert (link.reason, "103001" in link.message) == ("posted", True)
        assert len(world.workspace._scene.store.coupling_records("SALES ORDER")) == 1


class TestAddresses:
    @pytest.mark.parametrize(
        ("given", "used"),
        [
            ("", ""),
            (TEST_MARKER, TEST_MARKER),
            ("crm.example", "https://crm.example"),
            (" https://crm.example/ ", "https://crm.example"),
            ("http://crm.example", "http://crm.example"),
            ("crm.example:5555/organisation", "https://crm.example:5555/organisation"),
            ("HTTPS://crm.example", "HTTPS://crm.example"),
        ],
    )
    def test_what_is_given_is_used_like_this(self, given, used):
        assert (server_address(given).url, server_address(given).problem) == (used, "")

    @pytest.mark.parametrize(
        "given",
        ["ftp://crm.example", "javascript:alert(1)", "https://", "https://a b", "crm:port",
         "https://crm.exa\nmple", "https://ann:secret@crm.example", "file:///etc/passwd",
         'https://crm.example/"><script>'],
    )  # fmt: skip
    def test_what_is_no_web_address_is_refused_without_being_shown(self, given):
        address = server_address(given)
        assert address.problem
        assert "secret" not in address.problem
        assert crm_urls(given, CATALOG.crm["account"], texts("abc")).tolist() == [""]

    @pytest.mark.parametrize(
        ("given", "shorter"),
        [
            ("https://crm.example/main.aspx", "https://crm.example"),
            ("https://crm.example:443/org", "https://crm.example:443"),
            ("http://crm.example:80/org", "http://crm.example:80"),
            ("https://crm.example:5555/org", ""),
            ("https://crm.example", ""),
        ],
    )
    def test_a_path_at_a_usual_port_may_be_one_too_many(self, given, shorter):
        assert server_address(given).shorter == shorter

    @pytest.mark.parametrize(
        ("client", "start"),
        [
            ("DynamicsNAV://", "DynamicsNAV:////CRONUS%20Ltd./runpage?page=42&$filter="),
            ("DynamicsNAV:////Other/", "DynamicsNAV:////Other/runpage?page=42&$filter="),
            ("DynamicsNAV://host", "DynamicsNAV://host//CRONUS%20Ltd./runpage?page=42&$filter="),
            (
                "DynamicsNAV://host:7046/DynamicsNAV110",
                "DynamicsNAV://host:7046/DynamicsNAV110/CRONUS%20Ltd./runpage?page=42&$filter=",
            ),
            ("https://host:8080/NAV", "https://host:8080/NAV/?page=42&company=CRONUS%20Ltd.&filter="),
            ("https://host/NAV?tenant=a&", "https://host/NAV?tenant=a&page=42&company=CRONUS%20Ltd.&filter="),
            ("https://host/NAV?", "https://host/NAV/?page=42&company=CRONUS%20Ltd.&filter="),
        ],
    )  # fmt: skip
    def test_a_page_is_opened_in_the_form_of_the_client(self, client, start):
        """WL1, WL4 to WL7."""
        assert nav_client(client).problem == ""
        assert page_start(client, "CRONUS Ltd.", 42) == start
