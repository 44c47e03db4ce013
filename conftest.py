"""Where everything is provided (``.ci/run`` sets NAVCRM_REQUIRE_ALL), skipping a test is failing.

Elsewhere a skipped test is listed with its reason at the end of the run. Real sample data that
lies outside the project may be missing anywhere: such reasons name its folder, ``shared``.
"""

import os

import pytest


def missed(reporter: pytest.TerminalReporter) -> list[str]:
    """Return the reasons of skipped tests that ought to have run."""
    places = {report.longrepr for report in reporter.stats.get("skipped", [])}
    return sorted({reason for _, _, reason in places if "shared" not in reason})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when something was skipped that must not be."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NAVCRM_REQUIRE_ALL") and reporter is not None and missed(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped and must not be."""
    if os.environ.get("NAVCRM_REQUIRE_ALL"):
        for reason in missed(terminalreporter):
            terminalreporter.write_line(f"Skipped, but everything is required: {reason}", red=True)
