"""Lines of NAV's service orders and service invoices."""

from __future__ import annotations

import numpy as np

from navcrm_recon.sandbox.company import Company, amounts
from navcrm_recon.sandbox.draw import numbers
from navcrm_recon.sandbox.lines import buyers

SERVICE_LINES = 36
_ORDER, _INVOICE = 1, 2


def add_service_lines(company: Company) -> None:
    """Add service lines: orders, partly shipped, and invoices, some of them from shipments."""
    count = SERVICE_LINES * company.scale
    chance = company.chance("service")
    who = buyers(company, chance, count)
    row = np.arange(count)
    invoice = row % 3 == 2
    amount = chance.integers(20, 400, count) * 100
    shipped = np.where(~invoice & (row % 2 == 0), chance.integers(20, 200, count) * 100, 0)
    from_shipment = invoice & (row % 2 == 0)
    company.add_nav(
        "Service Line",
        {
            "Document Type": np.where(invoice, _INVOICE, _ORDER),
            "Document No.": numbers("SM", 801001, count),
            "Line No.": np.full(count, 10000),
            "Customer No.": who["No."],
            "Bill-to Customer No.": who["payer"],
            "Shipment No.": numbers("SH", 901001, count).where(from_shipment, ""),
            "Outstanding Amount (LCY)": amounts(amount),
            "Shipped Not Invoiced (LCY)": amounts(shipped),
        },
    )
