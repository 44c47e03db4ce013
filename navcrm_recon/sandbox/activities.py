"""What CRM knows of its accounts beside orders: opportunities, quotes and cases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts
from navcrm_recon.sandbox.draw import guids, numbers, take
from navcrm_recon.sandbox.mirror import local_currency_id, mirror
from navcrm_recon.sandbox.resources import words

OPPORTUNITIES, QUOTES, CASES = 40, 90, 70
#: State and status reason of some, by turns: open ones are the most.
_QUOTE_STATES = ((1, 2), (1, 3), (1, 3), (2, 4), (3, 5), (3, 7), (0, 1))
_CASE_STATES = ((0, 1), (0, 2), (0, 3), (1, 5), (2, 6))
_LOST = ((1, 3), (2, 5))


def add_activities(company: Company) -> None:
    """Add opportunities, quotes and cases in every state."""
    add_opportunities(company)
    _add_closed_opportunities(company)
    _add_quotes(company)
    _add_cases(company)


def add_opportunities(company: Company) -> None:
    """Add open opportunities that agree on both sides."""
    count = OPPORTUNITIES * company.scale
    chance = company.chance("opportunities")
    people = company.nav["Contact"]
    primary = company.nav["Customer"]["Primary Contact No."]
    people = people.loc[primary[primary != ""].to_numpy()]
    person = people.take(chance.integers(0, len(people), count)).reset_index(drop=True)
    number = numbers("OP", 1001, count)
    value = amounts(chance.integers(10, 900, count) * 10_000)
    closing = pd.Series(
        pd.Timestamp("2018-10-01") + pd.to_timedelta(chance.integers(0, 120, count), "D")
    )
    nav = company.add_nav(
        "Opportunity",
        {
            "No.": number,
            "Description": "Fleet for " + person["Company Name"].str.slice(0, 38),
            "Salesperson Code": person["Salesperson Code"],
            "Contact No.": person["No."],
            "Contact Company No.": person["Company No."],
            "Creation Date": pd.Series([pd.Timestamp("2018-06-01")] * count),
            "Status": chance.integers(0, 2, count),
            "Estimated Value (LCY)": value,
            "Estimated Closing Date": closing,
        },
    )
    company.add_nav(
        "Opportunity Entry",
        {
            "Entry No.": np.arange(1, count + 1),
            "Opportunity No.": number,
            "Active": True,
            "Estimated Value (LCY)": value,
            "Estimated Close Date": closing,
        },
    )
    relation = company.nav["Contact Business Relation"].set_index("Contact No.")["No."]
    customers = person["Company No."].map(relation)
    sent = mirror(company, "OPPORTUNITY", nav)
    owner = company.pairs["SALESPEOPLE"]["crm_id"][0]
    sent["ownerid"] = sent["ownerid"].where(sent["ownerid"] != "", owner)
    sent["parentaccountid"] = customers.map(company.crm_id_of("CUSTOMER")).astype(TEXT)
    ids = pd.Index(guids(company.seed, "opportunity", count))
    company.add_crm("opportunity", {**sent, "statecode": 0, "statuscode": 1}, ids)
    company.couple("OPPORTUNITY", nav.index, ids)
    company.spare["OPPORTUNITY"] = nav.index


def _accounts(company: Company, purpose: str, count: int) -> pd.Series:
    """Return the accounts of customers who have people, drawn with repetition."""
    # Few customers, so that some have several.
    some = company.busy[: len(company.busy) // 8]
    keys = pd.Series(company.chance(purpose).choice(some, count))
    return keys.map(company.crm_id_of("CUSTOMER"))


def _by_turns(pairs: tuple[tuple[int, int], ...], count: int) -> dict[str, np.ndarray]:
    rows = np.array(pairs)[np.arange(count) % len(pairs)]
    return {"statecode": rows[:, 0], "statuscode": rows[:, 1]}


def _add_closed_opportunities(company: Company) -> None:
    """Add opportunities of CRM that are won or lost."""
    count = OPPORTUNITIES // 4 * company.scale
    account = _accounts(company, "closed opportunities", count)
    company.add_crm(
        "opportunity",
        {
            "name": "Spring order " + account.index.astype(str),
            "parentaccountid": account,
            "customerid": account,
            "customeridtype": "account",
            "transactioncurrencyid": local_currency_id(company),
            "actualvalue": amounts(np.arange(1, count + 1) * 12_500),
            **_by_turns(_LOST, count),
        },
        pd.Index(guids(company.seed, "closed opportunity", count)),
    )


def _add_quotes(company: Company) -> None:
    count = QUOTES * company.scale
    account = _accounts(company, "quotes", count)
    first = pd.Series(pd.Timestamp("2018-08-01") + pd.to_timedelta(np.arange(count) % 50, "D"))
    states = _by_turns(_QUOTE_STATES, count)
    name = take(words("goods")["noun"], np.arange(count) % len(words("goods")))
    company.add_crm(
        "quote",
        {
            "name": name + " for the season",
            "quotenumber": numbers("QUO-", 10001, count),
            "customerid": account,
            "customeridtype": "account",
            "transactioncurrencyid": local_currency_id(company),
            "totalamount": amounts((np.arange(count) % 37 + 1) * 31_900),
            "effectivefrom": first,
            "effectiveto": first + pd.Timedelta(days=60),
            "closedon": first.where(states["statecode"] > 1) + pd.Timedelta(days=20),
            **states,
        },
        pd.Index(guids(company.seed, "quote", count)),
    )


def _add_cases(company: Company) -> None:
    count = CASES * company.scale
    account = _accounts(company, "cases", count)
    noun = take(words("goods")["noun"], np.arange(count) % len(words("goods")))
    company.add_crm(
        "incident",
        {
            "title": noun + " arrived damaged",
            "ticketnumber": numbers("CAS-", 10001, count),
            "customerid": account,
            "customeridtype": "account",
            **_by_turns(_CASE_STATES, count),
        },
        pd.Index(guids(company.seed, "incident", count)),
    )
