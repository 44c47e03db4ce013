"""What reports of a synchronisation show: conflicts, candidates, logs, links."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

import navcrm_recon as nr
from navcrm_recon import report
from navcrm_recon.frames import conform
from navcrm_recon.sandbox.demo import write_demo
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.plan import Plan

_KEYS = ["nav_key", "crm_id", "nav_field", "crm_field"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_demo(tmp_path_factory.mktemp("demo"), seed=5))


@pytest.fixture(scope="module")
def ws(demo: Path) -> nr.Workspace:
    return nr.open_workspace(demo)


@pytest.fixture
def own(demo: Path, tmp_path: Path) -> nr.Workspace:
    shutil.copytree(demo.parent, tmp_path / "own")
    return nr.open_workspace(tmp_path / "own" / demo.name)


def set_to(demo: Path, **settings: object) -> nr.Workspace:
    content = yaml.safe_load(demo.read_text())
    file = demo.with_name("set.yaml")
    file.write_text(yaml.safe_dump({**content, "mappings": {"CUSTOMER": settings}}))
    return nr.open_workspace(file)


class TestConflicts:
    def test_they_are_those_of_the_diff(self, ws: nr.Workspace) -> None:
        found = report.conflicts(ws, "CUSTOMER")
        diff = ws.diff("CUSTOMER")
        expected = diff[diff["resolution"].isin(["conflict", "blocked"])]
        assert set(expected["resolution"]) == {"conflict", "blocked"}
        assert sorted(found[_KEYS].itertuples(index=False, name=None)) == sorted(
            expected[_KEYS].itertuples(index=False, name=None)
        )
        assert found["resolution"].is_monotonic_decreasing

    @pytest.mark.parametrize("setting", ["send", "get", "merge"])
    def test_each_setting_would_do_what_it_then_does(
        self, ws: nr.Workspace, demo: Path, setting: str
    ) -> None:
        found = report.conflicts(ws, "CUSTOMER").set_index(_KEYS)[f"with_{setting}"]
        under = set_to(demo, update_conflict=setting).diff("CUSTOMER").set_index(_KEYS)
        assert len(found)
        assert found.to_dict() == under["resolution"].reindex(found.index).to_dict()

    def test_they_add_up(self, ws: nr.Workspace) -> None:
        found = report.conflicts(ws)
        assert set(found["mapping"]) == {"CUSTOMER", "CONTACT"}
        assert report.conflict_counts(found)["fields"].sum() == len(found)
        settled = report.settled_by(found).set_index("setting")
        assert settled.sum(axis=1).tolist() == [len(found)] * 3
        sides = [report.side_by_side(found, each) for each in ("conflict", "blocked")]
        assert sum(map(len, sides)) == len(found)

    def test_none_has_the_same_columns(self, ws: nr.Workspace) -> None:
        nothing = report.conflicts(ws, "UNIT OF MEASURE")
        assert list(nothing.columns) == list(report.conflicts(ws, "CUSTOMER").columns)
        assert report.settled_by(nothing)["conflict"].tolist() == [0, 0, 0]
        assert "none" in str(report.conflict_chart(nothing))

    def test_an_unknown_mapping_is_refused(self, ws: nr.Workspace) -> None:
        with pytest.raises(nr.NotFoundError, match="CUSTOMR"):
            report.conflicts(ws, "CUSTOMR")


class TestPlans:
    def test_counts_are_those_of_the_actions(self, ws: nr.Workspace) -> None:
        plan = ws.plan("CUSTOMER")
        counts = report.plan_counts(plan)
        own = counts[counts["mapping"].eq("CUSTOMER")]
        assert own["direction"].tolist() == ["to_crm", "to_nav"]
        assert counts.drop(columns=["mapping", "direction"]).sum().to_dict() == (
            plan.actions["action"].value_counts().to_dict()
        )
        planned = report.planned(plan, ws)
        assert len(planned) == (plan.actions["action"] != "unchanged").sum()
        assert planned["nav_url"].str.startswith("https://nav.").all()
        shown = str(report.show_plan(plan))
        assert f"{len(plan.changes)} fields of " in shown
        assert f"{counts['conflict'].sum()} in conflict" in shown

    def test_an_empty_plan_says_so(self, ws: nr.Workspace) -> None:
        plan = Plan()
        assert report.plan_counts(plan).columns.tolist() == ["mapping", "direction"]
        assert "Nothing would be written" in str(report.show_plan(plan))
        assert report.planned_changes(plan, ws).empty
        assert report.carry_out(ws, plan, apply=False) == []

    def test_outcomes_are_told(self) -> None:
        assert "Nothing was written" in str(report.show_outcome([]))
        job = Job("id", "CUSTOMER", "to_crm", "synchronization", "run", pd.Timestamp(0, tz="UTC"))
        job.modified = 2
        assert "Done, and nothing failed" in str(report.show_outcome([job]))
        job.failed = 3
        assert "3 records failed" in str(report.show_outcome([job]))
        assert report.job_rows([job])["failed"].tolist() == [3]
        assert list(report.job_rows([]).columns) == list(report.job_rows([job]).columns)


class TestLogs:
    def test_errors_of_one_cause_are_one_row(self) -> None:
        rows = [
            ("10000", "Customer 10000 must be coupled (1000)."),
            ("100", "Customer 100 must be coupled (1000)."),
            ("7", "something else"),
        ]
        listed = pd.DataFrame(rows, columns=["nav_key", "message"]).assign(mapping="CUSTOMER")
        errors = conform(listed, "errors")
        found = report.errors_by_message(errors)
        assert found["message"].tolist() == [
            "Customer … must be coupled (1000).", "something else"
        ]  # fmt: skip
        assert found["errors"].tolist() == [2, 1]
        assert found["examples"].tolist() == ["10000, 100", "7"]

    def test_empty_logs_have_their_columns(self, ws: nr.Workspace) -> None:
        assert report.errors_by_message(ws.errors()).empty
        assert report.latest_errors(ws.errors(), ws).empty
        assert report.latest_writes(ws.writes(), ws).empty
        assert report.job_log(ws.jobs()).empty
        for chart in (report.work_chart(ws.jobs()), report.failure_chart(ws.errors())):
            assert "none" in str(chart)

    def test_skipped_records_open_in_their_product(self, ws: nr.Workspace) -> None:
        found = report.skipped_records(ws)
        customers = report.of_mapping(found, "CUSTOMER")
        every = ws.couplings("CUSTOMER")
        known = every[every["skipped"]].set_index("nav_key")
        for side in ("nav_url", "crm_url"):
            expected = known[side].reindex(customers["nav_key"])
            assert customers[side].tolist() == expected.tolist()

    def test_a_record_not_born_yet_has_no_address(self, ws: nr.Workspace) -> None:
        rows = pd.DataFrame(
            {"mapping": ["CUSTOMER"], "nav_key": ["10000"], "crm_id": ["<new CUSTOMER 10000>"]},
            dtype="str",
        )
        linked = report.linked(rows, ws)
        assert linked["crm_url"].tolist() == [""]
        assert "10000" in linked["nav_url"].item()


class TestCandidates:
    def test_the_same_name_is_a_candidate(self, own: nr.Workspace) -> None:
        coupled = own.couplings("CUSTOMER").query("state == 'coupled' and nav_name == crm_name")
        nav_key, crm_id = coupled[["nav_key", "crm_id"]].iloc[0]
        own.uncouple("CUSTOMER", [nav_key])
        found = report.candidates(own, "CUSTOMER")
        assert [nav_key, crm_id, "name"] in found[["nav_key", "crm_id", "by"]].to_numpy().tolist()
        told = report.couple_pairs(own, "CUSTOMER", [[nav_key, crm_id]])
        assert told["message"].tolist() == ["Coupled."]
        assert report.candidates(own, "CUSTOMER").query("nav_key == @nav_key").empty

    def test_the_criteria_of_the_mapping_come_first(self, own: nr.Workspace) -> None:
        coupled = own.couplings("CURRENCY").query("state == 'coupled'")
        own.uncouple("CURRENCY", coupled["nav_key"].tolist())
        found = report.candidates(own, "CURRENCY")
        own.couple_matches("CURRENCY")
        after = own.couplings("CURRENCY").query("state == 'coupled'")
        by_code = found[found["by"].eq("Code")]
        assert len(by_code) > 5
        pairs = set(zip(after["nav_key"], after["crm_id"], strict=True))
        assert set(zip(by_code["nav_key"], by_code["crm_id"], strict=True)) <= pairs

    def test_what_cannot_be_coupled_is_told_and_stops_nothing(self, own: nr.Workspace) -> None:
        rows = own.couplings("CUSTOMER")
        taken = rows.query("state == 'coupled'")["crm_id"].iloc[0]
        nav, other = rows.query("state == 'nav_only'")["nav_key"].iloc[:2]
        free = rows.query("state == 'crm_only'")["crm_id"].iloc[0]
        told = report.couple_pairs(own, "CUSTOMER", [[nav, taken], [other, free]])
        assert told["message"].str.startswith("Not coupled.").tolist() == [True, False]
        assert own.couplings("CUSTOMER").query("nav_key == @other")["crm_id"].item() == free

    @pytest.mark.parametrize("pairs", [["10000"], [["10000"]], [["a", "b", "c"]]])
    def test_no_pairs_are_refused(self, own: nr.Workspace, pairs: list[object]) -> None:
        with pytest.raises(nr.DataError, match="not a pair"):
            report.couple_pairs(own, "CUSTOMER", pairs)  # type: ignore[arg-type]
