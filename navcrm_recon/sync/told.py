"""What a pass examined and wrote, as frames: what a plan is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from navcrm_recon.frames import conform, empty
from navcrm_recon.sync.doing import Pass
from navcrm_recon.sync.select import OneWay, Request, key_names


@dataclass(frozen=True)
class Told:
    """What a pass did with each record.

    ``actions`` and ``changes``: frames of that name; ``request`` names the records examined;
    ``newest``: the watermark it leaves, None where it leaves it alone; ``born``: the key of the
    destination record by the key of the source.
    """

    mapping: str
    direction: OneWay
    request: Request
    actions: pd.DataFrame
    changes: pd.DataFrame
    newest: datetime | None = None
    born: Mapping[str, str] = field(default_factory=dict)


#: Is told of every pass once it is done.
Listener = Callable[[Told], None]


def told(each: Pass) -> Told:
    """Return what a pass did."""
    own, other = key_names(each.direction)
    picked, decisions = each.examined.picked, each.examined.decisions
    keys, partners = each.keys, list(each.partner_keys)
    for place, key in each.partners.items():
        partners[place] = key
    about = {"mapping": each.mapping.name, "direction": each.direction}
    told_of = decisions["reason"].copy()
    told_of.loc[each.refusals.index] = each.refusals["message"]
    reasons = decisions["rule"] + ": " + told_of
    actions = pd.DataFrame(
        {
            **about,
            own: keys,
            other: partners,
            "action": decisions["action"].to_numpy(),
            "reason": reasons.to_numpy(),
            "fields": [_fields(each, place) for place in range(len(keys))],
        },
        index=range(len(keys)),
    )
    rows = [
        {**about, own: keys[place], other: partners[place],
         "side": side, "field": name, "old": old, "new": new}
        for place, one in sorted(each.wanted.items())
        for side, name, old, new in one.changes
    ]  # fmt: skip
    if each.request.completes:  # told already, but for what is left to write
        actions = actions[actions["action"].isin(["modify", "fail"])]
    return Told(
        each.mapping.name,
        each.direction,
        replace(each.request, keys=tuple(keys)),
        conform(actions.reset_index(drop=True), "actions"),
        conform(pd.DataFrame(rows), "changes") if rows else empty("changes"),
        picked.newest if each.request.keys is None else None,
        {keys[place]: key for place, key in each.partners.items()},
    )


def _fields(each: Pass, place: int) -> str:
    if place in each.wanted:
        return ", ".join(name for _, name, _, _ in each.wanted[place].changes)
    if place in each.refusals.index:
        return str(each.refusals.loc[place, "field"])
    return ""
