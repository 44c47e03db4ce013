"""Small rules of the connection (documents 9.3, 9.5)."""

from __future__ import annotations

import re
from decimal import Decimal

#: What a version begins with: its major and its minor number.
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)*")


def version_is_acceptable(version: str) -> bool:
    """Say whether NAV 2018 works with a version of CRM: later than 6, and not 7.1 (9.5).

    >>> [version_is_acceptable(each) for each in ("6.1", "7.0", "7.1", "8.2.2.112", "9.0", "")]
    [False, True, False, True, True, False]
    """
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return major > 6 and (major, minor) != (7, 1)


def rounding_precision(decimals: int) -> Decimal:
    """Return what amounts of so many decimals are rounded to.

    >>> [str(rounding_precision(each)) for each in (0, 1, 2, 10)]
    ['1', '0.1', '0.01', '1E-10']
    """
    return Decimal(1).scaleb(-decimals)


def user_name_problem(name: str, server: str) -> str:
    r"""Say what is wrong with the name NAV signs in to CRM with, blank if nothing is (9.3).

    Online it is an e-mail address; in a domain it is ``domain\\user``.

    >>> user_name_problem("robot", "https://larkmoor.crm.dynamics.com")
    'online it is an e-mail address, with an @'
    >>> user_name_problem("LARKMOOR\\robot", "https://crm.larkmoor.example")
    ''
    """
    name = name.strip()
    if not name:
        return ""
    if ".dynamics.com" in server.lower():
        return "" if "@" in name else "online it is an e-mail address, with an @"
    signs = "@" in name or "\\" in name
    return "" if signs else "it is domain\\user, or an e-mail address where CRM faces the internet"
