"""Making orders as people ask for it: those that wait, some by name, or only as a plan."""

from __future__ import annotations

from collections.abc import Sequence

from navcrm_recon.catalog.model import SALES_ORDER
from navcrm_recon.documents.order_states import update_order_states
from navcrm_recon.documents.orders.creating import create_sales_orders
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.imagine import imagined
from navcrm_recon.sync.jobs import writable_store
from navcrm_recon.sync.plan import Plan
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.told import Listener


def create_orders(
    scene: Scene, crm_ids: Sequence[str] | None = None, heard: Listener | None = None
) -> Job:
    """Make the NAV orders of some CRM orders, or of all that wait (documents 1).

    Of all: orders whose NAV order was deleted wait again, so their states come first (P3).
    """
    if crm_ids is None and len(writable_store(scene).coupling_records(SALES_ORDER)):
        update_order_states(scene)
    return create_sales_orders(scene, crm_ids, heard)


def plan_orders(scene: Scene, crm_ids: Sequence[str] | None = None) -> Plan:
    """Return what making NAV orders would do; nothing is written (contract 4).

    ``.changes`` has every field of the header, and of the lines as ``10000 Quantity``.
    """
    plan = Plan()
    create_orders(imagined(scene), crm_ids, plan.passes.append)
    return plan
