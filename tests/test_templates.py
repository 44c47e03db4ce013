"""What templates set: a value of every type, on the records they fit only."""

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import yaml

from navcrm_recon.catalog import load_catalog
from navcrm_recon.frames import DECIMAL
from navcrm_recon.sync.templates import template_fields

MAPPING = load_catalog(
    yaml.safe_load("""
CUSTOMER:
  nav: {columns: {Since: Date, Seen: DateTime, Vip: Boolean, Points: Integer}}
  templates:
    to_nav:
      - where: {fax: "1", creditlimit: 2.50}
        set: {Since: 2018-10-01, Seen: 2018-10-01T08:00:00Z, Vip: true, Points: 7, Blocked: Ship,
              Credit Limit (LCY): 1500.50, Location Code: blue}
      - {where: {fax: ["2", "3"]}, set: {Points: 8}}
      - {set: {Points: 9}}
""")
).mappings["CUSTOMER"]


def given(fax, limits):
    source = pd.DataFrame(
        {
            "fax": pd.Series(fax, dtype="str"),
            "creditlimit": pd.Series([Decimal(each) for each in limits], dtype=DECIMAL),
        }
    )
    fields = template_fields(MAPPING, "to_nav", source)
    return [
        {one.column.name: one.new[place].as_py() for one in fields if one.writes[place]}
        for place in range(len(source))
    ]


def test_values_are_of_their_columns_types():
    assert given(["1"], ["2.5"]) == [
        {
            "Since": datetime(2018, 10, 1),
            "Seen": datetime(2018, 10, 1, 8, tzinfo=UTC),
            "Vip": True,
            "Points": 7,
            "Blocked": 1,
            "Credit Limit (LCY)": Decimal("1500.5"),
            "Location Code": "BLUE",
        }
    ]


def test_the_first_that_fits_counts_and_every_condition_must_hold():
    found = given(["1", "2", "3 ", "", "1"], ["0", "0", "1", "2", "2.5"])
    assert [each["Points"] for each in found] == [9, 8, 8, 9, 7]
    assert [len(each) for each in found] == [1, 1, 1, 1, 7]


def test_without_templates_nothing_is_set():
    other = load_catalog().mappings["CONTACT"]
    assert template_fields(other, "to_crm", pd.DataFrame(index=range(2))) == []


def test_the_shipped_template_of_the_other_direction_stays():
    [one] = template_fields(MAPPING, "to_crm", pd.DataFrame(index=range(2)))
    assert (one.column.name, one.new.to_pylist()) == ("customertypecode", [3, 3])
