"""A plan of sales orders: the NAV orders as they would be (contract 4)."""

from __future__ import annotations

from collections.abc import Sequence

from navcrm_recon.documents.orders.creating import create_sales_orders
from navcrm_recon.sync.imagine import imagined
from navcrm_recon.sync.plan import Plan
from navcrm_recon.sync.scene import Scene


def plan_sales_orders(scene: Scene, crm_ids: Sequence[str] | None = None) -> Plan:
    """Return what making the NAV orders of CRM orders would do; nothing is written.

    ``.changes`` has every field of the header, and of the lines as ``10000 Quantity``.
    """
    plan = Plan()
    create_sales_orders(imagined(scene), crm_ids, plan.passes.append)
    return plan
