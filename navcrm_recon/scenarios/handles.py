"""Handles: short names such as ``acc-1`` that stand for GUIDs everywhere in a scenario."""

from __future__ import annotations

import uuid

_NAMESPACE = uuid.UUID("5c0a1e2f-7d64-4a53-9a43-1f0b6f3f2e11")


def guid(handle: str) -> str:
    """Return the GUID a handle stands for; a GUID stands for itself.

    >>> guid("0F8FAD5B-D9CB-469F-A165-70867728950E")
    '0f8fad5b-d9cb-469f-a165-70867728950e'
    """
    try:
        return str(uuid.UUID(handle))
    except ValueError:
        return str(uuid.uuid5(_NAMESPACE, handle))


class Handles:
    """The handles of one scenario: those given, and those bound to records that came later."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._bound: dict[str, str] = {}

    def id(self, handle: object) -> str:
        """Return the GUID a handle stands for."""
        return self._bound.get(str(handle)) or guid(str(handle))

    def give(self, handle: object) -> str:
        """Return the GUID of a handle the scenario itself gives to a record."""
        self._given.add(self.id(handle))
        return self.id(handle)

    def known(self, handle: object) -> bool:
        """Say whether a handle stands for a record the scenario gave or found."""
        return str(handle) in self._bound or self.id(handle) in self._given

    def may_be(self, handle: str, record: str) -> bool:
        """Say whether a new handle can stand for a record: one not given, nor bound before."""
        if handle in self._bound:
            return self._bound[handle] == record
        return bool(record) and record not in self._given and record not in self._bound.values()

    def bind(self, handle: str, record: str) -> None:
        """Let a handle stand for a record from here on."""
        self._bound[handle] = record
