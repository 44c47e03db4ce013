"""What a step tells the workspace, and the jobs it hands back (contract 4, 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from navcrm_recon.catalog import Catalog
from navcrm_recon.scenarios.handles import Handles
from navcrm_recon.state.jobs import COUNTERS, Job

_ABOUT = ("mapping", "direction", "type", "message")


def arguments_of(catalog: Catalog, handles: Handles, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a step as the workspace takes them: keys as text, handles as GUIDs.

    >>> catalog = Catalog({}, {}, {}, {})
    >>> arguments_of(catalog, Handles(), {"mapping": "CUSTOMER", "nav_keys": [10000]})
    {'mapping': 'CUSTOMER', 'nav_keys': ['10000']}
    """
    mapping = catalog.mappings.get(str(given.get("mapping")))
    crm = str if mapping and mapping.option_attribute else handles.id  # an option is its integer
    direction = given.get("direction") or (mapping.direction if mapping else None)
    kinds: dict[str, Callable[[Any], str]] = {
        "nav_key": str,
        "nav_keys": str,
        "crm_id": crm,
        "crm_ids": crm,
        "records": _records(handles, direction, crm),
    }
    out: dict[str, Any] = {}
    for name, value in given.items():
        text = kinds.get(name)
        if text and isinstance(value, list):
            out[name] = [text(each) for each in value]
        else:
            out[name] = text(value) if text else value
    return out


def _records(
    handles: Handles, direction: str | None, crm: Callable[[Any], str]
) -> Callable[[Any], str]:
    """Return how to read the records of a step: NAV keys ``to_crm``, CRM ids ``to_nav``.

    Where both directions run, a handle of the scenario is a CRM id and any other text a NAV key.
    """
    if direction == "to_crm":
        return str
    if direction == "to_nav":
        return crm
    return lambda value: crm(value) if handles.known(value) else str(value)


def jobs_of(result: object) -> list[dict[str, Any]]:
    """Return the jobs a call handed back, as rows: none, one or several."""
    jobs = result if isinstance(result, list) else [result]
    return [
        {name: getattr(job, name) for name in (*_ABOUT, *COUNTERS)}
        for job in jobs
        if isinstance(job, Job)
    ]
