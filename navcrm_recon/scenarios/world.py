"""The world a scenario lives in: two products, a state, a clock, handles that stand for GUIDs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from navcrm_recon.catalog import Catalog, Column, SideName, load_catalog
from navcrm_recon.catalog.model import SALES_ORDER
from navcrm_recon.errors import ConfigError
from navcrm_recon.frames import split_key
from navcrm_recon.scenarios.couplings import keep
from navcrm_recon.scenarios.databases import COMPANY, SIDES, fresh_databases
from navcrm_recon.scenarios.expect import Choice
from navcrm_recon.scenarios.grammar import START, duration, moment
from navcrm_recon.scenarios.handles import Handles
from navcrm_recon.scenarios.posting import Posting
from navcrm_recon.scenarios.products import Products
from navcrm_recon.scenarios.settings import merged
from navcrm_recon.scenarios.synchronizing import arguments_of, jobs_of
from navcrm_recon.sync.plan import Plan
from navcrm_recon.workspace import Workspace
from navcrm_recon.workspace_file import WorkspaceFile

_HUMAN = "a human"


def _by(step: Mapping[str, Any]) -> str:
    """Return who changes CRM: where nobody is named, a human who is not the integration user."""
    return str(step.get("by", _HUMAN))


def _value(side: SideName, column: Column | None, value: Any) -> Any:
    """Return a value as an expectation may name it: an option by caption, NAV's zero as blank."""
    if column is None or value is None or value is pd.NA:
        return value
    if column.kind == "option":
        return Choice(value, column.options.get(value, "" if side == "nav" else str(value)))
    if side == "nav" and column.kind in ("integer", "decimal") and not value:
        return Choice(value, "")
    return value


class World:
    """Both products, the state and the clock of one scenario.

    Attributes
    ----------
    now
        What the clock says, to both products and to the workspace.
    workspace
        What the scenario asks and tells; another one after settings changed.
    jobs
        The jobs of the last step that ran any, in the order they ran.
    """

    def __init__(self, given: Mapping[str, Any], urls: Mapping[str, str]) -> None:
        self.now = moment(given["now"]) if "now" in given else START
        self.handles = Handles()
        self.jobs: list[Any] = []
        self._plan: Plan | None = None
        self._urls = urls
        self._changes: dict[str, Any] = dict(given.get("mappings") or {})
        self._option_sets = given.get("option_sets") or {}
        self._setup: dict[str, Any] = dict(given.get("setup") or {})
        self._catalog = self._load()
        wanted = given.get("crm") or {}
        self._products = Products(urls, self._catalog, self.handles, lambda: self.now, wanted)
        for table, rows in (given.get("nav") or {}).items():
            self._products.insert_nav(table, rows)
        for entity, rows in wanted.items():
            self._products.insert_crm(entity, rows, _HUMAN)
        self._open()
        keep(self.workspace, self._urls["state"], self.handles, given)

    @classmethod
    @contextmanager
    def build(cls, given: Mapping[str, Any], sides: str) -> Iterator[World]:
        """Make fresh databases, fill them with what is given, and remove them at the end."""
        with fresh_databases(sides) as urls:
            yield cls(given, urls)

    def key(self, side: SideName, table: str) -> tuple[str, ...]:
        """Return the names of a table's primary key."""
        return self._products.table(side, table).key

    def take(self, name: str, arguments: Any) -> None:
        """Take one step.

        Raises
        ------
        navcrm_recon.Error
            What the step was refused for.
        """
        by_hand = self._products
        steps: dict[str, Callable[[Any], Any]] = {
            "advance": self._advance,
            "insert_nav": lambda it: by_hand.insert_nav(it["table"], [it["row"]]),
            "insert_crm": lambda it: by_hand.insert_crm(it["entity"], [it["row"]], _by(it)),
            "edit_nav": lambda it: by_hand.edit_nav(it["table"], it["key"], it["set"]),
            "edit_crm": lambda it: by_hand.edit_crm(it["entity"], it["key"], it["set"], _by(it)),
            "delete_nav": lambda it: by_hand.delete_nav(it["table"], it["key"]),
            "delete_crm": lambda it: by_hand.delete_crm(it["entity"], it["key"]),
            "post_sales_order": self._post,
            "set_mapping": self._set_mapping,
            "set_setup": self._set_setup,
            "plan": self._make_plan,
            "apply": self._apply,
        }
        if name in steps:
            steps[name](arguments)
        else:
            self._ran(
                getattr(self.workspace, name)(
                    **arguments_of(self._catalog, self.handles, arguments)
                )
            )

    def _advance(self, by: Any) -> None:
        self.now += duration(by)

    def _post(self, it: Mapping[str, Any]) -> None:
        posting = Posting(self._products, self.workspace.side("nav"), self.now.date())
        ship, invoice = bool(it.get("ship", True)), bool(it.get("invoice", True))
        if not isinstance(it["order"], list):
            number = self._order_number(it["order"])
            posting.post_order(number, ship=ship, invoice=invoice, quantity=it.get("quantity"))
        elif ship or not invoice:
            raise ConfigError("post_sales_order: orders together are only invoiced: ship: false.")
        else:
            posting.post_shipments([self._order_number(each) for each in it["order"]])

    def _order_number(self, order: Any) -> str:
        """Return the NAV number of an order, given by the handle of its CRM order or by itself."""
        couplings = self.workspace.couplings(SALES_ORDER)
        own = couplings["crm_id"].eq(self.handles.id(order)) & couplings["nav_key"].ne("")
        found = couplings.loc[own, "nav_key"].tolist()
        return split_key(found[0])[-1] if found else str(order)

    def _make_plan(self, arguments: Mapping[str, Any]) -> None:
        self._plan = self.workspace.plan(**arguments_of(self._catalog, self.handles, arguments))

    def _apply(self, _: Any) -> None:
        plan = self._last_plan()
        self._ran(self.workspace.apply(plan))

    def _last_plan(self) -> Plan:
        if self._plan is None:
            raise ConfigError("There is no plan yet; make one with the step 'plan'.")
        return self._plan

    def _ran(self, result: Any) -> None:
        """Remember the jobs of a step, where it ran any."""
        self.jobs = jobs_of(result) or self.jobs

    def _set_mapping(self, changes: Mapping[str, Any]) -> None:
        self._changes = merged(self._changes, changes)
        self._catalog = self._products.catalog = self._load()
        self._open()

    def _set_setup(self, setup: Mapping[str, Any]) -> None:
        self._setup = dict(self.workspace.set_setup(self._known(setup)))
        self._open()

    def rows(self, side: SideName, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table by the catalogue's names; the key as text under ``""``."""
        known = self._products.table(side, table)
        frame = self.workspace.side(side).read(known, list(known.columns))
        frame[""] = frame.index
        rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
        return [
            {name: _value(side, known.columns.get(name), each) for name, each in row.items()}
            for row in rows
        ]

    def captioned(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row of frame ``diff`` whose options may be named by caption as well."""
        mapping = self._catalog.mappings[row["mapping"]]
        out = dict(row)
        for side in SIDES:
            column = mapping.table(side).columns.get(row[f"{side}_field"])
            value = row[f"{side}_value"]
            if column is not None and column.kind == "option" and value.lstrip("-").isdigit():
                out[f"{side}_value"] = _value(side, column, int(value))
        return out

    def couplings(self, mappings: set[str] | None) -> pd.DataFrame:
        """Return frame ``couplings`` of some or all enabled mappings."""
        return pd.concat([self.workspace.couplings(name) for name in self._chosen(mappings)])

    def diff(self, mappings: set[str] | None) -> pd.DataFrame:
        """Return frame ``diff`` of some or all enabled mappings."""
        return pd.concat([self.workspace.diff(name) for name in self._chosen(mappings)])

    def missing_options(self) -> pd.DataFrame:
        """Return frame ``missing_options``."""
        return self.workspace.missing_options()

    def errors(self) -> pd.DataFrame:
        """Return frame ``errors``, with the message once more as ``contains``."""
        found = self.workspace.errors()
        return found.assign(contains=found["message"])

    def planned(self) -> pd.DataFrame:
        """Return the actions of the last plan.

        Raises
        ------
        ConfigError
            No step made one.
        """
        return self._last_plan().actions

    def match(self, mappings: set[str] | None) -> pd.DataFrame:
        """Return frame ``match`` of some or all enabled mappings, with the mapping's name.

        Raises
        ------
        ConfigError
            This version does not look for matches.
        """
        match = getattr(self.workspace, "match", None)
        if match is None:
            raise ConfigError("then.match: this version does not look for matches.")
        frames: list[pd.DataFrame] = [
            match(name).assign(mapping=name) for name in self._chosen(mappings)
        ]
        return pd.concat(frames)

    def _chosen(self, mappings: set[str] | None) -> list[str]:
        return (
            sorted(mappings)
            if mappings
            else [n for n, m in self._catalog.mappings.items() if m.enabled]
        )

    def _load(self) -> Catalog:
        return load_catalog(self._changes, source="given.mappings", option_sets=self._option_sets)

    def _known(self, setup: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with the GUID of the user that synchronises."""
        user = setup.get("integration_user")
        return {**setup, "integration_user": self.handles.id(user)} if user else dict(setup)

    def _open(self) -> None:
        config = WorkspaceFile(
            path=Path("scenario.yaml"),
            company=COMPANY,
            nav={"kind": "sql", "url": self._urls["nav"]},
            crm={"kind": "sql", "url": self._urls["crm"]},
            state=self._urls["state"],
            couplings="state",
            setup=self._known(self._setup),
            timezone="UTC",
            mappings=self._changes,
            mappings_source="given.mappings",
            thresholds={},
            report={},
        )
        self.workspace = Workspace(config, self._catalog, clock=lambda: self.now)
