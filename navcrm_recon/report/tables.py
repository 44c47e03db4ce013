"""The one table of every report: escaped, static, capped, and complete data named beside it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd

from navcrm_recon.frames import DAY
from navcrm_recon.report.markup import Fragment, link, text
from navcrm_recon.report.words import word

#: Columns that hold codes, shown in plain words.
_CODED = {
    "state", "cause", "resolution", "finding", "outcome", "severity", "status", "measure", "what",
    "last_synch_result", "last_synch_crm_result", "side", "missing_in", "action",
    "with_send", "with_get", "with_merge", "type", "stage", "shipped", "invoiced",
    "figure",
}  # fmt: skip

#: Columns of names that are not broken over lines.
_WHOLE = _CODED | {
    "mapping", "column", "direction", "nav_table", "crm_entity", "nav_field", "nav_code", "value",
    "by", "field", "fields", "examples", "Due Date", "No.", "Type", "nav_status",
}  # fmt: skip

#: A column whose cells open a record, and the column that holds the addresses.
_LINKS = {"nav_key": "nav_url", "crm_id": "crm_url", "order_number": "crm_url"}

#: Columns whose values stand side by side: what one has and the other has not is marked.
_COMPARED = {
    "nav_value": "crm_value", "crm_value": "nav_value", "old": "new", "new": "old",
}  # fmt: skip

#: Columns of sentences, which are shown longer than values.
_SENTENCES = {"message", "reason", "remedy", "problem"}

#: Columns of times, which are not broken over lines.
_TIMES = {"first_seen", "started", "started_at", "finished_at", "at", "failed_at", "last_at"}

_DIRECTIONS = {"to_crm": "To CRM", "to_nav": "To NAV", "both": "Both ways"}

#: Columns that share one, line under line, and what it is called.
_PAIRS: dict[tuple[str, ...], str] = {
    ("nav_key", "crm_id"): "NAV key, CRM id",
    ("nav_name", "crm_name"): "Name, in CRM where it differs",
    ("nav_field", "crm_field"): "Field in NAV, in CRM",
    ("status", "first_seen"): "Status, since",
}

_HEADINGS = {
    "nav_key": "NAV key", "crm_id": "CRM id", "nav_name": "NAV name", "crm_name": "CRM name",
    "nav_field": "NAV field", "crm_field": "CRM field", "nav_value": "NAV", "crm_value": "CRM",
    "nav_rate": "Rate in NAV", "crm_rate": "Rate in CRM",
    "nav_rows": "NAV records", "crm_rows": "CRM records", "nav_table": "NAV table",
    "crm_attribute": "CRM attribute", "nav_code": "NAV code", "missing_in": "Missing in",
    "records_affected": "Records affected", "records_differing": "Records that differ",
    "diffs": "Differences", "sample_keys": "Examples", "value": "Value", "of": "Of",
    "next_step": "What to do next", "missing_options": "Option findings",
    "last_synch_result": "Last to NAV", "last_synch_crm_result": "Last to CRM",
    "resolution": "Next run", "failed": "Failed", "open": "Open", "what": "Finding",
    "mappings": "Where", "crm_entity": "CRM entity", "nav_filter": "NAV filter",
    "crm_filter": "CRM filter",
    "first_seen": "First seen", "runs": "Runs open", "started_at": "Started",
    "finished_at": "Finished", "at": "When", "failed_at": "Failed on", "last_at": "Last",
    "nav_exists": "In NAV", "crm_exists": "In CRM", "by": "Agree in",
    "setting": "update_conflict",
    "unchanged": "Unchanged", "skip": "Skipped", "fail": "Fails", "conflict": "Conflict",
}  # fmt: skip


def show_table(
    frame: pd.DataFrame,
    caption: str,
    *,
    limit: int = 50,
    file: str = "",
    total: bool = False,
    nothing: str = "Nothing found.",
) -> Fragment:
    """Return a frame as a table: text as text, codes in plain words, keys as links to the record.

    Parameters
    ----------
    frame
        Any frame; its index is not shown. The first column heads the rows. Columns ``nav_url`` and
        ``crm_url`` become links of ``nav_key`` and ``crm_id``; both keys, both names and both
        fields share a column; where ``nav_value`` stands beside ``crm_value``, what differs is
        marked.
    caption
        What the table shows.
    limit
        At most so many rows; the caption says how many there are in all.
    file
        Where all rows are, seen from the page.
    total
        Add a line with the sums of the whole numbers.
    nothing
        What stands there when the frame has no rows.
    """
    if frame.empty:
        return Fragment(f'<p class="nr-nothing">{text(caption)}: {text(nothing)}</p>')
    groups = _groups(frame)
    shown = frame.head(limit)
    head = "".join(_heading(group, frame[group[0]]) for group in groups)
    cells = [_group_cells(shown, group) for group in groups]
    body = "".join(
        f"<tr>{_row_heading(first)}{''.join(rest)}</tr>"
        for first, *rest in zip(*cells, strict=True)
    )
    foot = f"<tfoot><tr>{_totals(frame, groups)}</tr></tfoot>" if total else ""
    return Fragment(
        f'<div class="nr-scroll" role="region" tabindex="0" aria-label="{text(caption)}">'
        f'<table class="nr-table"><caption>{text(caption)}{_note(len(frame), limit, file)}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )


def _groups(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the columns to show; what belongs together shares one, line under line."""
    second = {pair[0]: pair for pair in _PAIRS if set(pair) <= set(frame.columns)}
    paired = {pair[1] for pair in second.values()}
    hidden = {*_LINKS.values(), *paired}
    return [second.get(name, (name,)) for name in frame.columns if name not in hidden]


def heading(column: str) -> str:
    """Return what a column is called.

    >>> heading("nav_key"), heading("out_of_filter"), heading("mapping")
    ('NAV key', 'Out of filter', 'Mapping')
    """
    if column in _HEADINGS:
        return _HEADINGS[column]
    plain = word(column)
    if plain != column or not column.isidentifier():
        return plain
    return column[:1].upper() + column[1:].replace("_", " ")


def _note(rows: int, limit: int, file: str) -> str:
    where = f'<a href="{text(file)}">{text(file)}</a>' if file else ""
    if rows > limit:
        more = f"; all rows in {where}" if where else ""
        return f' <span class="nr-note">Showing {limit:,} of {rows:,}{more}.</span>'
    return f' <span class="nr-note">{where}</span>' if where else ""


def _heading(group: tuple[str, ...], series: pd.Series) -> str:
    kind = ' class="nr-number"' if _is_number(series) else ""
    shown = _PAIRS.get(group) or heading(group[0])
    return f'<th scope="col"{kind}>{text(shown)}</th>'


def _row_heading(cell: str) -> str:
    """Make the first cell of a row its heading."""
    return cell.replace("<td", '<th scope="row"', 1).removesuffix("</td>") + "</th>"


def _group_cells(frame: pd.DataFrame, group: tuple[str, ...]) -> list[str]:
    """Return the cells of one column, or of two that share it."""
    first = frame[group[0]]
    if len(group) == 1 and _is_number(first):
        write = _percent if group[0] == "share" else _number
        return [f'<td class="nr-number" data-value="{_raw(v)}">{write(v)}</td>' for v in first]
    lines = [_contents(frame, name) for name in group]
    return [f"<td{_kind(group[0])}>{_stacked(*each)}</td>" for each in zip(*lines, strict=True)]


def _kind(name: str) -> str:
    """Return the attributes of a cell that holds no number."""
    if name in _LINKS:
        return ' class="nr-key"'
    if name in _TIMES:
        return ' class="nr-date"'
    if name in _SENTENCES:
        return ' class="nr-text nr-long" dir="auto"'
    return ' class="nr-code"' if name in _WHOLE else ' class="nr-text" dir="auto"'


def _stacked(first: str, second: str = "") -> str:
    """Write two lines into a cell, the second only where it adds something."""
    if not second or first == second:
        return first
    return f'{first}<br><span class="nr-second">{second}</span>' if first else second


def _contents(frame: pd.DataFrame, name: str) -> list[str]:
    """Return the escaped contents of a column's cells."""
    series = frame[name]
    if _COMPARED.get(name) in frame.columns:
        other = frame[_COMPARED[name]]
        return [_marked(a, b) for a, b in zip(series, other, strict=True)]
    write = _writer(name, series)
    contents = [write(value) for value in series]
    address = _LINKS.get(name, "")
    if address in frame.columns:
        return [link(str(a), c) for a, c in zip(frame[address], contents, strict=True)]
    return contents


def _writer(name: str, series: pd.Series) -> Callable[[Any], str]:
    """Return how the values of a column that is no number are written."""
    if name in _CODED:
        return lambda value: text(word(str(value)))
    if name == "direction":
        return lambda value: _DIRECTIONS.get(str(value), text(value))
    if name == "first_seen":
        return lambda value: text(str(value)[:10])
    if name == "started":
        return lambda value: text(str(value)[:16].replace("T", " "))
    if name == "crossed":
        return lambda value: '<strong class="nr-over">Crossed</strong>' if value else "Within"
    if pd.api.types.is_bool_dtype(series.dtype):
        return lambda value: "" if pd.isna(value) else "Yes" if value else "No"
    if series.dtype == DAY:
        return lambda value: "" if pd.isna(value) else text(value.strftime("%Y-%m-%d"))
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return lambda value: "" if pd.isna(value) else text(value.strftime("%Y-%m-%d %H:%M"))
    limit = 600 if name in _SENTENCES else 200
    return lambda value: "" if pd.isna(value) else text(value, limit)


def _is_number(series: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series)


def _raw(value: Any) -> str:
    return "" if pd.isna(value) else text(value)


def _number(value: Any) -> str:
    if pd.isna(value):
        return ""
    if value and isinstance(value, Decimal):
        whole, _, part = f"{value.normalize():,f}".partition(".")
        return f"{whole}.{part.ljust(2, '0')}"
    return f"{value:,}" if value else '<span class="nr-zero">0</span>'


def _percent(value: Any) -> str:
    return f"{value:.1%}".replace("%", "&#8239;%")


def _totals(frame: pd.DataFrame, groups: list[tuple[str, ...]]) -> str:
    """Sum up the whole numbers."""
    cells = ['<th scope="row">Total</th>']
    for name, *_ in groups[1:]:
        summed = pd.api.types.is_integer_dtype(frame[name].dtype)
        cells.append(
            f'<td class="nr-number">{_number(frame[name].sum())}</td>' if summed else "<td></td>"
        )
    return "".join(cells)


def _marked(value: object, other: object) -> str:
    """Return a value with the part that the other one has not, marked."""
    mine, its = str(value)[:200], str(other)[:200]
    start = _common(mine, its)
    end = len(mine) - _common(mine[start:][::-1], its[start:][::-1])
    if start >= end or (start == 0 and end == len(mine)):
        return text(value) or '<span class="nr-blank">blank</span>'
    parts = text(mine[:start]), text(mine[start:end]), text(mine[end:])
    return f"{parts[0]}<mark>{parts[1]}</mark>{parts[2]}"


def _common(mine: str, its: str) -> int:
    """Count the characters both begin with."""
    pairs = zip(mine, its, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(mine), len(its)))
