"""The planted field differences: which records, what is changed there, what must be found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from navcrm_recon.catalog.model import FieldMapping, SideName
from navcrm_recon.frames import TEXT, as_rows
from navcrm_recon.sandbox.company import Company
from navcrm_recon.sandbox.edits import move, sign, touch, write
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sandbox.variants import Spot, cut_for_nav, variant

_SIDES: tuple[SideName, SideName] = ("nav", "crm")


@dataclass
class Case:
    """One case of the small table of discrepancies and the pairs of records it happens to.

    ``rows`` are the table's rows of this case, one per field; ``memory`` says what the state
    remembers of these couplings.
    """

    name: str
    mapping: str
    rows: list[dict[str, str]]
    pairs: pd.DataFrame

    @property
    def memory(self) -> str:
        """What the state remembers: all (blank), ``stamps``, ``fresh``, or a failed coupling."""
        return self.rows[0]["memory"]

    def keys(self, side: SideName) -> pd.Series:
        """Return the keys of one side's records."""
        return self.pairs["nav_key" if side == "nav" else "crm_id"]


@dataclass(frozen=True)
class Partners:
    """Which records a new reference may name: pairs nothing happens to, and uncoupled records."""

    coupled: dict[str, pd.DataFrame]
    uncoupled: dict[SideName, dict[str, pd.Index[str]]]


def choose_cases(company: Company, free: dict[str, pd.DataFrame]) -> list[Case]:
    """Choose records for every case, each record for one case at most, by chance.

    Parameters
    ----------
    free
        Per mapping the pairs that nothing has been planned for.
    """
    cases = []
    order = {name: _shuffled(company, name, pairs) for name, pairs in free.items()}
    table = as_rows(words("discrepancies"))
    for name, group in groupby(table, key=lambda row: row["case"]):
        rows = list(group)
        first = rows[0]
        mapping = first["mapping"]
        count = int(first["count"]) * (company.scale if first["grows"] else 1)
        left = order[mapping]
        chosen = left[_meets(company, mapping, first["where"], left)].iloc[:count]
        if len(chosen) < count:
            raise ValueError(f"case {name} needs {count} records of {mapping}, {len(chosen)} left")
        order[mapping] = left.drop(chosen.index)
        cases.append(Case(name, mapping, rows, chosen.reset_index(drop=True)))
    return cases


def _shuffled(company: Company, name: str, pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.take(company.chance(f"cases {name}").permutation(len(pairs)))


def _meets(company: Company, mapping: str, condition: str, pairs: pd.DataFrame) -> pd.Series:
    found = re.fullmatch(r"(.+?)(<>|=)(.*)", condition)
    if found is None:
        return pd.Series(True, index=pairs.index)
    name, operator, value = found.groups()
    table = company.catalog.mappings[mapping].nav.name
    equal = company.nav[table].loc[pairs["nav_key"], name].eq(value).to_numpy(dtype=bool)
    return pd.Series(equal if operator == "=" else ~equal, index=pairs.index)


def apply_cases(company: Company, cases: list[Case], phase: str, partners: Partners) -> None:
    """Make the changes of one phase: ``before`` or ``after`` the baselines are taken."""
    fields = {case.mapping: _fields(company, case) for case in cases}
    for case in cases:
        for row in case.rows:
            for side in _SIDES:
                moment, _, kind = row[side].partition(":")
                if moment == phase:
                    pair = (row["nav_field"], row["crm_field"])
                    field = fields[case.mapping][pair]
                    _edit(company, case, field, side, kind, partners)
        if phase == "after":
            _touch(company, case)


def _fields(company: Company, case: Case) -> dict[tuple[str, str], FieldMapping]:
    rows = company.catalog.mappings[case.mapping].enabled_fields
    return {field.pair: field for field in rows}


def _edit(
    company: Company, case: Case, field: FieldMapping, side: SideName, kind: str, partners: Partners
) -> None:
    mapping = company.catalog.mappings[case.mapping]
    column = field.nav if side == "nav" else field.crm
    if column is None:
        raise ValueError(f"case {case.name} changes a field of {side} that {field.pair} lacks")
    frame = company.frames(side)[mapping.table(side).name]
    now = frame.loc[case.keys(side), column.name]
    spot = Spot(company, mapping, field, side, now, partners.coupled, partners.uncoupled[side])
    values = variant(kind, spot)
    keys = write(company, case.mapping, side, column.name, values)
    if side == "nav":
        case.pairs["nav_key"] = pd.Series(keys.to_numpy(), dtype=TEXT)
    elif kind == "long" and field.nav is not None:
        kept = pd.Series(cut_for_nav(values, spot).to_numpy(), index=pd.Index(case.keys("nav")))
        write(company, case.mapping, "nav", field.nav.name, kept.astype(TEXT))


def _touch(company: Company, case: Case) -> None:
    for who in " ".join(row["touched"] for row in case.rows).split():
        if who.startswith("nav+"):
            move(company, case.mapping, case.keys("nav"), pd.Timedelta(who.removeprefix("nav+")))
        elif who == "human":
            sign(company, case.mapping, case.keys("crm"))
        else:
            side: SideName = "nav" if who == "nav" else "crm"
            touch(company, case.mapping, side, case.keys(side), robot=who == "robot")


def expected_differences(cases: list[Case]) -> pd.DataFrame:
    """Return one row per field difference that must be found, and none for the cases without."""
    pairs = pd.concat([case.pairs.assign(case=case.name) for case in cases], ignore_index=True)
    rows = words("discrepancies")
    found = rows[rows["cause"] != ""].merge(pairs, on="case", suffixes=("_table", ""))
    names = ["mapping", "nav_key", "crm_id", "nav_field", "crm_field", "resolution"]
    return found[names].assign(frame="diff", expected=found["cause"])
