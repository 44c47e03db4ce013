"""What a mapping file is refused for: each mistake with its path and the nearest name."""

import pytest
import yaml

from navcrm_recon.catalog import load_catalog
from navcrm_recon.errors import ConfigError


def changed(text: str):
    return load_catalog(yaml.safe_load(text), source="mappings.yaml")


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        changed(text)
    assert all(problem.startswith("mappings.yaml: ") for problem in caught.value.problems)
    return [problem.removeprefix("mappings.yaml: ") for problem in caught.value.problems]


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
            "CUSTOMER: {fields: [{nav: Blocked, crm: primarycontactid}]}",
            "CUSTOMER.fields[0]",
            "Blocked (option) and primarycontactid (lookup) cannot be mapped",
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
    (problem,) = problems_of("CURRENCY: {direction: both}")
    assert problem.startswith("CURRENCY.direction: is both, but no enabled field goes to_nav")
    changed(
        "CURRENCY: {direction: both, fields: [{nav: Symbol, crm: currencysymbol, direction: both}]}"
    )
    changed("CURRENCY: {direction: both, enabled: false}")
    changed("ITEM-PRODUCT: {direction: both}")


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
