"""The suites of rules, loaded strictly: nothing unknown, nothing silently dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from navcrm_recon.catalog.model import SideName
from navcrm_recon.errors import ConfigError, NotFoundError, nearest

SEVERITIES = ("critical", "warning", "info")

#: Expectation type -> the arguments it takes; those without which it means nothing come first.
_ARGUMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "expect_table_row_count_to_be_between": ((), ("min_value", "max_value")),
    "expect_column_values_to_not_be_null": (("column",), ()),
    "expect_column_values_to_be_unique": (("column",), ()),
    "expect_column_values_to_match_regex": (("column", "regex"), ()),
    "expect_column_values_to_be_between": (("column",), ("min_value", "max_value")),
    "expect_column_values_to_be_in_set": (("column", "value_set"), ()),
    "expect_column_value_lengths_to_be_between": (("column",), ("min_value", "max_value")),
    "expect_compound_columns_to_be_unique": (("column_list",), ()),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        ("column_A", "column_B", "ignore_row_if"),
        ("or_equal",),
    ),
}


@dataclass(frozen=True)
class Rule:
    """One expectation: what is expected of which columns, and how bad it is when it is not met."""

    name: str
    type: str
    arguments: Mapping[str, object]
    severity: str
    description: str

    @property
    def columns(self) -> list[str]:
        """The columns the rule looks at, none for a rule about the whole frame."""
        found: list[str] = []
        for key in ("column", "column_A", "column_B", "column_list"):
            given = self.arguments.get(key, ())
            found += [given] if isinstance(given, str) else [str(each) for each in _listed(given)]
        return found


def suite_names() -> list[str]:
    """List the suites there are, as ``<side>/<table>``.

    >>> "nav/customer" in suite_names()
    True
    """
    return sorted(
        f"{folder.name}/{file.name.removesuffix('.json')}"
        for folder in _folder().iterdir()
        if folder.is_dir()
        for file in folder.iterdir()
        if file.name.endswith(".json")
    )


def suite_for(side: SideName, table: str) -> str | None:
    """Name the suite of a table or entity, None where there is none.

    >>> suite_for("nav", "Salesperson/Purchaser")
    'nav/salesperson_purchaser'
    """
    name = f"{side}/" + "".join(each if each.isalnum() else "_" for each in table.lower())
    return name if name in suite_names() else None


def load_suite(name: str) -> tuple[Rule, ...]:
    """Read the rules of a suite, in their order.

    Raises
    ------
    NotFoundError
        There is no suite of that name.
    ConfigError
        The file has an unknown key, expectation or argument; ``problems`` lists them all.
    """
    if name not in suite_names():
        raise NotFoundError(f"There is no suite '{name}'.{nearest(name, suite_names())}")
    side, table = name.split("/")
    text = (_folder() / side / f"{table}.json").read_text(encoding="utf-8")
    return parse_suite(name, json.loads(text))


def parse_suite(name: str, content: Mapping[str, object]) -> tuple[Rule, ...]:
    """Turn the content of a suite's file into rules, or refuse it with every mistake found."""
    problems = [f"{name}: unknown key '{key}'" for key in content.keys() - {"name", "expectations"}]
    if content.get("name") != name:
        problems.append(f"{name}: 'name' is '{content.get('name')}', not the file's own")
    listed = [each for each in _listed(content.get("expectations", ())) if isinstance(each, dict)]
    for number, entry in enumerate(listed):
        problems += [f"{name}, expectation {number + 1}: {each}" for each in _problems(entry)]
    if problems or not listed:
        problems = problems or [f"{name}: no expectations"]
        raise ConfigError("; ".join(problems), problems=problems)
    return tuple(
        Rule(
            name=str(entry["meta"]["rule"]),
            type=str(entry["type"]),
            arguments=dict(entry["kwargs"]),
            severity=str(entry["severity"]),
            description=str(entry["description"]),
        )
        for entry in listed
    )


def _problems(entry: Mapping[str, object]) -> list[str]:
    """Say what is wrong with one expectation of a file."""
    keys = {"type", "kwargs", "severity", "meta", "description"}
    if entry.keys() != keys:
        return [f"has the keys {sorted(entry)}, expected are {sorted(keys)}"]
    kind, given, meta = str(entry["type"]), entry["kwargs"], entry["meta"]
    if kind not in _ARGUMENTS:
        return [f"unknown type '{kind}'.{nearest(kind, _ARGUMENTS)}"]
    if not isinstance(given, dict) or not isinstance(meta, dict) or meta.keys() != {"rule"}:
        return ["'kwargs' must be a table of arguments and 'meta' hold the 'rule' alone"]
    needed, optional = _ARGUMENTS[kind]
    found = [f"'{kind}' lacks '{each}'" for each in needed if each not in given]
    found += [
        f"'{kind}' takes no '{each}'.{nearest(each, [*needed, *optional])}"
        for each in given
        if each not in needed + optional
    ]
    if entry["severity"] not in SEVERITIES:
        found.append(f"severity is '{entry['severity']}', allowed are {', '.join(SEVERITIES)}")
    return found


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _folder() -> Traversable:
    return files("navcrm_recon.quality") / "expectations"
