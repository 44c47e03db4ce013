"""The pass of an option mapping: nothing is lost, nothing renamed, nothing doubled."""

import pandas as pd
import pytest

from navcrm_recon.catalog.model import Option
from navcrm_recon.errors import NotFoundError
from navcrm_recon.frames import TEXT, conform
from navcrm_recon.sync.options import decide_options

TERMS = "PAYMENT TERMS"


def company(build, codes=(), rows=(), options=None, **mapping):
    """Build a company with payment terms, rows of the option mapping and CRM's options."""
    sets = {"account.paymenttermscode": [
        {"value": value, "name": name, "label": label} for value, name, label in options
    ]} if options else {}  # fmt: skip
    return build(
        nav={"Payment Terms": [{"Code": code, "Description": f"About {code}"} for code in codes]},
        options=[
            {"mapping": TERMS, "nav_key": key, "value": value, "caption": caption}
            for key, value, caption in rows
        ],
        option_sets=sets,
        mappings={TERMS: mapping} if mapping else {},
    )


def run(world, **request):
    [job] = world.workspace.synchronize(TERMS, **request)
    return job


def state(world):
    ws = world.workspace
    known = ws._scene.store.option_mapping(TERMS)
    nav = ws.side("nav").read(ws.catalog.nav["Payment Terms"], ["Description"])["Description"]
    pairs = list(known[["nav_key", "value", "caption"]].itertuples(index=False, name=None))
    return pairs, nav.to_dict()


def counters(job):
    names = ("inserted", "modified", "unchanged", "skipped", "failed")
    return {name: getattr(job, name) for name in names if getattr(job, name)}


NEW = [(1, "Net30", "Net 30"), (9, "Cash Payment", "Cash Payment"), (12, " net90", "Net 90")]


def test_options_that_nav_lacks_are_appended_and_codes_that_are_there_reused(build_anywhere):
    world = company(build_anywhere, ["NET30", "COD"], options=NEW)
    assert counters(run(world)) == {"inserted": 2, "modified": 1}
    pairs, nav = state(world)
    assert pairs == [
        ("CASH PAYME", 9, "Cash Payment"), ("NET30", 1, "Net 30"), ("NET90", 12, "Net 90"),
    ]  # fmt: skip
    assert nav == {"CASH PAYME": "", "COD": "About COD", "NET30": "About NET30", "NET90": ""}
    assert counters(run(world)) == {"unchanged": 3}
    assert state(world) == (pairs, nav)


def test_the_log_says_who_wrote_which_code_and_when(build):
    world = company(build, options=NEW)
    job = run(world)
    writes = world.workspace.writes(job.id)
    assert writes[["side", "field", "old", "new"]].to_numpy().tolist() == [
        ["nav", "Code", "", code] for code in ("NET30", "CASH PAYME", "NET90")
    ]
    assert (writes["at"] == pd.Timestamp(world.now)).all()
    assert world.workspace._scene.store.unfinished(TERMS).empty


ALIKE = [(1, "Transfer 20 working days", "20 WD"), (2, "Transfer 20 calendar days", "20 CD"),
         (3, "Net45", "Net 45")]  # fmt: skip


def test_codes_that_collide_are_all_reported_and_the_others_go_on(build_anywhere):
    world = company(build_anywhere, options=ALIKE)
    assert counters(run(world)) == {"inserted": 1, "failed": 2}
    assert state(world) == ([("NET45", 3, "Net 45")], {"NET45": ""})
    errors = world.workspace.errors()
    assert errors[["nav_key", "crm_id", "field", "value"]].to_numpy().tolist() == [
        ["TRANSFER 2", "1", "paymenttermscode", "20 WD"],
        ["TRANSFER 2", "2", "paymenttermscode", "20 CD"],
    ]
    assert errors["message"].str.contains("1 20 WD, 2 20 CD").all()


def test_a_collision_takes_nothing_from_the_option_that_has_its_code(build):
    world = company(build, ["TRANSFER 2"], [("TRANSFER 2", 1, "20 WD")], ALIKE)
    assert counters(run(world)) == {"inserted": 1, "unchanged": 1, "failed": 1}
    assert ("TRANSFER 2", 1, "20 WD") in state(world)[0]


def test_a_new_label_refreshes_the_caption_and_a_new_name_keeps_the_code(build):
    rows = [("NET30", 1, "Net 30"), ("COMMA", 3, "2% 10; Net 30")]
    options = [(1, "ThirtyDays", "30 days"), (3, "Comma", "2% 10, Net 30")]
    world = company(build, ["NET30", "COMMA"], rows, options)
    assert counters(run(world)) == {"modified": 1, "unchanged": 1}
    pairs, nav = state(world)
    assert pairs == [("COMMA", 3, "2% 10; Net 30"), ("NET30", 1, "30 days")]
    assert sorted(nav) == ["COMMA", "NET30"]


def test_a_row_whose_record_is_gone_gets_its_code_again(build):
    world = company(build, ["OTHER"], [("GONE", 1, "Net 30")], [(1, "Net30", "Net 30")])
    assert counters(run(world)) == {"inserted": 1}
    assert state(world) == ([("NET30", 1, "Net 30")], {"NET30": "", "OTHER": "About OTHER"})


def test_a_code_of_an_option_crm_took_away_goes_to_the_one_of_its_name(build):
    world = company(build, ["NET30"], [("NET30", 1, "Net 30")], [(7, "Net30", "Net 30 days")])
    assert counters(run(world)) == {"modified": 1}
    assert state(world)[0] == [("NET30", 7, "Net 30 days")]


def test_a_row_of_an_option_crm_took_away_stays(build):
    world = company(build, ["OLD"], [("OLD", 99, "Old")], [(1, "Net30", "Net 30")])
    assert counters(run(world)) == {"inserted": 1}
    assert ("OLD", 99, "Old") in state(world)[0]


def test_with_only_coupled_options_no_code_is_made(build):
    world = company(build, ["NET30"], [("NET30", 1, "30")], NEW, synch_only_coupled=True)
    assert counters(run(world)) == {"modified": 1, "skipped": 2}
    assert list(state(world)[1]) == ["NET30"]


def test_named_options_alone_are_looked_at(build):
    world = company(build, options=NEW)
    assert counters(run(world, direction="to_nav", records=["9"])) == {"inserted": 1}
    assert list(state(world)[1]) == ["CASH PAYME"]
    with pytest.raises(NotFoundError, match="no option 77.*1, 9, 12"):
        run(world, direction="to_nav", records=["77"])
    assert len(world.workspace.jobs()) == 1


def test_options_cannot_be_sent_to_crm(build):
    world = company(build, ["NEW"], options=NEW, direction="to_crm")
    job = run(world)
    assert "cannot be extended" in job.message
    assert counters(job) == {}
    assert state(world)[0] == []


def test_a_direction_the_mapping_does_not_have_is_a_message(build):
    job = run(company(build, options=NEW), direction="to_crm")
    assert "not configured for the direction to_crm" in job.message


def test_a_plan_says_the_same_and_writes_nothing(build_anywhere):
    world = company(build_anywhere, ["NET30"], options=[*NEW, *ALIKE[1:2]])
    before = state(world)
    plan = world.workspace.plan(TERMS)
    assert state(world) == before
    assert world.workspace.jobs().empty
    assert world.workspace.errors().empty
    actions = plan.actions[["nav_key", "crm_id", "action"]].to_numpy().tolist()
    assert actions == [
        ["NET30", "1", "modify"], ["TRANSFER 2", "2", "insert"],
        ["CASH PAYME", "9", "insert"], ["NET90", "12", "insert"],
    ]  # fmt: skip
    assert plan.changes["new"].tolist() == ["TRANSFER 2", "CASH PAYME", "NET90"]
    [job] = world.workspace.apply(plan)
    assert counters(job) == {"inserted": 3, "modified": 1}


def test_an_interrupted_pass_is_finished_by_the_next(build, monkeypatch):
    world = company(build, options=NEW)
    store = world.workspace._scene.store
    save = type(store).save_option_mapping

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(store), "save_option_mapping", killed)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    monkeypatch.setattr(type(store), "save_option_mapping", save)
    assert len(store.unfinished(TERMS)) == 3
    assert counters(run(world)) == {"modified": 3}
    assert len(state(world)[0]) == len(state(world)[1]) == 3
    jobs = world.workspace.jobs()
    assert jobs["finished_at"].notna().all()
    assert jobs["inserted"].tolist() == [0, 3]
    assert store.unfinished(TERMS).empty
    assert len(world.workspace.writes()) == 3


def test_options_without_a_name_and_nothing_at_all_are_no_error(build):
    world = company(build, ["COD"], options=[(0, "Blank", "Blank"), (5, " ", " ")])
    assert counters(run(world)) == {}
    mapping = world.workspace.mappings[TERMS]
    nothing = conform(pd.DataFrame(), "option_mapping")
    decided = decide_options(mapping, [], nothing, pd.Index([], dtype=TEXT))
    one = decide_options(mapping, [Option(1, "a", "A")], nothing, pd.Index([], dtype=TEXT))
    assert list(decided.columns) == list(one.columns)
    assert decided.dtypes.tolist() == one.dtypes.tolist()
