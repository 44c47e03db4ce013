"""The codes of the frames as a page shows them, and what a reader can do about each."""

from __future__ import annotations

#: Code of a frame -> what a reader calls it.
WORDS = {
    # states of couplings
    "coupled": "Coupled",
    "nav_only": "NAV only",
    "crm_only": "CRM only",
    "nav_deleted": "Deleted in NAV",
    "crm_deleted": "Deleted in CRM",
    "both_deleted": "Deleted in both",
    "out_of_filter": "Out of filter",
    # causes of differences
    "changed_in_nav": "Changed in NAV",
    "changed_in_crm": "Changed in CRM",
    "changed_in_both": "Changed in both",
    "never_synchronized": "Never synchronized",
    "drifted": "Drifted",
    "missing_option": "Missing option",
    "uncoupled_reference": "Uncoupled reference",
    "truncated": "Truncated",
    # resolutions
    "to_crm": "To CRM",
    "to_nav": "To NAV",
    "merge": "Merge",
    "conflict": "Conflict",
    "blocked": "Blocked",
    "none": "None",
    # findings about options
    "unmapped_option": "Unmapped option",
    "gray_code": "Gray code",
    "incomplete_record": "Incomplete record",
    "label_drift": "Label drift",
    "code_collision": "Code collision",
    "stale_mapping": "Stale mapping",
    "in_use_unmapped": "In use, unmapped",
    "comma_in_name": "Comma in name",
    # sides
    "nav": "NAV",
    "crm": "CRM",
    "both": "Both",
    # actions of a plan
    "insert": "Insert",
    "modify": "Modify",
    "restore": "Restore",
    "uncouple": "Uncouple",
    "fail": "Fails",
    "skip": "Skipped",
    "unchanged": "Unchanged",
    # kinds and counters of jobs
    "synchronization": "Synchronisation",
    "coupling": "Coupling",
    "uncoupling": "Uncoupling",
    "inserted": "Inserted",
    "modified": "Modified",
    "deleted": "Deleted",
    # findings about units and products
    "no_group": "No unit group",
    "several_groups": "Several unit groups",
    "no_unit": "No unit",
    "several_units": "Several units",
    "other_name": "Other name",
    "not_base": "Not the base unit",
    "other_quantity": "Other quantity",
    "not_retired": "Blocked, not retired",
    "not_active": "Not blocked, not active",
    # findings about sales prices
    "collision": "On one CRM line",
    "mixed_currencies": "Several currencies",
    "expired": "Expired",
    "future": "Future",
    "minimum_quantity": "Minimum quantity",
    "variant": "Variant",
    "ignored_sales_type": "Ignored sales type",
    # findings about currencies
    "not_coupled": "Not coupled",
    "gone_from_crm": "Gone from CRM",
    "no_rate": "No rate",
    "other_rate": "Other rate",
    "future_rate": "Future rate",
    # how far sales orders are
    "not_submitted": "Not submitted",
    "waiting": "Waiting",
    "in_nav": "In NAV",
    "partly_shipped": "Partly shipped",
    "shipped": "Shipped",
    "partly_invoiced": "Partly invoiced",
    "invoiced_in_nav": "Invoiced in NAV",
    "invoiced": "Invoiced",
    "gone_from_nav": "Gone from NAV",
    "sent_elsewhere": "Sent elsewhere",
    "closed": "Closed",
    "part": "Part",
    "all": "All",
    # figures of customers
    "nav_balancelcy": "Balance",
    "nav_outstandingorderslcy": "Outstanding orders",
    "nav_shippednotinvoicedlcy": "Shipped, not invoiced",
    "nav_outstandinginvoiceslcy": "Outstanding invoices",
    "nav_outstandingserviceorderslcy": "Outstanding service orders",
    "nav_servshippednotinvoicedlcy": "Service shipped, not invoiced",
    "nav_outstandingservinvoiceslcy": "Outstanding service invoices",
    "nav_totallcy": "Total",
    "nav_creditlimitlcy": "Credit limit",
    "nav_overdueamountslcy": "Overdue",
    "nav_totalsaleslcy": "Sales of the year",
    "nav_invoicedprepaymentamountlcy": "Invoiced prepayments",
    # results and measures
    "failed": "Failed synchronisations",
    "skipped": "Skipped",
    "uncoupled": "Uncoupled",
    "diffs": "Differences",
    "passed": "Passed",
    "violated": "Violated",
    "not_checked": "Not checked",
    "new": "New",
    "open": "Still open",
    "resolved": "Resolved",
    "critical": "Critical",
    "warning": "Warning",
    "info": "Note",
}

#: State, cause or finding -> what to do next.
ADVICE = {
    "nav_only": "Couple the record, create it in CRM, or exclude it by the mapping's filter.",
    "crm_only": "Couple the record, create it in NAV, or exclude it by the mapping's filter.",
    "nav_deleted": "Decide whether NAV's deletion holds: uncouple, or restore the record.",
    "crm_deleted": "Decide whether CRM's deletion holds: uncouple, or restore the record.",
    "both_deleted": "Remove the coupling: neither record is left.",
    "out_of_filter": "Bring the record back inside the filter, or uncouple it.",
    "changed_in_nav": "The next synchronisation sends it to CRM if the field's direction allows.",
    "changed_in_crm": "The next synchronisation sends it to NAV if the field's direction allows.",
    "changed_in_both": "Agree on a value, or set how the mapping solves conflicts.",
    "never_synchronized": "Compare the pair, then synchronise it once in the right direction.",
    "drifted": "Find who wrote past the synchronisation; then synchronise the record by force.",
    "missing_option": "Add the option on the side that lacks it: see the missing options.",
    "uncoupled_reference": "Couple the record that this one refers to.",
    "truncated": "Shorten the longer text, if what was cut matters.",
    "failed": "Read the error, repair its cause, then synchronise the record again.",
    "skipped": "Repair the cause of the failure, then restore the skipped record.",
}


def word(code: str) -> str:
    """Return the plain words for a code, the code itself where there are none.

    >>> word("nav_only")
    'NAV only'
    """
    return WORDS.get(code, code)
