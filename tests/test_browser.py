"""A report in a real browser: nothing broken, nothing logged, nothing fetched, readable by all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlparse

import pytest
import websocket

from navcrm_recon.report.run import ReportResult, run_report
from navcrm_recon.sandbox.demo import write_demo

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
REQUIRED = os.environ.get("NAVCRM_REQUIRE_ALL") == "1"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.notebook,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None and not REQUIRED, reason="no Chromium on this machine"),
]

QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1280,1800",
]  # fmt: skip


class Page:
    """A page in a browser, and everything it asked for, logged or threw."""

    def __init__(self, address: str) -> None:
        self.socket = websocket.create_connection(address, timeout=60, suppress_origin=True)
        self.number = 0
        self.events: list[dict[str, Any]] = []
        self.session = ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self.number += 1
        session = {"sessionId": self.session} if self.session else {}
        message = {"id": self.number, "method": method, "params": parameters, **session}
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def open(self, address: str) -> None:
        self.events.clear()
        assert "errorText" not in self.ask("Page.navigate", url=address)
        while not any(each["method"] == "Page.loadEventFired" for each in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def evaluate(self, expression: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Return what the page logged as an error or threw."""
        found = []
        for each in self.events:
            told = each["params"]
            if each["method"] == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"]))
            if each["method"] == "Runtime.consoleAPICalled" and told["type"] in (
                "error",
                "warning",
            ):
                found.append(str(told["args"]))
            if each["method"] == "Log.entryAdded" and told["entry"]["level"] in (
                "error",
                "warning",
            ):
                found.append(told["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        sent = [each for each in self.events if each["method"] == "Network.requestWillBeSent"]
        return [each["params"]["request"]["url"] for each in sent]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ReportResult:
    """Return a run of all notebooks on the demo company."""
    folder = tmp_path_factory.mktemp("browser")
    return run_report(write_demo(folder / "demo"), out=folder / "runs")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return an empty page of a browser of its own."""
    assert CHROMIUM is not None, "NAVCRM_REQUIRE_ALL=1, but there is no Chromium"
    profile = tmp_path_factory.mktemp("profile")
    command = [CHROMIUM, *QUIET, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as browser:
        assert browser.stderr is not None
        told = (re.search(r"listening on (ws://\S+)", line) for line in browser.stderr)
        found = next(filter(None, told), None)
        assert found, "Chromium ended before it listened"
        opened = Page(found[1])
        yield opened
        opened.socket.close()
        browser.terminate()
        browser.stderr.read()


def pages(result: ReportResult) -> list[Path]:
    return [result.index, *sorted(set(result.folder.glob("*.html")) - {result.index})]


def test_pages_log_nothing_and_fetch_nothing(page: Page, result: ReportResult) -> None:
    for file in pages(result):
        page.open(file.as_uri())
        assert page.complaints() == [], file.name
        fetched = [each for each in page.requests() if not each.startswith("data:")]
        assert fetched == [file.as_uri()]


def test_no_link_is_broken(page: Page, result: ReportResult) -> None:
    seen: set[str] = set()
    for file in pages(result):
        page.open(file.as_uri())
        for address in page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)"):
            url, fragment = urldefrag(address)
            if url.startswith("file:"):
                assert Path(unquote(urlparse(url).path)).is_file(), f"{file.name}: {address}"
                seen.add(Path(unquote(urlparse(url).path)).name)
            else:
                assert urlparse(url).hostname in (
                    "larkmoor.crm.example",
                    "nav.larkmoor.example",
                ), address
            if fragment and url == file.as_uri():
                assert page.evaluate(f"!!document.getElementById({json.dumps(fragment)})")
    assert seen >= {file.name for file in pages(result)}


def test_pages_are_readable_without_eyes(page: Page, result: ReportResult) -> None:
    for file in pages(result):
        page.open(file.as_uri())
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate("document.title.length > 3")
        assert page.evaluate("document.querySelectorAll('h1').length") == 1
        assert page.evaluate("[...document.images].every(i => i.alt.length > 20)")
        assert page.evaluate("[...document.images].every(i => i.naturalWidth > 300)")
        assert page.evaluate("[...document.querySelectorAll('th')].every(t => t.scope)")
        assert page.evaluate("[...document.querySelectorAll('table')].every(t => t.caption)")


def test_a_click_sorts_a_table_by_number(page: Page, result: ReportResult) -> None:
    page.open((result.folder / "01_overview.html").as_uri())
    column = (
        "[...document.querySelectorAll('.nr-table')[0].tBodies[0].rows]"
        ".map(r => +r.cells[1].dataset.value)"
    )
    click = "document.querySelectorAll('.nr-table')[0].tHead.rows[0].cells[1].firstChild.click()"
    before = page.evaluate(column)
    page.evaluate(click)
    assert page.evaluate(column) == sorted(before)
    page.evaluate(click)
    assert page.evaluate(column) == sorted(before, reverse=True)
    sort = "document.querySelectorAll('.nr-table')[0].tHead.rows[0].cells[1].ariaSort"
    assert page.evaluate(sort) == "descending"


def test_pages_read_without_scripts(page: Page, result: ReportResult) -> None:
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    page.open((result.folder / "06_reconciliation.html").as_uri())
    page.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert "Sign-off for run" in page.evaluate("document.body.innerText")
    assert page.evaluate("document.querySelectorAll('.nr-table tbody tr').length") > 20


def test_nothing_is_wider_than_the_window(page: Page, result: ReportResult) -> None:
    for file in pages(result):
        page.open(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), file.name


def test_reports_print_on_a4(page: Page, result: ReportResult) -> None:
    page.open((result.folder / "06_reconciliation.html").as_uri())
    printed = page.ask("Page.printToPDF", preferCSSPageSize=True)["data"]
    assert printed.startswith("JVBER")  # %PDF
    page.ask("Emulation.setEmulatedMedia", media="print")
    page.ask(
        "Emulation.setDeviceMetricsOverride",
        width=690,
        height=975,
        deviceScaleFactor=1,
        mobile=False,
    )
    wide = page.evaluate(
        "[...document.querySelectorAll('.nr-table')].filter(t => t.offsetWidth > 690)"
        ".map(t => t.caption.textContent)"
    )
    page.ask("Emulation.clearDeviceMetricsOverride")
    page.ask("Emulation.setEmulatedMedia", media="")
    assert wide == []
