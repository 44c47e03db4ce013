"""What a workspace shows of documents and of what they are made with (documents 1 to 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from navcrm_recon.documents.activities import activities, activity_counts
from navcrm_recon.documents.currency_rates import currency_rates
from navcrm_recon.documents.orders.listing import sales_orders
from navcrm_recon.documents.prices import price_collisions
from navcrm_recon.documents.products import item_availability, product_states, unit_groups
from navcrm_recon.documents.statistics import statistics
from navcrm_recon.workspace.synchronizing import Synchronizing


class Showing(Synchronizing):
    """What a workspace shows beside records and their couplings; nothing here is written."""

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
