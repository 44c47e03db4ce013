"""What every side can do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import pandas as pd

from navcrm_recon.catalog.model import Condition, Option, SideName, Table
from navcrm_recon.sides.writing import Write, Written


class Side(Protocol):
    """One of the two systems, read as typed record frames (``frames``).

    Attributes
    ----------
    name
        ``nav`` or ``crm``.
    writable
        Whether a synchronisation may write here (contract 3).
    """

    name: SideName
    writable: bool

    def describe(self) -> dict[str, str]:
        """Say what this is, without secrets: ``kind``, ``address``, ``version``."""

    def read(
        self,
        table: Table,
        columns: Sequence[str],
        where: Sequence[Condition] = (),
        keys: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Read rows of a table as a record frame, sorted by key.

        Parameters
        ----------
        columns
            Columns of the table; flow fields are calculated. Columns come back in this order.
        where
            Conditions the rows must meet, all of them.
        keys
            Only these ``nav_key`` / ``crm_id`` values; those that do not exist are left out.

        Raises
        ------
        SideError
            The table or a column is not there. (A side of files lists it as not checked instead
            and leaves the column out; a missing table gives no rows.)
        DataError
            A value has the wrong type, or a key is blank or there twice. (Files: not checked.)
        """

    def available(self, table: Table) -> frozenset[str]:
        """Return the columns of a table that are there, none where the table is not.

        Older and newer versions of a product lack some (a side of files lists them as not checked).
        """

    def stamps(
        self, table: Table, keys: Sequence[str] | None = None, since: datetime | None = None
    ) -> pd.DataFrame:
        """Say when the records last changed: frame ``stamps``, index = key, existing records only.

        NAV: ``Integration Record`` (5151), Modified On and Integration ID (``identity``); CRM:
        ``modifiedon``, ``modifiedby``.
        Records without a stamp are left out.

        Parameters
        ----------
        keys
            Only these records.
        since
            Only records modified after this time (UTC).
        """

    def write(
        self, table: Table, writes: Sequence[Write], *, now: datetime, by: str
    ) -> list[Written]:
        """Insert, update and delete records in one transaction of the side.

        Every good row is kept; a bad one fails alone and says why. An insert whose key (CRM) or
        identity (NAV) is already there is found, not doubled: its key and present modified-on
        come back, without an error. What the product does by itself is done as well: stamps,
        numbers from a series, codes in capitals, defaults, fields that follow others.

        CRM passes over what it does not accept (engine_rules.read_only_crm): a value for a column
        that can only be read, on insert also one that can only be modified, on update one that
        can only be inserted.

        Parameters
        ----------
        now
            What the product stamps the records with (UTC).
        by
            GUID of the CRM user who writes, may be blank.

        Returns
        -------
        list of Written
            One for each write, in their order.

        Raises
        ------
        ReadOnlyError
            The side is only read.
        SideError
            The database is out of reach, locked or lacks the table; nothing was written.
        """

    def option_set(self, entity: str, attribute: str) -> tuple[Option, ...] | None:
        """Return the options CRM offers for an attribute, None where this side cannot say."""

    def left_out(self, table: Table) -> frozenset[str] | None:
        """Return the keys of records that are there but could not be read.

        None where the whole table could not be. What is missing then is not known to be deleted.
        """

    def not_checked(self) -> pd.DataFrame:
        """List what could not be read and was passed over so far: frame ``not_checked``.

        ``mapping`` is blank: the workspace knows for which mapping it read.
        """
