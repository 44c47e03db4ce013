"""NAV's binary Record IDs: published examples, and what is not understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.catalog import load_catalog
from navcrm_recon.errors import DataError
from navcrm_recon.frames import join_key, split_key
from navcrm_recon.sides.record_id import decode, decode_all, encode, encode_key

NAV = load_catalog().nav
TABLES = {table.id: table for table in NAV.values() if table.id}


@pytest.mark.parametrize(
    ("written", "number", "key"),
    [
        ("12000000 027BFF 31003000300030003000 0000 0000", 18, "10000"),
        ("26000000 008B01000000 027BFF 500052004600300030003000300030003300 0000 0000",
         38, "1, PRF000003"),
        ("24000000 008B00000000 0089FF 434C303030353034 00 0000", 36, "Quote, CL000504"),
        ("50140000 0089FF 4148 00 0000", 5200, "AH"),
    ],
)  # fmt: skip
def test_published_record_ids_are_read(written: str, number: int, key: str) -> None:
    assert decode(bytes.fromhex(written), TABLES) == (number, key)


@pytest.mark.parametrize(
    ("table", "parts", "written"),
    [
        ("Customer", ("10000",), "12000000 027BFF 31003000300030003000 0000 0000"),
        ("Sales Header", ("Order", "A,1"),
         "24000000 008B01000000 027BFF 41002C003100 0000 0000"),
        ("Sales Invoice Line", ("103001", 10000),
         "71000000 027BFF 310030003300300030003100 0000 008710270000 0000"),
    ],
)  # fmt: skip
def test_record_ids_are_written_as_nav_does(
    table: str, parts: tuple[str | int, ...], written: str
) -> None:
    assert encode(NAV[table], parts).hex() == bytes.fromhex(written).hex()


@given(
    st.sampled_from([0, 1, 2, 3, 4, 5]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.integers(-(2**31), 2**31 - 1),
)
def test_every_key_survives_the_way_there_and_back(kind: int, number: str, line: int) -> None:
    table = NAV["Sales Line"]

    found, key = decode(encode(table, (kind, number, line)), TABLES)

    caption = table.columns["Document Type"].options[kind]
    assert (found, split_key(key)) == (table.id, [caption, number, str(line)])
    assert decode(encode_key(table, key), TABLES) == (table.id, key)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("12000000 0031FF 00 0000", "0x120000000031FF000000"),
        ("12000000 0031FF 00 0000", "stands for no type known"),
        ("1200", "cut short"),
        ("12000000 027BFF 3100", "has no end"),
        ("12000000 0000", "no key field"),
        ("12000000 008B01000000 0000", "No. is no code"),
        ("12000000 027BFF 3100 0000 027BFF 3100 0000 0000", "has 2 key fields"),
    ],
)
def test_a_record_id_that_is_not_understood_is_shown(written: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode(bytes.fromhex(written), TABLES)


def test_a_key_of_another_type_is_refused_rather_than_guessed() -> None:
    parts = ("1000", 1, "X", "2018-10-01", "", "", "PCS", 1)

    with pytest.raises(DataError, match="'Starting Date' is of type date"):
        encode(NAV["Sales Price"], parts)


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DataError, match="'Oder' is no option .* Did you mean 'Order'"):
        encode(NAV["Sales Header"], ("Oder", "1"))


def test_a_whole_column_is_decoded_with_blanks_kept() -> None:
    values = [encode(NAV["Customer"], ("1",)), b"", None, encode(NAV["Customer"], ("1",))]

    assert decode_all(values, TABLES) == ["18 1", "", "", "18 1"]


def test_keys_are_escaped_as_in_frames() -> None:
    import pandas as pd

    parts = [pd.Series(["Order"], dtype="str"), pd.Series(["1,\\"], dtype="str")]

    number, key = decode(encode(NAV["Sales Header"], ("Order", "1,\\")), TABLES)

    assert (number, key) == (36, join_key(parts).iloc[0])
