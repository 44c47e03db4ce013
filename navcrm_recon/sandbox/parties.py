"""Customers with their accounts, and the people who work there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts, columns_of
from navcrm_recon.sandbox.draw import guids, numbers, take
from navcrm_recon.sandbox.mirror import mirror
from navcrm_recon.sandbox.names import firms, persons, phones, places
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sandbox.setup import KEY_ACCOUNT

CUSTOMERS, PERSONS, PROSPECTS, STRANGERS = 2000, 3000, 60, 50
#: Every so many customers one has neither people nor documents.
LONE = 8
#: Every so many customers one is a branch that another one pays for, one a key account.
BRANCHES, BRANCH = 50, 23
KEY_CUSTOMERS, KEY_CUSTOMER = 40, 17
_ADDRESS = ["Address", "Address 2", "Post Code", "City", "Country/Region Code", "County"]


def add_parties(company: Company) -> None:
    """Add customers, contacts and the CRM records that NAV does not know."""
    firm = add_customers(company)
    add_contacts(company, firm)
    _add_outsiders(company)


def add_customers(company: Company) -> pd.DataFrame:
    """Add customers and accounts; returns what contacts need to know of each company."""
    count = CUSTOMERS * company.scale
    chance = company.chance("customers")
    place = places(chance, count)
    firm = firms(chance, place["City"]).assign(**place)
    people = persons(chance, count)
    firm["number"] = numbers("C", 100010, count, 10)
    firm["phone"] = phones(chance, place["dialling"])
    firm["salesperson"] = _salespeople(company, chance, count)
    nav = company.add_nav(
        "Customer",
        {
            "No.": firm["number"],
            "Name": firm["name"],
            "Search Name": firm["name"].str.upper(),
            "Contact": people["given"] + " " + people["family"],
            **firm[_ADDRESS],
            "Phone No.": firm["phone"],
            "Fax No.": phones(chance, place["dialling"], 0.3),
            "E-Mail": "office@" + firm["domain"],
            "Home Page": "https://www." + firm["domain"],
            "Blocked": 0,
            "Credit Limit (LCY)": amounts(chance.integers(0, 60, count) * 250_000),
            "Currency Code": firm["currency"],
            "Customer Price Group": _some(chance, ["", "DEALER", "CLUB", "FLEET"], count),
            "Salesperson Code": firm["salesperson"],
            "Coupled to CRM": True,
            **_terms(chance, count),
            **_billing(place, firm["number"]),
        },
    )
    ids = pd.Index(guids(company.seed, "account", count))
    sent = mirror(company, "CUSTOMER", nav)
    sent["ownerid"] = _owners(company, chance, sent["ownerid"])
    active = {"customertypecode": 3, "statecode": 0, "statuscode": 1}
    company.add_crm("account", {**sent, **active, "accountnumber": firm["number"]}, ids)
    company.couple("CUSTOMER", nav.index, ids)
    company.spare["CUSTOMER"] = nav.index[::LONE]
    company.busy = nav.index[np.arange(count) % LONE != 0]
    return firm


def add_contacts(company: Company, firm: pd.DataFrame) -> None:
    """Add a company contact per customer and the persons, with their CRM contacts."""
    chance = company.chance("contacts")
    count = PERSONS * company.scale
    busy = np.flatnonzero(np.arange(len(firm)) % LONE != 0)
    place = np.sort(chance.choice(busy, count))
    person = persons(chance, count)
    firm_numbers = numbers("CT", 1_000_010, len(firm), 10)
    home = firm.take(place).reset_index(drop=True)
    people = {
        "No.": numbers("CT", 5_000_010, count, 10),
        "Name": _full_name(person).str.slice(0, 50),
        "Type": 1,
        "Company No.": take(firm_numbers, place),
        "Company Name": home["name"],
        **home[_ADDRESS],
        "Currency Code": home["currency"],
        "Salesperson Code": home["salesperson"],
        "Phone No.": phones(chance, home["dialling"]),
        "Mobile Phone No.": phones(chance, home["dialling"], 0.6),
        "Pager": phones(chance, home["dialling"], 0.03),
        "Fax No.": phones(chance, home["dialling"], 0.1),
        "E-Mail": person["local"] + "@" + home["domain"],
        "Home Page": "https://www." + home["domain"],
        "First Name": person["given"],
        "Middle Name": person["middle"],
        "Surname": person["family"],
        "Coupled to CRM": True,
    }
    companies = {
        "No.": firm_numbers,
        "Name": firm["name"],
        "Type": 0,
        "Company No.": firm_numbers,
        "Company Name": firm["name"],
        **firm[_ADDRESS],
        "Currency Code": firm["currency"],
        "Salesperson Code": firm["salesperson"],
        "Phone No.": firm["phone"],
        "E-Mail": "office@" + firm["domain"],
        "Home Page": "https://www." + firm["domain"],
    }
    rows = pd.concat([_plain(companies), _plain(people)], ignore_index=True)
    nav = company.add_nav("Contact", columns_of(rows))
    _relate(company, firm_numbers, firm["number"])
    _add_crm_contacts(company, chance, nav[nav["Type"] == 1], home["number"], person)
    _name_primary_contacts(company, nav[nav["Type"] == 1], home["number"])


def _plain(columns: dict[str, object]) -> pd.DataFrame:
    blank = {"First Name": "", "Middle Name": "", "Surname": "", "Mobile Phone No.": ""}
    return pd.DataFrame({**blank, "Pager": "", "Fax No.": "", "Coupled to CRM": False, **columns})


def _relate(company: Company, contacts: pd.Series, customers: pd.Series) -> None:
    company.add_nav(
        "Contact Business Relation",
        {
            "Contact No.": contacts,
            "Business Relation Code": "CUST",
            "Link to Table": 1,
            "No.": customers,
        },
    )


def _add_crm_contacts(
    company: Company,
    chance: np.random.Generator,
    nav: pd.DataFrame,
    customers: pd.Series,
    person: pd.DataFrame,
) -> None:
    ids = pd.Index(guids(company.seed, "contact", len(nav)))
    sent = mirror(company, "CONTACT", nav)
    sent["ownerid"] = _owners(company, chance, sent["ownerid"])
    parents = customers.map(company.crm_id_of("CUSTOMER"))
    state = {"statecode": 0, "statuscode": 1, "parentcustomerid": parents, "accountid": parents}
    company.add_crm("contact", {**sent, **state, "fullname": _full_name(person)}, ids)
    company.couple("CONTACT", nav.index, ids)


def _name_primary_contacts(company: Company, nav: pd.DataFrame, customers: pd.Series) -> None:
    """Make the first person of two customers in three the primary contact, on both sides."""
    first = pd.Series(nav.index, index=pd.Index(customers), dtype=TEXT)
    first = first[~first.index.duplicated()]
    first = first[np.arange(len(first)) % 3 != 0]
    table, accounts = company.nav["Customer"], company.crm["account"]
    own = table.index.to_series().map(first)
    table["Primary Contact No."] = own.astype(TEXT).fillna("")
    ids = table["Primary Contact No."].map(company.crm_id_of("CONTACT")).astype(TEXT).fillna("")
    ids.index = pd.Index(table.index.to_series().map(company.crm_id_of("CUSTOMER")))
    accounts["primarycontactid"] = ids.reindex(accounts.index).astype(TEXT).fillna("")
    company.spare["CONTACT"] = nav.index.difference(pd.Index(first, dtype=TEXT), sort=False)


def _add_outsiders(company: Company) -> None:
    """Add CRM records outside the filters that NAV never heard of: prospects and private people."""
    chance = company.chance("outsiders")
    prospects, strangers = PROSPECTS * company.scale, STRANGERS * company.scale
    place = places(chance, prospects)
    firm = firms(chance, place["City"])
    company.add_crm(
        "account",
        {
            "name": firm["name"],
            "address1_city": place["City"],
            "emailaddress1": "office@" + firm["domain"],
            "customertypecode": 8,
            "statecode": 0,
            "statuscode": 1,
        },
        pd.Index(guids(company.seed, "prospect", prospects)),
    )
    person = persons(chance, strangers)
    company.add_crm(
        "contact",
        {
            "fullname": _full_name(person),
            "firstname": person["given"],
            "lastname": person["family"],
            "emailaddress1": person["local"] + "@post.example",
            "statecode": 0,
            "statuscode": 1,
        },
        pd.Index(guids(company.seed, "stranger", strangers)),
    )


def _full_name(person: pd.DataFrame) -> pd.Series:
    middle = (person["middle"] + " ").where(person["middle"] != "", "")
    return person["given"] + " " + middle + person["family"]


def _salespeople(company: Company, chance: np.random.Generator, count: int) -> pd.Series:
    """Return salespeople in office for most records, blank for some."""
    people = words("salespeople")
    active = people.loc[people["spare"] == "", "code"]
    codes = take(active.reset_index(drop=True), chance.integers(0, len(active), count))
    return codes.where(chance.random(count) > 0.08, "")


def _owners(company: Company, chance: np.random.Generator, owners: pd.Series) -> pd.Series:
    """Give records without a salesperson some owner: a blank code leaves the owner alone."""
    users = company.pairs["SALESPEOPLE"]["crm_id"]
    somebody = take(users, chance.integers(0, len(users), len(owners))).set_axis(owners.index)
    return owners.where(owners != "", somebody)


def _some(chance: np.random.Generator, values: list[str], count: int) -> pd.Series:
    return take(values, chance.integers(0, len(values), count))


def _billing(place: pd.DataFrame, number: pd.Series) -> dict[str, object]:
    """Return posting groups, who pays for whom, and whose invoice discounts NAV calculates."""
    countries = words("countries").set_index("code")["vat_group"]
    group = place["Country/Region Code"].map(countries)
    row = np.arange(len(number))
    payer = np.where((row + 1) % LONE == 0, row + 2, row + 1) % len(number)
    branch = row % BRANCHES == BRANCH
    return {
        "Customer Posting Group": group,
        "Gen. Bus. Posting Group": group,
        "VAT Bus. Posting Group": group,
        "Bill-to Customer No.": take(number, payer).where(branch, ""),
        "Invoice Disc. Code": number.where(row % KEY_CUSTOMERS != KEY_CUSTOMER, KEY_ACCOUNT),
    }


def _terms(chance: np.random.Generator, count: int) -> dict[str, pd.Series]:
    """Return option codes that are in order on both sides, some blank."""
    rows = words("options")
    fine = rows[(rows["record"] == "yes") & (rows["label"] != "") & (rows["used"] == "yes")]
    return {
        field: _some(chance, ["", *fine.loc[fine["mapping"] == mapping, "code"]], count)
        for field, mapping in (
            ("Payment Terms Code", "PAYMENT TERMS"),
            ("Shipment Method Code", "SHIPMENT METHOD"),
            ("Shipping Agent Code", "SHIPPING AGENT"),
        )
    }
