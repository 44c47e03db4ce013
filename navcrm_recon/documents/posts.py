"""Posts on the timelines of accounts, one for every posting of an order or invoice (documents 7).

A posting that ships is told by its shipment, one that only invoices by its invoice. A post has an
id that follows from that document, so that whatever is looked at again is never posted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd

from navcrm_recon.catalog.model import Condition
from navcrm_recon.documents.customers import coupled
from navcrm_recon.documents.noted import Notes, Work, kind_of_work, writable_crm, write_noted
from navcrm_recon.frames import TEXT, join_key
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import finish, in_a_run, log_errors, new_job
from navcrm_recon.sync.make import key_of
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.scene import Scene, read_naming

POSTS = "ACCOUNT POSTS"
_POST = "post"
_VERSION = "timestamp"
_AUTO_POST, _STATUS = 1, 7
_OF_INVOICE = Condition("Document Type", "eq", 2)
_MOVED = Condition("Item Ledger Entry Quantity", "ne", 0)


@dataclass(frozen=True)
class Kind:
    """Posted documents that tell of postings: their table, their lines, how far we looked.

    ``marker`` names the highest row version looked at; a run begins where the one before the last
    ended, as a posting may end after one that began later.
    """

    header: str
    lines: str
    marker: str
    columns: tuple[str, ...]

    @property
    def before(self) -> str:
        """The marker the last run began at."""
        return f"{self.marker}, before"


@dataclass(frozen=True)
class Looked:
    """What we saw of a kind of documents: the headers that are new, the highest row version."""

    fresh: pd.DataFrame
    newest: int


_COMMON = ("No.", "Sell-to Customer No.", "Order No.", "Posting Date", _VERSION)
SHIPMENTS = Kind("Sales Shipment Header", "Sales Shipment Line", f"{POSTS} shipments", _COMMON)
INVOICES = Kind(
    "Sales Invoice Header",
    "Sales Invoice Line",
    f"{POSTS} invoices",
    (*_COMMON, "Pre-Assigned No."),
)


def post_updates(scene: Scene) -> list[Job]:
    """Post on the accounts of customers whose orders or invoices were posted since the last run.

    The first run leaves out what was posted before the day of the first job in the job log: NAV
    itself has posted that. With the setup switch ``account_posts`` off, or the mapping of
    customers, documents are passed over without a post, for ever (TP7).

    Returns
    -------
    The job ``ACCOUNT POSTS``: ``inserted`` posts, ``failed``.

    Raises
    ------
    ReadOnlyError
        CRM is only read, or NAV's own tables hold the couplings.
    """
    store = writable_crm(scene, POSTS)
    scene = in_a_run(scene)
    with at_work(scene, store, kind_of_work(scene, POSTS, SHIPMENTS.header, _POST)):
        job = new_job(scene, POSTS, "synchronization", "to_crm")
        store.start_job(job)
        looked = {each: _look(scene, store, each) for each in (SHIPMENTS, INVOICES)}
        refused = False
        if scene.setup.get("account_posts", True):
            shipments, invoices = (each.fresh for each in looked.values())
            told = postings(shipments, invoices, _shipped_too(scene, invoices))
            refused = _post(Work(scene, store, job), told)
        finish(scene, store, job)
        for kind, each in looked.items() if not refused else ():
            _remember(scene, store, kind, each.newest)
    return [job]


def postings(
    shipments: pd.DataFrame, invoices: pd.DataFrame, shipped_too: pd.Series
) -> pd.DataFrame:
    """Return one row per posting, of its documents (documents TP1, TP2, TP4).

    Parameters
    ----------
    shipments, invoices
        Headers with ``No.``, ``Sell-to Customer No.``, ``Order No.``, invoices with
        ``Pre-Assigned No.``.
    shipped_too
        Which of the invoices came of a posting that shipped, too: its shipment tells of it.

    Returns
    -------
    DataFrame
        ``table`` and ``number`` of the document, ``customer`` (a number) and ``text``, all str. A
        shipment without an order belongs to an invoice, which tells of the posting.
    """
    of_order = shipments[shipments["Order No."].ne("")]
    alone = invoices[~shipped_too.reindex(invoices.index).fillna(False).astype(bool)]
    number = alone["Pre-Assigned No."].where(alone["Pre-Assigned No."].ne(""), alone["No."])
    of_invoice = "Invoice '" + number + "' has been posted."
    text = ("Order '" + alone["Order No."] + "' has been posted.").where(
        alone["Order No."].ne(""), of_invoice
    )
    parts = [
        (SHIPMENTS, of_order, "Order '" + of_order["Order No."] + "' has been posted."),
        (INVOICES, alone, text),
    ]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "table": kind.header,
                    "number": rows["No."],
                    "customer": rows["Sell-to Customer No."],
                    "text": said,
                }
            )
            for kind, rows, said in parts
        ],
        ignore_index=True,
    ).astype(TEXT)


def _first_day(scene: Scene, store: Store) -> date:
    """Return the day of the first job in the log, which is this one if there was none before."""
    first: date = store.jobs()["started_at"].min().astimezone(ZoneInfo(scene.timezone)).date()
    return first


def _look(scene: Scene, store: Store, kind: Kind) -> Looked:
    """Look for what was posted since the run before the last one.

    A document whose lines we passed is an old one that was changed meanwhile.
    """
    table, before = scene.catalog.nav[kind.header], store.marker(kind.before)
    seen = store.marker(kind.marker) if before is None else before
    where = () if seen is None else (Condition(_VERSION, "ge", seen + 1),)
    found = scene.nav.read(table, list(kind.columns), where)
    newest = max([int(each) for each in found[_VERSION]], default=seen or 0)
    if seen is None:
        day = found["Posting Date"]
        return Looked(found[day.isna() | day.ge(pd.Timestamp(_first_day(scene, store)))], newest)
    lines = scene.catalog.nav[kind.lines]
    of = ["Document No.", _VERSION]
    rows = read_naming(scene.nav, lines, of, "Document No.", found["No."])
    passed = rows.loc[rows[_VERSION].le(seen), "Document No."]
    return Looked(found[~found["No."].isin(passed)], newest)


def _remember(scene: Scene, store: Store, kind: Kind, newest: int) -> None:
    """Note how far we looked: up to the last line of the last document."""
    after = (Condition(_VERSION, "ge", newest + 1),)
    lines = scene.nav.read(scene.catalog.nav[kind.lines], [_VERSION], after)[_VERSION]
    looked = store.marker(kind.marker)
    with store.transaction():
        if looked is not None:
            store.advance_marker(kind.before, looked)
        store.advance_marker(kind.marker, max([int(each) for each in lines], default=newest))


def _shipped_too(scene: Scene, invoices: pd.DataFrame) -> pd.Series:
    """Say which invoices of orders came of a posting that shipped, too.

    Then NAV's value entries of the invoice moved items. Of what has none, such as resources, the
    header's row version tells: NAV writes the two headers one right after the other.
    """
    of_order = invoices[invoices["Order No."].ne("")]
    values = scene.catalog.nav["Value Entry"]
    moved = read_naming(
        scene.nav, values, ["Document No."], "Document No.", of_order["No."], _OF_INVOICE, _MOVED
    )
    shipments = read_naming(
        scene.nav,
        scene.catalog.nav[SHIPMENTS.header],
        ["Order No.", _VERSION],
        "Order No.",
        of_order["Order No."],
    )
    next_ones = shipments.assign(**{_VERSION: shipments[_VERSION] + 1})
    pairs = pd.MultiIndex.from_frame(next_ones)
    right_after = pd.MultiIndex.from_frame(of_order[["Order No.", _VERSION]]).isin(pairs)
    return of_order["No."].isin(moved["Document No."]) | right_after


def _post(work: Work, told: pd.DataFrame) -> bool:
    """Post what is not posted yet; return whether CRM refused any of it."""
    scene = work.scene
    table = scene.catalog.crm[_POST]
    keys = join_key([told["customer"]])
    known = coupled(scene, keys.unique().tolist()) if len(told) else coupled(scene, [])
    account = known.drop_duplicates("nav_key").set_index("nav_key")["crm_id"]
    told = told.assign(account=keys.map(account).astype(TEXT).fillna(""))
    told = told[told["account"].ne("")]
    ids = [key_of(scene, _POST, *row) for row in told[["table", "number"]].itertuples(index=False)]
    told = told.set_index(pd.Index(ids, dtype=TEXT))
    told = told[~told.index.isin(scene.crm.read(table, [], (), ids).index)]
    accounts = scene.crm.read(scene.catalog.crm["account"], [], (), told["account"].tolist()).index
    lost = told[~told["account"].isin(accounts)]
    due = told[told["account"].isin(accounts)]
    posts = pd.DataFrame(
        {
            "regardingobjectid": due["account"],
            "regardingobjecttypecode": "account",
            "source": _AUTO_POST,
            "type": _STATUS,
            "text": due["text"].str.slice(stop=table.columns["text"].length),
        }
    )
    number = {str(key): str(each) for key, each in due["number"].items()}
    notes = Notes(POSTS, "insert", number)
    refused = write_noted(work, table, posts, notes)
    work.job.inserted += len(due) - len(refused)
    work.job.failed += len(lost) + len(refused)
    log_errors(scene, work.store, work.job, _errors(lost, due, refused))
    return bool(refused)


def _errors(lost: pd.DataFrame, due: pd.DataFrame, refused: dict[str, str]) -> pd.DataFrame:
    """Return the errors of posts that could not be made (TP6)."""
    failed = due[due.index.isin(list(refused))]
    texts = pd.concat(
        [
            lost["text"] + " No post says so: the account of customer " + lost["customer"] + " is "
            "not in CRM. Uncouple the customer, or couple it with another account.",
            failed["text"] + " No post says so: " + failed.index.to_series().map(refused),
        ]
    )
    rows = pd.concat([lost, failed])
    about = {"nav_key": rows["number"], "crm_id": rows["account"]}
    return pd.DataFrame({**about, "message": f"{POSTS}: " + texts}).astype(TEXT)
