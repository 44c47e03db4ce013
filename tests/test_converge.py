"""After a synchronisation there is nothing left to do but what failed (line 3)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import navcrm_recon as nr
from navcrm_recon.sandbox.demo import write_demo
from tests.engine_company import company

WRITES = ["insert", "modify", "restore", "uncouple"]
PAIR = ["mapping", "nav_key", "crm_id", "nav_field", "crm_field"]
EXAMPLES = 150 if os.environ.get("NAVCRM_SOAK") else 12


# --- the demo company -----------------------------------------------------------------------------


class Demo:
    """The demo company before and after a synchronisation of everything."""

    def __init__(self, file: Path) -> None:
        self.workspace = nr.open_workspace(file)
        self.enabled = [n for n, mapping in self.workspace.mappings.items() if mapping.enabled]
        planted = pd.read_csv(file.with_name("planted.csv"), dtype=str, keep_default_na=False)
        self.planted = planted[planted["frame"] == "diff"]
        self.before = self._diff()
        self.jobs = self.workspace.synchronize()
        self.plan = self.workspace.plan()
        self.after = self._diff()

    def _diff(self) -> pd.DataFrame:
        found = pd.concat([self.workspace.diff(name) for name in self.enabled])
        return found.set_index(PAIR).sort_index()

    def resolved(self, *resolutions: str) -> pd.MultiIndex:
        """Return the planted differences that have one of some resolutions, in order of keys."""
        chosen = self.planted[self.planted["resolution"].isin(resolutions)]
        # A field that CRM takes from new records only, and one that is cleared, differ for good.
        chosen = chosen[chosen["expected"] != "uncoupled_reference"]
        return pd.MultiIndex.from_frame(chosen[PAIR])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(write_demo(tmp_path_factory.mktemp("demo")))


@pytest.mark.slow
def test_nothing_is_left_of_the_demo_company_but_what_the_job_log_lists(demo: Demo) -> None:
    assert sum(job.modified for job in demo.jobs) > 200
    left = demo.plan.actions
    assert left[left["action"].isin(WRITES)].empty
    stopped = left[left["action"].isin(["fail", "conflict", "skip"])]
    # A price that leaves its line to another one is told in its job; its group says it fails for
    # want of an item.
    stopped = stopped[~stopped["reason"].str.match("PG10|D3")]
    assert len(stopped) > 20
    listed = pd.concat([demo.workspace.errors(), demo.workspace.skipped()])
    for keys in (["mapping", "nav_key"], ["mapping", "crm_id"]):
        named = stopped[stopped[keys[1]] != ""]
        if keys[1] == "crm_id":
            named = named[named["nav_key"] == ""]
        missing = set(map(tuple, named[keys].to_numpy())) - set(map(tuple, listed[keys].to_numpy()))
        assert missing == set()


@pytest.mark.slow
def test_planted_differences_end_on_the_side_the_rules_say(demo: Demo) -> None:
    for resolution, side in (("to_crm", "nav"), ("to_nav", "crm")):
        places = demo.resolved(resolution)
        assert len(places) >= 50
        assert not places.isin(demo.after.index).any()
        written = demo.workspace.writes()
        other = "crm" if side == "nav" else "nav"
        done = written[written["side"] == other]
        done = done.set_index(["mapping", "nav_key", "crm_id", "field"])["new"]
        for place in places:
            field = place[4] if other == "crm" else place[3]
            assert (*place[:3], field) in done.index, place
        back = written[written["side"] == side].set_index(["mapping", "nav_key", "crm_id", "field"])
        for place in places:
            field = place[3] if side == "nav" else place[4]
            assert (*place[:3], field) not in back.index, place


@pytest.mark.slow
def test_merged_differences_are_gone_and_conflicts_keep_both_values(demo: Demo) -> None:
    merged = demo.resolved("merge")
    assert len(merged) > 5
    assert not merged.isin(demo.after.index).any()
    kept = demo.resolved("conflict", "blocked")
    assert len(kept) > 20
    values = ["nav_value", "crm_value", "resolution"]
    pd.testing.assert_frame_equal(demo.after.loc[kept, values], demo.before.loc[kept, values])


# --- small companies by chance --------------------------------------------------------------------

PLACES = range(3)
KEYS = st.sampled_from([f"C{place}" for place in PLACES])
VALUES = st.sampled_from(["", "a", "B", "ß", "x" * 60, " lead", "trail ", "a\nb", "'; --", "Ü"])
FIELDS = st.sampled_from([("Name", "name"), ("City", "address1_city"), ("Phone No.", "telephone1"),
                          ("E-Mail", "emailaddress1")])  # fmt: skip


def edits() -> st.SearchStrategy[dict[str, Any]]:
    """Draw what somebody does on one of the sides."""
    return st.one_of(
        st.builds(
            lambda key, field, value: {
                "edit_nav": {"table": "Customer", "key": key, "set": {field[0]: value[:20]}}
            },
            KEYS, FIELDS, VALUES,
        ),
        st.builds(
            lambda key, field, value: {
                "edit_crm": {"entity": "account", "key": f"a-{key}", "set": {field[1]: value[:40]}}
            },
            KEYS, FIELDS, VALUES,
        ),
        st.just({"advance": "1h"}),
    )  # fmt: skip


@st.composite
def companies(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw a company of three customers and three accounts, some coupled, and what people do."""
    coupled = draw(st.sets(st.sampled_from(PLACES)))
    known = draw(st.booleans())
    given_ = {
        "now": "2018-10-01T08:00:00Z",
        "setup": {"integration_user": "robot"},
        "mappings": {
            "CUSTOMER": {
                "synch_only_coupled": draw(st.booleans()),
                "update_conflict": draw(st.sampled_from(["none", "send", "get", "merge"])),
                "deletion_conflict": draw(
                    st.sampled_from(["none", "restore", "remove_coupling"])
                ),
            }
        },
        "nav": {
            "Sales & Receivables Setup": [{"Customer Nos.": "CUST"}],
            "Salesperson/Purchaser": [{"Code": "JR", "Name": "J"}],
            "Customer": [
                {"No.": f"C{n}", "Name": f"N{n}", "Salesperson Code": "JR"} for n in PLACES
            ],
        },
        "crm": {
            "systemuser": [{"systemuserid": "u", "fullname": "J", "isdisabled": False,
                            "islicensed": True, "isintegrationuser": False}],
            "account": [
                {"accountid": f"a-C{n}", "name": f"N{n}", "customertypecode": 3, "ownerid": "u"}
                for n in PLACES
            ],
        },
        "couplings": [
            {"mapping": "SALESPEOPLE", "nav_key": "JR", "crm_id": "u", "synchronized": True},
            *(
                {"mapping": "CUSTOMER", "nav_key": f"C{n}", "crm_id": f"a-C{n}",
                 "synchronized": known}
                for n in sorted(coupled)
            ),
        ],
    }  # fmt: skip
    steps = [{"advance": "1h"}, *draw(st.lists(edits(), max_size=6))]
    gone = draw(st.sampled_from(["", "nav", "crm"]))
    if gone:
        key = draw(KEYS)
        place = ("table", "Customer", key) if gone == "nav" else ("entity", "account", f"a-{key}")
        named = {place[0]: place[1], "key": place[2]}
        steps.append({f"delete_{gone}": named})
    return given_, steps


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=not os.environ.get("NAVCRM_SOAK"),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(made=companies())
def test_any_company_is_done_after_one_run(
    made: tuple[dict[str, Any], list[dict[str, Any]]], folder: Path
) -> None:
    with company("sqlite", folder / "any", *made) as one:
        workspace = one.open()
        workspace.synchronize("CUSTOMER")
        left = workspace.plan("CUSTOMER").actions
        assert left[left["action"].isin(WRITES)].empty, left.to_string()
        pairs = workspace.couplings("CUSTOMER")
        pairs = pairs[(pairs["nav_key"] != "") & (pairs["crm_id"] != "")]
        assert not pairs["nav_key"].duplicated().any()
        assert not pairs["crm_id"].duplicated().any()
        rows = one.tables()
        for name in ("account", "CRONUS International Ltd_$Customer"):
            keys = [row.get("accountid", row.get("No_")) for row in rows[name]]
            assert len(keys) == len(set(keys))
