"""One dtype per catalogue type, and the columns of every kind of finding frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Kind

TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
#: Amounts, quantities and rates, at NAV's scale.
DECIMAL = pd.ArrowDtype(pa.decimal128(38, 20))
UTC = pd.DatetimeTZDtype("us", "UTC")
DAY = np.dtype("datetime64[us]")

#: Catalogue kind -> dtype of a column of a record frame. A blob is its text; a record ID is
#: ``"<table number> <nav_key>"``; a row version is its big-endian integer.
DTYPES: dict[Kind, Any] = {
    "text": TEXT,
    "code": TEXT,
    "guid": TEXT,
    "lookup": TEXT,
    "blob": TEXT,
    "record_id": TEXT,
    "option": pd.Int64Dtype(),
    "integer": pd.Int64Dtype(),
    "rowversion": pd.Int64Dtype(),
    "boolean": pd.BooleanDtype(),
    "decimal": DECIMAL,
    "date": DAY,
    "datetime": UTC,
}

INDEX_NAMES = {"nav": "nav_key", "crm": "crm_id"}

#: Kind of finding frame -> its columns, in order, with their dtypes.
SCHEMAS: dict[str, dict[str, Any]] = {
    "couplings": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "state": TEXT,
        "nav_name": TEXT,
        "crm_name": TEXT,
        "skipped": np.dtype(bool),
        "last_synch_modified_on": UTC,
        "last_synch_crm_modified_on": UTC,
        "last_synch_result": TEXT,
        "last_synch_crm_result": TEXT,
        "nav_url": TEXT,
        "crm_url": TEXT,
    },
    "diff": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "nav_field": TEXT,
        "crm_field": TEXT,
        "nav_value": TEXT,
        "crm_value": TEXT,
        "cause": TEXT,
        "resolution": TEXT,
    },
    "missing_options": {
        "mapping": TEXT,
        "nav_table": TEXT,
        "crm_attribute": TEXT,
        "value": pd.Int64Dtype(),
        "caption": TEXT,
        "nav_code": TEXT,
        "missing_in": TEXT,
        "records_affected": np.dtype("int64"),
        "finding": TEXT,
        "remedy": TEXT,
    },
    # What a plan does with each record it examined, and the fields it writes.
    "actions": {
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "action": TEXT,
        "reason": TEXT,
        "fields": TEXT,
    },
    "changes": {
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "side": TEXT,
        "field": TEXT,
        "old": TEXT,
        "new": TEXT,
    },
    # CRM's sales orders beside what NAV has of them; ``shipped`` and ``invoiced`` are ``none``,
    # ``part`` or ``all``.
    "sales_orders": {
        "crm_id": TEXT,
        "order_number": TEXT,
        "name": TEXT,
        "customer": TEXT,
        "stage": TEXT,
        "state": TEXT,
        "status": TEXT,
        "submitted_on": DAY,
        "sent_on": DAY,
        "currency": TEXT,
        "total": DECIMAL,
        "nav_key": TEXT,
        "nav_status": TEXT,
        "shipped": TEXT,
        "invoiced": TEXT,
        "invoices": TEXT,
        "last_error": TEXT,
    },
    # NAV's units of measure and what is wrong with the CRM unit group of each (documents 4.5).
    "unit_groups": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "name": TEXT,
        "items": np.dtype("int64"),
        "resources": np.dtype("int64"),
        "finding": TEXT,
        "problem": TEXT,
    },
    # Coupled items and resources beside the states of their products (documents 4.2).
    "product_states": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "name": TEXT,
        "unit": TEXT,
        "blocked": np.dtype(bool),
        "state": TEXT,
        "finding": TEXT,
    },
    # Sales prices of which an analyst ought to know before they travel: a row per price and
    # finding; ``crm_id`` is the line they fall on, ``wins`` says which price has it.
    "price_collisions": {
        "price_group": TEXT,
        "item": TEXT,
        "unit": TEXT,
        "nav_key": TEXT,
        "starting_date": DAY,
        "ending_date": DAY,
        "minimum_quantity": DECIMAL,
        "variant": TEXT,
        "currency": TEXT,
        "unit_price": DECIMAL,
        "crm_id": TEXT,
        "wins": np.dtype(bool),
        "finding": TEXT,
    },
    # How much of each item there is, in its base unit, over all locations (documents 4.3).
    "item_availability": {
        "nav_key": TEXT,
        "crm_id": TEXT,
        "name": TEXT,
        "available": DECIMAL,
        "unit": TEXT,
    },
    # NAV's exchange rates beside CRM's, in units of the currency for one of CRM's base currency.
    "currency_rates": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "name": TEXT,
        "rate_from": DAY,
        "nav_rate": DECIMAL,
        "crm_rate": DECIMAL,
        "finding": TEXT,
    },
    # Why CRM orders cannot become NAV orders: one row per order, line and field.
    "order_problems": {
        "crm_id": TEXT,
        "rule": TEXT,
        "line": TEXT,
        "field": TEXT,
        "value": TEXT,
        "message": TEXT,
    },
    # Whether the setup of both products fits together: one row per thing looked at.
    "setup_checks": {
        "check": TEXT,
        "subject": TEXT,
        "found": TEXT,
        "verdict": TEXT,
        "remedy": TEXT,
    },
    # What NAV says of coupled customers beside what CRM shows; ``figure`` is CRM's column, amounts
    # in the local currency; ``crm_value`` is blank where CRM shows none, ``as_of`` the day it had.
    "statistics": {
        "nav_key": TEXT,
        "crm_id": TEXT,
        "name": TEXT,
        "figure": TEXT,
        "nav_value": DECIMAL,
        "crm_value": DECIMAL,
        "as_of": DAY,
    },
    # CRM's live records of an account (``documents.activities``); options by their label.
    "opportunities": {
        "crm_id": TEXT,
        "topic": TEXT,
        "state": TEXT,
        "status_reason": TEXT,
        "estimated_close_date": DAY,
        "estimated_revenue": DECIMAL,
        "total_amount": DECIMAL,
        "parent_contact": TEXT,
        "parent_account": TEXT,
        "probability": pd.Int64Dtype(),
        "rating": TEXT,
        "need": TEXT,
        "coupled": np.dtype(bool),
        "crm_url": TEXT,
    },
    "quotes": {
        "crm_id": TEXT,
        "name": TEXT,
        "state": TEXT,
        "total_amount": DECIMAL,
        "effective_from": DAY,
        "effective_to": DAY,
        "closed_on": DAY,
        "crm_url": TEXT,
    },
    "cases": {
        "crm_id": TEXT,
        "title": TEXT,
        "status": TEXT,
        "status_reason": TEXT,
        "case_number": TEXT,
        "created_on": UTC,
        "crm_url": TEXT,
    },
    # How many of each a customer has.
    "activity_counts": {
        "nav_key": TEXT,
        "crm_id": TEXT,
        "opportunities": np.dtype("int64"),
        "quotes": np.dtype("int64"),
        "cases": np.dtype("int64"),
    },
    "not_checked": {
        "mapping": TEXT,
        "side": TEXT,
        "table": TEXT,
        "subject": TEXT,
        "reason": TEXT,
    },
    # What the state (or NAV's table 5331) knows of a coupling; ``integration_id`` is that of
    # the NAV record, blank where it is not known; ``baseline`` are the bytes of
    # ``recon.baseline``, None without one.
    "coupling_records": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "skipped": np.dtype(bool),
        "last_synch_modified_on": UTC,
        "last_synch_crm_modified_on": UTC,
        "last_synch_result": TEXT,
        "last_synch_crm_result": TEXT,
        "last_synch_job_id": TEXT,
        "last_synch_crm_job_id": TEXT,
        "integration_id": TEXT,
        "baseline": np.dtype(object),
    },
    # Rows of the option mapping (table 5334).
    "option_mapping": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "value": np.dtype("int64"),
        "caption": TEXT,
    },
    # The job log (engine 1.6): one pass of one mapping is one job, the jobs of a run share its id.
    "jobs": {
        "job_id": TEXT,
        "run_id": TEXT,
        "mapping": TEXT,
        "direction": TEXT,
        "type": TEXT,
        "started_at": UTC,
        "finished_at": UTC,
        "message": TEXT,
        "inserted": np.dtype("int64"),
        "modified": np.dtype("int64"),
        "deleted": np.dtype("int64"),
        "unchanged": np.dtype("int64"),
        "skipped": np.dtype("int64"),
        "failed": np.dtype("int64"),
        "uncoupled": np.dtype("int64"),
        "coupled": np.dtype("int64"),
    },
    # The error log (engine 1.6); ``no`` is drawn by the state.
    "errors": {
        "no": np.dtype("int64"),
        "job_id": TEXT,
        "at": UTC,
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "field": TEXT,
        "value": TEXT,
        "message": TEXT,
    },
    # The latest error of a record in a job, as the repeat test compares it (engine 6.1).
    "error_texts": {"job_id": TEXT, "nav_key": TEXT, "crm_id": TEXT, "message": TEXT},
    # Writes, noted before they are made: ``changes`` is a JSON list of [side, field, old, new];
    # ``at`` is what the write stamps the destination with; ``identity`` is what a new record is
    # found by, ``integration_id`` that of the NAV record; ``outcome`` is blank while open.
    "journal": {
        "id": TEXT,
        "job_id": TEXT,
        "mapping": TEXT,
        "direction": TEXT,
        "action": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "identity": TEXT,
        "integration_id": TEXT,
        "at": UTC,
        "source_stamp": UTC,
        "baseline": np.dtype(object),
        "changes": TEXT,
        "outcome": TEXT,
    },
    # Every write that was made: one row per field.
    "writes": {
        "at": UTC,
        "job_id": TEXT,
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "side": TEXT,
        "field": TEXT,
        "old": TEXT,
        "new": TEXT,
    },
    # When each mapping runs next (engine 8.1).
    "schedule": {
        "mapping": TEXT,
        "status": TEXT,
        "earliest_start": UTC,
        "attempts": np.dtype("int64"),
        "last_run": UTC,
        "message": TEXT,
    },
    # The same with what is due now (``ws.schedule()``).
    "timetable": {
        "mapping": TEXT,
        "status": TEXT,
        "due": np.dtype("bool"),
        "earliest_start": UTC,
        "attempts": np.dtype("int64"),
        "last_run": UTC,
        "message": TEXT,
    },
    # How far a full synchronisation is (engine 7.6).
    "full_lines": {
        "mapping": TEXT,
        "status": TEXT,
        "recommendation": TEXT,
        "to_crm_job_id": TEXT,
        "to_nav_job_id": TEXT,
        "to_crm_status": TEXT,
        "to_nav_status": TEXT,
        "started_at": UTC,
        "owner": TEXT,
    },
    # The worklist of skipped couplings (engine 6.3).
    "skipped": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "nav_name": TEXT,
        "crm_name": TEXT,
        "direction": TEXT,
        "failed_at": UTC,
        "message": TEXT,
        "nav_exists": np.dtype(bool),
        "crm_exists": np.dtype(bool),
    },
    # When a record last changed and who did it, and the Integration ID NAV knows it by; index =
    # the side's key.
    "stamps": {"modified_on": UTC, "modified_by": TEXT, "identity": TEXT},
}
