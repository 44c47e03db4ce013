"""The face: open a workspace and ask it. One line a call; the rooms below do the work."""

from __future__ import annotations

from pathlib import Path

from navcrm_recon.workspace.documents import Documents
from navcrm_recon.workspace_file import read_workspace_file

__all__ = ["Workspace", "open_workspace"]


def open_workspace(path: str | Path) -> Workspace:
    """Open the workspace a file describes.

    Raises
    ------
    ConfigError
        The file, or the mapping file it names, is wrong; every mistake is listed.
    SideError
        A side or the state cannot be opened.
    """
    return Workspace(read_workspace_file(path))


class Workspace(Documents):
    """Both sides, their mappings and the state: to be read, compared and synchronised.

    Attributes
    ----------
    config
        The checked workspace file.
    catalog
        Tables, mappings and option sets, with the user's changes.
    """

    def __repr__(self) -> str:
        """Name the company and the file, no addresses."""
        return f"Workspace({self.config.company!r}, {str(self.config.path)!r})"
