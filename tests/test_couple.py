"""Coupling by hand: who may be coupled with whom, and what of a coupling survives a move."""

import uuid
from dataclasses import replace

import pandas as pd
import pytest

from navcrm_recon.errors import CouplingError, NotFoundError, ReadOnlyError
from navcrm_recon.frames import conform
from navcrm_recon.sandbox.databases import insert_rows
from navcrm_recon.sync.couple import couple
from navcrm_recon.sync.match import couple_matches
from navcrm_recon.sync.skipped import restore
from navcrm_recon.sync.uncouple import uncouple

CUSTOMERS = [{"No.": "10000", "Name": "Adatum"}, {"No.": "20000", "Name": "Trey"}]
ACCOUNTS = [
    {"accountid": "acc-1", "name": "Adatum", "customertypecode": 3},
    {"accountid": "acc-2", "name": "Trey", "customertypecode": 3},
    {"accountid": "lead", "name": "Fabrikam", "customertypecode": 1},
]


def customers(build, *couplings, **given):
    pairs = [{"mapping": "CUSTOMER", "nav_key": no, "crm_id": id_} | more
             for no, id_, more in couplings]  # fmt: skip
    world = build(nav={"Customer": CUSTOMERS}, crm={"account": ACCOUNTS}, couplings=pairs, **given)
    scene = world.workspace._scene
    return world, scene, scene.catalog.mappings["CUSTOMER"]


def pairs(scene, mapping="CUSTOMER"):
    known = scene.store.coupling_records(mapping)
    return dict(zip(known["nav_key"], known["crm_id"], strict=True))


FAILED = {
    "last_synch_modified_on": "2018-09-01T08:00:00Z",
    "last_synch_crm_modified_on": "2018-09-02T08:00:00Z",
    "last_synch_result": "failure",
    "last_synch_crm_result": "success",
    "last_synch_job_id": "job-from",
    "last_synch_crm_job_id": "job-to",
    "skipped": True,
}


def test_a_move_keeps_what_belongs_to_the_side_that_stays(build_anywhere):
    world, scene, mapping = customers(build_anywhere, ("10000", "acc-1", {}))
    before = scene.store.coupling_records("CUSTOMER").assign(
        **{
            name: pd.Timestamp(value).as_unit("us") if name.endswith("_on") else value
            for name, value in FAILED.items()
        },
        baseline=[b"prints"],
    )
    scene.store.save_couplings(before)
    assert couple(scene, mapping, "10000", world.handles.id("acc-2")) == []
    after = scene.store.coupling_records("CUSTOMER")
    assert after["crm_id"].tolist() == [world.handles.id("acc-2")]
    row = after.iloc[0]
    assert row["last_synch_modified_on"] == pd.Timestamp(FAILED["last_synch_modified_on"])
    assert (row["last_synch_result"], row["last_synch_job_id"]) == ("failure", "job-from")
    assert pd.isna(row["last_synch_crm_modified_on"])
    assert (row["last_synch_crm_result"], row["last_synch_crm_job_id"]) == ("", "")
    assert not row["skipped"]
    assert row["baseline"] is None


def test_the_same_pair_again_changes_nothing(build):
    world, scene, mapping = customers(build, ("10000", "acc-1", {"synchronized": True}))
    before = scene.store.coupling_records()
    couple(scene, mapping, "10000", world.handles.id("acc-1"))
    pd.testing.assert_frame_equal(scene.store.coupling_records(), before)
    assert scene.store.jobs().empty


@pytest.mark.parametrize("write", [str.upper, lambda id_: f"{{{id_}}}", lambda id_: f" {id_} "])
def test_an_id_may_be_written_as_the_products_write_it(build, write):
    world, scene, mapping = customers(build)
    couple(scene, mapping, "10000", write(world.handles.id("acc-1")))
    assert pairs(scene) == {"10000": world.handles.id("acc-1")}


@pytest.mark.parametrize("others", [[], [("20000", "acc-2", {})]])
def test_a_crm_record_with_another_partner_is_refused_and_both_are_named(build, others):
    world, scene, mapping = customers(build, ("10000", "acc-1", {}), *others)
    before = pairs(scene)
    with pytest.raises(CouplingError, match="Adatum.*already coupled to Customer 10000") as caught:
        couple(scene, mapping, "20000", world.handles.id("acc-1"))
    assert (caught.value.mapping, caught.value.record) == ("CUSTOMER", "20000")
    assert pairs(scene) == before


def test_a_partner_that_was_deleted_gives_way_silently(build):
    world, scene, mapping = customers(build, ("10000", "acc-1", {}), ("20000", "acc-2", {}))
    world.take("delete_nav", {"table": "Customer", "key": "10000"})
    couple(scene, mapping, "20000", world.handles.id("acc-1"))
    assert pairs(scene) == {"20000": world.handles.id("acc-1")}


def test_a_record_the_filter_hides_is_refused_and_the_filter_named(build):
    world, scene, mapping = customers(build)
    with pytest.raises(CouplingError, match="Fabrikam.*outside.*filter.*customertypecode"):
        couple(scene, mapping, "10000", world.handles.id("lead"))
    assert pairs(scene) == {}


@pytest.mark.parametrize(
    ("nav_key", "crm_id", "text"),
    [
        ("99999", "acc-1", "no Customer '99999'"),
        ("10000", "acc-9", "no account"),
        ("", "acc-1", "no Customer ''"),
    ],
)
def test_records_that_do_not_exist_are_not_coupled(build_anywhere, nav_key, crm_id, text):
    world, scene, mapping = customers(build_anywhere)
    with pytest.raises(NotFoundError, match=text):
        couple(scene, mapping, nav_key, world.handles.id(crm_id))
    with pytest.raises(NotFoundError, match="no account 'x; drop table account'"):
        couple(scene, mapping, "10000", "x; DROP TABLE account")
    assert pairs(scene) == {}


def test_the_initial_direction_transfers_one_record_by_force(build):
    world, scene, mapping = customers(build, ("20000", "acc-2", {}))
    jobs = couple(scene, mapping, "10000", world.handles.id("acc-1"), "to_nav")
    assert [(job.direction, job.modified, job.failed) for job in jobs] == [("to_nav", 1, 0)]
    with pytest.raises(NotFoundError, match="sideways"):
        couple(scene, mapping, "10000", world.handles.id("acc-1"), "sideways")


def test_what_is_only_observed_is_not_coupled(build):
    _, scene, mapping = customers(build, ("10000", "acc-1", {}))
    observed = replace(scene, store=None)
    for call in (couple_matches, uncouple, restore):
        with pytest.raises(ReadOnlyError, match="couplings: nav"):
            call(observed, mapping)
    with pytest.raises(ReadOnlyError, match="couplings: nav"):
        couple(observed, mapping, "20000", "x")


class ReadOnly:
    """A side as it is, but only read."""

    writable = False

    def __init__(self, side):
        self._side = side

    def __getattr__(self, name):
        return getattr(self._side, name)


def test_nothing_is_coupled_when_the_synchronisation_asked_for_is_refused(build):
    world, scene, mapping = customers(build)
    fixed = replace(scene, crm=ReadOnly(scene.crm))
    with pytest.raises(ReadOnlyError, match="only read"):
        couple(fixed, mapping, "10000", world.handles.id("acc-1"), "to_crm")
    assert pairs(scene) == {}
    couple(fixed, mapping, "10000", world.handles.id("acc-1"))
    assert pairs(scene) == {"10000": world.handles.id("acc-1")}


# Options: one option, one code (R2.21).

TERMS = [{"Code": "NET30"}, {"Code": "COD"}]


def terms(build, *rows):
    options = [
        {"mapping": "PAYMENT TERMS", "nav_key": key, "value": value, "caption": caption}
        for key, value, caption in rows
    ]
    world = build(nav={"Payment Terms": TERMS}, options=options)
    scene = world.workspace._scene
    return scene, scene.catalog.mappings["PAYMENT TERMS"]


def rows(scene):
    known = scene.store.option_mapping("PAYMENT TERMS")
    return list(known[["nav_key", "value", "caption"]].itertuples(index=False, name=None))


def test_an_option_is_coupled_with_a_code(build):
    scene, mapping = terms(build)
    couple(scene, mapping, "COD", "4")
    couple(scene, mapping, "COD", "4")
    assert rows(scene) == [("COD", 4, "Net 60")]


@pytest.mark.parametrize(("key", "value"), [("COD", "1"), ("NET30", "3")])
def test_a_second_claim_on_an_option_or_a_code_is_refused(build, key, value):
    scene, mapping = terms(build, ("NET30", 1, "Net 30"))
    with pytest.raises(CouplingError, match="already coupled"):
        couple(scene, mapping, key, value)
    assert rows(scene) == [("NET30", 1, "Net 30")]


def test_a_row_whose_code_or_option_is_gone_gives_way(build_anywhere):
    scene, mapping = terms(build_anywhere, ("OLD", 1, "Net 30"), ("NET30", 77, "Gone"))
    couple(scene, mapping, "NET30", "1")
    assert rows(scene) == [("NET30", 1, "Net 30")]


@pytest.mark.parametrize(
    ("key", "value"), [("COD", "0"), ("COD", "9"), ("COD", "x"), ("NONE", "1")]
)
def test_options_and_codes_that_do_not_exist_are_not_coupled(build, key, value):
    scene, mapping = terms(build)
    with pytest.raises(NotFoundError, match="PAYMENT TERMS: there is no"):
        couple(scene, mapping, key, value)
    assert rows(scene) == []


# Uncoupling.


def test_uncoupling_by_either_key_counts_what_was_coupled_and_what_was_not(build):
    world, scene, mapping = customers(build, ("10000", "acc-1", {}), ("20000", "acc-2", {}))
    second = world.handles.id("acc-2").upper()
    [job] = uncouple(scene, mapping, nav_keys=["10000", "77777"], crm_ids=[second, "nobody"])
    assert (job.type, job.direction, job.uncoupled, job.skipped) == ("uncoupling", "", 2, 2)
    assert pairs(scene) == {}
    logged = scene.store.jobs().iloc[0]
    assert (logged["uncoupled"], logged["skipped"]) == (2, 2)
    assert pd.notna(logged["finished_at"])


def test_no_keys_at_all_uncouples_nothing(build):
    _, scene, mapping = customers(build, ("10000", "acc-1", {}))
    [job] = uncouple(scene, mapping, nav_keys=[])
    assert (job.uncoupled, job.skipped) == (0, 0)
    assert len(pairs(scene)) == 1


def test_all_couplings_go_garbage_too_and_watermarks_stay(build_anywhere):
    world, scene, mapping = customers(
        build_anywhere, ("10000", "acc-1", {}), ("20000", "acc-2", {})
    )
    world.take("delete_nav", {"table": "Customer", "key": "20000"})
    world.take("delete_crm", {"entity": "account", "key": "acc-2"})
    scene.store.advance_watermark("CUSTOMER", "to_crm", world.now)
    [job] = uncouple(scene, mapping)
    assert job.uncoupled == 2
    assert pairs(scene) == {}
    assert scene.store.watermark("CUSTOMER", "to_crm") == world.now


def test_options_are_uncoupled_by_code_and_by_value(build):
    scene, mapping = terms(build, ("NET30", 1, "Net 30"), ("COD", 3, "Net 45"))
    [job] = uncouple(scene, mapping, nav_keys=["COD"], crm_ids=["1", "4"])
    assert (job.uncoupled, job.skipped) == (2, 1)
    assert rows(scene) == []


def fill(world, side, table, rows):
    """Insert many records at once, without their Integration Records."""
    products = world._products
    insert_rows(products._engines[side], products._tables[side][table], rows)


def test_contacts_of_many_customers_go_with_them_and_no_others(build_anywhere):
    """More customers than one condition holds; contact 7 lies under another account."""
    count = 1_203
    numbers = [f"{n:05}" for n in range(count)]
    ids, persons = ([str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}{no}")) for no in numbers]
                    for kind in ("account", "contact"))  # fmt: skip
    world = build_anywhere()
    scene = world.workspace._scene
    fill(world, "nav", "Contact Business Relation", [
        {"Contact No.": f"C{no}", "Business Relation Code": "CUST", "Link to Table": 1, "No.": no}
        for no in numbers
    ])  # fmt: skip
    fill(world, "nav", "Contact", [
        {"No.": f"P{no}", "Type": 1, "Company No.": f"C{no}"} for no in numbers
    ])  # fmt: skip
    fill(world, "crm", "contact", [
        {"contactid": one, "parentcustomerid": parent}
        for one, parent in zip(persons, [*ids[:7], ids[0], *ids[8:]], strict=True)
    ])  # fmt: skip
    for mapping, keys, theirs in (
        ("CUSTOMER", numbers, ids),
        ("CONTACT", [f"P{no}" for no in numbers], persons),
    ):
        given = {"mapping": mapping, "nav_key": keys, "crm_id": theirs}
        scene.store.save_couplings(conform(pd.DataFrame(given), "coupling_records"))
    customer, contact = uncouple(scene, scene.catalog.mappings["CUSTOMER"])
    assert (customer.mapping, customer.uncoupled) == ("CUSTOMER", count)
    assert (contact.mapping, contact.type, contact.uncoupled) == (
        "CONTACT",
        "uncoupling",
        count - 1,
    )
    assert pairs(scene, "CONTACT") == {"P00007": persons[7]}
    assert customer.run_id == contact.run_id
