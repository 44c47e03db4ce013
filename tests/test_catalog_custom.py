"""Tables, entities and columns of a user's own: YAML alone adds and maps them."""

import pytest
import yaml

from navcrm_recon.catalog import Condition, load_catalog
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
