"""What is traded, in the order one thing leads to the next: orders, invoices, activities."""

from __future__ import annotations

from navcrm_recon.sandbox.activities import add_activities
from navcrm_recon.sandbox.company import Company
from navcrm_recon.sandbox.invoices import add_invoices
from navcrm_recon.sandbox.lines import find_goods
from navcrm_recon.sandbox.orders import add_orders
from navcrm_recon.sandbox.service import add_service_lines


def add_trade(company: Company) -> None:
    """Add orders, what was posted of them and other invoices, opportunities, quotes and cases."""
    find_goods(company)
    add_invoices(company, add_orders(company))
    add_service_lines(company)
    add_activities(company)
