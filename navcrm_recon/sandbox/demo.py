"""The demo company on disk: two databases, the state, the workspace file, the list of plants."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml
from sqlalchemy import create_engine

from navcrm_recon.catalog import load_catalog
from navcrm_recon.catalog.model import SideName
from navcrm_recon.errors import ConfigError, examples
from navcrm_recon.sandbox.company import CRM_ADDRESS, NAME, NAV_ADDRESS, Company
from navcrm_recon.sandbox.databases import create_tables, insert_rows
from navcrm_recon.sandbox.document_plants import plant_documents
from navcrm_recon.sandbox.goods import add_goods, add_item_units
from navcrm_recon.sandbox.masters import add_masters
from navcrm_recon.sandbox.memory import write_state
from navcrm_recon.sandbox.nav_tables import add_nav_tables
from navcrm_recon.sandbox.order_plants import draw_planted_orders
from navcrm_recon.sandbox.parties import add_parties
from navcrm_recon.sandbox.planting import as_planted, plant
from navcrm_recon.sandbox.prices import add_prices
from navcrm_recon.sandbox.setup import add_number_series
from navcrm_recon.sandbox.trade import add_trade

_FILES = ("nav.db", "crm.db", "state.db", "workspace.yaml", "planted.csv")


def write_demo(folder: Path, *, scale: int = 1, seed: int = 1) -> Path:
    """Write the demo company into a folder and return the path of its workspace file.

    The folder gets ``nav.db`` and ``crm.db`` (SQLite in the shape of either product),
    ``state.db`` (couplings, option mapping, baselines), ``workspace.yaml`` and ``planted.csv``,
    which lists every finding the reports must show (columns ``planting.PLANTED``). What a demo
    wrote there before is replaced. The same scale and seed give the same records.

    Parameters
    ----------
    scale
        How many times 2,000 customers, 5,000 contacts, 1,500 items and their documents.

    Raises
    ------
    ValueError
        ``scale`` is less than 1.
    ConfigError
        The folder holds files of these names that no demo wrote; nothing is touched.
    """
    if scale < 1:
        raise ValueError(f"scale must be 1 or more, not {scale}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    company, planted = make_company(scale=scale, seed=seed)
    planted.to_csv(folder / "planted.csv", index=False, lineterminator="\n")
    nav, crm, state = (f"sqlite:///{folder / name}" for name in _FILES[:3])
    write_sides(company, nav, crm)
    write_state(company, state, nav)
    workspace = folder / "workspace.yaml"
    workspace.write_text(_workspace(company), encoding="utf-8")
    return workspace


def _clear(folder: Path) -> None:
    """Remove what a demo wrote before, recognised by its list of plants."""
    there = [name for name in _FILES if (folder / name).exists()]
    if there and "planted.csv" not in there:
        raise ConfigError(
            f"The folder {folder} holds {examples(there)}, which no demo wrote. "
            "Choose another folder for the demo company."
        )
    # The list goes last: an interrupted removal is still recognised.
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)


def make_company(*, scale: int = 1, seed: int = 1) -> tuple[Company, pd.DataFrame]:
    """Return the demo company in memory, and what is planted in it (columns ``PLANTED``)."""
    company = Company(load_catalog(), seed, scale)
    add_masters(company)
    add_parties(company)
    add_goods(company)
    add_prices(company)
    add_trade(company)
    waiting = draw_planted_orders(company)
    planted = [plant(company), plant_documents(company, waiting)]
    add_item_units(company)
    add_number_series(company)
    add_nav_tables(company)
    return company, as_planted(pd.concat(planted, ignore_index=True))


def write_sides(company: Company, nav_url: str, crm_url: str) -> None:
    """Write both sides into two empty databases, in the shape of the products."""
    sides: tuple[tuple[SideName, str], ...] = (("nav", nav_url), ("crm", crm_url))
    for side, url in sides:
        engine = create_engine(url)
        tables = create_tables(engine, side, company.catalog, NAME)
        for name, frame in company.frames(side).items():
            insert_rows(engine, tables[name], frame)
        engine.dispose()


def _workspace(company: Company) -> str:
    settings = {
        "company": NAME,
        "nav": {"kind": "sql", "url": "sqlite:///nav.db"},
        "crm": {"kind": "sql", "url": "sqlite:///crm.db"},
        "state": {"url": "sqlite:///state.db"},
        "couplings": "state",
        "setup": {
            "integration_user": company.robot,
            "server_address": CRM_ADDRESS,
            "nav_web_client": NAV_ADDRESS,
        },
        "timezone": "UTC",
        "report": {"out": "runs"},
    }
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
