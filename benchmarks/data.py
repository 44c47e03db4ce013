"""Two companies' worth of records in Parquet, coupled, with differences at known places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from navcrm_recon.catalog.model import Column, FieldMapping, Table, TableMapping

TEXTS = [f"Text {i}" for i in range(1, 11)]
CODES = ["Post Code", "Country Code"]
AMOUNTS = ["Credit Limit", "Discount"]
OPTIONS = ["Payment Terms Code", "Shipping Agent Code"]
DATES = ["Start Date", "End Date"]
LOOKUPS = ["Salesperson Code", "Contact No."]
FIELDS = TEXTS + CODES + AMOUNTS + OPTIONS + DATES + LOOKUPS
TERMS = [f"TERM{i}" for i in range(1, 10)]
COUPLED, DIFFERING = 0.95, 0.03


def attribute(field: str) -> str:
    """Return the CRM attribute a NAV field is mapped to."""
    return field.lower().replace(" ", "").replace(".", "")


def mapping() -> TableMapping:
    """Return the mapping of 20 fields between the two files."""
    rows = [
        FieldMapping(_nav(name), _crm(name), "both", _transfer(name), via=_via(name))
        for name in FIELDS
    ]
    nav = Table("nav", "Customer", ("No.",), {row.nav.name: row.nav for row in rows if row.nav})
    crm = Table("crm", "account", ("accountid",), {r.crm.name: r.crm for r in rows if r.crm})
    return TableMapping("CUSTOMER", nav, crm, "both", tuple(rows), {})


def _nav(name: str) -> Column:
    if name in TEXTS:
        return Column(name, "text", 50)
    if name in AMOUNTS:
        return Column(name, "decimal", scale=20)
    return Column(name, "date") if name in DATES else Column(name, "code", 20)


def _crm(name: str) -> Column:
    if name in TEXTS + CODES:
        return Column(attribute(name), "text", 100)
    if name in AMOUNTS:
        return Column(attribute(name), "decimal", scale=4)
    if name in OPTIONS:
        return Column(attribute(name), "option")
    return Column(attribute(name), "date" if name in DATES else "lookup")


def _transfer(name: str) -> str:
    kinds = {"option_via_coupling": OPTIONS, "coupled_lookup": LOOKUPS, "number": AMOUNTS}
    kinds["date"] = DATES
    return next((kind for kind, names in kinds.items() if name in names), "text")


def _via(name: str) -> str | None:
    return name if name in OPTIONS + LOOKUPS else None


def write(folder: Path, rows: int, seed: int = 1) -> None:
    """Write nav.parquet, crm.parquet, couplings.parquet, lookups.parquet and truth.parquet."""
    random = np.random.default_rng(seed)
    keys = np.char.add("C", np.char.zfill(np.arange(rows).astype(str), 8))
    ids = np.array([f"{n:032x}" for n in random.permutation(rows)])
    ids = np.array([f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for i in ids])
    people = np.char.add("P", np.arange(rows // 10 + 1).astype(str))
    person_ids = np.char.add(
        "00000000-0000-4000-8000-", np.char.zfill(np.arange(len(people)).astype(str), 12)
    )
    nav = {"No.": keys}
    crm: dict[str, object] = {"accountid": ids}
    nav |= {name: _words(random, rows) for name in TEXTS}
    nav |= {name: np.char.upper(_words(random, rows)) for name in CODES}
    for name in TEXTS:
        crm[attribute(name)] = np.where(nav[name] == "", None, nav[name])
    for name in CODES:
        lower = random.random(rows) < 0.01
        crm[attribute(name)] = np.where(lower, np.char.lower(nav[name]), nav[name])
    for name in AMOUNTS:
        nav[name] = crm[attribute(name)] = random.integers(0, 10**9, rows)
    for name in OPTIONS:
        terms = random.integers(0, len(TERMS), rows)
        nav[name], crm[attribute(name)] = np.array(TERMS)[terms], terms + 1
    for name in DATES:
        nav[name] = crm[attribute(name)] = random.integers(10_000, 20_000, rows)
    for name in LOOKUPS:
        who = random.integers(0, len(people), rows)
        nav[name], crm[attribute(name)] = people[who], person_ids[who]
    truth = _plant(random, rows, nav, crm)
    coupled = np.flatnonzero(random.random(rows) < COUPLED)
    truth = truth[np.isin(truth["row"], coupled)]
    order = random.permutation(rows)
    _save(folder / "nav.parquet", nav, np.arange(rows))
    _save(folder / "crm.parquet", crm, order)
    couplings = pd.DataFrame({"nav_key": keys[coupled], "crm_id": ids[coupled]})
    couplings.sample(frac=1, random_state=seed).to_parquet(
        folder / "couplings.parquet", index=False
    )
    lookups = pd.DataFrame({"nav_key": people, "crm_id": person_ids})
    lookups.to_parquet(folder / "lookups.parquet", index=False)
    found = pd.DataFrame({"nav_key": keys[truth["row"]], "field": truth["field"].to_numpy()})
    found.sort_values(["nav_key", "field"]).to_parquet(folder / "truth.parquet", index=False)


def _words(random: np.random.Generator, rows: int) -> np.ndarray:
    pool = np.array(
        [
            f"{a}{b} {n}"
            for a in ("Nørre", "Great ", "Ober")
            for b in ("field", "brü", "ton")
            for n in range(3000)
        ]
    )
    words = pool[random.integers(0, len(pool), rows)]
    return np.where(random.random(rows) < 0.1, "", words)


def _plant(
    random: np.random.Generator, rows: int, nav: dict[str, np.ndarray], crm: dict[str, object]
) -> pd.DataFrame:
    """Change one to three fields of some CRM records."""
    hit = np.flatnonzero(random.random(rows) < DIFFERING)
    planted = []
    for name in FIELDS:
        some = hit[random.random(len(hit)) < 2 / len(FIELDS)]
        values = np.array(crm[attribute(name)], dtype=object if name in TEXTS + CODES else None)
        if name in TEXTS + CODES:
            values[some] = np.char.add(nav[name][some].astype(str), "x")
        elif name in OPTIONS:
            values[some] = values[some] % len(TERMS) + 1
        elif name in LOOKUPS:
            values[some] = (
                np.where(values[some] == values[0], values[some[0]], values[0])
                if len(some)
                else values[some]
            )
            same = values[some] == np.array(crm[attribute(name)])[some]
            some = some[~same]
        else:
            values[some] = values[some] + 1
        crm[attribute(name)] = values
        planted.append(pd.DataFrame({"row": some, "field": name}))
    return pd.concat(planted, ignore_index=True)


def _save(path: Path, columns: dict[str, object], order: np.ndarray) -> None:
    arrays = {}
    for name, values in columns.items():
        array = np.asarray(values)[order]
        if name in AMOUNTS or name in map(attribute, AMOUNTS):
            cents = pa.array(array).cast(pa.decimal128(19, 0))
            scale = 20 if name in AMOUNTS else 4
            arrays[name] = cents.cast(pa.decimal128(38, scale))
        elif name in DATES or name in map(attribute, DATES):
            arrays[name] = pa.array(array.astype("int32")).cast(pa.date32())
        elif name in map(attribute, OPTIONS):
            arrays[name] = pa.array(array.astype("int32"))
        else:
            arrays[name] = pa.array(array.astype(object), type=pa.string())
    pq.write_table(pa.table(arrays), path)
