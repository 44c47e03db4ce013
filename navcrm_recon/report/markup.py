"""HTML fragments: a record's text becomes markup's content here, and nowhere else."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from navcrm_recon.errors import shorten

#: Characters that reorder or hide text; shown by their number.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f"
    "\u2028-\u202e\u2060\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Fragment:
    """A piece of HTML, already escaped; notebooks and pages show it as it is."""

    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.html


def text(value: object, limit: int = 200) -> str:
    """Return a value as the content of an element: escaped, cut, hidden characters made visible.

    >>> text("<b>Müller & Söhne</b>")
    '&lt;b&gt;Müller &amp; Söhne&lt;/b&gt;'
    """
    return html.escape(visible(shorten(value, limit)), quote=True)


def visible(value: str) -> str:
    r"""Write characters that reorder or hide text by their number.

    >>> visible("a\u202eb")
    'a[U+202E]b'
    """
    return _HIDDEN.sub(lambda match: f"[U+{ord(match[0]):04X}]", value)


def link(address: str, content: str) -> str:
    """Return an anchor around escaped content; no anchor for what is no web address.

    >>> link("https://crm.example/?a=1&b='2'", "10000")
    '<a href="https://crm.example/?a=1&amp;b=&#x27;2&#x27;" rel="noopener noreferrer">10000</a>'
    >>> link("javascript:alert(1)", "10000")
    '10000'
    """
    if not re.match(r"https?://[^\s]+$", address):
        return content
    return f'<a href="{html.escape(address, quote=True)}" rel="noopener noreferrer">{content}</a>'


def listing(items: Iterable[str], kind: str = "ul") -> str:
    """Return a list of escaped items."""
    return f"<{kind}>" + "".join(f"<li>{item}</li>" for item in items) + f"</{kind}>"


def asset(name: str) -> str:
    """Return a style sheet or script of the package, to be written into a page."""
    return (files("navcrm_recon.report") / "template" / name).read_text(encoding="utf-8")
