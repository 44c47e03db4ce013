"""Names, addresses and numbers that look like a customer list."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.draw import take
from navcrm_recon.sandbox.resources import words


def address_part(name: str) -> str:
    """Return a name as it may stand in an e-mail address.

    >>> address_part("Ångström-Lind"), address_part("美咲")
    ('angstrom-lind', 'info')
    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9-]", "", plain) or "info"


def places(chance: np.random.Generator, count: int) -> pd.DataFrame:
    """Return addresses with NAV's field names, and the dialling code and currency of the town."""
    towns, streets = words("towns"), words("streets")["street"]
    town = towns.take(chance.integers(0, len(towns), count)).reset_index(drop=True)
    street = take(streets, chance.integers(0, len(streets), count))
    number = pd.Series(chance.integers(1, 190, count).astype(str), dtype=TEXT)
    floor = pd.Series(np.where(chance.random(count) < 0.08, "2nd floor", ""), dtype=TEXT)
    return pd.DataFrame(
        {
            "Address": street + " " + number,
            "Address 2": floor,
            "Post Code": town["post_code"],
            "City": town["city"],
            "Country/Region Code": town["country"],
            "County": town["county"],
            "currency": town["currency"],
            "dialling": town["dialling"],
        }
    )


def phones(chance: np.random.Generator, dialling: pd.Series, share: float = 1.0) -> pd.Series:
    """Return telephone numbers for a share of the places, blank for the others."""
    digits = pd.Series(chance.integers(10, 99, len(dialling)).astype(str), dtype=TEXT)
    more = pd.Series(chance.integers(10, 99, len(dialling)).astype(str), dtype=TEXT)
    number = dialling.reset_index(drop=True).astype(TEXT) + " " + digits + " " + more
    return number.where(chance.random(len(dialling)) < share, "")


def firms(chance: np.random.Generator, cities: pd.Series) -> pd.DataFrame:
    """Return company names (``name``) and their internet domains (``domain``)."""
    count = len(cities)
    family = words("family")["family"]
    trades = words("trades")
    trade = trades.take(chance.integers(0, len(trades), count)).reset_index(drop=True)
    owner = take(family, chance.integers(0, len(family), count))
    middle = owner.where(chance.random(count) < 0.7, cities.reset_index(drop=True))
    name = (middle + " " + trade["trade"] + " " + trade["form"]).str.strip().str.slice(0, 50)
    domain = middle.map({each: address_part(each) for each in middle.unique()})
    kind = trade["trade"].map({each: address_part(each) for each in trade["trade"].unique()})
    return pd.DataFrame({"name": name.str.strip(), "domain": domain + "-" + kind + ".example"})


def persons(chance: np.random.Generator, count: int) -> pd.DataFrame:
    """Return people: ``given``, ``middle``, ``family``, and the local part of their address."""
    given, family = words("given"), words("family")["family"]
    first = given.take(chance.integers(0, len(given), count)).reset_index(drop=True)
    middle = first["middle"].where(chance.random(count) < 0.3, "")
    last = take(family, chance.integers(0, len(family), count))
    parts = [
        each.map({name: address_part(name) for name in each.unique()})
        for each in (first["given"], last)
    ]
    return pd.DataFrame(
        {
            "given": first["given"],
            "middle": middle,
            "family": last,
            "local": parts[0] + "." + parts[1],
        }
    )
