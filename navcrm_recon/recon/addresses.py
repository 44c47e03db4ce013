"""The addresses of a setup: what is one, and how it is written (documents 9.3, 8.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

#: An address that stands for none, for trying things out; taken as it is.
TEST_MARKER = "@@test@@"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WEB = ("http", "https")
#: Ports that need not be written, by scheme.
_PORTS = {"http": 80, "https": 443}
_WINDOWS, _PHONE = "dynamicsnav", "ms-dynamicsnav"


@dataclass(frozen=True)
class Address:
    """An address as it is used.

    ``problem`` says why it cannot be used, blank where it can; ``shorter`` is the same server
    without anything after it, where a path is likely one too many.
    """

    url: str
    problem: str = ""
    shorter: str = ""


def server_address(text: str) -> Address:
    """Read the address of a CRM server (documents 9.3).

    Blank and the test marker are taken as they are. Without a scheme it is ``https``; a slash at
    the end goes.

    >>> server_address(" crm.example/ ").url
    'https://crm.example'
    >>> server_address("ftp://crm.example").problem
    'must be a web address (https or http), and is one of ftp'
    >>> server_address("https://crm.example/main.aspx").shorter
    'https://crm.example'
    """
    text = text.strip()
    if text in ("", TEST_MARKER):
        return Address(text)
    return _web(text, _WEB)


def nav_client(text: str) -> Address:
    """Read the address of a NAV client: the web client, the Windows client, a phone (8.5).

    >>> nav_client("https://nav.example/NAV/").url
    'https://nav.example/NAV'
    >>> nav_client("DynamicsNAV:///instance").problem
    'names an instance but no server'
    """
    text = text.strip()
    scheme, separator, rest = text.partition("://")
    if separator and scheme.lower() == _WINDOWS:
        server, _, instance = rest.partition("/")
        lost = "" if server or not instance.partition("/")[0] else "names an instance but no server"
        return Address(text, _spoilt(text) or lost)
    if text in ("", TEST_MARKER):
        return Address(text)
    return _web(text, (*_WEB, _PHONE))


def page_start(client: str, company: str, page: int) -> str:
    """Return the address of a page in a NAV client, up to the conditions of its filter (8.5).

    The Windows client keeps the slashes of what is left out; the web client and phones take the
    company an address already names.

    >>> page_start("https://nav.example/NAV", "CRONUS", 21)
    'https://nav.example/NAV/?page=21&company=CRONUS&filter='
    >>> page_start("https://nav.example/NAV/?tenant=a&company=B", "CRONUS", 21)
    'https://nav.example/NAV/?tenant=a&company=B&page=21&filter='
    >>> page_start("DynamicsNAV://", "CRONUS", 42)
    'DynamicsNAV:////CRONUS/runpage?page=42&$filter='
    """
    own = quote(company, safe="")
    scheme, _, rest = client.partition("://")
    if scheme.lower() == _WINDOWS:
        server, instance, named = [*rest.strip().split("/"), "", ""][:3]
        return f"{scheme}://{server}/{instance}/{named or own}/runpage?page={page}&$filter="
    base, _, query = client.partition("?")
    start = f"{base}?{query.rstrip('&')}&" if query else f"{base.rstrip('/')}/?"
    named_there = re.search(r"(?:^|&)company=", query, re.IGNORECASE)
    return f"{start}page={page}{'' if named_there else f'&company={own}'}&filter="


def _web(text: str, schemes: tuple[str, ...]) -> Address:
    """Read a web address; its parts are never shown where it might hold a password."""
    url = text if _SCHEME.match(text) else f"https://{text}"
    url = url.rstrip("/") if "?" not in url else url
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return Address(url, "is no address of a server")
    if parts.scheme not in schemes:
        return Address(url, f"must be a web address (https or http), and is one of {parts.scheme}")
    if parts.username is not None:
        return Address(url, "must name no user and no password: links would show them")
    if not parts.hostname or _spoilt(url):
        return Address(url, "is no address of a server")
    server = f"{parts.scheme}://{parts.netloc}"
    usual = port in (None, _PORTS.get(parts.scheme))
    return Address(url, "", server if usual and url != server else "")


def _spoilt(text: str) -> str:
    """Say that an address holds what no address holds."""
    return "holds blanks or control characters" if re.search(r"[\x00-\x20\x7f<>\"]", text) else ""
