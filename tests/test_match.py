"""Match-based coupling of a whole mapping: the job, its one error, and what follows."""

import pandas as pd
import pytest

from navcrm_recon.errors import ReadOnlyError

PHONE = {"nav": "Phone No.", "crm": "telephone1", "match": True}


def people(build, nav, crm, couplings=(), fields=(PHONE,), **mapping):
    return build(
        mappings={"CUSTOMER": {"fields": list(fields)} | mapping},
        nav={
            "Customer": [{"No.": no, "Name": f"N{no}", "Phone No.": phone}
                         for no, phone in nav.items()],
        },
        crm={
            "account": [{"accountid": id_, "name": id_, "telephone1": phone, "customertypecode": 3}
                        for id_, phone in crm.items()],
        },
        couplings=[{"mapping": name, "nav_key": no, "crm_id": id_} for name, no, id_ in couplings],
    )  # fmt: skip


def pairs(world, mapping="CUSTOMER"):
    known = world.workspace._scene.store.coupling_records(mapping)
    return dict(zip(known["nav_key"], known["crm_id"], strict=True))


def test_one_error_counts_those_left_alone_by_reason(build_anywhere):
    world = people(
        build_anywhere,
        {"1": "11", "2": "22", "3": "22", "4": "44", "5": "55", "6": "", "7": "77"},
        {"a": "11", "b": "22", "c": "55", "d": "55", "e": "77"},
        [("POSTEDSALESINV-INV", "INV1", "e")],
    )
    [job] = world.workspace.couple_matches("CUSTOMER")
    assert (job.type, job.coupled, job.failed) == ("coupling", 2, 5)
    assert pairs(world) == {"1": world.handles.id("a"), "2": world.handles.id("b")}
    [message] = world.workspace.errors()["message"]
    assert message.startswith("CUSTOMER: 5 uncoupled Customer records have no match in CRM")
    for part in ("agrees is coupled already: 2", "several CRM records agree: 1",
                 "no CRM record agrees: 1", "blank: 1"):  # fmt: skip
        assert part in message
    fresh = world.workspace._scene.store.coupling_records("CUSTOMER")
    assert fresh["last_synch_modified_on"].isna().all()
    assert fresh["last_synch_result"].eq("").all()


def test_records_older_than_the_watermark_are_candidates(build):
    """The mapping ran before anybody coupled: its watermark must not hide what was there."""
    world = people(build, {"1": "11"}, {"a": "11"})
    world.workspace.synchronize("CUSTOMER")
    assert world.workspace._scene.store.watermark("CUSTOMER", "to_nav") is not None
    assert world.workspace.couple_matches("CUSTOMER")[0].coupled == 1


def test_without_criteria_one_error_says_so(build):
    world = people(build, {"1": "11", "2": "22"}, {"a": "11"}, fields=())
    [job] = world.workspace.couple_matches("CUSTOMER")
    assert (job.coupled, job.failed) == (0, 1)
    assert "match: true" in world.workspace.errors()["message"].iloc[0]


CREATE = {"create_new_if_no_match": True}


def test_records_without_a_match_are_created_and_count_nothing_here(build):
    world = people(
        build, {"1": "11", "2": "22"}, {"a": "11", "b": "33"}, match_based_coupling=CREATE
    )
    coupling, *follow_up = world.workspace.couple_matches("CUSTOMER")
    assert (coupling.coupled, coupling.failed) == (1, 0)
    [job] = [each for each in follow_up if each.mapping == "CUSTOMER"]
    assert (job.direction, job.inserted, job.modified) == ("to_crm", 1, 0)
    assert len(pairs(world)) == 2
    assert {each.run_id for each in (coupling, *follow_up)} == {coupling.run_id}


def test_salespeople_are_never_created_in_crm(build):
    world = build(
        mappings={
            "SALESPEOPLE": {
                "match_based_coupling": CREATE,
                "direction": "both",
                "fields": [
                    {
                        "nav": "E-Mail",
                        "crm": "internalemailaddress",
                        "match": True,
                        "direction": "both",
                    }
                ],
            }
        },
        nav={"Salesperson/Purchaser": [{"Code": "JR", "E-Mail": "jr@x"}]},
        crm={"systemuser": []},
    )
    [job] = world.workspace.couple_matches("SALESPEOPLE")
    assert (job.coupled, job.failed) == (0, 1)
    assert not len(world.rows("crm", "systemuser"))


@pytest.mark.parametrize(
    ("resolution", "directions"),
    [("send", ["to_crm"]), ("get", ["to_nav"]), ("none", ["to_crm", "to_nav"])],
)
def test_new_couplings_are_synchronised_in_the_direction_that_wins(build, resolution, directions):
    world = people(
        build, {"1": "11", "2": "22"}, {"a": "11", "b": "22"}, [("CUSTOMER", "2", "b")],
        match_based_coupling={"synch_after_bulk_coupling": True}, update_conflict=resolution,
    )  # fmt: skip
    _, *jobs = world.workspace.couple_matches("CUSTOMER")
    own = [job for job in jobs if job.mapping == "CUSTOMER"]
    assert [(job.direction, job.modified) for job in own] == [(way, 1) for way in directions]
    results = world.workspace._scene.store.coupling_records("CUSTOMER").set_index("nav_key")
    assert results.loc["2", ["last_synch_result", "last_synch_crm_result"]].tolist() == ["", ""]


def test_what_needs_a_side_that_is_only_read_is_refused_first(build, monkeypatch):
    settings = {"synch_after_bulk_coupling": True}
    world = people(build, {"1": "11"}, {"a": "11"}, match_based_coupling=settings)
    monkeypatch.setattr(world.workspace.side("crm"), "writable", False)
    with pytest.raises(ReadOnlyError):
        world.workspace.couple_matches("CUSTOMER")
    assert pairs(world) == {}
    assert world.workspace.jobs().empty


def test_codes_match_options_by_label_and_by_name_one_to_one(build_anywhere):
    world = build_anywhere(
        nav={"Payment Terms": [{"Code": code} for code in ("NET30", "NET 45", "COD", "NET60")]},
        options=[{"mapping": "PAYMENT TERMS", "nav_key": "NET60", "value": 3, "caption": "x"}],
    )
    coupling, *_ = world.workspace.couple_matches("PAYMENT TERMS")
    assert (coupling.coupled, coupling.failed) == (1, 2)
    known = world.workspace._scene.store.option_mapping("PAYMENT TERMS")
    assert dict(zip(known["nav_key"], known["value"], strict=True))["NET30"] == 1
    [message] = world.workspace.errors()["message"]
    assert "coupled already: 1" in message
    assert "no CRM record agrees: 1" in message


def test_a_second_time_nothing_is_left_to_couple(build):
    world = people(build, {"1": "11"}, {"a": "11"})
    before = [world.workspace.couple_matches("CUSTOMER")[0].coupled, pairs(world)]
    [job] = world.workspace.couple_matches("CUSTOMER")
    assert (job.coupled, job.failed) == (0, 0)
    assert before == [1, pairs(world)]
    assert pd.notna(world.workspace.jobs()["finished_at"]).all()
