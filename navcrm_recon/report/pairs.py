"""Uncoupled records of both sides, which of them may belong together, and coupling them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.catalog.model import Direction, SideName
from navcrm_recon.errors import CouplingError, DataError, NotFoundError
from navcrm_recon.frames import TEXT
from navcrm_recon.recon.matching import criteria, match
from navcrm_recon.report.charts import bars
from navcrm_recon.report.markup import Fragment
from navcrm_recon.report.words import word

if TYPE_CHECKING:
    from navcrm_recon import Workspace

_CANDIDATE = ["mapping", "nav_key", "crm_id", "nav_name", "crm_name", "by", "nav_url", "crm_url"]


def state_bars(couplings: pd.DataFrame) -> Fragment:
    """Show how the records of a mapping stand."""
    counts = couplings["state"].value_counts().rename(index=word)
    return bars(counts, "Records by the state of their coupling", "records")


def without_partner(couplings: pd.DataFrame, side: SideName) -> pd.DataFrame:
    """Return the records only one side has: ``<key>, <name>, <url>`` of that side, by name."""
    rows = couplings[couplings["state"].eq(f"{side}_only")]
    key = "nav_key" if side == "nav" else "crm_id"
    rows = rows.sort_values([f"{side}_name", key], kind="stable", ignore_index=True)
    return rows[[key, f"{side}_name", f"{side}_url"]]


def candidates(ws: Workspace, mapping: str) -> pd.DataFrame:
    """Return pairs of uncoupled records that may belong together.

    Pairs by the mapping's criteria (``match: true``, engine 2.7) come first: each NAV record has
    at most one, and these are what ``couple_matches`` would couple. Then all pairs that have the
    same name, in any case and whatever blanks are between its words.

    Returns
    -------
    DataFrame
        ``mapping, nav_key, crm_id, nav_name, crm_name, by`` (the fields that agree, or ``name``),
        ``nav_url, crm_url``, all str.
    """
    couplings = ws.couplings(mapping)
    alone = {side: couplings[couplings["state"].eq(f"{side}_only")] for side in ("nav", "crm")}
    pairs = pd.concat([_by_criteria(ws, mapping, couplings), _by_name(alone["nav"], alone["crm"])])
    pairs = pairs.drop_duplicates(["nav_key", "crm_id"])
    nav = alone["nav"][["nav_key", "nav_name", "nav_url"]]
    crm = alone["crm"][["crm_id", "crm_name", "crm_url"]]
    found = pairs.merge(nav, on="nav_key").merge(crm, on="crm_id").assign(mapping=mapping)
    return found[_CANDIDATE].astype(TEXT)


def _by_criteria(ws: Workspace, name: str, couplings: pd.DataFrame) -> pd.DataFrame:
    mapping = ws.mappings[name]
    rows = criteria(mapping)
    if not rows or mapping.option_attribute is not None:
        return pd.DataFrame({"nav_key": [], "crm_id": [], "by": []}, dtype=TEXT)
    nav, crm = (ws.read(name, side) for side in ("nav", "crm"))
    nav = nav[nav.index.isin(couplings.loc[couplings["state"].eq("nav_only"), "nav_key"])]
    taken = couplings.loc[~couplings["state"].isin(["nav_only", "crm_only"]), "crm_id"]
    found = match(mapping, nav, crm, pd.Index(taken, dtype=TEXT))
    found = found[found["reason"].eq("matched")]
    fields = {
        priority: ", ".join(
            row.nav.name for row in rows if row.nav and row.match_priority == priority
        )
        for priority in {row.match_priority for row in rows}
    }
    by = found["priority"].map(fields)
    return found[["crm_id"]].rename_axis("nav_key").reset_index().assign(by=by.array)


def _by_name(nav: pd.DataFrame, crm: pd.DataFrame) -> pd.DataFrame:
    one = nav[["nav_key"]].assign(folded=_folded(nav["nav_name"]))
    other = crm[["crm_id"]].assign(folded=_folded(crm["crm_name"]))
    same = one[one["folded"].ne("")].merge(other, on="folded")
    return same.assign(by="name")[["nav_key", "crm_id", "by"]]


def _folded(names: pd.Series) -> pd.Series:
    return names.str.casefold().str.split().str.join(" ").astype(TEXT)


def couple_pairs(
    ws: Workspace,
    mapping: str,
    pairs: Sequence[Sequence[object]],
    synchronize: Direction | None = None,
) -> pd.DataFrame:
    """Couple pairs one after the other; one that cannot be coupled does not stop the others.

    Parameters
    ----------
    pairs
        Each a NAV key and a CRM id.
    synchronize
        ``to_crm`` or ``to_nav``: then transfer the data; blank couples only.

    Returns
    -------
    DataFrame
        ``nav_key, crm_id, message``, all str: what became of each pair.

    Raises
    ------
    DataError
        A pair is not a key and an id; nothing was coupled then.
    """
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2:
            raise DataError(f"pairs: {pair!r} is not a pair of a NAV key and a CRM id.")
    rows = [(str(nav), str(crm), _coupled(ws, mapping, str(nav), str(crm), synchronize))
            for nav, crm in pairs]  # fmt: skip
    return pd.DataFrame(rows, columns=["nav_key", "crm_id", "message"]).astype(TEXT)


def _coupled(
    ws: Workspace, mapping: str, nav_key: str, crm_id: str, synchronize: Direction | None
) -> str:
    try:
        jobs = ws.couple(mapping, nav_key, crm_id, synchronize or None)
    except (CouplingError, NotFoundError) as exc:
        return f"Not coupled. {exc}"
    failed = any(job.failed for job in jobs)
    return "Coupled; synchronising it failed, see the error log." if failed else "Coupled."
