"""A user's mapping file: how it changes the shipped mappings, and what it is refused for."""

from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.catalog import Condition, load_catalog
from navcrm_recon.catalog.check import find_cycle
from navcrm_recon.catalog.grammar import Draft
from navcrm_recon.catalog.load import dependency_order, option_name
from navcrm_recon.errors import ConfigError

MACHINES = """
MACHINE:
  nav:
    table: Machine
    id: 50000
    key: [No.]
    name: Description
    columns:
      No.: Code[20]
      Description: Text[50]
      Owner No.: Code[20]
      Hours: Decimal
      Bought: Date
      Status: {type: Option, options: [Idle, Running]}
  crm:
    entity: new_machine
    name: new_name
    columns:
      new_name: string(100)
      new_ownerid: lookup(account)
      new_hours: decimal
      new_bought: date
      new_status: {type: picklist, options: {0: Idle, 1: Running}}
  direction: both
  depends_on: [CUSTOMER]
  filters:
    nav: [{field: Status, op: ne, value: idle}]
  fields:
    - {nav: Description, crm: new_name}
    - {nav: Owner No., crm: new_ownerid}
    - {nav: Hours, crm: new_hours}
    - {nav: Bought, crm: new_bought}
    - {nav: Status, crm: new_status}
"""


def changed(text: str):
    return load_catalog(yaml.safe_load(text), source="mappings.yaml")


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        changed(text)
    assert all(problem.startswith("mappings.yaml: ") for problem in caught.value.problems)
    return [problem.removeprefix("mappings.yaml: ") for problem in caught.value.problems]


def test_settings_replace_the_shipped_ones():
    mapping = changed(
        """
        CUSTOMER:
          direction: to_crm
          synch_only_coupled: false
          update_conflict: merge
          job: {interval_minutes: 5}
        """
    ).mappings["CUSTOMER"]
    assert (mapping.direction, mapping.synch_only_coupled) == ("to_crm", False)
    assert (mapping.update_conflict, mapping.deletion_conflict) == ("merge", "none")
    assert mapping.job == {"interval_minutes": 5}


def test_a_mappings_direction_leaves_its_rows_alone():
    rows = changed("CUSTOMER: {direction: to_crm}").mappings["CUSTOMER"].fields
    assert rows == load_catalog().mappings["CUSTOMER"].fields


def test_rows_of_an_option_mapping_go_where_the_mapping_goes():
    (row,) = changed("PAYMENT TERMS: {direction: to_crm}").mappings["PAYMENT TERMS"].fields
    assert row.direction == "to_crm"


def test_filters_replace_only_the_side_given():
    shipped = load_catalog().mappings["CUSTOMER"].filters
    mapping = changed(
        "CUSTOMER: {filters: {nav: [{field: Blocked, op: in, value: [Ship, 2]}]}}"
    ).mappings["CUSTOMER"]
    assert mapping.filters["nav"] == (Condition("Blocked", "in", (1, 2)),)
    assert mapping.filters["crm"] == shipped["crm"]
    assert changed("CUSTOMER: {filters: {crm: []}}").mappings["CUSTOMER"].filters["crm"] == ()


def test_a_known_pair_is_changed_where_it_stands():
    rows = changed("CUSTOMER: {fields: [{nav: Name, crm: name, direction: to_crm}]}")
    shipped = load_catalog().mappings["CUSTOMER"].fields
    found = rows.mappings["CUSTOMER"].fields
    assert [row.pair for row in found] == [row.pair for row in shipped]
    assert (found[2].direction, shipped[2].direction) == ("to_crm", "both")


def test_a_row_can_be_switched_off_and_another_on():
    mapping = changed(
        """
        CUSTOMER:
          fields:
            - {nav: Fax No., crm: fax, enabled: false}
            - {nav: No., crm: accountnumber, enabled: true}
        """
    ).mappings["CUSTOMER"]
    pairs = [row.pair for row in mapping.enabled_fields]
    assert ("Fax No.", "fax") not in pairs
    assert ("No.", "accountnumber") in pairs


def test_a_new_pair_comes_last_and_takes_the_mappings_direction():
    row = (
        changed("CUSTOMER: {fields: [{nav: Name 2, crm: address1_name}]}")
        .mappings["CUSTOMER"]
        .fields[-1]
    )
    assert (row.pair, row.direction, row.transfer) == (("Name 2", "address1_name"), "both", "text")


def test_a_column_of_ones_own_can_be_mapped():
    mapping = changed(
        """
        CUSTOMER:
          nav: {columns: {Loyalty Points: Integer}}
          crm: {columns: {new_points: integer, name: string(200)}}
          fields: [{nav: Loyalty Points, crm: new_points}]
        """
    ).mappings["CUSTOMER"]
    assert mapping.fields[-1].transfer == "number"
    assert mapping.fields[2].crm.length == 200
    assert "Loyalty Points" in mapping.columns("nav")
    assert "new_points" not in load_catalog().crm["account"].columns


def test_switching_a_mapping_off_leaves_the_references_to_it():
    mappings = changed("CURRENCY: {enabled: false}").mappings
    assert not mappings["CURRENCY"].enabled
    assert [row.via for row in mappings["CUSTOMER"].fields if row.blank == "local_currency"] == [
        "CURRENCY"
    ]


def test_a_table_and_an_entity_of_ones_own_are_mapped_by_yaml_alone():
    catalog = changed(MACHINES)
    mapping = catalog.mappings["MACHINE"]
    assert list(catalog.mappings)[-1] == "MACHINE"
    assert (mapping.nav.id, mapping.nav.key, mapping.nav_name) == (50000, ("No.",), "Description")
    assert (mapping.crm.key, mapping.crm.entity_set) == (("new_machineid",), "new_machines")
    assert mapping.crm.columns["modifiedon"].kind == "datetime"
    assert mapping.nav.columns["timestamp"].kind == "rowversion"
    assert mapping.filters["nav"] == (Condition("Status", "ne", 0),)
    assert [(row.transfer, row.via, row.direction) for row in mapping.fields] == [
        ("text", None, "both"),
        ("coupled_lookup", "CUSTOMER", "both"),
        ("number", None, "both"),
        ("date", None, "both"),
        ("number", None, "both"),
    ]
    assert "Machine" not in load_catalog().nav


def test_an_option_mapping_of_ones_own_serves_fields_of_its_attribute():
    catalog = changed(
        """
        REGION:
          nav:
            table: Region
            id: 50001
            key: [Code]
            columns: {Code: "Code[10]"}
          crm:
            entity: account
            option: new_region
            columns: {new_region: {type: picklist, options: {1: North East, 2: South}}}
          direction: to_nav
          fields: [{nav: Code, crm: new_region}]
        CUSTOMER:
          fields: [{nav: Territory Code, crm: new_region, direction: to_crm}]
        """
    )
    assert catalog.mappings["REGION"].fields[0].transfer == "option_record"
    row = catalog.mappings["CUSTOMER"].fields[-1]
    assert (row.transfer, row.via) == ("option_via_coupling", "REGION")
    assert [option.name for option in catalog.option_sets["account.new_region"]] == [
        "NorthEast",
        "South",
    ]


def test_a_second_mapping_of_an_entity_leaves_the_shipped_references():
    catalog = changed(
        """
        VENDOR:
          nav: {table: Vendor, name: Name}
          crm: {entity: account, name: name}
          direction: both
          filters: {crm: [{field: customertypecode, value: Vendor}]}
          fields: [{nav: Name, crm: name}]
        """
    )
    assert catalog.mappings["VENDOR"].filters["crm"] == (Condition("customertypecode", "eq", 11),)


def test_yaml_null_is_the_word_null():
    text = "CUSTOMER: {fields: [{nav: Currency Code, crm: transactioncurrencyid, blank: null}]}"
    rows = changed(text).mappings["CUSTOMER"].fields
    assert {row.blank for row in rows if row.via == "CURRENCY"} == {"null"}


@pytest.mark.parametrize(
    ("text", "path", "found", "suggestion"),
    [
        ("CUSTOMR: {direction: both}", "CUSTOMR", "no mapping", "'CUSTOMER'"),
        ("'  ': {direction: both}", "'  '", "needs a name", ""),
        ("CUSTOMER: text", "CUSTOMER", "must be a table of keys, found 'text'", ""),
        ("CUSTOMER: {filter: {}}", "CUSTOMER.filter", "unknown key", "'filters'"),
        ("CUSTOMER: {direction: to_crn}", "CUSTOMER.direction", "'to_crn'", "'to_crm'"),
        ("CUSTOMER: {enabled: 'yes'}", "CUSTOMER.enabled", "must be true or false", ""),
        ("CUSTOMER: {update_conflict: sned}", "CUSTOMER.update_conflict", "'sned'", "'send'"),
        (
            "CUSTOMER: {job: {interval: 1}}",
            "CUSTOMER.job.interval",
            "unknown",
            "'interval_minutes'",
        ),
        ("CUSTOMER: {depends_on: [CURENCY]}", "CUSTOMER.depends_on", "'CURENCY'", "'CURRENCY'"),
        ("CUSTOMER: {nav: {name: Nmae}}", "CUSTOMER.nav.name", "'Nmae'", "'Name'"),
        ("CUSTOMER: {nav: {id: 19}}", "CUSTOMER.nav.id", "'19' does not fit", ""),
        ("CUSTOMER: {auto_match: [nmae]}", "CUSTOMER.auto_match", "'nmae'", "'name'"),
        (
            "CUSTOMER: {templates: {to_crm: {customertypecode: Custmer}}}",
            "CUSTOMER.templates.to_crm.customertypecode",
            "'Custmer' is no option",
            "'Customer'",
        ),
        (
            "CUSTOMER: {fields: [{nav: Nmae, crm: name}]}",
            "CUSTOMER.fields[0].nav",
            "Customer has no column 'Nmae'",
            "'Name'",
        ),
        (
            "CUSTOMER: {fields: [{nav: Name, crm: name}, {nav: City, crm: address1_ctiy}]}",
            "CUSTOMER.fields[1].crm",
            "account has no column 'address1_ctiy'",
            "'address1_city'",
        ),
        (
            "CUSTOMER: {fields: [{nav: Name, crm: name, match: 1}]}",
            "CUSTOMER.fields[0].match",
            "",
            "",
        ),
        ("CUSTOMER: {fields: [{nav: Name}]}", "CUSTOMER.fields[0].crm", "is missing", ""),
        ("CUSTOMER: {fields: [{direction: both}]}", "CUSTOMER.fields[0]", "names no field", ""),
        (
            "CUSTOMER: {fields: [{nav: Name, crm: name, constant: x}]}",
            "CUSTOMER.fields[0].constant",
            "one field only",
            "",
        ),
        (
            "CUSTOMER: {fields: [{crm: statecode, constant: Activ}]}",
            "CUSTOMER.fields[0].constant",
            "'Activ' is no option of statecode",
            "'Active'",
        ),
        (
            "CUSTOMER: {fields: [{crm: description, constant: x, direction: to_nav}]}",
            "CUSTOMER.fields[0].direction",
            "goes to_crm only",
            "",
        ),
        (
            "CUSTOMER: {fields: [{nav: Blocked, crm: name}]}",
            "CUSTOMER.fields[0]",
            "Blocked (option) and name (text) cannot be mapped",
            "",
        ),
        (
            "CUSTOMER: {fields: [{nav: Name, crm: name, transfer: number}]}",
            "CUSTOMER.fields[0].transfer",
            "cannot be mapped as 'number'",
            "",
        ),
        (
            "CUSTOMER: {fields: [{nav: Currency Code, crm: transactioncurrencyid, via: CURENCY}]}",
            "CUSTOMER.fields[0].via",
            "no mapping 'CURENCY'",
            "'CURRENCY'",
        ),
        (
            "CUSTOMER: {fields: [{nav: Currency Code, crm: transactioncurrencyid,"
            " via: PAYMENT TERMS}]}",
            "CUSTOMER.fields[0].via",
            "needs a record mapping",
            "",
        ),
        (
            "CUSTOMER: {fields: [{nav: Territory Code, crm: parentaccountid, rule: nearest}]}",
            "CUSTOMER.fields[0].rule",
            "'nearest' is no rule",
            "",
        ),
        (
            "CONTACT: {fields: [{nav: Company No., crm: parentcustomerid}]}",
            "CONTACT.fields[0].via",
            "CUSTOMER, CONTACT could translate parentcustomerid",
            "",
        ),
        (
            "CUSTOMER: {fields: [{nav: Territory Code, crm: customertypecode}]}",
            "CUSTOMER.fields[0].via",
            "no mapping could",
            "",
        ),
        (
            "CUSTOMER: {fields: [{nav: Balance (LCY), crm: creditlimit}]}",
            "CUSTOMER.fields[0].direction",
            "is calculated in NAV",
            "",
        ),
        (
            "CUSTOMER: {fields: [{nav: Name, crm: name, minimum: 1}]}",
            "CUSTOMER.fields[0].minimum",
            "numbers only",
            "",
        ),
        (
            "CUSTOMER: {filters: {nav: [{field: Blocced, op: eq, value: 0}]}}",
            "CUSTOMER.filters.nav[0].field",
            "'Blocced'",
            "'Blocked'",
        ),
        (
            "CUSTOMER: {filters: {nav: [{op: eq, value: 0}]}}",
            "CUSTOMER.filters.nav[0].field",
            "is missing",
            "",
        ),
        (
            "CUSTOMER: {filters: {nav: [{field: Blocked, op: eq, value: Shp}]}}",
            "CUSTOMER.filters.nav[0].value",
            "Options: 0 (blank), 1 Ship, 2 Invoice, 3 All",
            "'Ship'",
        ),
        (
            "CUSTOMER: {filters: {crm: [{field: statecode, op: eq, value: 7}]}}",
            "CUSTOMER.filters.crm[0].value",
            "'7' is no option of statecode",
            "",
        ),
        (
            "CUSTOMER: {filters: {nav: [{field: Blocked, op: eqq, value: 0}]}}",
            "CUSTOMER.filters.nav[0].op",
            "'eqq'",
            "'eq'",
        ),
        (
            "CUSTOMER: {filters: {nav: [{field: No., op: in, value: A}]}}",
            "CUSTOMER.filters.nav[0].value",
            "in takes a list of values",
            "",
        ),
        (
            "CUSTOMER: {filters: {nav: [{field: No., op: eq, value: 10000}]}}",
            "CUSTOMER.filters.nav[0].value",
            "put it in quotes",
            "",
        ),
        (
            "CUSTOMER: {filters: {crm: [{field: name, op: not_null, value: x}]}}",
            "CUSTOMER.filters.crm[0].value",
            "takes no value",
            "",
        ),
        (
            "CUSTOMER: {filters: {crm: [{field: name, op: eq}]}}",
            "CUSTOMER.filters.crm[0].value",
            "is missing",
            "",
        ),
        ("CUSTOMER: {filters: {bc: []}}", "CUSTOMER.filters.bc", "unknown key", ""),
    ],
)
def test_a_mistake_is_refused_with_its_path_and_the_nearest_name(text, path, found, suggestion):
    (problem,) = problems_of(text)
    where, _, message = problem.partition(": ")
    assert where == path
    assert found in message
    assert f"Did you mean {suggestion}?" in message if suggestion else "Did you mean" not in message


def test_an_option_mapping_cannot_go_both_ways_r1_12():
    assert problems_of("PAYMENT TERMS: {direction: both}") == [
        "PAYMENT TERMS.direction: an option mapping cannot go both ways."
    ]
    text = "PAYMENT TERMS: {fields: [{nav: Code, crm: paymenttermscode, direction: both}]}"
    assert problems_of(text) == [
        "PAYMENT TERMS.fields[0].direction: an option mapping cannot go both ways."
    ]


def test_every_direction_needs_a_field_r1_11():
    (problem,) = problems_of("ITEM-PRODUCT: {direction: both}")
    assert problem.startswith("ITEM-PRODUCT.direction: is both, but no enabled field goes to_nav")
    changed(
        "ITEM-PRODUCT: {direction: both, fields: [{nav: Description, crm: name, direction: both}]}"
    )
    changed("ITEM-PRODUCT: {direction: both, enabled: false}")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{nav: Salesperson Code, crm: ownerid, clear_on_failed_sync: true}", "cannot go with"),
        ("{nav: Primary Contact No., crm: primarycontactid, not_null: true}", "cannot go with"),
        ("{nav: Name, crm: name, not_null: true}", "is for lookups only"),
        ("{nav: Currency Code, crm: transactioncurrencyid, not_null: true}", None),
    ],
)
def test_not_null_is_for_lookups_and_never_with_clearing_fld_008(row, problem):
    text = f"CUSTOMER: {{fields: [{row}]}}"
    if problem is None:
        assert changed(text).mappings["CUSTOMER"].fields[10].not_null
    else:
        (found,) = problems_of(text)
        assert found.startswith("CUSTOMER.fields[0].not_null: ")
        assert problem in found


def test_a_circle_of_dependencies_is_refused_and_named():
    (problem,) = problems_of("CUSTOMER: {depends_on: [CONTACT]}")
    assert (
        problem == "CUSTOMER.depends_on: goes round in a circle: CUSTOMER -> CONTACT -> CUSTOMER."
    )


def test_a_pair_twice_is_refused():
    row = "{nav: Name, crm: name}"
    (problem,) = problems_of(f"CUSTOMER: {{fields: [{row}, {row}]}}")
    assert problem == (
        "CUSTOMER.fields[1]: maps 'Name' and 'name' a second time, after CUSTOMER.fields[0]."
    )


def test_all_mistakes_are_reported_at_once():
    problems = problems_of(
        """
        CUSTOMER: {direction: sideways, fields: [{nav: Nmae, crm: name, colour: red}]}
        CURENCY: {enabled: false}
        """
    )
    paths = ["CUSTOMER.direction", "CUSTOMER.fields[0].colour", "CURENCY", "CUSTOMER.fields[0].nav"]
    assert [problem.partition(": ")[0] for problem in problems] == paths


@pytest.mark.parametrize(
    ("old", "new", "path", "found"),
    [
        ("id: 50000", "", "MACHINE.nav.id", "is missing"),
        ("id: 50000", "id: 18", "MACHINE.nav.id", "18 is the number of Customer already"),
        ("key: [No.]", "", "MACHINE.nav.key", "is missing"),
        ("key: [No.]", "key: [Nr.]", "MACHINE.nav.key", "'Nr.' is not among the columns"),
        ("Hours: Decimal", "Hours: Decimals", "MACHINE.nav.columns.Hours", "mean 'Decimal'?"),
        ("new_hours: decimal", "new_hours: 5", "MACHINE.crm.columns.new_hours", "table of keys"),
        ("string(100)", "string(x)", "MACHINE.crm.columns.new_name", "'x' is no length"),
        (
            "options: [Idle, Running]",
            "options: 3",
            "MACHINE.nav.columns.Status.options",
            "captions",
        ),
        ("direction: both", "", "MACHINE.direction", "is missing"),
        ("table: Machine", "", "MACHINE.nav.table", "is missing"),
    ],
)
def test_a_table_of_ones_own_is_checked(old, new, path, found):
    problem = next(each for each in problems_of(MACHINES.replace(old, new)) if path in each)
    assert problem.startswith(f"{path}: ")
    assert found in problem


@pytest.mark.parametrize(
    ("flow", "found"),
    [
        (
            "{method: sum, table: Item Ledger Entrie, column: Quantity, match: {}}",
            "'Item Ledger Entry'",
        ),
        ("{method: sum, table: Item Ledger Entry, column: Quantty, match: {}}", "'Quantity'"),
        ("{method: sum, table: Item Ledger Entry, match: {Item Nr.: No.}}", "'Item No.'"),
        ("{method: add, table: Item}", "'add' is not one of"),
    ],
)
def test_a_flow_field_of_ones_own_is_checked(flow, found):
    text = f"ITEM-PRODUCT: {{nav: {{columns: {{Sold: {{type: Decimal, flow: {flow}}}}}}}}}"
    assert any(found in problem for problem in problems_of(text))


def test_an_unknown_table_or_entity_is_refused_with_the_nearest():
    problems = problems_of(
        "V: {nav: {table: Vendro}, crm: {entity: acount}, direction: to_crm, fields: []}"
    )
    assert problems[:2] == [
        "V.nav.table: there is no table 'Vendro'. Did you mean 'Vendor'?",
        "V.crm.entity: there is no entity 'acount'. Did you mean 'account'?",
    ]


@pytest.mark.parametrize(
    ("option", "found"),
    [("paymenttermcode", "mean 'paymenttermscode'?"), ("name", "name is no option set but a text")],
)
def test_an_option_mapping_stands_against_an_option_set(option, found):
    problem = problems_of(f"PAYMENT TERMS: {{crm: {{option: {option}}}}}")[0]
    assert problem.startswith("PAYMENT TERMS.crm.option: ")
    assert found in problem


def test_an_unknown_option_set_is_refused():
    with pytest.raises(ConfigError, match=r"'account.paymenttermcode'.*account.paymenttermscode"):
        load_catalog(option_sets={"account.paymenttermcode": []})


def test_long_values_are_cut():
    (problem,) = problems_of(f"CUSTOMER: {{direction: {'x' * 5000}}}")
    assert len(problem) < 400


@given(
    st.dictionaries(
        st.sampled_from("ABCDEFGH"), st.lists(st.sampled_from("ABCDEFGH"), max_size=3), max_size=8
    )
)
def test_order_follows_dependencies_and_otherwise_the_file(needs):
    needs = {
        name: tuple(each for each in others if each in needs) for name, others in needs.items()
    }
    cycle = find_cycle(needs)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(later in needs[name] for name, later in pairwise(cycle))
        return
    names = list(needs)
    drafts = {name: Draft(name, name, {"depends_on": list(needs[name])}) for name in names}
    ordered = dependency_order(drafts)
    assert sorted(ordered) == sorted(names)
    assert all(ordered.index(o) < ordered.index(name) for name in names for o in needs[name])
    if not any(needs.values()):
        assert ordered == names


@given(st.text())
def test_option_names_hold_no_separators(label):
    assert not set(option_name(label)) & set(" ,;")
