"""How the codes of one side stand for the records of the other, for every lookup of a mapping."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Condition, Direction, FieldMapping, TableMapping
from navcrm_recon.frames import TEXT, join_key, split_key
from navcrm_recon.recon.align import Records, arrow
from navcrm_recon.recon.references import Reference
from navcrm_recon.recon.transfer import as_text_or_blank
from navcrm_recon.recon.transform import transformed
from navcrm_recon.sync.renames import followed, followed_records
from navcrm_recon.sync.scene import Scene

#: Couplings are looked up one by one up to so many references.
_FEW = 5_000
_RELATION = "Bus. Rel. Code for Customers"
_LOOKUPS = ("coupled_lookup", "special_lookup", "option_via_coupling")


def references(
    scene: Scene,
    mapping: TableMapping,
    nav: Records | None = None,
    crm: Records | None = None,
) -> dict[tuple[str, str], Reference]:
    """Return a reference for every enabled row that translates (engine 4.4, 5.3).

    Parameters
    ----------
    nav, crm
        Only what these records refer to is looked up; None = everything that is coupled.
    """
    built: dict[tuple[str | None, tuple[str, str]], Reference] = {}
    out: dict[tuple[str, str], Reference] = {}
    for row in mapping.enabled_fields:
        if row.transfer in _LOOKUPS:
            some = nav is not None or crm is not None
            name = (row.via or row.rule, row.pair if some else ("", ""))
            if name not in built:
                wanted = _named(row, "to_crm", nav), _named(row, "to_nav", crm)
                built[name] = _reference(scene, row, *(wanted if some else (None, None)))
            out[row.pair] = built[name]
    return out


def _named(row: FieldMapping, direction: Direction, records: Records | None) -> list[str]:
    """Return what records refer to, as stored and by its rules: codes, ids, options as text."""
    column = row.nav if direction == "to_crm" else row.crm
    if records is None or column is None or column.name not in records:
        return []
    stored = arrow(records[column.name])
    given = transformed(row, direction, stored)
    values = [as_text_or_blank(each) for each in ([stored] if given is stored else [stored, given])]
    distinct = dict.fromkeys(text for each in values for text in each.unique().to_pylist())
    return [each for each in distinct if each]


def _reference(
    scene: Scene, row: FieldMapping, codes: list[str] | None, ids: list[str] | None
) -> Reference:
    if row.transfer == "special_lookup":
        return account_of_company(scene, codes, ids)
    via = scene.catalog.mappings.get(row.via or "")
    if via is None or not via.enabled:
        nothing = pd.Series(dtype="str")
        return _pairs(nothing, nothing, known=False)
    known = _couplings(scene, via, codes, ids)
    keys = known["nav_key"]
    if keys.str.contains("\\", regex=False).any():
        keys = keys.map(lambda key: split_key(key)[0])
    if via.crm.name == "transactioncurrency":
        code, currency = local_currency(scene)
        return _pairs(keys, known["crm_id"], code, currency)
    return _pairs(keys, known["crm_id"])


def _couplings(
    scene: Scene, via: TableMapping, codes: list[str] | None, ids: list[str] | None
) -> pd.DataFrame:
    """Return the couplings of a mapping, or those of some records of either side."""
    few = codes is not None and ids is not None and len(codes) + len(ids) <= _FEW
    if not few or via.option_attribute is not None or scene.store is None:
        return followed_records(scene, via)
    keys = join_key([pd.Series(codes, dtype=TEXT)]).tolist()
    by_code = scene.store.coupling_records(via.name, nav_keys=keys)
    by_id = scene.store.coupling_records(via.name, crm_ids=ids)
    both = pd.concat([by_code, by_id], ignore_index=True)
    both = both.drop_duplicates(["nav_key", "crm_id"], ignore_index=True)
    return followed(scene, scene.store, via, both, keys)


def _pairs(
    codes: pd.Series,
    ids: pd.Series,
    lcy_code: str | None = None,
    lcy_id: str | None = None,
    *,
    known: bool = True,
) -> Reference:
    text = pa.large_string()
    nav, crm = arrow(codes).cast(text), arrow(ids).cast(text)
    return Reference(nav, crm, lcy_code, lcy_id, known)


def local_currency(scene: Scene) -> tuple[str | None, str | None]:
    """Return NAV's local currency code and the CRM currency with that ISO code (documents 4.7)."""
    table = scene.catalog.nav["General Ledger Setup"]
    setup = scene.nav.read(table, ["LCY Code"])
    code = str(setup["LCY Code"].iloc[0]) if len(setup) and "LCY Code" in setup else ""
    if not code:
        unknown = {"subject": ["LCY Code"], "reason": ["blank currency codes are not compared"]}
        scene.note("CURRENCY", "nav", table.name, pd.DataFrame(unknown))
        return None, None
    same_iso = (Condition("isocurrencycode", "eq", code),)
    currencies = scene.crm.read(scene.catalog.crm["transactioncurrency"], [], same_iso)
    return code, str(currencies.index[0]) if len(currencies) else None


def account_of_company(
    scene: Scene, companies: list[str] | None = None, accounts: list[str] | None = None
) -> Reference:
    """Company contact -> customer -> coupled account; empty where any step finds nothing."""
    customers = scene.catalog.mappings["CUSTOMER"]
    if companies is None or accounts is None:
        links = customer_links(scene)
        return _joined(links, followed_records(scene, customers))
    links = customer_links(scene, "Contact No.", companies)
    numbers = join_key([links["No."]]).tolist()
    coupled = _couplings(scene, customers, links["No."].tolist(), accounts)
    theirs = coupled.loc[~coupled["nav_key"].isin(numbers), "nav_key"].map(
        lambda key: split_key(key)[0]
    )
    more = customer_links(scene, "No.", theirs.tolist())
    return _joined(pd.concat([links, more], ignore_index=True), coupled)


def customer_links(
    scene: Scene, column: str | None = None, values: list[str] | None = None
) -> pd.DataFrame:
    """Return which company contact (``Contact No.``) stands for which customer (``No.``).

    Only the relation NAV's marketing setup names for customers counts, where it names one.
    """
    relation = scene.catalog.nav["Contact Business Relation"]
    where = [Condition("Link to Table", "eq", 1)]
    setup = scene.nav.read(scene.catalog.nav["Marketing Setup"], [_RELATION])
    code = str(setup[_RELATION].iloc[0]) if len(setup) and _RELATION in setup else ""
    if code:
        where.append(Condition("Business Relation Code", "eq", code))
    if column is not None:
        if not values:
            return pd.DataFrame({"Contact No.": [], "No.": []}, dtype=TEXT)
        where.append(Condition(column, "in", values))
    return scene.nav.read(relation, ["Contact No.", "No."], where).reset_index(drop=True)


def _joined(links: pd.DataFrame, coupled: pd.DataFrame) -> Reference:
    keyed = links.assign(nav_key=join_key([links["No."]]))
    joined = keyed.merge(coupled[["nav_key", "crm_id"]], on="nav_key", how="inner")
    return _pairs(joined["Contact No."], joined["crm_id"])
