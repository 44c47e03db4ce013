"""What templates set on new records (engine 3.10)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import TableMapping, Template
from navcrm_recon.recon.align import Mask, arrow
from navcrm_recon.recon.fields import FieldWrite, extra_field
from navcrm_recon.recon.transfer import ARROW
from navcrm_recon.sides.records import marked
from navcrm_recon.sync.select import OneWay, sides_of


def template_fields(
    mapping: TableMapping, direction: OneWay, source: pd.DataFrame
) -> list[FieldWrite]:
    """Return what the templates set on the records that are made from ``source``.

    Of each record's templates the first whose conditions it meets counts (R3.33).
    """
    table = mapping.table(sides_of(direction)[1])
    free = np.ones(len(source), dtype=bool)
    out = []
    for template in mapping.templates.get(direction, ()):
        taken = free & _meets(mapping, direction, template, source)
        free &= ~taken
        for name, value in template.sets.items():
            column = table.columns[name]
            kind = ARROW.get(column.kind, pa.large_string())
            values = pa.array([value] * len(source)).cast(kind)
            out.append(extra_field(column, pa.nulls(len(source), kind), values, given=taken))
    return out


def _meets(
    mapping: TableMapping, direction: OneWay, template: Template, source: pd.DataFrame
) -> Mask:
    table = mapping.table(sides_of(direction)[0])
    columns = {each.field: arrow(source[each.field]) for each in template.where}
    return marked(table, columns, template.where, len(source))
