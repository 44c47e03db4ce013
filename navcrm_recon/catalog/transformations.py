"""Transformation rules of field mappings, as a mapping file writes them (engine 4.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from navcrm_recon.catalog.dates import CULTURES, date_pattern
from navcrm_recon.catalog.grammar import Shape, clean
from navcrm_recon.catalog.model import Rule
from navcrm_recon.errors import nearest, shorten

#: What a rule of one's own may be, and its settings.
TYPES: Mapping[str, Mapping[str, Shape]] = {
    "substring": {
        "start": "a whole number",
        "length": "a whole number",
        "starting_text": "a text",
        "ending_text": "a text",
    },
    "replace": {"find": "a text", "with": "a text or blank"},
    "regex_replace": {"find": "a text", "with": "a text or blank"},
    "regex_match": {"find": "a text"},
    "date_format": {"format": "a text", "culture": "a text"},
    "datetime_format": {"format": "a text", "culture": "a text"},
    "decimal_format": {"culture": "a text"},
}
#: The rules that come with the product, by their codes.
CODES: Mapping[str, Rule] = {
    "UPPERCASE": Rule("uppercase"),
    "LOWERCASE": Rule("lowercase"),
    "TITLECASE": Rule("titlecase"),
    "TRIM": Rule("trim"),
    "ALPHANUMERIC_ONLY": Rule("alphanumeric_only"),
    "FOURTH_TO_SIXTH_CHAR": Rule("substring", {"start": 4, "length": 3}),
    "YYYYMMDD_DATE": Rule("date_format", {"format": "yyyyMMdd"}),
    "YYYYMMDDHHMMSS_FMT": Rule("datetime_format", {"format": "yyyyMMddHHmmss"}),
    "DK_DECIMAL_FORMAT": Rule("decimal_format", {"culture": "da-DK"}),
    "US_DATE_FORMAT": Rule("date_format", {"culture": "en-US"}),
    "US_DATETIME_FORMAT": Rule("datetime_format", {"culture": "en-US"}),
    "DELETE_NOTPROVIDED": Rule("replace", {"find": "NOTPROVIDED"}),
}


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "replace": ("find",),
    "regex_replace": ("find",),
    "regex_match": ("find",),
    "decimal_format": ("culture",),
}


def rules_of(written: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of each direction of a checked ``transformation``, in their order."""
    return {direction: tuple(_rule(each) for each in rules) for direction, rules in written.items()}


def _rule(written: Any) -> Rule:
    if isinstance(written, str):
        return CODES[written]
    [(kind, settings)] = written.items()
    return Rule(kind, dict(settings))


def replacement_of(rule: Rule) -> str:
    """Return what a regular expression is replaced by: ``$1``, ``${name}``; ``$$`` is a dollar."""
    text = str(rule.settings.get("with", "")).replace("\\", "\\\\")
    named = re.compile(r"\$(?:(\$)|(\d+)|\{(\w+)\})")
    return named.sub(lambda m: "$" if m[1] else rf"\g<{m[2] or m[3]}>", text)


def check_rules(written: object, path: str, problems: list[str]) -> dict[str, tuple[Rule, ...]]:
    """Add what is wrong with a ``transformation`` to ``problems``; return what is right."""
    ways: Mapping[str, Shape] = {"to_crm": "a list", "to_nav": "a list"}
    directions = clean(written, ways, path, problems)
    out = {}
    for direction, rules in directions.items():
        checked = [
            _checked(each, f"{path}.{direction}[{place}]", problems)
            for place, each in enumerate(rules)
        ]
        out[direction] = tuple(rule for rule in checked if rule is not None)
    return out


def _checked(written: object, path: str, problems: list[str]) -> Rule | None:
    """Return a rule that can be used, else None, with the reason in ``problems``."""
    if isinstance(written, str):
        if written not in CODES:
            hint = nearest(written, (*CODES, *TYPES))
            problems.append(
                f"{path}: there is no rule '{shorten(written)}'.{hint} Allowed: "
                f"{', '.join(CODES)}; or a rule of your own: {', '.join(TYPES)}."
            )
        return CODES.get(written)
    if not isinstance(written, Mapping) or len(written) != 1:
        problems.append(
            f"{path}: must be the code of a rule, or one rule with its settings, such as "
            f"{{replace: {{find: a, with: b}}}}, found '{shorten(written)}'."
        )
        return None
    [(kind, settings)] = written.items()
    if kind not in TYPES:
        hint = nearest(kind, (*TYPES, *CODES))
        problems.append(
            f"{path}: there is no rule '{shorten(kind)}' with settings.{hint} Allowed: "
            f"{', '.join(TYPES)}."
        )
        return None
    before = len(problems)
    rule = Rule(kind, clean(settings, TYPES[kind], f"{path}.{kind}", problems))
    if len(problems) == before:
        problems += [f"{path}.{kind}{wrong}" for wrong in _wrong(rule)]
    return rule if len(problems) == before else None


def _wrong(rule: Rule) -> list[str]:
    """List what is wrong with the settings of a rule."""
    have = rule.settings
    wrong = [f".{name}: is missing." for name in _NEEDED.get(rule.kind, ()) if name not in have]
    if wrong:
        return wrong
    culture = have.get("culture", "invariant")
    if culture not in CULTURES:
        hint = nearest(culture, CULTURES)
        allowed = ", ".join(CULTURES)
        return [f".culture: there is no '{shorten(culture)}' here.{hint} Allowed: {allowed}."]
    if rule.kind == "substring":
        return _wrong_substring(have)
    if rule.kind in ("regex_replace", "regex_match"):
        return _wrong_regex(rule)
    if rule.kind in ("date_format", "datetime_format"):
        if not {"format", "culture"} & set(have):
            return [": needs a format, such as yyyyMMdd, or a culture."]
        try:
            date_pattern(have)
        except ValueError as exc:
            return [f".format: {exc}"]
    return []


def _wrong_substring(have: Mapping[str, Any]) -> list[str]:
    if not have:
        return [": needs start, length, starting_text or ending_text."]
    twice = [
        f".{two}: cannot go with {one}; say one of them."
        for one, two in (("start", "starting_text"), ("length", "ending_text"))
        if one in have and two in have
    ]
    small = [
        f".{name}: must be 1 or more, found '{have[name]}'."
        for name in ("start", "length")
        if name in have and have[name] < 1
    ]
    return twice + small


def _wrong_regex(rule: Rule) -> list[str]:
    try:
        pattern = re.compile(str(rule.settings["find"]), re.IGNORECASE)
    except re.error as exc:
        return [f".find: is no regular expression: {exc}."]
    if rule.kind == "regex_match":
        return [] if pattern.groups else [".find: needs a group in parentheses, which is kept."]
    try:
        pattern.sub(replacement_of(rule), "")
    except (re.error, IndexError) as exc:
        return [f".with: cannot replace what is found: {exc}."]
    return []
