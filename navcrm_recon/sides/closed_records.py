"""CRM records that take no change while they are not active (documents SO-10, PS2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from navcrm_recon.catalog.model import Table
from navcrm_recon.sides.sql_transaction import Values
from navcrm_recon.sides.writing import Refused

STATE = "statecode"
_ACTIVE = 0
#: Entity -> what people call it.
_LOCKED: Mapping[str, str] = {"salesorder": "sales order", "invoice": "invoice"}


def needed(table: Table) -> list[str]:
    """Return the columns whose old values say whether a record may be changed."""
    return [STATE] if table.name in _LOCKED and table.side == "crm" else []


def refuse_changes(table: Table, news: Sequence[Values], olds: Sequence[Values]) -> None:
    """Refuse changes of a record that is not active, but for the change to another state.

    Raises
    ------
    Refused
        One of the records is not active and keeps its state.
    """
    if not needed(table):
        return
    captions = table.columns[STATE].options
    for new, old in zip(news, olds, strict=True):
        state = old.get(STATE) or _ACTIVE
        if state != _ACTIVE and new.get(STATE, state) == state:
            caption = captions.get(state, str(state))
            raise Refused(
                f"The {_LOCKED[table.name]} is {caption}: CRM takes no change of it. Change its "
                "state first.",
                field=next((name for name in new if name != STATE), STATE),
                value=caption,
            )
