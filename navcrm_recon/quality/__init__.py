"""Whether the data is fit: rules kept as JSON, checked with Great Expectations."""

from navcrm_recon.quality.suites import suite_for, suite_names
from navcrm_recon.quality.validation import QUALITY, validate

__all__ = ["QUALITY", "suite_for", "suite_names", "validate"]
