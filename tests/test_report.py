"""What a report is made of: tables, figures, limits, history, charts, the index, the summary."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from navcrm_recon import report
from navcrm_recon.errors import ConfigError, NotFoundError
from navcrm_recon.frames import conform
from navcrm_recon.quality import QUALITY
from navcrm_recon.report.history import age, no_findings, open_findings
from navcrm_recon.report.index import index_page
from navcrm_recon.report.markup import link, text
from navcrm_recon.report.notebooks import NotebookRun
from navcrm_recon.report.run import _make_folder
from navcrm_recon.report.source import QUALITY_ALL, ROWS, ReportFrames, store_frames
from navcrm_recon.report.summary import checksums, exit_status, summarize

NASTY = "<script>alert(1)</script> & =1+1 \u202eabc\u200f"
ACC = [f"{n}0000000-0000-4000-8000-000000000000" for n in range(1, 7)]


def couplings() -> pd.DataFrame:
    rows = [
        ("CUSTOMER", "10000", ACC[0], "coupled", "Cannon", "Cannon", False, "success", ""),
        ("CUSTOMER", "20000", ACC[1], "coupled", NASTY, "x", False, "failure", ""),
        ("CUSTOMER", "30000", ACC[2], "crm_deleted", "Haddock", "", True, "", "failure"),
        ("CUSTOMER", "40000", "", "nav_only", "Alone", "", False, "", ""),
        ("CUSTOMER", "", ACC[3], "crm_only", "", "Only CRM", False, "", ""),
        ("CURRENCY", "EUR", ACC[4], "out_of_filter", "EUR", "EUR", False, "success", ""),
        ("PAYMENT TERMS", "N30", "1", "coupled", "N30", "Net 30", False, "", ""),
        ("PAYMENT TERMS", "", "2", "crm_only", "", "Net 60", False, "", ""),
    ]
    names = ["mapping", "nav_key", "crm_id", "state", "nav_name", "crm_name", "skipped"]
    frame = pd.DataFrame(rows, columns=[*names, "last_synch_result", "last_synch_crm_result"])
    frame["nav_url"] = "https://nav.example/?page=21&filter='No.'-IS-'" + frame["nav_key"] + "'"
    frame["crm_url"] = ""
    return conform(frame, "couplings")


def diff() -> pd.DataFrame:
    rows = [
        ("CUSTOMER", "10000", ACC[0], "Name", "name", NASTY, "x", "changed_in_nav", "to_crm"),
        ("CUSTOMER", "10000", ACC[0], "City", "address1_city", "Bonn", "Born", "drifted", "none"),
        ("CUSTOMER", "20000", ACC[1], "Name", "name", "", "x", "changed_in_both", "conflict"),
    ]
    names = ["mapping", "nav_key", "crm_id", "nav_field", "crm_field", "nav_value", "crm_value"]
    return conform(pd.DataFrame(rows, columns=[*names, "cause", "resolution"]), "diff")


def missing_options() -> pd.DataFrame:
    row = {
        "mapping": "PAYMENT TERMS",
        "nav_table": "Payment Terms",
        "crm_attribute": "account.paymenttermscode",
        "value": 2,
        "caption": "Net 60",
        "missing_in": "nav",
        "records_affected": 7,
        "finding": "unmapped_option",
        "remedy": "Synchronise the option mapping.",
    }
    return conform(pd.DataFrame([row]), "missing_options")


def quality() -> pd.DataFrame:
    rows = [
        ("customer.rows", "", "info", "passed", 0, ""),
        ("customer.e-mail-form", "E-Mail", "warning", "violated", 2, NASTY),
        ("customer.phone-form", "Phone No.", "info", "not_checked", pd.NA, ""),
    ]
    names = ["rule", "column", "severity", "outcome", "failing", "sample_keys"]
    frame = pd.DataFrame(rows, columns=names)
    frame = frame.assign(mapping="CUSTOMER", side="nav", description="d.", of=4, reason="")
    return frame[list(QUALITY_ALL)].astype(QUALITY_ALL)


def facts(out: Path, **changes: object) -> dict[str, Any]:
    return {
        "run_id": "20261124T090000Z",
        "company": "Cannon <b>& Co",
        "started": "2026-11-24T09:00:00+00:00",
        "version": "0.1.0",
        "workspace": "/somewhere/workspace.yaml",
        "user": "",
        "timezone": "UTC",
        "couplings_from": "state",
        "sides": {"nav": {"kind": "sql", "address": "nav.db"}, "crm": {"kind": "files"}},
        "mappings": {
            name: {
                "nav": "Customer",
                "crm": "account",
                "direction": "both",
                "option_attribute": "paymenttermscode" if name == "PAYMENT TERMS" else "",
                "filters": {"nav": "Blocked = 0", "crm": ""},
            }
            for name in ("CURRENCY", "PAYMENT TERMS", "CUSTOMER")
        },
        "thresholds": {},
        "out": str(out),
        **changes,
    }


def sample(out: Path, **changes: object) -> ReportFrames:
    rows = [("CURRENCY", "nav", 0, 0), ("CURRENCY", "crm", 1, 0), ("PAYMENT TERMS", "nav", 1, 0)]
    rows += [("CUSTOMER", "nav", 4, 0), ("CUSTOMER", "crm", 3, 0)]
    frames = {
        "couplings": couplings(),
        "diff": diff(),
        "missing_options": missing_options(),
        "quality": quality(),
        "rows": pd.DataFrame(rows, columns=list(ROWS)).astype(ROWS),
        "not_checked": conform(pd.DataFrame({"table": [NASTY], "reason": ["gone"]}), "not_checked"),
        "resolved": no_findings(),
    }
    now = open_findings(frames["couplings"], frames["diff"], frames["missing_options"])
    frames["findings"] = age(now, no_findings(), "2026-11-24T09:00:00+00:00")[0]
    return ReportFrames(facts(out, **changes), frames.__getitem__)


def run(status: str = "ok", error: str = "") -> NotebookRun:
    name = "01_overview"
    return NotebookRun(
        name, "Overview", "What for.", status, 1.0, f"{name}.html", f"{name}.ipynb", error
    )  # type: ignore[arg-type]


class TestTables:
    def test_record_text_is_never_markup_and_hidden_characters_show(self) -> None:
        frame = pd.DataFrame({NASTY: [NASTY], "nav_key": [NASTY]})
        html = report.show_table(frame, NASTY, nothing=NASTY).html
        assert "<script" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; =1+1 [U+202E]abc[U+200F]" in html
        assert "\u202e" not in html
        assert "\u200f" not in html

    def test_an_empty_frame_says_so_escaped(self) -> None:
        html = report.show_table(pd.DataFrame({"a": []}), "<b>", nothing="<i>none").html
        assert html == '<p class="nr-nothing">&lt;b&gt;: &lt;i&gt;none</p>'

    def test_a_long_table_is_cut_and_says_where_the_rest_is(self) -> None:
        frame = pd.DataFrame({"n": range(1204)})
        html = report.show_table(frame, "Many", limit=50, file="data/diff.parquet").html
        assert html.count("<tr>") == 51
        assert "Showing 50 of 1,204; all rows in" in html
        assert 'href="data/diff.parquet"' in html

    def test_headings_have_a_scope_and_numbers_stand_right(self) -> None:
        html = report.show_table(pd.DataFrame({"mapping": ["A"], "diffs": [1204]}), "C").html
        assert '<th scope="col" class="nr-number">Differences</th>' in html
        assert '<th scope="row"' in html
        assert '<td class="nr-number" data-value="1204">1,204</td>' in html

    def test_keys_open_the_record_and_only_web_addresses_do(self) -> None:
        assert "&#x27;2&#x27;" in link("https://nav.example/?filter='2'", "2")
        for address in ("javascript:alert(1)", "data:text/html,x", "", "https://a b"):
            assert link(address, "2") == "2"
        html = report.show_table(couplings(), "C").html
        assert 'href="https://nav.example/?page=21&amp;filter=&#x27;No.&#x27;-IS-' in html
        assert "nav_url" not in html

    def test_what_differs_between_both_values_is_marked(self) -> None:
        html = report.show_table(diff(), "D").html
        assert "Bo<mark>n</mark>n" in html
        assert "Bo<mark>r</mark>n" in html
        assert '<span class="nr-blank">blank</span>' in html

    def test_totals_add_up_whole_numbers(self) -> None:
        frame = pd.DataFrame({"mapping": ["A", "B"], "diffs": [1, 2]})
        html = report.show_table(frame, "C", total=True).html
        assert '<tfoot><tr><th scope="row">Total</th><td class="nr-number">3</td>' in html

    def test_long_values_are_cut(self) -> None:
        assert len(text("x" * 5000)) == 200


class TestFigures:
    def test_the_states_add_up_to_what_is_listed(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        figures = report.figures(data).set_index("mapping")
        states = [*report.coverage(data).columns[3:-1]]
        assert figures[states].to_numpy().sum() == len(data.couplings)
        customer = figures.loc["CUSTOMER"]
        names = ["nav_rows", "crm_rows", "coupled", "uncoupled", "crm_deleted"]
        assert customer[names].tolist() == [4, 3, 2, 2, 1]
        assert customer[["failed", "skipped", "diffs", "records_differing"]].tolist() == [
            2,
            1,
            3,
            2,
        ]
        assert figures.loc["PAYMENT TERMS", ["nav_rows", "crm_rows"]].tolist() == [1, 2]

    def test_a_mapping_without_anything_counts_zero(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        assert set(report.figures(data).dtypes.astype(str)) == {"str", "int64"}
        assert report.by_cause(data)["mapping"].tolist() == ["CUSTOMER"]

    def test_own_limits_stand_over_the_default_measure_by_measure(self, tmp_path: Path) -> None:
        limits = {"default": {"diffs": 0, "failed": 5}, "CUSTOMER": {"diffs": 3}}
        judged = report.limits(sample(tmp_path, thresholds=limits))
        customer = judged[judged["mapping"].eq("CUSTOMER")].set_index("measure")
        assert customer["limit"].to_dict() == {"diffs": 3, "failed": 5}
        assert not judged["crossed"].any()

    def test_the_verdict_follows_the_limits(self, tmp_path: Path) -> None:
        levels = [
            report.verdict(sample(tmp_path, thresholds=limits)).level
            for limits in ({}, {"CUSTOMER": {"diffs": 3}}, {"CUSTOMER": {"diffs": 2}})
        ]
        assert levels == ["open", "within", "crossed"]

    def test_the_gate_names_what_crossed_in_one_line(self, tmp_path: Path) -> None:
        report.gate(sample(tmp_path, thresholds={"CUSTOMER": {"diffs": 3}}))
        with pytest.raises(report.ThresholdCrossed, match="CUSTOMER: 2 uncoupled, limit 1") as told:
            report.gate(sample(tmp_path, thresholds={"CUSTOMER": {"uncoupled": 1}}))
        assert len(told.value._render_traceback_()) == 1

    def test_one_mapping_alone_is_shown_and_an_unknown_one_refused(self, tmp_path: Path) -> None:
        alone = sample(tmp_path).only("CUSTOMER")
        assert set(alone.couplings["mapping"]) == {"CUSTOMER"}
        assert report.figures(alone)["mapping"].tolist() == ["CUSTOMER"]
        with pytest.raises(NotFoundError, match="Did you mean 'CUSTOMER'"):
            sample(tmp_path).only("CUSTOMR")

    def test_records_are_ranked_by_weight(self, tmp_path: Path) -> None:
        ranked = report.records_by_weight(sample(tmp_path))
        assert ranked["nav_key"].tolist() == ["10000", "20000"]
        assert ranked["diffs"].tolist() == [2, 1]

    def test_every_class_says_what_to_do_next(self, tmp_path: Path) -> None:
        steps = report.next_steps(sample(tmp_path))
        assert steps["next_step"].ne("").all()
        assert steps["findings"].sum() == len(sample(tmp_path).findings)

    def test_drilling_down_gives_frames_of_the_same_shape_when_empty(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        empty = ReportFrames(data.facts, lambda name: getattr(data, name).iloc[:0])
        for call in (
            report.broken_couplings,
            report.violated_rules,
            report.coverage,
            report.differences,
            report.next_steps,
            report.options,
            report.quality_overview,
            report.records_by_weight,
            report.troubled,
            report.unchecked_rules,
            report.worst,
        ):
            assert list(call(empty).columns) == list(call(data).columns), call.__name__
        for side in ("nav", "crm"):
            columns = [list(report.uncoupled(each, side).columns) for each in (data, empty)]
            assert columns[0] == columns[1]


class TestHistory:
    def test_findings_are_new_then_open_then_resolved(self) -> None:
        first = open_findings(couplings(), diff(), missing_options())
        now, resolved = age(first, no_findings(), "2026-11-01")
        assert set(now["status"]) == {"new"}
        assert resolved.empty
        later = first[first["kind"].ne("option")].reset_index(drop=True)
        now, resolved = age(later, now, "2026-11-02")
        assert set(now["status"]) == {"open"}
        assert set(now["first_seen"]) == {"2026-11-01"}
        assert set(now["runs"]) == {2}
        assert resolved["kind"].tolist() == ["option"]

    def test_a_difference_whose_cause_changes_stays_the_same_finding(self) -> None:
        before, _ = age(open_findings(couplings(), diff(), missing_options()), no_findings(), "1")
        changed = diff().assign(cause="changed_in_both")
        now, resolved = age(open_findings(couplings(), changed, missing_options()), before, "2")
        assert set(now["status"]) == {"open"}
        assert resolved.empty

    def test_the_trend_has_earlier_runs_of_this_workspace_only(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        for run_id, company in (("20261101T090000Z", None), ("20261102T090000Z", "Another")):
            folder = tmp_path / run_id
            folder.mkdir()
            told = {
                **{key: data.facts[key] for key in ("workspace", "company")},
                **({"company": company} if company else {}),
                "run_id": run_id,
                "started": f"2026-11-0{run_id[7]}T09:00:00+00:00",
                "totals": {"diffs": 90, "uncoupled": 8},
            }
            (folder / "summary.json").write_text(json.dumps(told))
        (tmp_path / "half").mkdir()
        (tmp_path / "half" / "summary.json").write_text("{")
        assert report.trend(data)["diffs"].tolist() == [90, 3]
        assert "from 90 to 3" in report.trend_chart(data).html


class TestCharts:
    def test_charts_say_their_finding_and_load_nothing(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        for chart in (report.state_chart, report.cause_chart, report.field_chart):
            html = chart(data).html
            assert 'src="data:image/svg+xml;base64,' in html
            assert html.count("<img") == 1
        assert 'alt="3 differences; most are' in report.cause_chart(data).html

    def test_the_same_data_gives_the_same_picture(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        assert report.state_chart(data) == report.state_chart(data)

    def test_names_with_dollars_are_no_formulas(self) -> None:
        assert "$x^2$" in report.bars(pd.Series({"$x^2$": 3}), "C", "things").html

    def test_nothing_to_draw_is_a_sentence(self, tmp_path: Path) -> None:
        assert "first run" in report.trend_chart(sample(tmp_path)).html
        assert report.bars(pd.Series(dtype="int64"), "C", "things").html.startswith("<p")


class TestPages:
    def test_the_index_escapes_names_and_shows_what_failed(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        page = index_page(data, [run("failed", f"ValueError: {NASTY}"), run()], [])
        assert "1 of 2 reports could not be made" in page
        assert "ValueError: &lt;script&gt;" in page
        assert "Cannon &lt;b&gt;&amp; Co" in page
        assert "<script>alert" not in page
        assert "http" not in page.replace("https://nav.example", "")

    def test_the_verdict_comes_before_any_figure(self, tmp_path: Path) -> None:
        page = index_page(sample(tmp_path), [run()], [])
        assert page.index("No limits are set") < page.index('nr-cards"')

    def test_data_files_stand_with_their_checksum(self, tmp_path: Path) -> None:
        (tmp_path / "a.parquet").write_bytes(b"x")
        files = checksums(tmp_path, ["a.parquet"])
        page = index_page(sample(tmp_path), [run()], files)
        assert str(files[0]["sha256"]) in page
        assert "verbatim" in page

    def test_sign_off_names_the_run(self, tmp_path: Path) -> None:
        assert "20261124T090000Z" in report.sign_off(sample(tmp_path)).html


class TestSummary:
    def test_keys_are_stable(self, tmp_path: Path) -> None:
        told = summarize(sample(tmp_path), [run()], [], datetime(2026, 11, 24, 9, 1, tzinfo=UTC))
        assert list(told) == [
            "run_id", "company", "workspace", "started", "finished", "seconds", "version", "user",
            "sides", "couplings_from", "status", "verdict", "totals", "mappings",
            "missing_options", "quality", "findings", "not_checked", "thresholds", "notebooks",
            "files",
        ]  # fmt: skip
        assert told["seconds"] == 60.0
        customer = told["mappings"]["CUSTOMER"]
        assert customer["causes"] == {"changed_in_both": 1, "changed_in_nav": 1, "drifted": 1}
        assert customer["resolutions"] == {"conflict": 1, "none": 1, "to_crm": 1}
        assert customer["nav_only"] == 1
        assert told["missing_options"] == {"unmapped_option": 1}
        assert told["notebooks"][0]["status"] == "ok"
        json.dumps(told)

    def test_a_crash_is_2_a_crossed_limit_1_and_the_rest_0(self, tmp_path: Path) -> None:
        fine, over = sample(tmp_path), sample(tmp_path, thresholds={"CUSTOMER": {"diffs": 0}})
        assert exit_status(fine, [run()]) == 0
        assert exit_status(fine, [run("crossed")]) == 1
        assert exit_status(over, [run()]) == 1
        assert exit_status(over, [run("failed"), run("crossed")]) == 2


class TestStored:
    def test_frames_come_back_as_they_were(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        store_frames(data, tmp_path / "data")
        again = report.open_frames("unused.yaml", tmp_path / "data")
        for name in ("couplings", "diff", "missing_options", "rows", "quality", "findings"):
            pd.testing.assert_frame_equal(getattr(again, name), getattr(data, name))
        assert again.facts == data.facts
        assert again.file("diff") == "data/diff.parquet"

    def test_a_folder_without_frames_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="holds no frames"):
            report.open_frames("unused.yaml", tmp_path)

    def test_export_writes_when_asked_and_else_says_where(self, tmp_path: Path) -> None:
        data = sample(tmp_path)
        assert "not stored" in report.export(data, ["diff"]).html
        report.export(data, ["diff"], str(tmp_path / "x"))
        assert sorted(path.name for path in (tmp_path / "x").iterdir()) == [
            "diff.parquet",
            "diff.xlsx",
        ]


def test_runs_that_start_in_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    started = datetime(2018, 10, 1, 8, tzinfo=UTC)
    names = [_make_folder(tmp_path / "runs", started).name for _ in range(3)]
    assert names == ["20181001T080000Z", "20181001T080000Z-2", "20181001T080000Z-3"]
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        _make_folder(tmp_path / "file", started)


def test_importing_reports_does_not_import_what_only_runs_need() -> None:
    heavy = "great_expectations matplotlib papermill nbconvert xlsxwriter sqlalchemy"
    code = (
        f"import sys, navcrm_recon.report; sys.exit(str(set('{heavy}'.split()) & {{*sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stderr.strip() == "set()"


def test_the_quality_frame_of_a_workspace_adds_mapping_and_side() -> None:
    assert list(QUALITY_ALL) == ["mapping", "side", *QUALITY]
