"""The options CRM offers, from its ``stringmap`` (contract 6, details)."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from navcrm_recon.catalog.model import Catalog, Condition, Option

#: The entity with the labels of all options, and what is read of it.
STRINGMAP = "stringmap"
COLUMNS = ("objecttypecode", "attributename", "attributevalue", "value", "langid")


def of_attribute(entity: str, attribute: str) -> tuple[Condition, ...]:
    """Return the conditions that find the labels of one attribute."""
    return (
        Condition("objecttypecode", "eq", entity),
        Condition("attributename", "eq", attribute),
    )


def options(
    rows: Mapping[str, pa.Array], entity: str, attribute: str, catalog: Catalog
) -> tuple[Option, ...] | None:
    """Return the options of an attribute from its ``stringmap`` rows, None where there are none.

    The lowest language wins. The name of an option is the catalogue's where value and label
    agree, else its label without blanks, commas and semicolons.
    """
    wanted = (rows[name].to_pylist() for name in ("langid", "attributevalue", "value"))
    found = zip(*wanted, strict=True)
    labels: dict[int, str] = {}
    for _, value, label in sorted(found, key=lambda row: (row[0] or 0, row[1] or 0)):
        labels.setdefault(value, label)
    known = {
        (each.value, each.label): each.name
        for each in catalog.option_sets.get(f"{entity}.{attribute}", ())
    }
    return (
        tuple(
            Option(value, known.get((value, label), _name(label)), label)
            for value, label in sorted(labels.items())
        )
        or None
    )


def _name(label: str) -> str:
    return label.translate({ord(each): None for each in " \u00a0\t,;"})
