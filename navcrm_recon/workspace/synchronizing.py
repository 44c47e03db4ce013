"""What a workspace does: plan, apply, synchronise, couple, and what the job log says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd

from navcrm_recon.catalog import TableMapping
from navcrm_recon.catalog.model import Direction
from navcrm_recon.errors import ConfigError, NotFoundError, ReadOnlyError
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.couple import couple
from navcrm_recon.sync.full import full_synchronization, review
from navcrm_recon.sync.hooks import is_led, made_by_name
from navcrm_recon.sync.jobs import in_a_run
from navcrm_recon.sync.match import couple_matches
from navcrm_recon.sync.passes import synchronize_mapping
from navcrm_recon.sync.plan import Plan, apply_plan, make_plan
from navcrm_recon.sync.schedule import hold, release
from navcrm_recon.sync.select import Request
from navcrm_recon.sync.skipped import restore, skipped
from navcrm_recon.sync.uncouple import uncouple
from navcrm_recon.workspace.observing import Observing

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Synchronizing(Observing):
    """What a workspace does beside observing."""

    def plan(
        self,
        mapping: str | None = None,
        direction: Direction | None = None,
        records: Sequence[str] | None = None,
        force: bool | None = None,
    ) -> Plan:
        """Return what a synchronisation would do; nothing is written anywhere.

        Parameters
        ----------
        mapping
            None = all enabled mappings in dependency order.
        direction
            ``to_crm``, ``to_nav``; None or ``both`` = all the mapping has.
        records
            NAV keys for ``to_crm``, CRM ids for ``to_nav``; without a direction they say
            themselves which they are.
        force
            Override change and conflict detection (engine 3.7, F). None: only where records
            are named.

        Returns
        -------
        Plan
            ``.actions`` and ``.changes`` (frames, contract 4), for ``apply``.

        Raises
        ------
        ReadOnlyError
            The workspace says ``couplings: nav``: NAV itself synchronises.
        NotFoundError, DataError
            There is no such mapping or record, or the record lies outside the filter.
        """
        chosen, request = self._request(mapping, direction, records, force=force)
        return make_plan(self._scene, chosen, direction, request)

    def apply(self, plan: Plan) -> list[Job]:
        """Do what a plan says. A record that was changed since then is decided again.

        Returns
        -------
        list of Job
            One per pass, with its counters; ``message`` names what was not done as planned.
        """
        return apply_plan(self._scene, plan)

    def synchronize(
        self,
        mapping: str | None = None,
        direction: Direction | None = None,
        records: Sequence[str] | None = None,
        force: bool | None = None,
        full: bool = False,
    ) -> list[Job]:
        """Synchronise, one pass per mapping and direction; arguments as for ``plan``.

        Parameters
        ----------
        full
            Examine every record, not only those changed since the watermark (engine 7.3).

        Returns
        -------
        list of Job
            One per pass, with its counters.
        """
        chosen, request = self._request(mapping, direction, records, force=force, full=full)
        run = in_a_run(self._scene)
        return [
            job for each in chosen for job in synchronize_mapping(run, each, direction, request)
        ]

    def jobs(self) -> pd.DataFrame:
        """Return the job log, newest start first (frame ``jobs``).

        Returns
        -------
        DataFrame
            ``job_id, run_id, mapping, direction, type`` (str), ``started_at, finished_at``
            (datetime64[us, UTC]), ``message`` (str), ``inserted, modified, deleted, unchanged,
            skipped, failed, uncoupled, coupled`` (int64).
        """
        return self._store().jobs()

    def errors(self) -> pd.DataFrame:
        """Return the error log, oldest first (frame ``errors``).

        Returns
        -------
        DataFrame
            ``no`` (int64), ``job_id`` (str), ``at`` (datetime64[us, UTC]), ``mapping, direction,
            nav_key, crm_id, field, value, message`` (str).
        """
        return self._store().errors()

    def writes(self, job_id: str | None = None) -> pd.DataFrame:
        """Return every field that was written, by one or all jobs (frame ``writes``).

        Returns
        -------
        DataFrame
            ``at`` (datetime64[us, UTC]), ``job_id, mapping, direction, nav_key, crm_id, side,
            field, old, new`` (str), oldest first.
        """
        return self._store().writes(job_id)

    def couple(
        self,
        mapping: str,
        nav_key: str,
        crm_id: str,
        synchronize: Direction | None = None,
    ) -> list[Job]:
        """Couple one NAV record and one CRM record (engine 2.2).

        Parameters
        ----------
        synchronize
            ``to_crm`` or ``to_nav``: transfer the data at once, by force. None: couple only.

        Raises
        ------
        CouplingError
            The CRM record has another partner, or the mapping's filter hides it.
        NotFoundError
            One of the records does not exist.
        """
        return couple(self._scene, self._mapping(mapping), nav_key, crm_id, synchronize)

    def couple_matches(self, mapping: str) -> list[Job]:
        """Couple every uncoupled record that has exactly one match (engine 2.7)."""
        return couple_matches(self._scene, self._mapping(mapping))

    def uncouple(
        self,
        mapping: str,
        nav_keys: Sequence[str] | None = None,
        crm_ids: Sequence[str] | None = None,
    ) -> list[Job]:
        """Remove couplings: those named, or all of the mapping (engine 2.6)."""
        return uncouple(self._scene, self._mapping(mapping), nav_keys, crm_ids)

    def skipped(self) -> pd.DataFrame:
        """Return the skipped records, newest failure first (frame ``skipped``).

        Returns
        -------
        DataFrame
            ``mapping, nav_key, crm_id, nav_name, crm_name, direction`` (str), ``failed_at``
            (datetime64[us, UTC]), ``message`` (str), ``nav_exists, crm_exists`` (bool).
        """
        return skipped(self._scene.fresh())

    def restore(self, mapping: str, nav_keys: Sequence[str] | None = None) -> int:
        """Let skipped records take part again; return how many (engine R6.10)."""
        return restore(self._scene, self._mapping(mapping), nav_keys)

    def full_synchronization(self, mappings: Sequence[str] | None = None) -> list[Job]:
        """Synchronise everything by force, in dependency order, and make what is missing (7.3).

        A mapping with uncoupled records on both sides makes none unless ``mappings`` names it.
        """
        return full_synchronization(self._scene, mappings)

    def review(self) -> pd.DataFrame:
        """Return how far the full synchronisation is, and what it recommends (engine 7.6).

        Returns
        -------
        DataFrame
            One line per enabled mapping of records: ``mapping, status, recommendation,
            to_crm_job_id, to_nav_job_id, to_crm_status, to_nav_status`` (str), ``started_at``
            (datetime64[us, UTC]), ``owner`` (str).
        """
        return review(self._scene)

    def hold(self, mapping: str) -> None:
        """Let ``run_due`` pass over a mapping until it is released."""
        hold(self._scene, self._mapping(mapping))

    def release(self, mapping: str) -> None:
        """Make a mapping due that is on hold or gave up (engine R8.7)."""
        release(self._scene, self._mapping(mapping))

    def delete_jobs(self, older_than: int | datetime | None = None) -> int:
        """Delete finished jobs with their errors and writes; return how many (engine R8.10).

        A job with failures stays while a skipped record names it.

        Parameters
        ----------
        older_than
            Only jobs started so many days ago, or before this time; None = all.
        """
        return self._store().delete_jobs(self._before(older_than))

    def delete_errors(self, older_than: int | datetime | None = None) -> int:
        """Delete errors, arguments as for ``delete_jobs``; return how many (engine R8.10).

        Where the text of a first failure is gone, a second one does not skip its record (R6.4).
        """
        return self._store().delete_errors(self._before(older_than))

    def _before(self, older_than: int | datetime | None) -> datetime | None:
        """Return the time that so many days ago was; a time without zone is UTC."""
        if older_than is None:
            return None
        if not isinstance(older_than, int):
            return older_than if older_than.tzinfo else older_than.replace(tzinfo=UTC)
        if older_than < 0:
            raise ConfigError(f"older_than: days are 0 or more, found {older_than}.")
        return self._scene.clock() - timedelta(days=older_than)

    def _request(
        self,
        mapping: str | None,
        direction: Direction | None,
        records: Sequence[str] | None,
        *,
        force: bool | None,
        full: bool = False,
    ) -> tuple[list[TableMapping], Request]:
        """Return the mappings and the request a synchronisation is asked for."""
        if direction not in (None, "both", "to_crm", "to_nav"):
            raise NotFoundError(
                f"There is no direction '{direction}'; there are to_crm, to_nav and both."
            )
        if mapping is None:
            chosen = [each for each in self.mappings.values() if each.enabled and not is_led(each)]
        else:
            chosen = [self._mapping(mapping)]
        if records is None:
            return chosen, Request(force=bool(force), full=full)
        one_way = direction or (chosen[0].direction if len(chosen) == 1 else None)
        if one_way == "both" and mapping is not None:  # the keys themselves say whose they are
            one_way = "to_nav" if all(_GUID.fullmatch(str(key)) for key in records) else "to_crm"
        if mapping is None or one_way not in ("to_crm", "to_nav"):
            raise ConfigError(
                "records: name a mapping with them: NAV keys go to_crm, CRM ids to_nav."
            )
        keys = [str(key) for key in records]
        if one_way == "to_nav" and chosen[0].option_attribute is None:
            keys = [key.lower() for key in keys]
        named = tuple(dict.fromkeys(keys))
        # Of several records, those that are newer on the other side are protected (R7.5).
        protect = force is None and len(named) > 1
        only = False if made_by_name(chosen[0]) else None
        forced = force is not False
        return chosen, Request(keys=named, force=forced, only_coupled=only, protect=protect)

    def _store(self) -> Store:
        """Return the state; where NAV's own tables hold the couplings there is none."""
        if self._scene.store is None:
            raise ReadOnlyError(
                "The workspace says couplings: nav, so NAV keeps the job log. Say couplings: state "
                "once its couplings are adopted."
            )
        return self._scene.store
