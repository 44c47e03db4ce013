"""Several processes synchronise one workspace at once: what one would do is done once (line 5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine_company import (
    SIDES,
    Company,
    Synchronizer,
    busy,
    company,
    contents,
    copied,
    differing,
    loose_ends,
)

ROUNDS = 8 if os.environ.get("NAVCRM_SOAK") else 1
PROCESSES = 4


@pytest.fixture(params=SIDES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Company]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")  # skips where there is no server
    with company(request.param, tmp_path / "base", *busy(6)) as made:
        yield made


@pytest.fixture
def processes() -> Iterator[Synchronizer]:
    made = Synchronizer()
    yield made
    made.close()


@pytest.mark.slow
def test_four_at_once_do_what_one_does(
    base: Company, processes: Synchronizer, tmp_path: Path
) -> None:
    with copied(base, tmp_path / "alone") as one:
        assert processes.run({"workspace": str(one.file)})[0]["status"] == 0
        wanted = contents(base, one)
    for number in range(ROUNDS):
        with copied(base, tmp_path / "together") as one:
            tasks = [
                {"workspace": str(one.file), "batch": 2 + number + place}
                for place in range(PROCESSES)
            ]
            assert [each["status"] for each in processes.run(*tasks)] == [0] * PROCESSES
            assert loose_ends(one) == []
            assert differing(wanted, contents(base, one)) == ""


@pytest.mark.slow
def test_one_of_four_is_killed_and_the_others_finish_its_work(
    base: Company, processes: Synchronizer, tmp_path: Path
) -> None:
    with copied(base, tmp_path / "alone") as one:
        alone = processes.run({"workspace": str(one.file), "batch": 2})[0]
        wanted = contents(base, one)
    for number in range(ROUNDS):
        moment = alone["statements"] * (number + 3) // (ROUNDS + 4)
        with copied(base, tmp_path / "together") as one:
            task = {"workspace": str(one.file), "batch": 2}
            done = processes.run(task | {"kill_at": moment}, *([task] * (PROCESSES - 1)))
            assert [each["status"] for each in done[1:]] == [0] * (PROCESSES - 1)
            assert processes.run(task)[0]["status"] == 0
            assert loose_ends(one) == []
            assert differing(wanted, contents(base, one)) == ""
