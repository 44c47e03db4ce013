"""Currencies, products, units and prices for people: what to look at first."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.report.charts import bars
from navcrm_recon.report.markup import Fragment
from navcrm_recon.report.words import word


def finding_chart(found: pd.DataFrame, caption: str, unit: str = "records") -> Fragment:
    """Show how many rows of a frame have each ``finding``; blank is none."""
    findings = found["finding"]
    return bars(findings[findings.ne("")].map(word).value_counts(), caption, unit)
