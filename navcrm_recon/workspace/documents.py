"""What a workspace does with documents: orders, invoices, statistics, posts (documents 1 to 9)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, Direction
from navcrm_recon.documents.links import Link, crm_link, nav_link, parse_link
from navcrm_recon.documents.order_jobs import create_orders, plan_orders
from navcrm_recon.documents.order_states import update_order_states
from navcrm_recon.documents.orders.listing import sales_orders
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.plan import Plan
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
