"""What CRM has going on for a customer: which records are live, and for whom there are none."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from navcrm_recon.errors import NotFoundError
from navcrm_recon.scenarios.world import World

COUPLED = [{"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1"}]
SERVER = "https://crm.example"


def on_account(key: str, states: str, **more: Any) -> list[dict[str, Any]]:
    """Rows of an account in some states, which are written as digits."""
    return [{key: f"{key}-{at}", "statecode": int(s), **more} for at, s in enumerate(states)]


def opportunities(states: str) -> list[dict[str, Any]]:
    return on_account("opportunityid", states, parentaccountid="acc-1")


def quotes(states: str) -> list[dict[str, Any]]:
    return on_account("quoteid", states, customerid="acc-1")


def cases(states: str) -> list[dict[str, Any]]:
    return on_account("incidentid", states, customerid="acc-1")


def crm(**entities: Any) -> dict[str, Any]:
    return {"account": [{"accountid": "acc-1", "name": "Cannon"}], **entities}


@pytest.fixture
def cannon(build: Callable[..., World]) -> Callable[..., World]:
    """Build a world with the customer 10000; CRM's records and couplings are given."""
    nav = {"Customer": [{"No.": "10000", "Name": "Cannon"}]}

    def world(**given: Any) -> World:
        return build(**{"nav": nav, "couplings": COUPLED, **given})

    return world


def test_counts_of_a_customer(cannon: Callable[..., World]) -> None:
    """STA-001."""
    every = crm(incident=cases("0000"), opportunity=opportunities("00"), quote=quotes("111"))
    counts = cannon(crm=every).workspace.activity_counts("10000")
    assert counts[["opportunities", "quotes", "cases"]].to_numpy().tolist() == [[2, 3, 4]]


def test_only_live_records_are_listed(cannon: Callable[..., World]) -> None:
    """STA-007; NAV 2018 lists active quotes alone, so not the won one (documents VL5)."""
    ws = cannon(
        crm=crm(incident=cases("0021"), opportunity=opportunities("0021"), quote=quotes("11230"))
    ).workspace
    assert [len(ws.cases("10000")), len(ws.opportunities("10000")), len(ws.quotes("10000"))] == [
        2, 2, 2,
    ]  # fmt: skip


@pytest.mark.parametrize(("coupled", "enabled", "shown"), [(1, 1, 1), (0, 1, 0), (1, 0, 0)])
def test_there_are_none_without_a_coupling_or_with_the_mapping_off(
    cannon: Callable[..., World], coupled: int, enabled: int, shown: int
) -> None:
    """STA-008, documents VL1 and VL2: never an error."""
    ws = cannon(
        crm=crm(incident=cases("0"), opportunity=opportunities("0"), quote=quotes("1")),
        couplings=COUPLED if coupled else [],
        mappings={"CUSTOMER": {"enabled": bool(enabled)}},
    ).workspace
    counts = ws.activity_counts("10000")
    assert counts[["opportunities", "quotes", "cases"]].to_numpy().tolist() == [[shown] * 3]
    assert [len(call("10000")) for call in (ws.opportunities, ws.quotes, ws.cases)] == [shown] * 3
    assert len(ws.activity_counts()) == shown
    assert len(ws.statistics()) == 12 * shown


def test_records_of_contacts_and_other_accounts_are_not_listed(
    cannon: Callable[..., World],
) -> None:
    """Documents VL4."""
    ws = cannon(
        crm=crm(
            contact=[{"contactid": "con-1", "fullname": "Teal", "parentcustomerid": "acc-1"}],
            quote=[
                {"quoteid": "q-1", "customerid": "con-1", "statecode": 1},
                {"quoteid": "q-2", "customerid": "acc-9", "statecode": 1},
                {"quoteid": "q-3", "statecode": 1},
            ],
        )
    ).workspace
    assert len(ws.quotes("10000")) == 0


def test_what_an_opportunity_is_shown_with(cannon: Callable[..., World]) -> None:
    rich = {
        "opportunityid": "opp-1",
        "name": "Shelves",
        "parentaccountid": "acc-1",
        "parentcontactid": "con-1",
        "statuscode": 2,
        "estimatedvalue": "1200.50",
        "estimatedclosedate": "2018-12-24",
        "totalamount": 900,
        "closeprobability": 60,
        "opportunityratingcode": "Warm",
        "need": 0,
    }
    other = {"opportunityid": "opp-2", "name": "A desk", "parentaccountid": "acc-1"}
    world = cannon(
        setup={"server_address": SERVER},
        crm=crm(
            contact=[{"contactid": "con-1", "fullname": "Andy Teal"}], opportunity=[rich, other]
        ),
        couplings=[*COUPLED, {"mapping": "OPPORTUNITY", "nav_key": "OP1", "crm_id": "opp-1"}],
    )
    found = world.workspace.opportunities("10000")
    assert found["topic"].tolist() == ["A desk", "Shelves"]
    row = found.iloc[1].to_dict()
    assert row.pop("estimated_close_date").isoformat() == "2018-12-24T00:00:00"
    assert row == {
        "crm_id": world.handles.id("opp-1"),
        "topic": "Shelves",
        "state": "Open",
        "status_reason": "On Hold",
        "estimated_revenue": Decimal("1200.5"),
        "total_amount": Decimal(900),
        "parent_contact": "Andy Teal",
        "parent_account": "Cannon",
        "probability": 60,
        "rating": "Warm",
        "need": "Must have",
        "coupled": True,
        "crm_url": f"{SERVER}/main.aspx?pagetype=entityrecord&etn=opportunity"
        f"&id=%7B{world.handles.id('opp-1')}%7D",
    }
    assert found.iloc[0][["parent_contact", "rating", "need", "coupled"]].tolist() == [
        "", "", "", False,
    ]  # fmt: skip


def test_what_quotes_and_cases_are_shown_with(cannon: Callable[..., World]) -> None:
    quote = {
        "quoteid": "q-1", "name": "Desks", "customerid": "acc-1", "statecode": 1, "totalamount": 5,
        "effectivefrom": "2018-10-01", "effectiveto": "2018-10-31",
    }  # fmt: skip
    case = {"incidentid": "i-1", "title": "Broken", "customerid": "acc-1", "ticketnumber": "CAS-1"}
    ws = cannon(crm=crm(quote=[quote], incident=[case])).workspace
    row = ws.quotes("10000").iloc[0]
    assert row[["name", "state", "total_amount", "crm_url"]].tolist() == [
        "Desks", "Active", Decimal(5), "",
    ]  # fmt: skip
    assert [str(row[each])[:10] for each in ("effective_from", "effective_to", "closed_on")] == [
        "2018-10-01", "2018-10-31", "NaT",
    ]  # fmt: skip
    row = ws.cases("10000").iloc[0]
    assert row[["title", "status", "status_reason", "case_number"]].tolist() == [
        "Broken", "Active", "In Progress", "CAS-1",
    ]  # fmt: skip
    assert row["created_on"].isoformat() == "2018-10-01T08:00:00+00:00"


def test_a_customer_that_does_not_exist_is_named(cannon: Callable[..., World]) -> None:
    ws = cannon(crm=crm()).workspace
    for call in (ws.opportunities, ws.quotes, ws.cases, ws.activity_counts, ws.statistics):
        with pytest.raises(NotFoundError, match="no customer '?10001"):
            call("10001")


def test_all_counts_are_read_together(build: Callable[..., World]) -> None:
    numbers = [str(number) for number in range(600)]
    ws = build(
        nav={"Customer": [{"No.": each, "Name": each} for each in numbers]},
        crm={
            "account": [{"accountid": f"acc-{each}"} for each in numbers[:550]],
            "quote": [
                {"quoteid": f"q-{each}", "customerid": f"acc-{each}", "statecode": 1}
                for each in numbers[::2]
            ],
        },
        couplings=[
            {"mapping": "CUSTOMER", "nav_key": each, "crm_id": f"acc-{each}"}
            for each in numbers[:550]
        ],
    ).workspace
    counts = ws.activity_counts()
    assert len(counts) == 550
    assert counts["quotes"].sum() == 275
    assert counts["nav_key"].is_monotonic_increasing
    some = ws.activity_counts(["2", "599", "1"])
    assert some["nav_key"].tolist() == ["1", "2", "599"]
    assert some["quotes"].tolist() == [0, 1, 0]
