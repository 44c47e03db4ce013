"""The day we take over: NAV's couplings and option mappings are copied into the state, once."""

import pandas as pd
import pytest
import yaml

import navcrm_recon as nr
from navcrm_recon.cli import main
from navcrm_recon.sandbox.demo import write_demo
from navcrm_recon.state.store import Store


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo"), seed=6)


def workspace(demo, name, **changes):
    content = yaml.safe_load(demo.read_text(encoding="utf-8")) | changes
    path = demo.parent / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_state_then_says_what_nav_said(demo, capsys):
    observed = nr.open_workspace(workspace(demo, "observed", couplings="nav"))
    fresh = workspace(demo, "fresh", state={"url": "sqlite:///fresh.db"})
    assert main(["adopt", "--workspace", str(fresh)]) == 0
    out = capsys.readouterr().out
    assert "jobs must be off" in out
    adopted = nr.open_workspace(fresh)
    for mapping in ("CUSTOMER", "CONTACT", "PAYMENT TERMS", "ITEM-PRODUCT"):
        pd.testing.assert_frame_equal(adopted.couplings(mapping), observed.couplings(mapping))
    known = Store(f"sqlite:///{fresh.parent / 'fresh.db'}").coupling_records()
    assert known["integration_id"].ne("").all()
    line = next(line for line in out.splitlines() if "ITEM-PRODUCT" in line)
    known = adopted.couplings("ITEM-PRODUCT")
    assert int(line.split()[-1]) == (~known["state"].isin(["nav_only", "crm_only"])).sum()


def test_it_is_done_once(demo, capsys):
    twice = workspace(demo, "twice", state={"url": "sqlite:///twice.db"})
    assert main(["adopt", "--workspace", str(twice)]) == 0
    before = (demo.parent / "twice.db").read_bytes()
    assert main(["adopt", "--workspace", str(twice)]) == 2
    assert "holds couplings already" in capsys.readouterr().err
    assert (demo.parent / "twice.db").read_bytes() == before


def test_it_needs_a_state(demo):
    content = yaml.safe_load(demo.read_text(encoding="utf-8"))
    del content["state"]
    path = demo.parent / "stateless.yaml"
    path.write_text(yaml.safe_dump(content | {"couplings": "nav"}), encoding="utf-8")
    with pytest.raises(nr.ConfigError, match="state.url"):
        nr.open_workspace(path).adopt()
