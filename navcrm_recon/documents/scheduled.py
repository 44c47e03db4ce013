"""What runs beside the mappings when it is due, where the setup says so (documents 0.4)."""

from __future__ import annotations

from dataclasses import replace

from navcrm_recon.documents.order_jobs import create_orders
from navcrm_recon.documents.order_states import update_order_states
from navcrm_recon.documents.posts import post_updates
from navcrm_recon.documents.statistics import update_statistics
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.schedule import Also, Work

#: Attempts of a job before it is given up, and seconds between them (documents 0.4).
_PATIENCE = {"max_attempts": 2, "rerun_delay_seconds": 30}


def _orders(scene: Scene) -> list[Job]:
    """Make the orders that wait, where that is switched on; else only follow those made."""
    creates = scene.setup.get("auto_create_sales_orders")
    return [create_orders(scene) if creates else update_order_states(scene)]


#: Name of the job, minutes between runs, the setup keys that switch it on, what it does.
_JOBS: tuple[tuple[str, int, tuple[str, ...], Work], ...] = (
    ("SALES ORDER", 2, ("auto_create_sales_orders", "sales_order_integration"), _orders),
    ("ACCOUNT POSTS", 2, ("account_posts",), post_updates),
    ("ACCOUNT STATISTICS", 30, ("solution_installed",), update_statistics),
)


def document_jobs(scene: Scene) -> Also:
    """Return the jobs of documents that are switched on, with their intervals."""
    return [
        (
            replace(
                scene.catalog.orders, name=name, job={"interval_minutes": minutes, **_PATIENCE}
            ),
            work,
        )
        for name, minutes, switches, work in _JOBS
        if any(scene.setup.get(each) for each in switches)
    ]
