"""What a workspace does with documents: orders, invoices, statistics, posts (documents 1 to 9)."""

from __future__ import annotations

from navcrm_recon.workspace.synchronizing import Synchronizing


class Documents(Synchronizing):
    """What a workspace does beside synchronising records."""
