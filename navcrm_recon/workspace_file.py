"""The workspace file: where the two sides and the state are (contract 3)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from navcrm_recon.errors import ConfigError, nearest, shorten

_SIDE_KINDS = {"nav": ("sql", "odata", "files"), "crm": ("sql", "dataverse", "files")}
_SIDE_KEYS = {"kind": str, "url": str, "auth": dict, "read": dict}
_AUTH_KEYS = dict.fromkeys(
    ("tenant", "client_id", "client_secret", "certificate", "user", "key"), str
)
_LIVE = ("odata", "dataverse")
SETUP_KEYS: dict[str, type] = {
    "integration_user": str,
    "server_address": str,
    "nav_web_client": str,
    "solution_installed": bool,
    "auto_create_sales_orders": bool,
    "sales_order_integration": bool,
    "user_mapping": bool,
    "account_posts": bool,
}
_THRESHOLD_KEYS = ("diffs", "uncoupled", "failed")
_KEYS: dict[str, type | tuple[type, ...]] = {
    "company": str,
    "nav": dict,
    "crm": dict,
    "state": dict,
    "couplings": str,
    "setup": dict,
    "timezone": str,
    "mappings": (str, dict),
    "thresholds": dict,
    "report": dict,
}
_TYPE_NAMES = {str: "a text", dict: "a table of keys", bool: "true or false", int: "a number"}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class WorkspaceFile:
    """A checked workspace file. Addresses may hold secrets, so they are never shown."""

    path: Path
    company: str
    nav: Mapping[str, Any] = field(repr=False)
    crm: Mapping[str, Any] = field(repr=False)
    state: str | None = field(repr=False)
    couplings: str
    setup: Mapping[str, Any]
    timezone: str
    mappings: Mapping[str, Any]
    mappings_source: str
    thresholds: Mapping[str, Mapping[str, int]]
    report: Mapping[str, Any]

    @property
    def out(self) -> Path:
        """The folder report runs go to."""
        return self.path.parent / str(self.report.get("out", "runs"))


def read_workspace_file(path: str | Path) -> WorkspaceFile:
    """Read and check a workspace file.

    Raises
    ------
    ConfigError
        With every mistake in the file: its key's path, what was found and what is allowed.
    """
    path = Path(path)
    raw = _load_yaml(path)
    problems: list[str] = []
    content = _expanded(raw, "", problems)
    _check_keys(content, _KEYS, "", problems)
    for name in ("company", "nav", "crm"):
        if name not in content:
            problems.append(f"{name}: is missing.")
    for side, kinds in _SIDE_KINDS.items():
        _check_side(content.get(side), side, kinds, problems)
    _check_state(content, problems)
    _check_rest(content, problems)
    changes, source = _mappings(content.get("mappings"), path, problems)
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise ConfigError(f"The workspace file {path} cannot be used:{listed}", problems=problems)
    folder = path.parent
    return WorkspaceFile(
        path=path,
        company=content["company"],
        nav=_anchored(content["nav"], folder),
        crm=_anchored(content["crm"], folder),
        state=_anchored(content["state"], folder)["url"] if "state" in content else None,
        couplings=content.get("couplings", "state"),
        setup=content.get("setup") or {},
        timezone=content.get("timezone", "UTC"),
        mappings=changes,
        mappings_source=source,
        thresholds=content.get("thresholds") or {},
        report=content.get("report") or {},
    )


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise ConfigError(f"There is no workspace file {path}. Name one with --workspace.") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"The file {path} cannot be read: {exc}.") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(f"The file {path} is not valid YAML: {_where(exc)}") from exc
    if not isinstance(content, dict):
        raise ConfigError(f"The file {path} must hold a table of keys, found {_found(content)}.")
    return content


def _where(exc: yaml.YAMLError) -> str:
    """Say where YAML stopped, without the line itself: it might hold a secret."""
    mark = getattr(exc, "problem_mark", None)
    problem = getattr(exc, "problem", None) or "unreadable"
    return f"{problem} in line {mark.line + 1}." if mark else f"{problem}."


def _expanded(value: Any, path: str, problems: list[str]) -> Any:
    """Put environment variables in place of ``${NAME}`` and ``${NAME:-default}``."""
    if isinstance(value, dict):
        return {
            str(key): _expanded(each, f"{path}.{key}" if path else str(key), problems)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_expanded(each, f"{path}[{i}]", problems) for i, each in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if match[2] is not None:
            return found or match[2]
        if found is None:
            problems.append(f"{path}: the environment variable {match[1]} is not set.")
        return found or ""

    return _VARIABLE.sub(variable, value)


def _found(value: object) -> str:
    for kind, words in _TYPE_NAMES.items():
        if isinstance(value, kind) and (kind is not int or not isinstance(value, bool)):
            return words
    return "nothing" if value is None else "a list" if isinstance(value, list) else "another type"


def _check_keys(
    content: Mapping[str, Any],
    allowed: Mapping[str, Any],
    path: str,
    problems: list[str],
) -> None:
    """Refuse unknown keys and wrong types; a value of an unknown key is never shown."""
    for key, value in content.items():
        where = f"{path}.{key}" if path else key
        if key not in allowed:
            listed = ", ".join(allowed)
            problems.append(f"{where}: unknown key.{nearest(key, allowed)} Allowed: {listed}.")
            continue
        wanted = allowed[key] if isinstance(allowed[key], tuple) else (allowed[key],)
        if not any(isinstance(value, kind) for kind in wanted):
            words = " or ".join(_TYPE_NAMES[kind] for kind in wanted)
            problems.append(f"{where}: must be {words}, found {_found(value)}.")


def _check_side(content: Any, side: str, kinds: tuple[str, ...], problems: list[str]) -> None:
    if not isinstance(content, dict):
        return
    kind = content.get("kind")
    plain = {"kind": str, "url": str}
    _check_keys(content, _SIDE_KEYS if kind not in ("sql", "files") else plain, side, problems)
    if kind in _LIVE and isinstance(content.get("auth"), dict):
        _check_keys(content["auth"], _AUTH_KEYS, f"{side}.auth", problems)
    if kind in _LIVE and isinstance(content.get("read"), dict):
        _check_keys(content["read"], plain, f"{side}.read", problems)
    if kind not in kinds:
        found = f"found '{shorten(kind)}'" if kind is not None else "it is missing"
        problems.append(
            f"{side}.kind: must be one of {', '.join(kinds)}; {found}.{nearest(kind, kinds)}"
        )
    elif kind in _LIVE:
        problems.append(f"{side}.kind: {kind} is not read by this version; use sql or files.")
    if "url" not in content:
        problems.append(f"{side}.url: is missing.")


def _check_state(content: Mapping[str, Any], problems: list[str]) -> None:
    couplings = content.get("couplings", "state")
    if couplings not in ("state", "nav"):
        problems.append(f"couplings: must be state or nav, found '{shorten(couplings)}'.")
    state = content.get("state")
    if isinstance(state, dict):
        _check_keys(state, {"url": str}, "state", problems)
        if "url" not in state:
            problems.append("state.url: is missing.")
    elif "state" not in content and couplings != "nav":
        problems.append("state: is missing; give it a url, or say couplings: nav.")


def check_setup(setup: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with keys of ``setup``: unknown ones and wrong types."""
    problems: list[str] = []
    _check_keys(setup, SETUP_KEYS, "setup", problems)
    return problems


def _check_rest(content: Mapping[str, Any], problems: list[str]) -> None:
    if isinstance(content.get("setup"), dict):
        problems += check_setup(content["setup"])
    if isinstance(content.get("report"), dict):
        _check_keys(content["report"], {"out": str}, "report", problems)
    try:
        ZoneInfo(str(content.get("timezone", "UTC")))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = shorten(content["timezone"])
        problems.append(f"timezone: '{zone}' is no time zone; use a name like Europe/Copenhagen.")
    thresholds = content.get("thresholds")
    for name, limits in (thresholds if isinstance(thresholds, dict) else {}).items():
        if not isinstance(limits, dict):
            problems.append(f"thresholds.{name}: must be a table of keys, found {_found(limits)}.")
            continue
        _check_keys(limits, dict.fromkeys(_THRESHOLD_KEYS, int), f"thresholds.{name}", problems)
        problems += [
            f"thresholds.{name}.{key}: must be a number from 0, found {shorten(value)}."
            for key, value in limits.items()
            if isinstance(value, bool) or (isinstance(value, int) and value < 0)
        ]


def _mappings(value: Any, path: Path, problems: list[str]) -> tuple[dict[str, Any], str]:
    """Return the user's changes to the mappings, from a file beside this one or written here."""
    if isinstance(value, dict):
        return value, f"{path.name}: mappings"
    if not isinstance(value, str):
        return {}, ""
    file = path.parent / value
    if not file.is_file():
        problems.append(f"mappings: there is no file {file}.")
        return {}, ""
    try:
        return _load_yaml(file), file.name
    except ConfigError as exc:
        problems.append(f"mappings: {exc}")
        return {}, ""


def _anchored(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Make paths absolute: they are relative to the workspace file, not to where one stands."""
    out = dict(config)
    if isinstance(out.get("read"), dict):
        out["read"] = _anchored(out["read"], folder)
    url = out.get("url", "")
    prefix, slashes, database = url.partition(":///")
    if prefix.startswith("sqlite") and slashes:
        name, question, query = database.partition("?")
        if name and name != ":memory:":
            out["url"] = f"{prefix}:///{(folder / name).resolve()}{question}{query}"
    elif out.get("kind") == "files":
        out["url"] = str((folder / url).resolve())
    return out
