"""What is looked at in the setup of both products, and what is said of it (documents 9)."""

from decimal import Decimal

import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.cli import main
from navcrm_recon.documents.setup.rules import (
    rounding_precision,
    user_name_problem,
    version_is_acceptable,
)
from navcrm_recon.errors import ConfigError
from navcrm_recon.frames import SCHEMAS
from navcrm_recon.scenarios.databases import COMPANY

LCY = {"Primary Key": "", "LCY Code": "GBP", "Amount Rounding Precision": "0.01"}
POUND = {"transactioncurrencyid": "gbp", "isocurrencycode": "GBP", "currencyprecision": 2}
DOLLAR = {"transactioncurrencyid": "usd", "isocurrencycode": "USD", "currencyprecision": 2}
ROBOT = {
    "systemuserid": "robot", "fullname": "Robot", "internalemailaddress": "robot@crm.example",
    "islicensed": True, "isintegrationuser": True, "accessmode": 4,
}  # fmt: skip
SALES = {
    "Primary Key": "", "Order Nos.": "S-ORD", "Freight G/L Acc. No.": "6710",
    "Write-in Product Type": "Resource", "Write-in Product No.": "MISC",
}  # fmt: skip
NAV = {
    "General Ledger Setup": [LCY],
    "Sales & Receivables Setup": [SALES],
    "No. Series": [{"Code": "S-ORD"}],
    "G/L Account": [{"No.": "6710", "Direct Posting": True}],
    "Resource": [{"No.": "MISC"}],
}
CRM = {
    "organization": [
        {"organizationid": "org", "basecurrencyid": "gbp", "issopintegrationenabled": True}
    ],
    "transactioncurrency": [POUND],
    "systemuser": [ROBOT],
    "nav_connection": [{"nav_dynamicsnavurl": "https://nav.example/NAV"}],
}  # fmt: skip
SETUP = {
    "integration_user": "robot", "server_address": "https://crm.example",
    "nav_web_client": "https://nav.example/NAV", "sales_order_integration": True,
}  # fmt: skip


@pytest.fixture
def checks(build):
    """Give what a setup comes to, as ``check: verdict, found`` of what is not fine."""

    def look(nav=None, crm=None, setup=None, **given):
        world = build(nav=NAV | (nav or {}), crm=CRM | (crm or {}), setup=SETUP | (setup or {}),
                      **given)  # fmt: skip
        found = world.workspace.setup_checks()
        assert {name: found[name].dtype for name in found} == SCHEMAS["setup_checks"]
        open_ones = found[found["verdict"].ne("ok")]
        assert open_ones["remedy"].ne("").all()
        rows = zip(open_ones["check"], open_ones["verdict"], open_ones["found"], strict=True)
        return {check: (verdict, told) for check, verdict, told in rows}

    return look


def test_a_setup_that_fits_has_nothing_open(checks):
    assert checks() == {}


class TestCurrency:
    def test_another_base_currency_is_an_error(self, checks):
        """LCYMustMatchBaseCurrency."""
        organization = CRM["organization"][0] | {"basecurrencyid": "usd"}
        found = checks(crm={"organization": [organization], "transactioncurrency": [POUND, DOLLAR]})
        assert found == {"base_currency": ("error", "USD")}

    def test_a_local_currency_crm_does_not_know_is_an_error(self, checks):
        """CUR-005."""
        found = checks(crm={"organization": [], "transactioncurrency": [DOLLAR]})
        assert found == {
            "base_currency": ("error", "GBP matches no ISO currency code in CRM"),
        }

    def test_without_an_organization_the_local_currency_is_taken_for_the_base(self, checks):
        assert checks(crm={"organization": []}) == {}

    def test_without_any_currency_it_will_be_made(self, checks):
        found = checks(crm={"organization": [], "transactioncurrency": []})
        assert found == {"base_currency": ("warning", "none")}

    def test_a_blank_local_currency_is_an_error(self, checks):
        """LC3."""
        found = checks(nav={"General Ledger Setup": [LCY | {"LCY Code": ""}]})
        assert found == {"local_currency": ("error", "blank")}

    def test_fewer_decimals_in_crm_lose_some(self, checks):
        pound = POUND | {"currencyprecision": 1}
        assert checks(crm={"transactioncurrency": [pound]}) == {
            "currency_precision": ("warning", "rounds to 0.1")
        }

    @pytest.mark.parametrize(
        ("decimals", "precision"), [(0, "1"), (1, "0.1"), (2, "0.01"), (10, "0.0000000001")]
    )
    def test_amounts_are_rounded_to_the_decimals_of_the_base_currency(self, decimals, precision):
        """CUR-006."""
        assert rounding_precision(decimals) == Decimal(precision)

    @given(st.integers(0, 10))
    def test_so_many_decimals_and_no_more(self, decimals):
        assert Decimal("1.23456789012").quantize(rounding_precision(decimals)).as_tuple()[2] == (
            -decimals
        )


class TestIntegrationUser:
    @pytest.mark.parametrize(
        ("change", "verdict", "told"),
        [
            ({"isdisabled": True}, "error", "disabled"),
            ({"islicensed": False}, "warning", "licence"),
            ({"accessmode": 0}, "warning", "by hand"),
            ({"isintegrationuser": False}, "warning", "integration user"),
        ],
    )
    def test_what_does_not_fit_is_told(self, checks, change, verdict, told):
        """IU5."""
        found = checks(crm={"systemuser": [ROBOT | change]})
        assert list(found) == ["integration_user"]
        assert found["integration_user"][0] == verdict
        assert told in found["integration_user"][1]

    def test_one_crm_does_not_have_is_an_error(self, checks):
        found = checks(crm={"systemuser": []})
        assert found["integration_user"][0] == "error"

    def test_none_is_a_warning(self, build):
        found = build(nav=NAV, crm=CRM).workspace.setup_checks().set_index("check")
        assert found.loc["integration_user", "verdict"] == "warning"

    def test_nav_signs_in_as_the_same(self, checks):
        """IU3."""
        nav = {"Server Address": "https://crm.example", "User Name": "ann@crm.example"}
        found = checks(nav={"CRM Connection Setup": [nav]})
        assert found == {"integration_user": ("warning", "ann@crm.example")}
        nav |= {"User Name": "robot@crm.example"}
        assert checks(nav={"CRM Connection Setup": [nav]}) == {}

    @pytest.mark.parametrize(
        ("name", "server", "fine"),
        [
            ("robot@larkmoor.example", "https://larkmoor.crm.dynamics.com", True),
            ("LARKMOOR\\robot", "https://larkmoor.crm.dynamics.com", False),
            ("LARKMOOR\\robot", "https://crm.larkmoor.example", True),
            ("robot", "https://crm.larkmoor.example", False),
            ("", "https://crm.larkmoor.example", True),
        ],
    )
    def test_a_name_has_the_form_its_server_asks_for(self, name, server, fine):
        assert (user_name_problem(name, server) == "") is fine


class TestVersion:
    @pytest.mark.parametrize(
        ("version", "fits"),
        [("6.1", False), ("7.0", True), ("7.1", False), ("7.1.0.1059", False), ("8.2", True),
         ("8.2.2.112", True), ("9.0", True), ("10.0", True), ("", False), ("nine", False),
         ("9", False)],
    )  # fmt: skip
    def test_nav_works_with_these(self, version, fits):
        """T28."""
        assert version_is_acceptable(version) is fits

    def test_it_stops_nobody(self, checks):
        nav = {"Is Enabled": True, "CRM Version": "7.1"}
        found = checks(nav={"CRM Connection Setup": [nav]})
        assert found["crm_version"] == ("warning", "7.1")
        assert found["nav_integration"] == ("warning", "yes")


class TestSolution:
    def test_what_the_setup_denies_is_told(self, checks):
        found = checks(setup={"solution_installed": False, "sales_order_integration": False},
                       crm={"organization": []})  # fmt: skip
        assert found["solution"] == ("warning", "installed, the setup says not")

    def test_another_nav_address_in_crm_is_told(self, checks):
        """NC2, SC5."""
        there = [{"nav_dynamicsnavurl": "https://old.example/NAV"}]
        found = checks(crm={"nav_connection": there})
        assert found == {"nav_web_client": ("warning", "https://old.example/NAV")}
        assert checks(crm={"nav_connection": []}) == {"nav_web_client": ("warning", "blank")}


class TestSalesOrders:
    def test_crm_switched_the_other_way_is_told(self, checks):
        """SO-7."""
        organization = CRM["organization"][0] | {"issopintegrationenabled": False}
        found = checks(crm={"organization": [organization]})
        assert found == {"sales_orders": ("warning", "off; the setup says on")}

    def test_switched_off_in_the_file_while_orders_wait_is_an_error(self, checks):
        """T27, for who edits the workspace file."""
        orders = [{"salesorderid": "ord-1", "statecode": 1}, {"salesorderid": "ord-2"}]
        setup = {"sales_order_integration": False, "auto_create_sales_orders": True}
        found = checks(crm={"salesorder": orders, "organization": []}, setup=setup)
        assert found["sales_orders"] == ("warning", "on, and sales orders are off")
        only = checks(crm={"salesorder": orders, "organization": []},
                      setup={"sales_order_integration": False})  # fmt: skip
        assert only == {"sales_orders": ("error", "off, and CRM has submitted sales orders: 1")}

    @pytest.mark.parametrize(
        ("change", "check", "verdict"),
        [
            ({"Order Nos.": ""}, "order_numbers", "error"),
            ({"Order Nos.": "OTHER"}, "order_numbers", "warning"),
            ({"Freight G/L Acc. No.": ""}, "freight_account", "warning"),
            ({"Freight G/L Acc. No.": "9999"}, "freight_account", "warning"),
            ({"Freight G/L Acc. No.": "6720"}, "freight_account", "warning"),
            ({"Write-in Product No.": ""}, "write_in_product", "warning"),
            ({"Write-in Product No.": "GONE"}, "write_in_product", "warning"),
            (
                {"Write-in Product Type": "Item", "Write-in Product No.": "1000"},
                "write_in_product", "warning",
            ),
        ],
    )  # fmt: skip
    def test_what_nav_orders_need_is_missed(self, checks, change, check, verdict):
        """H2, F2, W1, W2."""
        accounts = [*NAV["G/L Account"], {"No.": "6720", "Direct Posting": False}]
        nav = {
            "Sales & Receivables Setup": [SALES | change],
            "G/L Account": accounts,
            "Item": [{"No.": "1000", "Type": "Inventory"}],
        }
        found = checks(nav=nav)
        assert {name: told[0] for name, told in found.items()} == {check: verdict}

    def test_a_service_item_may_be_the_write_in(self, checks):
        setup = SALES | {"Write-in Product Type": "Item", "Write-in Product No.": "1000"}
        nav = {"Sales & Receivables Setup": [setup], "Item": [{"No.": "1000", "Type": "Service"}]}
        assert checks(nav=nav) == {}

    def test_a_write_in_that_is_coupled_stands_for_a_product(self, checks):
        """W4."""
        couplings = [{"mapping": "RESOURCE-PRODUCT", "nav_key": "MISC", "crm_id": "pro-1"}]
        found = checks(couplings=couplings)
        assert found["write_in_product"][0] == "warning"
        assert "coupled" in found["write_in_product"][1]

    def test_switched_off_nothing_of_it_is_needed(self, checks):
        found = checks(nav={"Sales & Receivables Setup": [{}]}, crm={"organization": []},
                       setup={"sales_order_integration": False})  # fmt: skip
        assert found == {}

    def test_mappings_that_orders_need_are_on(self, checks):
        found = checks(mappings={"ITEM-PRODUCT": {"enabled": False}})
        assert found == {"mappings": ("warning", "switched off: ITEM-PRODUCT")}


def test_navs_users_are_said_not_to_be_compared(checks):
    assert checks(setup={"user_mapping": True}) == {"user_mapping": ("warning", "on; not checked")}


def drop(world, side, name):
    engine = sa.create_engine(world._urls[side], poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table in sa.inspect(connection).get_table_names():
            if table == name or table.endswith(f"${name}"):
                connection.execute(sa.text(f'DROP TABLE "{table}"'))


@pytest.mark.parametrize(
    ("side", "table", "check"),
    [
        ("nav", "General Ledger Setup", "readable"),
        ("nav", "Sales & Receivables Setup", "readable"),
        ("nav", "No_ Series", "readable"),
        ("nav", "CRM Connection Setup", "readable"),
        ("crm", "organization", "readable"),
        ("crm", "transactioncurrency", "readable"),
        ("nav", "G_L Account", "readable"),
        ("crm", "systemuser", "readable"),
        ("crm", "salesorder", "readable"),
        ("crm", "nav_connection", "solution"),
        ("crm", "nav_accountstatistics", "solution"),
    ],
)
def test_a_table_that_is_missing_is_a_finding(build, side, table, check):
    """SC2: what cannot be read, for whatever reason, is not there."""
    world = build(nav=NAV, crm=CRM, setup=SETUP)
    drop(world, side, table)
    found = world.workspace.setup_checks()
    open_ones = found[found["verdict"].ne("ok")]
    assert open_ones["check"].tolist() == [check]
    assert open_ones["verdict"].item() == ("error" if check == "solution" else "warning")


def test_a_missing_column_is_a_finding(build):
    world = build(nav=NAV, crm=CRM, setup=SETUP)
    engine = sa.create_engine(world._urls["crm"], poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE organization DROP COLUMN issopintegrationenabled"))
    found = world.workspace.setup_checks()
    lost = found[found["verdict"].eq("warning")]
    assert lost["found"].tolist() == ["not read: organization, issopintegrationenabled"]


class TestChanging:
    def test_settings_are_told_as_they_are_now(self, build):
        ws = build(setup={"sales_order_integration": True}).workspace
        assert ws.set_setup({"server_address": "crm.example/"}) == {
            "sales_order_integration": True,
            "server_address": "https://crm.example",
        }
        assert ws.config.setup["server_address"] == "https://crm.example"

    @pytest.mark.parametrize(
        "change", [{"server": "x"}, {"sales_order_integration": "yes"}, {"nav_web_client": 1}]
    )
    def test_unknown_keys_and_wrong_types_are_refused(self, build, change):
        with pytest.raises(ConfigError, match=f"setup.{next(iter(change))}"):
            build().workspace.set_setup(change)

    def test_a_refused_change_names_its_setting_and_changes_nothing(self, build):
        submitted = {"salesorder": [{"salesorderid": "a", "statecode": 1}]}
        ws = build(setup={"sales_order_integration": True}, crm=submitted).workspace
        with pytest.raises(ConfigError) as caught:
            ws.set_setup({"sales_order_integration": False, "account_posts": True})
        assert caught.value.field == "sales_order_integration"
        assert ws.config.setup == {"sales_order_integration": True}

    def test_orders_off_take_making_them_along(self, build):
        on = {"sales_order_integration": True, "auto_create_sales_orders": True}
        off = build(setup=on).workspace.set_setup({"sales_order_integration": False})
        assert off == dict.fromkeys(on, False)

    def test_what_goes_to_crm_is_in_the_log(self, build):
        organization = {"organizationid": "org", "issopintegrationenabled": False}
        ws = build(crm={"organization": [organization]}).workspace
        ws.set_setup({"sales_order_integration": True})
        written = ws.writes()[["side", "field", "old", "new"]].to_numpy().tolist()
        assert written == [["crm", "issopintegrationenabled", "false", "true"]]
        assert ws.jobs()["modified"].tolist() == [1]


def test_the_command_line_ends_with_1_on_an_error(build, tmp_path, capsys):
    world = build(nav=NAV, crm=CRM | {"transactioncurrency": [DOLLAR], "organization": []})
    file = tmp_path / "workspace.yaml"
    urls = world._urls
    sides = {side: {"kind": "sql", "url": urls[side]} for side in ("nav", "crm")}
    settings = {"company": COMPANY, **sides, "state": {"url": urls["state"]}}
    file.write_text(yaml.safe_dump(settings))
    assert main(["check", "--workspace", str(file)]) == 1
    out = capsys.readouterr().out
    assert "GBP matches no ISO currency code in CRM" in out
    assert "error: base_currency: Add the currency GBP to CRM" in out
