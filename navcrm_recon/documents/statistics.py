"""The statistics CRM shows of an account, out of NAV's books (documents 6).

Every run works all figures out anew and writes what differs; a record that is made has an id that
follows from its account, so that a stopped run is made good by the next and nothing is made twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from navcrm_recon.catalog.model import Table
from navcrm_recon.documents.customers import MAPPING, Customers, check_enabled, coupled, keys_of
from navcrm_recon.documents.figures import AMOUNTS, AS_OF, ENTITY, read_figures
from navcrm_recon.documents.noted import (
    BATCH,
    Notes,
    Work,
    kind_of_work,
    writable_crm,
    write_noted,
)
from navcrm_recon.documents.payments import update_invoice_states
from navcrm_recon.errors import SideError
from navcrm_recon.frames import DECIMAL, TEXT, UTC, conform, empty
from navcrm_recon.recon.changes import later
from navcrm_recon.sides.writing import Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.confirm import behind
from navcrm_recon.sync.currency import need_local_currency
from navcrm_recon.sync.jobs import finish, in_a_run, log_errors, new_job
from navcrm_recon.sync.make import key_of
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.scene import Scene, read_available

STATISTICS = "ACCOUNT STATISTICS"
LINK = "nav_accountstatisticsid"
CURRENCY = "transactioncurrencyid"
_STAMP = "last_synch_crm_modified_on"
_OUTCOMES = ("inserted", "modified", "unchanged")


@dataclass(frozen=True)
class Standing:
    """What NAV and CRM say of coupled customers.

    ``pairs``: ``nav_key``, ``crm_id`` (the account), ``record`` (its statistics, blank where there
    are none), ``own`` (the id those would be made with), ``in_nav``, ``in_crm``; ``figures``: what
    NAV says, index ``nav_key``; ``accounts``: ``name`` and the link, index ``crm_id``;
    ``records``: what CRM shows, index its own id.
    """

    pairs: pd.DataFrame
    figures: pd.DataFrame
    accounts: pd.DataFrame
    records: pd.DataFrame


def update_statistics(scene: Scene, customers: Customers = None) -> list[Job]:
    """Bring the statistics of accounts up to date, then the states of their invoices.

    Parameters
    ----------
    customers
        None: all that are coupled. Who is named and not coupled is passed over (documents 6.4).

    Returns
    -------
    The jobs ``ACCOUNT STATISTICS`` (``inserted, modified, unchanged, failed``) and
    ``INVOICE STATES``; before them the one that made the local currency, where CRM had none.

    Raises
    ------
    NotFoundError
        A customer that is named does not exist.
    ConfigError
        The mapping of customers is off.
    SideError
        CRM has no statistics, as the integration solution is not there.
    ReadOnlyError
        CRM is only read, or NAV's own tables hold the couplings.
    """
    store = writable_crm(scene, STATISTICS)
    check_enabled(scene, STATISTICS)
    _check_solution(scene)
    scene = in_a_run(scene)
    keys = keys_of(scene, customers)
    with at_work(scene, store, kind_of_work(scene, STATISTICS, "Customer", ENTITY)):
        jobs = need_local_currency(scene, store, STATISTICS)
        job = new_job(scene, STATISTICS, "synchronization", "to_crm")
        store.start_job(job)
        _update(Work(scene, store, job), keys)
        jobs.append(finish(scene, store, job))
    return [*jobs, *update_invoice_states(scene, customers)]


def _check_solution(scene: Scene) -> None:
    if not scene.crm.available(scene.catalog.crm[ENTITY]):
        raise SideError(
            f"{STATISTICS} is not done: CRM has no {ENTITY}. It comes with the integration "
            "solution; import that into CRM first."
        )


def statistics(
    scene: Scene, customers: Customers = None, as_of: date | None = None
) -> pd.DataFrame:
    """Return what NAV says of coupled customers beside what CRM shows: frame ``statistics``.

    ``as_of``: NAV's work date, today where it is None.
    """
    standing = _standing(scene, keys_of(scene, customers), as_of)
    pairs = standing.pairs[standing.pairs["in_nav"] & standing.pairs["in_crm"]]
    nav = standing.figures.loc[pairs["nav_key"]]
    shown = standing.records.reindex(pairs["record"])
    parts = [
        pd.DataFrame(
            {
                "nav_key": pairs["nav_key"].array,
                "crm_id": pairs["crm_id"].array,
                "name": nav["nav_name"].array,
                "figure": name,
                "nav_value": nav[name].array,
                "crm_value": shown[name].astype(DECIMAL).array,
                "as_of": shown[AS_OF].array,
            }
        )
        for name in AMOUNTS
    ]
    every = pd.concat(parts, ignore_index=True) if len(pairs) else empty("statistics")
    return conform(every, "statistics").sort_values("nav_key", kind="stable", ignore_index=True)


def _standing(scene: Scene, keys: Sequence[str] | None, work_date: date | None = None) -> Standing:
    """Read what NAV and CRM say of some or all coupled customers."""
    known = coupled(scene, keys)
    figures = read_figures(scene, known["nav_key"].tolist(), work_date)
    account, table = scene.catalog.crm["account"], scene.catalog.crm[ENTITY]
    accounts = read_available(scene.crm, account, ["name", LINK], (), known["crm_id"].tolist())
    links = known["crm_id"].map(accounts[LINK]).astype(TEXT).fillna("")
    columns = [*figures.columns, CURRENCY]
    records = read_available(scene.crm, table, columns, (), [each for each in links if each])
    own = [key_of(scene, ENTITY, each) for each in known["crm_id"]]
    pairs = known[["nav_key", "crm_id"]].assign(
        record=_one_each(links.where(links.isin(records.index), ""), own),
        own=own,
        in_nav=known["nav_key"].isin(figures.index),
        in_crm=known["crm_id"].isin(accounts.index),
    )
    return Standing(pairs, figures, accounts, records)


def _one_each(links: pd.Series, own: Sequence[str]) -> pd.Series:
    """Let one account alone have statistics that several name: the one they were made for."""
    made_for = links.eq(pd.Series(own, index=links.index))
    first = links[made_for.sort_values(ascending=False, kind="stable").index].duplicated()
    return links.mask(first.reindex(links.index) & links.ne(""), "")


def _update(work: Work, keys: Sequence[str] | None) -> None:
    """Write the statistics of some or all coupled customers."""
    scene, job = work.scene, work.job
    table = scene.catalog.crm[ENTITY]
    standing = _standing(scene, keys)
    there = standing.pairs["in_nav"] & standing.pairs["in_crm"]
    twice = there & standing.pairs["crm_id"].duplicated()
    errors = [_one_sided(standing, standing.pairs[~there]), _twice(standing.pairs[twice])]
    pairs = standing.pairs[there & ~twice].reset_index(drop=True)
    new = pairs["record"].eq("")
    pairs["record"] = pairs["record"].where(~new, pairs["own"])
    born = pairs.loc[new, "record"].tolist()
    wanted = standing.figures.loc[pairs["nav_key"]].set_index(pd.Index(pairs["record"], dtype=TEXT))
    _, currency = local_currency(scene)
    if currency:
        wanted[CURRENCY] = pd.Series(currency, index=wanted.index, dtype=TEXT)
    nav_keys = dict(zip(pairs["record"], pairs["nav_key"], strict=True))
    refused = _make(work, table, wanted.loc[born], nav_keys)
    outcome, more = _fill(work, table, wanted.drop(list(refused)), nav_keys)
    refused |= more
    refused |= _link(work, pairs[new & ~pairs["record"].isin(list(refused))])
    counts = outcome[~outcome.index.isin(list(refused))].value_counts()
    job.inserted, job.modified, job.unchanged = (int(counts.get(n, 0)) for n in _OUTCOMES)
    errors.append(_refused(pairs, refused))
    job.failed = sum(len(each) for each in errors)
    log_errors(scene, work.store, job, pd.concat(errors))


def _make(
    work: Work, table: Table, wanted: pd.DataFrame, nav_keys: dict[str, str]
) -> dict[str, str]:
    """Make statistics with every amount 1: CRM shows a dash for what never had a value (CS1)."""
    one = pd.Series([Decimal(1)] * len(wanted), index=wanted.index, dtype=DECIMAL)
    ones = pd.DataFrame(dict.fromkeys(AMOUNTS, one), index=wanted.index)
    if CURRENCY in wanted:
        ones[CURRENCY] = wanted[CURRENCY]
    return write_noted(work, table, ones, Notes(work.job.mapping, "insert", nav_keys))


def _fill(
    work: Work, table: Table, wanted: pd.DataFrame, nav_keys: dict[str, str]
) -> tuple[pd.Series, dict[str, str]]:
    """Give statistics their values where any differs.

    Returns
    -------
    What became of each (CS3), and why some were refused, by their ids.
    """
    old = work.scene.crm.read(table, list(wanted.columns), (), wanted.index.tolist())
    wanted = wanted.loc[old.index]
    differs = _differ(wanted, old)
    notes = Notes(work.job.mapping, "modify", nav_keys)
    refused = write_noted(work, table, wanted[differs], notes, old[differs])
    new = old["nav_customerno"].eq("")
    inserted, modified, unchanged = _OUTCOMES
    outcome = pd.Series(modified, index=old.index, dtype=TEXT)
    return outcome.mask(new, inserted).where(differs, unchanged), refused


def _differ(wanted: pd.DataFrame, old: pd.DataFrame) -> pd.Series:
    """Say which records have another value in any column."""
    out = pd.Series(False, index=wanted.index)
    for name in wanted:
        same = (wanted[name] == old[name]).fillna(False).astype(bool)
        out |= ~(same | (wanted[name].isna() & old[name].isna()))
    return out


def _link(work: Work, pairs: pd.DataFrame) -> dict[str, str]:
    """Name statistics in their accounts; an account looks no more changed by it (CS2).

    Returns
    -------
    Why an account was refused, by the id of its statistics.
    """
    scene, store = work.scene, work.store
    account = scene.catalog.crm["account"]
    record = dict(zip(pairs["crm_id"], pairs["record"], strict=True))
    nav_keys = dict(zip(pairs["crm_id"], pairs["nav_key"], strict=True))
    refused: dict[str, str] = {}
    for start in range(0, len(pairs), BATCH):
        ids = pairs["crm_id"].iloc[start : start + BATCH].tolist()
        with at_work(scene, store, scene.catalog.mappings[MAPPING]):
            old = scene.crm.read(account, [LINK, account.modified_on or ""], (), ids)
            wanted = pd.DataFrame({LINK: old.index.map(record)}, index=old.index, dtype=TEXT)

            def seen(written: Sequence[Written], old: pd.DataFrame = old) -> None:
                _keep_unchanged(work, account, old, written)

            notes = Notes(MAPPING, "link", nav_keys)
            refused |= write_noted(work, account, wanted, notes, old, seen)
    return {record[key]: text for key, text in refused.items()}


def _keep_unchanged(
    work: Work, account: Table, old: pd.DataFrame, written: Sequence[Written]
) -> None:
    """Move the stamps of couplings along; an edit nobody brought to NAV yet stays to be seen."""
    stamps = {each.key: each.modified_on for each in written if not each.error}
    known = work.store.coupling_records(MAPPING, crm_ids=list(stamps))
    known = known[known[_STAMP].notna()].reset_index(drop=True)
    unseen = later(old[account.modified_on].reindex(known["crm_id"]), known[_STAMP])
    moved = [
        behind("crm", stamps[key]) if edited else stamps[key]
        for key, edited in zip(known["crm_id"], unseen, strict=True)
    ]
    work.store.save_couplings(known.assign(**{_STAMP: pd.Series(moved, dtype=UTC)}))


def _one_sided(standing: Standing, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the errors of couplings one or both of whose records are gone (STA-003, CJ2).

    Each names the record that is there; where neither is, both.
    """
    neither = ~pairs["in_nav"] & ~pairs["in_crm"]
    names = pairs["crm_id"].map(standing.accounts["name"]).astype(TEXT).fillna("")
    lost_customer = (
        "the customer " + pairs["nav_key"] + " that the account " + names + " is coupled to is not "
        "in NAV. Uncouple the account, or couple it with another customer."
    )
    lost_account = (
        "the account that customer " + pairs["nav_key"] + " is coupled to is not in CRM. Uncouple "
        "the customer, or couple it with another account."
    )
    text = lost_account.where(pairs["in_nav"], lost_customer)
    text = text.mask(neither, "customer " + pairs["nav_key"] + " and its account are both gone. "
                     "Uncouple them.")  # fmt: skip
    return pd.DataFrame(
        {
            "nav_key": pairs["nav_key"].where(pairs["in_nav"] | neither, ""),
            "crm_id": pairs["crm_id"].where(pairs["in_crm"] | neither, ""),
            "message": f"{STATISTICS}: " + text,
        }
    )


def _twice(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the errors of accounts that are coupled to another customer as well."""
    text = f"{STATISTICS}: the account of customer " + pairs["nav_key"]
    about = text + " is coupled to another customer as well, whose figures it has. Uncouple one."
    return pairs[["nav_key", "crm_id"]].assign(message=about)


def _refused(pairs: pd.DataFrame, refused: dict[str, str]) -> pd.DataFrame:
    """Return the errors of statistics that CRM refused."""
    mine = pairs[pairs["record"].isin(list(refused))]
    text = mine["record"].map(refused)
    about = f"{STATISTICS}: writing those of customer " + mine["nav_key"] + " failed: " + text
    return mine[["nav_key", "crm_id"]].assign(message=about)
