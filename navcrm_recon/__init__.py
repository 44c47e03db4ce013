"""Couple, compare and report on the records of Dynamics NAV 2018 and Dynamics 365 for Sales.

>>> import navcrm_recon as nr
>>> nr.ConfigError.__mro__[1] is nr.Error
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from navcrm_recon.errors import (
    BusyError,
    ConfigError,
    CouplingError,
    DataError,
    Error,
    NotFoundError,
    ReadOnlyError,
    SideError,
)

if TYPE_CHECKING:
    from navcrm_recon.workspace import Workspace, open_workspace

__version__ = "0.1.0"
__all__ = [
    "BusyError",
    "ConfigError",
    "CouplingError",
    "DataError",
    "Error",
    "NotFoundError",
    "ReadOnlyError",
    "SideError",
    "Workspace",
    "open_workspace",
]


def __getattr__(name: str) -> Any:
    """Load the workspace only when it is asked for: every room imports this package first."""
    if name in ("Workspace", "open_workspace"):
        from navcrm_recon import workspace

        return getattr(workspace, name)
    raise AttributeError(f"module 'navcrm_recon' has no attribute '{name}'")
