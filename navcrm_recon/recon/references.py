"""A code against the id, or the option value, of its coupled partner (engine 4.4, 5.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import FieldMapping
from navcrm_recon.recon.align import Mask
from navcrm_recon.recon.passes import Passes, as_mask

#: The attribute that says who owns a CRM record.
OWNER = "ownerid"


@dataclass(frozen=True)
class Reference:
    """How a NAV code stands for a CRM id (or option value, as text), and the reverse.

    ``nav[i]`` goes with ``crm[i]``. ``lcy_code`` / ``lcy_id`` are the local currency on both
    sides where the reference is a currency (documents 4.7). ``known`` is False when the side
    cannot say (an export without the table): then nothing is compared.
    """

    nav: pa.Array
    crm: pa.Array
    lcy_code: str | None = None
    lcy_id: str | None = None
    known: bool = True


def arrow_text(values: Iterable[str]) -> pa.Array:
    """Return texts as a reference holds them."""
    return pa.array(list(values), type=pa.large_string())


@dataclass(frozen=True)
class Translation:
    """A field mapping that translates, with the reference it translates by."""

    row: FieldMapping
    reference: Reference

    @property
    def missing(self) -> str:
        """What an uncoupled source gives; an unmapped option is ignored (contract 1)."""
        if self.row.clear_on_failed_sync:
            return "clear_destination"
        if self.row.transfer == "option_via_coupling":
            return "leave_unchanged"
        return self.row.missing

    @property
    def missing_back(self) -> str:
        """What an uncoupled id gives in NAV; an owner nobody coupled is left (documents 5.2)."""
        owner = self.row.crm is not None and self.row.crm.name == OWNER
        return "leave_unchanged" if owner else self.missing

    @property
    def local(self) -> str | None:
        """The id of the local currency, where a blank code means it."""
        return self.reference.lcy_id if self.row.blank == "local_currency" else None

    def expected(self, codes: pa.Array) -> pa.Array:
        """Return the id each NAV code stands for, null where it has none."""
        found = self.reference.crm.take(pc.index_in(codes, value_set=self.reference.nav))
        found = pc.if_else(pc.equal(codes, ""), pa.scalar(self.local or "", found.type), found)
        if self.local and self.reference.lcy_code:
            is_local = pc.equal(codes, self.reference.lcy_code)
            found = pc.if_else(is_local, pa.scalar(self.local, found.type), found)
        return found

    def expected_back(self, ids: pa.Array) -> pa.Array:
        """Return the NAV code each id stands for, null where it has none."""
        found = self.reference.nav.take(pc.index_in(ids, value_set=self.reference.crm))
        blank = pc.equal(ids, "")
        if self.local:
            blank = pc.or_(blank, pc.equal(ids, self.local))
        return pc.if_else(blank, pa.scalar("", found.type), found)

    def differs(self, nav: pa.Array, crm: pa.Array) -> Mask:
        """Say where the codes do not already stand for the ids beside them."""
        if not self.reference.known:
            return np.zeros(len(crm), dtype=bool)
        codes, ids = _text(nav), _text(crm)
        apart = ~as_mask(pc.equal(self.expected(codes), ids), False)
        alike = pc.and_(pc.equal(codes, ""), pc.equal(ids, ""))
        if self.row.blank == "local_currency" and self.reference.lcy_code is None:
            alike = pc.equal(codes, "")  # nobody can say which currency a blank code is
        return apart & ~as_mask(alike, False)

    def judge(self, nav: pa.Array, crm: pa.Array) -> Passes:
        """Say what each pass would do with codes and ids that differ."""
        codes, ids = _text(nav), _text(crm)
        wanted, wanted_back = self.expected(codes), self.expected_back(ids)
        nav_unknown, crm_unknown = _is_null(wanted), _is_null(wanted_back)
        nav_blank, crm_blank = (
            as_mask(pc.equal(codes, ""), False),
            as_mask(pc.equal(ids, ""), False),
        )
        same_to_crm = self._unchanged(wanted, ids, nav_blank, self.missing)
        same_to_nav = self._unchanged(wanted_back, codes, crm_blank, self.missing_back)
        # An empty CRM value does not clear a NAV reference that could never get there.
        same_to_nav |= crm_blank & nav_unknown
        fails = self.missing == "error"
        to_crm, to_nav = self.row.runs("to_crm"), self.row.runs("to_nav")
        return Passes(
            same_to_crm,
            same_to_nav,
            fails_to_crm=(nav_unknown & fails) | (nav_blank & (self.row.blank == "error")),
            fails_to_nav=crm_unknown & (self.missing_back == "error"),
            unknown=(nav_unknown & to_crm) | (crm_unknown & to_nav),
        )

    def _unchanged(
        self, wanted: pa.Array, found: pa.Array, source_blank: Mask, missing: str
    ) -> Mask:
        """Say where the destination already holds what it would get, or is left alone."""
        unknown = _is_null(wanted)
        same = as_mask(pc.equal(pc.fill_null(wanted, ""), found), False)
        if missing != "clear_destination":
            same &= ~unknown
        if missing == "leave_unchanged":
            same |= unknown
        if self.row.blank == "leave_unchanged" or self.row.not_null:
            same |= source_blank
        return same


def _is_null(values: pa.Array) -> Mask:
    return as_mask(values.is_null(), False)


def _text(values: pa.Array) -> pa.Array:
    """Return codes and ids as text; an option value 0 is blank (engine 5.1)."""
    if pa.types.is_integer(values.type):
        text = values.cast(pa.large_string())
        return pc.if_else(pc.equal(pc.fill_null(values, 0), 0), pa.scalar("", text.type), text)
    return values.cast(pa.large_string())
