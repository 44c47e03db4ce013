"""Checking a frame against a suite, with the failing records named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.errors import shorten
from navcrm_recon.frames import DECIMAL, TEXT
from navcrm_recon.quality.suites import Rule, load_suite

#: The columns of a quality frame, in order, with their dtypes.
QUALITY: dict[str, Any] = {
    "rule": TEXT,
    "description": TEXT,
    "column": TEXT,
    "severity": TEXT,
    "outcome": TEXT,
    "failing": pd.Int64Dtype(),
    "of": np.dtype("int64"),
    "sample_keys": TEXT,
    "reason": TEXT,
}

_SAMPLES = 5
_Mask = Callable[[pd.DataFrame, Mapping[str, Any]], pd.Series]


def validate(frame: pd.DataFrame, suite_name: str) -> pd.DataFrame:
    """Check a frame against a suite: one row per rule, in the suite's order.

    Parameters
    ----------
    frame
        A record frame, or a finding frame; its index names the records. Blank texts count as
        missing. A rule about a column that is not there is not checked, nor is any rule about
        columns when there are no rows: an empty frame would meet them all.
    suite_name
        One of ``suite_names()``.

    Returns
    -------
    DataFrame
        ``rule, description, column, severity, outcome, failing, of, sample_keys, reason``;
        ``outcome`` in ``passed, violated, not_checked``. ``failing`` is blank when the rule was not
        checked; ``reason`` says why it was not.

    Raises
    ------
    NotFoundError
        There is no suite of that name.
    """
    rules = load_suite(suite_name)
    reasons = {rule.name: _not_checkable(rule, frame) for rule in rules}
    checked = [rule for rule in rules if not reasons[rule.name]]
    results = _results(_digestible(frame, checked), suite_name, checked) if checked else {}
    rows = [_row(rule, frame, reasons[rule.name], results.get(rule.name)) for rule in rules]
    return pd.DataFrame(rows, columns=list(QUALITY)).astype(QUALITY)


def failing(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """Mark the rows of a frame that break a rule, computed without Great Expectations."""
    blank_as_missing = frame[rule.columns].apply(_without_blanks)
    return _MASKS[rule.type](blank_as_missing, rule.arguments).fillna(False).astype(bool)


def _not_checkable(rule: Rule, frame: pd.DataFrame) -> str:
    missing = [name for name in rule.columns if name not in frame.columns]
    if missing:
        return f"The column {', '.join(missing)} is not there."
    return "There are no records." if rule.columns and frame.empty else ""


def _row(
    rule: Rule, frame: pd.DataFrame, reason: str, result: Mapping[str, Any] | None
) -> dict[str, object]:
    reason = reason or _trouble(result)
    row = {
        "rule": rule.name,
        "description": rule.description,
        "column": ", ".join(rule.columns),
        "severity": rule.severity,
        "outcome": "not_checked",
        "failing": pd.NA,
        "of": len(frame),
        "sample_keys": "",
        "reason": reason,
    }
    if reason or result is None:
        return row
    passed = bool(result["success"])
    row |= {"outcome": "passed" if passed else "violated", "failing": 0}
    if not passed and rule.columns:
        broken = failing(frame, rule)
        samples = [shorten(key, 60) for key in frame.index[broken.to_numpy()][:_SAMPLES]]
        row |= {"failing": int(broken.sum()), "sample_keys": "; ".join(samples)}
    return row


def _trouble(result: Mapping[str, Any] | None) -> str:
    """Say why an expectation crashed; its ``exception_info`` comes flat or keyed by metric."""
    if result is None:
        return "Great Expectations gave no result."
    info = result.get("exception_info") or {}
    each = [info] if "raised_exception" in info else list(info.values())
    raised = [one for one in each if isinstance(one, Mapping) and one.get("raised_exception")]
    return shorten(raised[0].get("exception_message") or "could not be checked") if raised else ""


def _results(frame: pd.DataFrame, name: str, rules: list[Rule]) -> dict[str, Mapping[str, Any]]:
    """Let Great Expectations check the rules in one call; its results come in any order."""
    import great_expectations as gx  # takes seconds: only who validates pays for it

    source = _context().data_sources.add_or_update_pandas("frames")
    asset = source.add_dataframe_asset(name)
    whole = asset.add_batch_definition_whole_dataframe(name)
    batch = whole.get_batch(batch_parameters={"dataframe": frame})
    suite = gx.ExpectationSuite(
        name=name,
        expectations=[
            {
                "type": rule.type,
                "kwargs": dict(rule.arguments),
                "severity": rule.severity,
                "meta": {"rule": rule.name},
            }
            for rule in rules
        ],
    )
    if len(suite.expectations) != len(rules):
        raise ValueError(f"Great Expectations dropped an expectation of the suite '{name}'.")
    outcome: Any = batch.validate(suite, result_format="SUMMARY")
    return {
        each["expectation_config"]["meta"]["rule"]: each
        for each in outcome.to_json_dict()["results"]
    }


@cache
def _context() -> Any:
    """Return the one context, in memory: no project folder, no pages, no progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=stores, analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def _digestible(frame: pd.DataFrame, rules: list[Rule]) -> pd.DataFrame:
    """Give Great Expectations plain types: no Arrow, no ``<NA>``; floats only to be compared."""
    columns = list(dict.fromkeys(name for rule in rules for name in rule.columns))
    records = frame[columns].reset_index(drop=True)
    return records.assign(**{name: _plain(_without_blanks(records[name])) for name in columns})


def _plain(series: pd.Series) -> pd.Series:
    if isinstance(series.dtype, pd.StringDtype):
        return series.astype(object).where(series.notna(), None)
    if series.dtype == DECIMAL or pd.api.types.is_integer_dtype(series.dtype):
        return pd.Series(series.astype("Float64").to_numpy(float, na_value=np.nan))
    if series.dtype == pd.BooleanDtype():
        return series.astype(object).where(series.notna(), None)
    return series


def _without_blanks(series: pd.Series) -> pd.Series:
    """Count a blank text as missing."""
    if isinstance(series.dtype, pd.StringDtype):
        return series.mask(series == "")
    return series


def _between(series: pd.Series, bounds: Mapping[str, Any]) -> pd.Series:
    low, high = bounds.get("min_value"), bounds.get("max_value")
    below = series < low if low is not None else pd.Series(False, index=series.index)
    return below | (series > high) if high is not None else below


def _column(frame: pd.DataFrame, arguments: Mapping[str, Any], key: str = "column") -> pd.Series:
    return frame.loc[:, str(arguments[key])]


def _repeated(frame: pd.DataFrame, arguments: Mapping[str, Any]) -> pd.Series:
    column = _column(frame, arguments)
    return column.duplicated(keep=False) & column.notna()


def _unlike(frame: pd.DataFrame, arguments: Mapping[str, Any]) -> pd.Series:
    column = _column(frame, arguments)
    return ~column.str.contains(arguments["regex"], regex=True).astype(bool) & column.notna()


def _outside_set(frame: pd.DataFrame, arguments: Mapping[str, Any]) -> pd.Series:
    column = _column(frame, arguments)
    return ~column.isin(arguments["value_set"]) & column.notna()


def _not_above(frame: pd.DataFrame, arguments: Mapping[str, Any]) -> pd.Series:
    a, b = _column(frame, arguments, "column_A"), _column(frame, arguments, "column_B")
    return a < b if arguments.get("or_equal") else a <= b


_MASKS: dict[str, _Mask] = {
    "expect_column_values_to_not_be_null": lambda frame, a: _column(frame, a).isna(),
    "expect_column_values_to_be_unique": _repeated,
    "expect_column_values_to_match_regex": _unlike,
    "expect_column_values_to_be_between": lambda frame, a: _between(_column(frame, a), a),
    "expect_column_values_to_be_in_set": _outside_set,
    "expect_column_value_lengths_to_be_between": (
        lambda frame, a: _between(_column(frame, a).str.len(), a)
    ),
    "expect_compound_columns_to_be_unique": (
        lambda frame, a: frame.duplicated(a["column_list"], keep=False)
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": _not_above,
}
