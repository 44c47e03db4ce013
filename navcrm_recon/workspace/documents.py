"""What a workspace does with documents: orders, invoices, statistics, posts (documents 1 to 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, Direction
from navcrm_recon.documents.links import Link, crm_link, nav_link, parse_link
from navcrm_recon.documents.order_jobs import create_orders, plan_orders
from navcrm_recon.documents.order_states import update_order_states
from navcrm_recon.documents.payments import update_invoice_states
from navcrm_recon.documents.posts import post_updates
from navcrm_recon.documents.scheduled import document_jobs
from navcrm_recon.documents.setup.changing import set_setup
from navcrm_recon.documents.setup.checks import setup_checks
from navcrm_recon.documents.setup.facts import read_facts
from navcrm_recon.documents.statistics import update_statistics
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.plan import Plan
from navcrm_recon.sync.schedule import run_due, schedule
from navcrm_recon.workspace.showing import Showing


class Documents(Showing):
    """What a workspace does beside synchronising records."""

    def create_sales_order(self, crm_id: str) -> Job:
        """Make the NAV order of one CRM order (documents 1); an order is never made twice.

        Returns
        -------
        Job
            ``inserted`` 1, ``skipped`` 1 where it was made before, or ``failed`` 1: ``errors()``
            names the line, the field, what was found and what to do.

        Raises
        ------
        NotFoundError
            There is no such order in CRM.
        """
        return create_orders(self._scene, [crm_id])

    def create_sales_orders(self, crm_ids: Sequence[str] | None = None) -> Job:
        """Make the NAV orders of some CRM orders, or of all that wait for it (documents SO-3).

        A failing order does not stop the others; it leaves nothing in NAV, and CRM as it was.
        """
        return create_orders(self._scene, crm_ids)

    def update_order_states(self) -> Job:
        """Bring coupled CRM orders to what became of their NAV orders (documents 1.10, 1.11).

        Wholly invoiced: the CRM order is Invoiced. Deleted by somebody: it is offered again, and
        its coupling goes.

        Returns
        -------
        Job
            ``modified`` (now Invoiced), ``uncoupled`` (offered again), ``unchanged``, ``skipped``
            (left as they are, ``message`` says why), ``failed``.
        """
        return update_order_states(self._scene)

    def update_statistics(self, customers: str | Sequence[str] | None = None) -> list[Job]:
        """Bring the statistics CRM shows of accounts up to date, then the states of invoices.

        Parameters
        ----------
        customers
            Numbers of customers; None = all that are coupled (documents 6).

        Returns
        -------
        list of Job
            ``ACCOUNT STATISTICS`` (``inserted, modified, unchanged, failed``) and
            ``INVOICE STATES``; before them the job that made the local currency, if one did.

        Raises
        ------
        NotFoundError
            A customer that is named does not exist.
        """
        return update_statistics(self._scene, customers)

    def update_invoice_states(self, customers: str | Sequence[str] | None = None) -> list[Job]:
        """Give CRM invoices the state that what is left to pay in NAV says (documents 2.6).

        Only those for which something was entered since the last run for all customers.

        Returns
        -------
        list of Job
            ``INVOICE STATES``: ``modified, unchanged, failed``.
        """
        return update_invoice_states(self._scene, customers)

    def post_updates(self) -> list[Job]:
        """Post on timelines of accounts what was posted in NAV since the last run (documents 7).

        One post for every posting of an order or invoice of a coupled customer, unless the setup
        says ``account_posts: false``.

        Returns
        -------
        list of Job
            ``ACCOUNT POSTS``: ``inserted, failed``.
        """
        return post_updates(self._scene)

    def plan(
        self,
        mapping: str | None = None,
        direction: Direction | None = None,
        records: Sequence[str] | None = None,
        force: bool | None = None,
    ) -> Plan:
        """Return what a synchronisation would do; nothing is written anywhere.

        As ``Synchronizing.plan``. ``mapping`` ``SALES ORDER`` plans the NAV orders of CRM orders
        (``records``: their CRM ids; None = all that wait), with every field and line they would
        have.
        """
        if mapping == SALES_ORDER:
            return plan_orders(self._scene, records)
        return super().plan(mapping, direction, records, force)

    def run_due(self) -> list[Job]:
        """Run every mapping whose interval says it is due, once (engine 8).

        Then what the setup of the workspace file switches on: ``auto_create_sales_orders`` makes
        the orders that wait, and follows those made, as ``sales_order_integration`` does alone;
        ``account_posts`` posts, ``solution_installed`` brings statistics and payments up to date.
        """
        return run_due(self._scene, document_jobs(self._scene))

    def schedule(self) -> pd.DataFrame:
        """Return when each mapping, and each job of documents, runs next, and what is due now.

        Returns
        -------
        DataFrame
            ``mapping, status`` (str), ``due`` (bool), ``earliest_start`` (datetime64[us, UTC]),
            ``attempts`` (int64), ``last_run`` (datetime64[us, UTC]), ``message`` (str).
        """
        return schedule(self._scene, document_jobs(self._scene))

    def apply(self, plan: Plan) -> list[Job]:
        """Do what a plan says. A record that was changed since then is decided again.

        Returns
        -------
        list of Job
            One per pass, with its counters; ``message`` names what was not done as planned.
        """
        orders = [each for each in plan.passes if each.mapping == SALES_ORDER]
        others = [each for each in plan.passes if each.mapping != SALES_ORDER]
        done = super().apply(Plan(others)) if others or not orders else []
        return done + [create_orders(self._scene, each.request.keys) for each in orders]

    def crm_link(self, name: str, nav_key: str) -> Link:
        """Return the way from a NAV record to its CRM record (documents 8.1).

        Where a sales order was deleted in CRM, its coupling goes (documents P6).

        Parameters
        ----------
        name
            A mapping or a NAV table: ``CUSTOMER`` or ``Customer``.

        Returns
        -------
        Link
            ``url``, or the ``reason`` why there is none (``not_integrated``, ``not_coupled``,
            ``gone``, ``no_address``) with a ``message``; ``mapping, nav_key, crm_id``.

        Raises
        ------
        NotFoundError
            There is neither a mapping nor a table of that name.
        """
        return crm_link(self._scene, name, nav_key)

    def nav_link(self, entity: str, crm_id: str) -> Link:
        """Return the way from a CRM record to its NAV record (documents 8.3).

        Where a sales order was deleted in NAV, its coupling goes (documents P6).

        Returns
        -------
        Link
            As of ``crm_link``; ``reason`` may also be ``no_solution`` (the setup says that NAV's
            solution is not in CRM) or ``posted`` (the NAV order was invoiced).

        Raises
        ------
        DataError
            The id is no GUID.
        """
        return nav_link(self._scene, entity, crm_id)

    def follow_link(self, text: str) -> Link:
        """Return where a link of NAV's solution leads: ``CRMID:{...};CRMType:account`` (8.3).

        Raises
        ------
        DataError
            The text has another form, or its id is no GUID.
        """
        return self.nav_link(*parse_link(text))

    def setup_checks(self) -> pd.DataFrame:
        """Return whether the setup of both products fits together (documents 9); reads only.

        Returns
        -------
        DataFrame
            ``check, subject, found, verdict, remedy``, all str, one row per thing looked at.
            ``verdict``: ``ok``; ``warning``, to be looked at; ``error``, which keeps work from
            being done right. What cannot be read is a warning.
        """
        return setup_checks(read_facts(self._scene.fresh()))

    def set_setup(self, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Change settings (``setup`` of the workspace file) while the workspace is open.

        Switching ``sales_order_integration`` switches CRM's organisation too, and
        ``nav_web_client`` is written to the solution's connection in CRM (documents 9.5, NC1).

        Returns
        -------
        Mapping
            All settings as they are now. To keep them, write them into the workspace file.

        Raises
        ------
        ConfigError
            A key or value is wrong, or the products refuse the change: sales orders cannot be
            switched off while CRM has submitted ones, nor on without NAV's solution in CRM.
        ReadOnlyError, SideError
            CRM had to be changed, and is only read or refuses it.
        """
        setup = set_setup(self._scene, changes)
        self.config = replace(self.config, setup=setup)
        self._scene = replace(self._scene, setup=setup)
        return setup
