"""What a workspace does with documents: orders, invoices, statistics, posts (documents 1 to 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, Direction
from navcrm_recon.documents.activities import activities, activity_counts
from navcrm_recon.documents.currency_rates import currency_rates
from navcrm_recon.documents.links import Link, crm_link, nav_link, parse_link
from navcrm_recon.documents.order_jobs import create_orders, plan_orders
from navcrm_recon.documents.order_states import update_order_states
from navcrm_recon.documents.orders.listing import sales_orders
from navcrm_recon.documents.payments import update_invoice_states
from navcrm_recon.documents.posts import post_updates
from navcrm_recon.documents.prices import price_collisions
from navcrm_recon.documents.products import item_availability, product_states, unit_groups
from navcrm_recon.documents.scheduled import document_jobs
from navcrm_recon.documents.setup.changing import set_setup
from navcrm_recon.documents.setup.checks import setup_checks
from navcrm_recon.documents.setup.facts import read_facts
from navcrm_recon.documents.statistics import statistics, update_statistics
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.plan import Plan
from navcrm_recon.sync.schedule import run_due, schedule
from navcrm_recon.workspace.synchronizing import Synchronizing


class Documents(Synchronizing):
    """What a workspace does beside synchronising records."""

    def sales_orders(self) -> pd.DataFrame:
        """Return CRM's sales orders beside what NAV has of them.

        Returns
        -------
        DataFrame
            ``crm_id, order_number, name, customer, stage, state, status`` (str), ``submitted_on,
            sent_on`` (datetime64[us], days), ``currency`` (str), ``total`` (decimal), ``nav_key,
            nav_status, shipped, invoiced, invoices, last_error`` (str), sorted by number.
            ``stage`` is how far an order is: ``not_submitted``, ``waiting`` (what
            ``create_sales_orders`` makes next), ``in_nav``, ``partly_shipped``, ``shipped``,
            ``partly_invoiced``, ``invoiced_in_nav`` (CRM does not say so yet), ``invoiced``,
            ``gone_from_nav``, ``sent_elsewhere`` (CRM says sent, but no NAV order is coupled),
            ``closed``. ``shipped`` and ``invoiced``: ``none``, ``part``, ``all``, or blank where
            NAV has no order. ``last_error``: why a waiting order failed.
        """
        return sales_orders(self._scene.fresh())

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

    def statistics(
        self, customers: str | Sequence[str] | None = None, as_of: date | None = None
    ) -> pd.DataFrame:
        """Return what NAV says of coupled customers beside what CRM shows (frame ``statistics``).

        Parameters
        ----------
        customers
            Numbers of customers; None = all that are coupled.
        as_of
            NAV's work date: what is overdue, and which fiscal year it is; None = today.

        Returns
        -------
        DataFrame
            One row per customer and figure: ``nav_key, crm_id, name, figure`` (str: CRM's column,
            such as ``nav_balancelcy``), ``nav_value, crm_value`` (exact decimals in the local
            currency; ``crm_value`` blank where CRM shows none), ``as_of`` (the day of CRM's).
            Sorted by ``nav_key``, figures in CRM's order (documents 6.1).
        """
        return statistics(self._scene.fresh(), customers, as_of)

    def price_collisions(self) -> pd.DataFrame:
        """Return what to know of NAV's sales prices before they travel (documents 4.9, G11).

        Returns
        -------
        DataFrame
            One row per price and finding: ``price_group, item, unit, nav_key`` (str),
            ``starting_date, ending_date`` (datetime64[us]), ``minimum_quantity`` (decimal),
            ``variant, currency`` (str), ``unit_price`` (decimal), ``crm_id`` (str: the price list
            line it falls on), ``wins`` (bool: it has the line, being the last in NAV's order),
            ``finding`` (str: ``collision``, ``mixed_currencies``, ``expired``, ``future``,
            ``minimum_quantity``, ``variant``, ``ignored_sales_type``), by group, item, unit, price.
        """
        return price_collisions(self._scene.fresh())

    def item_availability(self, items: Sequence[str] | None = None) -> pd.DataFrame:
        """Return how much of each item there is, as CRM may ask before it sells (documents 4.3).

        Parameters
        ----------
        items
            Numbers of items; None = all. Those that do not exist are left out.

        Returns
        -------
        DataFrame
            ``nav_key, crm_id, name`` (str), ``available`` (decimal: the inventory of all
            locations), ``unit`` (str: the base unit it is counted in), by item.
        """
        return item_availability(self._scene.fresh(), items)

    def currency_rates(self) -> pd.DataFrame:
        """Return NAV's exchange rates beside those CRM has (documents 4.6).

        Returns
        -------
        DataFrame
            ``mapping, nav_key, crm_id, name`` (str), ``rate_from`` (datetime64[us], day of NAV's
            rate), ``nav_rate, crm_rate`` (decimal: units for one of CRM's base currency),
            ``finding`` (str: ``not_coupled``, ``gone_from_crm``, ``no_rate``, ``other_rate``,
            ``future_rate``: it counts before its day; blank where all is well), sorted by code.
        """
        return currency_rates(self._scene.fresh())

    def unit_groups(self) -> pd.DataFrame:
        """Return NAV's units of measure and what is wrong with their CRM unit groups.

        Returns
        -------
        DataFrame
            ``mapping, nav_key, crm_id, name`` (str), ``items, resources`` (int64: how many have it
            as base unit), ``finding`` (str: blank, ``no_group``, ``several_groups``, ``no_unit``,
            ``several_units``, ``other_name``, ``not_base``, ``other_quantity``), ``problem`` (str:
            what was found and what to do), sorted by code (documents 4.5).
        """
        return unit_groups(self._scene.fresh())

    def product_states(self) -> pd.DataFrame:
        """Return coupled items and resources beside the states of their products.

        Returns
        -------
        DataFrame
            ``mapping, nav_key, crm_id, name, unit`` (str), ``blocked`` (bool), ``state`` (str, in
            words), ``finding`` (str: blank, ``no_unit``, ``not_retired``: blocked in NAV,
            ``not_active``: not blocked), by mapping and key (documents 4.2).
        """
        return product_states(self._scene.fresh())

    def opportunities(self, customer: str) -> pd.DataFrame:
        """Return the open opportunities of a customer's account (documents 3.2, 6.5).

        Returns
        -------
        DataFrame
            ``crm_id, topic, state, status_reason`` (str), ``estimated_close_date`` (a day),
            ``estimated_revenue, total_amount`` (exact decimals), ``parent_contact,
            parent_account`` (str, names), ``probability`` (Int64), ``rating, need`` (str),
            ``coupled`` (bool), ``crm_url`` (str), by topic. No rows where the customer is not
            coupled.

        Raises
        ------
        NotFoundError
            There is no such customer.
        """
        return activities(self._scene.fresh(), "opportunities", customer)

    def quotes(self, customer: str) -> pd.DataFrame:
        """Return the active quotes of a customer's account, as ``opportunities`` (documents 3.1).

        Returns
        -------
        DataFrame
            ``crm_id, name, state`` (str), ``total_amount`` (exact decimal), ``effective_from,
            effective_to, closed_on`` (days), ``crm_url`` (str), by name.
        """
        return activities(self._scene.fresh(), "quotes", customer)

    def cases(self, customer: str) -> pd.DataFrame:
        """Return the active cases of a customer's account, as ``opportunities`` (documents 6.5).

        Returns
        -------
        DataFrame
            ``crm_id, title, status, status_reason, case_number`` (str), ``created_on``
            (datetime64[us, UTC]), ``crm_url`` (str), by title.
        """
        return activities(self._scene.fresh(), "cases", customer)

    def activity_counts(self, customers: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Return how many of each ``opportunities``, ``quotes`` and ``cases`` list (documents VL2).

        Returns
        -------
        DataFrame
            One row per customer named, or coupled: ``nav_key, crm_id`` (str, blank where it is
            not coupled: then all are 0), ``opportunities, quotes, cases`` (int64), by ``nav_key``.
        """
        return activity_counts(self._scene.fresh(), customers)

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
