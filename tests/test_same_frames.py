"""The same company gives the same frames, whatever its sides are kept in."""

from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

import navcrm_recon as nr
from navcrm_recon.sandbox.databases import create_tables, insert_rows
from navcrm_recon.sandbox.demo import write_demo

SIDES = ("nav", "crm")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo"), seed=5)


@pytest.fixture(scope="module")
def tables(demo):
    """Every stored table of both sides, read from SQLite."""
    ws = nr.open_workspace(demo)
    return {
        side: {
            name: ws.side(side).read(table, stored(table))
            for name, table in ws.catalog.tables(side).items()
        }
        for side in SIDES
    }


def stored(table):
    return [
        name
        for name, column in table.columns.items()
        if column.flow is None and column.kind != "rowversion"
    ]


def beside(demo: Path, name: str, **sides) -> Path:
    """Write a workspace file like the demo's, with its two sides elsewhere."""
    content = yaml.safe_load(demo.read_text(encoding="utf-8"))
    path = demo.parent / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content | sides), encoding="utf-8")
    return path


def folder(demo, tables, suffix):
    sides = {}
    for side, frames in tables.items():
        out = demo.parent / f"{suffix}-{side}"
        out.mkdir(exist_ok=True)
        for name, frame in frames.items():
            file = out / f"{name.replace('/', '_')}.{suffix}"
            if suffix == "csv":
                frame.to_csv(file, index=False)
            else:
                frame.to_parquet(file, index=False)
        sides[side] = {"kind": "files", "url": out.name}
    return beside(demo, suffix, **sides)


def database(demo, tables, url):
    ws = nr.open_workspace(demo)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    for side, frames in tables.items():
        made = create_tables(engine, side, ws.catalog, ws.config.company)
        for name, frame in frames.items():
            insert_rows(engine, made[name], frame)
    return beside(demo, "postgresql", **{side: {"kind": "sql", "url": url} for side in SIDES})


def every_frame(path):
    ws = nr.open_workspace(path)
    enabled = [name for name, mapping in ws.mappings.items() if mapping.enabled]
    for name in enabled:
        yield f"couplings {name}", ws.couplings(name)
        yield f"diff {name}", ws.diff(name)
        for side in SIDES:
            yield f"{side} {name}", ws.read(name, side)
    yield "missing_options", ws.missing_options()
    yield "not_checked", ws.not_checked()


def assert_same(demo, other):
    expected = dict(every_frame(demo))
    assert sum(map(len, expected.values())) > 20_000
    for name, frame in every_frame(other):
        pd.testing.assert_frame_equal(expected[name], frame, obj=name)


def test_csv(demo, tables):
    assert_same(demo, folder(demo, tables, "csv"))


def test_parquet(demo, tables):
    assert_same(demo, folder(demo, tables, "parquet"))


@pytest.mark.postgres
def test_postgresql(demo, tables, postgres_url):
    assert_same(demo, database(demo, tables, postgres_url))


def test_folders_can_be_planned_for_like_databases_but_not_synchronised(demo, tables):
    path = folder(demo, tables, "parquet")
    plans = [nr.open_workspace(each).plan("CUSTOMER") for each in (demo, path)]
    frames = [each.actions.sort_values(["direction", "nav_key", "crm_id"]) for each in plans]
    counted = [each.groupby(["direction", "action"]).size().to_dict() for each in frames]
    assert counted[0] == counted[1]
    assert {"modify", "conflict", "fail"} <= set(frames[0]["action"])
    with pytest.raises(nr.ReadOnlyError, match="only read"):
        nr.open_workspace(path).apply(plans[1])
