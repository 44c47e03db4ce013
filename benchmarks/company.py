"""A large company in synchronisation, and people who change a few of its records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
import yaml

import navcrm_recon as nr
from navcrm_recon.catalog import load_catalog
from navcrm_recon.catalog.model import SideName
from navcrm_recon.frames import TEXT, conform
from navcrm_recon.recon.baseline import baseline
from navcrm_recon.sandbox.databases import create_tables, insert_rows
from navcrm_recon.sandbox.draw import guids
from navcrm_recon.sides.record_id import encode_key
from navcrm_recon.state.store import Store

NAME = "CRONUS International Ltd."
ROBOT, PERSON = "a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000002"
OWNER = "a0000000-0000-4000-8000-000000000003"
LAST = pd.Timestamp("2018-10-01T08:00:00Z").as_unit("us")
#: NAV table -> its number, for its Integration Records.
NUMBERS = {"Customer": 18, "Contact": 5050, "Salesperson/Purchaser": 13}


def make(folder: Path, urls: Mapping[str, str], count: int) -> Path:
    """Fill empty databases with ``count`` customers and as many contacts.

    Returns the workspace file. Everything is coupled and was synchronised when it last changed.
    """
    nav, crm = _records(count)
    for side, tables in (("nav", nav), ("crm", crm)):
        engine = sa.create_engine(urls[side])
        made = create_tables(engine, side, load_catalog(), NAME)
        for name, rows in tables.items():
            insert_rows(engine, made[name], rows)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE"))
        engine.dispose()
    settings = {
        "company": NAME,
        **{side: {"kind": "sql", "url": urls[side]} for side in ("nav", "crm")},
        "state": {"url": urls["state"]},
        "setup": {"integration_user": ROBOT},
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "workspace.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    workspace, store = nr.open_workspace(file), Store(urls["state"])
    _couple(workspace, store, count)
    for name in workspace.mappings:
        for direction in ("to_crm", "to_nav"):
            store.advance_watermark(name, direction, LAST.to_pydatetime())
    return file


def customer(place: int) -> tuple[str, str]:
    """Return the name of a customer's NAV key and of its contact person's."""
    return f"C{place:07}", f"P{place:07}"


def _times(count: int) -> pd.Series:
    """Return when records were changed: one every ten minutes, the last of them last."""
    ago = pd.to_timedelta([10 * each for each in range(count - 1, -1, -1)], unit="min")
    return pd.Series((LAST - ago).as_unit("us"))


def _records(count: int) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    places = pd.Series(range(count)).astype(str).str.zfill(7).astype(TEXT)
    accounts, persons = guids(1, "accounts", count), guids(1, "persons", count)
    names, streets = "Customer " + places, places + " High Street"
    phones = "555 " + places
    customers = pd.DataFrame(
        {"No.": "C" + places, "Name": names, "Address": streets, "City": "Bath",
         "Phone No.": phones, "Salesperson Code": "JR"}
    )  # fmt: skip
    companies = pd.DataFrame(
        {"No.": "K" + places, "Type": 0, "Name": names, "Company No.": "K" + places}
    )
    people = pd.DataFrame(
        {"No.": "P" + places, "Type": 1, "Name": "Ann " + places, "First Name": "Ann",
         "Surname": places, "Company No.": "K" + places, "Salesperson Code": "JR"}
    )  # fmt: skip
    relations = pd.DataFrame(
        {"Contact No.": "K" + places, "Business Relation Code": "CUST", "Link to Table": 1,
         "No.": "C" + places}
    )  # fmt: skip
    salesperson = pd.DataFrame({"Code": ["JR"], "Name": ["John Roberts"]})
    setup = pd.DataFrame({"Primary Key": [""], "Bus. Rel. Code for Customers": ["CUST"]})
    nav = {
        "Customer": customers,
        "Contact": pd.concat([companies, people], ignore_index=True).fillna(""),
        "Salesperson/Purchaser": salesperson,
        "Contact Business Relation": relations,
        "Marketing Setup": setup,
    }
    keyed = {"Customer": customers["No."], "Contact": nav["Contact"]["No."]}
    keyed["Salesperson/Purchaser"] = salesperson["Code"]
    nav["Integration Record"] = pd.concat([_stamps(*each) for each in keyed.items()])
    user = {"systemuserid": [OWNER], "fullname": ["John Roberts"], "isdisabled": [False],
            "islicensed": [True], "isintegrationuser": [False], "modifiedon": [LAST]}  # fmt: skip
    owned = {"ownerid": OWNER, "owneridtype": "systemuser", "createdon": LAST,
             "modifiedon": _times(count), "modifiedby": PERSON}  # fmt: skip
    return nav, {
        "systemuser": pd.DataFrame(user),
        "account": pd.DataFrame(
            {"accountid": accounts, "name": names, "address1_line1": streets,
             "address1_city": "Bath", "telephone1": phones, "customertypecode": 3, **owned}
        ),
        "contact": pd.DataFrame(
            {"contactid": persons, "firstname": "Ann", "lastname": places,
             "fullname": "Ann " + places, "parentcustomerid": accounts,
             "parentcustomeridtype": "account", **owned}
        ),
    }  # fmt: skip


def _stamps(table: str, keys: pd.Series) -> pd.DataFrame:
    number = NUMBERS[table]
    return pd.DataFrame(
        {"Integration ID": guids(1, table, len(keys)), "Table ID": number,
         "Record ID": f"{number} " + keys, "Modified On": _times(len(keys))}
    )  # fmt: skip


def _couple(workspace: nr.Workspace, store: Store, count: int) -> None:
    """Write the couplings: what each pair is, and that it is in synchronisation."""
    ids = guids(1, "accounts", count).tolist(), guids(1, "persons", count).tolist()
    places = range(count)
    pairs = {
        "SALESPEOPLE": (["JR"], [OWNER]),
        "CUSTOMER": ([customer(place)[0] for place in places], ids[0]),
        "CONTACT": ([customer(place)[1] for place in places], ids[1]),
    }
    for name, (nav_keys, crm_ids) in pairs.items():
        nav, crm = workspace.read(name, "nav"), workspace.read(name, "crm")
        known = {
            "mapping": name, "nav_key": nav_keys, "crm_id": crm_ids, "skipped": False,
            "last_synch_modified_on": _stamped(workspace, name, "nav", nav_keys),
            "last_synch_crm_modified_on": _stamped(workspace, name, "crm", crm_ids),
            "last_synch_result": "success", "last_synch_crm_result": "success",
            "baseline": baseline(workspace.mappings[name], nav.loc[nav_keys], crm.loc[crm_ids]),
        }  # fmt: skip
        store.save_couplings(conform(pd.DataFrame(known), "coupling_records"))


def _stamped(workspace: nr.Workspace, name: str, side: SideName, keys: list[str]) -> pd.Series:
    stamps = workspace.side(side).stamps(workspace.mappings[name].table(side))["modified_on"]
    return stamps.reindex(keys).reset_index(drop=True)


def edit(urls: Mapping[str, str], count: int, edits: int, mark: str) -> None:
    """Let people change ``edits`` customers and contacts, in turns on either side."""
    now = datetime.now(UTC).replace(tzinfo=None)
    nav, crm = (sa.create_engine(urls[side], poolclass=sa.NullPool) for side in ("nav", "crm"))
    catalog, text = load_catalog(), f"Street of {mark}"
    company = NAME.replace(".", "_")
    accounts, persons = guids(1, "accounts", count), guids(1, "persons", count)
    with nav.begin() as in_nav, crm.begin() as in_crm:
        for number in range(edits):
            place = (number * 7919) % count
            kind, by_nav = number % 4 // 2, number % 2 == 0
            if by_nav:
                table = ("Customer", "Contact")[kind]
                key = customer(place)[kind]
                record = encode_key(catalog.nav[table], key)
                in_nav.execute(
                    sa.text(f'UPDATE "{company}${table}" SET "Address" = :text WHERE "No_" = :key'),
                    {"text": text, "key": key},
                )
                in_nav.execute(
                    sa.text(
                        f'UPDATE "{company}$Integration Record" SET "Modified On" = :now '
                        'WHERE "Record ID" = :record'
                    ).bindparams(sa.bindparam("now", type_=sa.DateTime)),
                    {"now": now, "record": record},
                )
            else:
                entity, key = (("account", accounts), ("contact", persons))[kind]
                in_crm.execute(
                    sa.text(
                        f"UPDATE {entity} SET address1_line1 = :text, modifiedon = :now, "
                        f"modifiedby = :by WHERE {entity}id = :key"
                    ).bindparams(sa.bindparam("now", type_=sa.DateTime)),
                    {"text": text, "now": now, "by": PERSON, "key": key.iloc[place]},
                )
