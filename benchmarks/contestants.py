"""The same job by different means: from Parquet to the long list of differences.

Each returns one row per coupled record and differing field: nav_key, crm_id, field, nav_value,
crm_value. Blank texts are one value; codes are compared in upper case without blanks around;
texts as far as 50 characters; options and lookups through their translations.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.data import (
    AMOUNTS,
    CODES,
    FIELDS,
    LOOKUPS,
    OPTIONS,
    TERMS,
    TEXTS,
    attribute,
    mapping,
)


def ours(folder: Path) -> pd.DataFrame:
    """Run navcrm_recon's own functions on columns read one at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from navcrm_recon.recon.align import pair_up
    from navcrm_recon.recon.diff import diff
    from navcrm_recon.recon.references import Reference
    from navcrm_recon.recon.resolution import Changes
    from navcrm_recon.sides.parquet import ParquetRecords

    what = mapping()
    nav = ParquetRecords(folder / "nav.parquet", what.nav, "No.")
    crm = ParquetRecords(folder / "crm.parquet", what.crm, "accountid")
    pairs, _ = pair_up(pd.read_parquet(folder / "couplings.parquet"), nav.index, crm.index)
    people = pq.read_table(folder / "lookups.parquet").cast(
        pa.schema([("nav_key", pa.large_string()), ("crm_id", pa.large_string())])
    )
    person = Reference(people["nav_key"].combine_chunks(), people["crm_id"].combine_chunks())
    values = [str(value) for value in range(1, len(TERMS) + 1)]
    terms = Reference(pa.array(TERMS, pa.large_string()), pa.array(values, pa.large_string()))
    pair = {row.via: row.pair for row in what.fields if row.via}
    references = {pair[name]: person for name in LOOKUPS} | {pair[name]: terms for name in OPTIONS}
    found = diff(what, pairs, nav, crm, references, Changes.unknown(len(pairs)))
    return found.rename(columns={"nav_field": "field"})[_COLUMNS]


def duckdb(folder: Path) -> pd.DataFrame:
    """Run hand-written SQL in DuckDB."""
    import duckdb as db

    con = db.connect()
    con.execute("set threads to 2")
    for name in ("nav", "crm", "couplings", "lookups"):
        con.execute(f"create view {name} as select * from '{folder / name}.parquet'")
    con.execute(
        "create temp table terms as select * from (values "
        + ", ".join(f"('{code}', {value})" for value, code in enumerate(TERMS, 1))
        + ") t(code, value)"
    )
    columns = ", ".join(
        f'n."{field}" as n{i}, c.{attribute(field)} as c{i}{_sql_expected(field, i)}'
        for i, field in enumerate(FIELDS)
    )
    joins = " ".join(
        f"left join {'terms' if field in OPTIONS else 'lookups'} l{i} on "
        f'l{i}.{"code" if field in OPTIONS else "nav_key"} = n."{field}"'
        for i, field in enumerate(FIELDS)
        if field in OPTIONS + LOOKUPS
    )
    # Only the pairs with a difference are kept, then taken apart by field.
    con.execute(
        f"create temp table pairs as select * from (select k.nav_key, k.crm_id, {columns} "
        'from couplings k join nav n on n."No." = k.nav_key join crm c on c.accountid = k.crm_id '
        + joins
        + ") where "
        + " or ".join(f"({_sql_differs(field, i)})" for i, field in enumerate(FIELDS))
    )
    parts = [
        f"select nav_key, crm_id, '{field}' as field, cast(n{i} as varchar) as nav_value, "
        f"cast(c{i} as varchar) as crm_value from pairs where {_sql_differs(field, i)}"
        for i, field in enumerate(FIELDS)
    ]
    return con.execute(" union all ".join(parts)).df()


def _sql_expected(field: str, i: int) -> str:
    if field not in OPTIONS + LOOKUPS:
        return ""
    return f", l{i}.{'value' if field in OPTIONS else 'crm_id'} as e{i}"


def _sql_differs(field: str, i: int) -> str:
    if field in TEXTS:
        left, right = f"coalesce(n{i}, '')", f"coalesce(c{i}, '')"
        return f"{left} <> {right} and left({left}, 50) <> left({right}, 50)"
    if field in CODES:
        left, right = f"coalesce(n{i}, '')", f"coalesce(c{i}, '')"
        return f"{left} <> {right} and {left} <> upper(trim(left({right}, 20)))"
    if field in OPTIONS + LOOKUPS:
        return f"e{i} is distinct from c{i}"
    return f"n{i} is distinct from c{i}"


def pandas_merge(folder: Path) -> pd.DataFrame:
    """Merge wide with pandas, then compare column by column."""
    nav, crm = _prepared(folder)
    wide = nav.merge(crm, on="key", suffixes=("_nav", "_crm"))
    parts = []
    for field in FIELDS:
        left, right = wide[f"{field}_nav"], wide[f"{field}_crm"]
        apart = ~((left == right) | (left.isna() & right.isna()))
        parts.append(_long(wide[apart], field, left[apart], right[apart]))
    return pd.concat(parts, ignore_index=True)


def datacompy_pandas(folder: Path) -> pd.DataFrame:
    """Let datacompy compare two pandas frames."""
    import datacompy

    nav, crm = _prepared(folder)
    compared = datacompy.PandasCompare(nav, crm, join_columns="key", cast_column_names_lower=False)
    both = compared.intersect_rows
    parts = []
    for field in FIELDS:
        apart = both[~both[f"{field}_match"]]
        parts.append(_long(apart, field, apart[f"{field}_df1"], apart[f"{field}_df2"]))
    return pd.concat(parts, ignore_index=True)


def datacompy_polars(folder: Path) -> pd.DataFrame:
    """Let datacompy compare two Polars frames."""
    import datacompy
    import polars as pl

    couplings = pl.read_parquet(folder / "couplings.parquet")
    lookups = pl.read_parquet(folder / "lookups.parquet")
    nav = pl.read_parquet(folder / "nav.parquet").rename({"No.": "key"})
    crm = pl.read_parquet(folder / "crm.parquet")
    crm = crm.join(couplings, left_on="accountid", right_on="crm_id").drop("accountid")
    crm = crm.rename({"nav_key": "key"} | {attribute(field): field for field in FIELDS})
    for name in LOOKUPS:
        back = lookups.rename({"crm_id": name, "nav_key": "code"})
        crm = crm.join(back, on=name, how="left").drop(name).rename({"code": name})
    terms = dict(enumerate(TERMS, 1))
    crm = crm.with_columns(
        [pl.col(name).replace_strict(terms, return_dtype=pl.String) for name in OPTIONS]
        + [pl.col(name).fill_null("") for name in TEXTS]
        + [pl.col(name).str.strip_chars().str.to_uppercase() for name in CODES]
        + [pl.col(name).cast(pl.Decimal(38, 20)) for name in AMOUNTS]
    )
    compared = datacompy.PolarsCompare(
        nav, crm.select(nav.columns), join_columns="key", cast_column_names_lower=False
    )
    both = compared.intersect_rows
    parts = [
        both.filter(~pl.col(f"{field}_match")).select(
            pl.col("key").alias("nav_key"),
            pl.lit(field).alias("field"),
            pl.col(f"{field}_df1").cast(pl.String).alias("nav_value"),
            pl.col(f"{field}_df2").cast(pl.String).alias("crm_value"),
        )
        for field in FIELDS
    ]
    return pl.concat(parts).join(couplings, on="nav_key").select(_COLUMNS).to_pandas()


_COLUMNS = ["nav_key", "crm_id", "field", "nav_value", "crm_value"]


def _prepared(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read both sides, bring CRM to NAV's key, names and values: what a general tool needs."""
    couplings = pd.read_parquet(folder / "couplings.parquet")
    lookups = pd.read_parquet(folder / "lookups.parquet")
    nav = pd.read_parquet(folder / "nav.parquet", dtype_backend="pyarrow")
    crm = pd.read_parquet(folder / "crm.parquet", dtype_backend="pyarrow")
    crm = crm.merge(
        couplings.astype(crm["accountid"].dtype), left_on="accountid", right_on="crm_id"
    )
    names = {attribute(field): field for field in FIELDS} | {"nav_key": "key"}
    crm = crm.drop(columns="accountid").rename(columns=names)
    by_id = lookups.set_index("crm_id")["nav_key"]
    text = nav["No."].dtype
    for name in LOOKUPS:
        crm[name] = crm[name].map(by_id).astype(text)
    for name in OPTIONS:
        crm[name] = crm[name].map(dict(enumerate(TERMS, 1))).astype(text)
    for name in TEXTS:
        crm[name] = crm[name].fillna("")
    for name in CODES:
        crm[name] = crm[name].str.strip().str.upper()
    for name in AMOUNTS:
        crm[name] = crm[name].astype(nav[name].dtype)
    return nav.rename(columns={"No.": "key"}), crm


def _long(rows: pd.DataFrame, field: str, nav: pd.Series, crm: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "nav_key": rows["key"],
            "crm_id": rows["crm_id"],
            "field": field,
            "nav_value": nav.astype(str),
            "crm_value": crm.astype(str),
        }
    )


CONTESTANTS = {
    "navcrm_recon": ours,
    "DuckDB, hand-written SQL": duckdb,
    "datacompy, Polars": datacompy_polars,
    "pandas merge": pandas_merge,
    "datacompy, pandas": datacompy_pandas,
}
