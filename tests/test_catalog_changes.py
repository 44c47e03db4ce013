"""How a user's mapping file changes the shipped mappings."""

from itertools import pairwise

import yaml
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.catalog import Condition, load_catalog
from navcrm_recon.catalog.check import find_cycle
from navcrm_recon.catalog.grammar import Draft
from navcrm_recon.catalog.load import dependency_order, option_name


def changed(text: str):
    return load_catalog(yaml.safe_load(text), source="mappings.yaml")


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


def test_switching_a_mapping_off_leaves_the_references_to_it():
    mappings = changed("CURRENCY: {enabled: false}").mappings
    assert not mappings["CURRENCY"].enabled
    assert [row.via for row in mappings["CUSTOMER"].fields if row.blank == "local_currency"] == [
        "CURRENCY"
    ]


def test_yaml_null_is_the_word_null():
    text = "CUSTOMER: {fields: [{nav: Currency Code, crm: transactioncurrencyid, blank: null}]}"
    rows = changed(text).mappings["CUSTOMER"].fields
    assert {row.blank for row in rows if row.via == "CURRENCY"} == {"null"}


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
