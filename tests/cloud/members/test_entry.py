"""What people type: read into one form, or named with what to write instead, in both languages."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.members.entry import Entry, EntryRefusedError, Fault
from portillon_cloud.members.tax_numbers import TaxNumber, read_tax_number

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("kind", "typed", "read"),
    [
        ("email", " Marie.Roy@Example.ORG ", "Marie.Roy@example.org"),
        ("phone", "514 555-0100", "+15145550100"),
        ("phone", "+33 1 42 68 53 00", "+33142685300"),
        ("iban", "fr14 2004 1010 0505 0001 3m02 606", "FR1420041010050500013M02606"),
    ],
)
def test_a_value_is_read_into_one_form(kind: str, typed: str, read: str) -> None:
    """However it was typed, it is stored and looked for in the same way."""
    entry = Entry("CA")
    assert getattr(entry, kind)(kind, typed) == read
    assert getattr(entry, kind)(kind, read) == read
    entry.done()


@pytest.mark.parametrize(
    ("kind", "typed", "fault"),
    [
        ("email", "marie", Fault.EMAIL),
        ("email", "marie@localhost", Fault.EMAIL),
        ("email", "a..b@example.org", Fault.EMAIL),
        ("phone", "555-0100", Fault.PHONE),
        ("phone", "ask at the desk", Fault.PHONE),
        ("phone", "+1 000 555 0100", Fault.PHONE),
        ("iban", "FR1420041010050500013M02607", Fault.IBAN),
        ("iban", "FR14", Fault.IBAN),
        ("text", "two\nlines", Fault.UNSEEN),
        ("text", "x" * 201, Fault.TOO_LONG),
        ("country_code", "EU", Fault.COUNTRY),
        ("country_code", "Canada", Fault.COUNTRY),
        ("day", "31/01/1990", Fault.DATE),
    ],
)
def test_a_wrong_value_is_named_with_what_to_do(kind: str, typed: str, fault: Fault) -> None:
    """The field by its name, and what to write, in English and in French."""
    entry = Entry("CA")
    getattr(entry, kind)("this_field", typed)
    with pytest.raises(EntryRefusedError, match="this_field: ") as refused:
        entry.done()
    (wrong,) = refused.value.wrong
    assert (wrong.field, wrong.fault) == ("this_field", fault)
    assert wrong.said("fr") != wrong.said("en")
    assert "%(" not in wrong.said("fr") + wrong.said("en")


def test_everything_wrong_is_told_at_once() -> None:
    """Nobody mends one field to meet the next."""
    entry = Entry("CA")
    entry.email("email", "x")
    entry.phone("phone", "x")
    entry.needed("first_name", "  ")
    assert [wrong.field for wrong in entry.wrong] == ["email", "phone", "first_name"]


@pytest.mark.parametrize(
    ("country", "typed", "read"),
    [
        ("CA", "h2x1y4", "H2X 1Y4"),
        ("CA", "H2X-1Y4", "H2X 1Y4"),
        ("FR", "75011", "75011"),
        ("LU", "L-1009", "1009"),
        ("GB", "sw1a 1aa", "SW1A 1AA"),  # no form known here: as typed
        ("CA", "D2X 1Y4", None),
        ("CA", "75011", None),
        ("FR", "7501", None),
    ],
)
def test_a_postal_code_is_of_its_country(country: str, typed: str, read: str | None) -> None:
    """A letter that Canada Post never uses and a missing digit are found before a letter comes back."""
    entry = Entry("CA")
    assert entry.postal_code("postal_code", typed, country) == read
    assert [wrong.fault for wrong in entry.wrong] == ([] if read else [Fault.POSTAL_CODE])


@pytest.mark.parametrize(
    ("born", "right"),
    [("2026-03-01", True), ("2026-03-02", False), ("1896-01-01", True), ("1895-12-31", False)],
)
def test_nobody_is_born_tomorrow_or_too_long_ago(born: str, right: bool) -> None:
    """The two slips of a hand at a desk: this year instead of the birth year, and a digit of the century."""
    entry = Entry("CA")
    assert (entry.birth_date("birth_date", born, TODAY) is not None) is right


@pytest.mark.parametrize(
    ("kind", "typed", "read"),
    [
        (TaxNumber.GST, "123026635 RT0001", "123026635RT0001"),
        (TaxNumber.GST, "123026635 RC0001", None),  # the same firm's income tax
        (TaxNumber.GST, "123026636 RT0001", None),  # Luhn
        (TaxNumber.QST, "1006001374 TQ 0002", "1006001374TQ0002"),
        (TaxNumber.QST, "1227494057TQ0001", "1227494057TQ0001"),
        (TaxNumber.QST, "1227494058TQ0001", None),
        (TaxNumber.QST, "1227494057", None),
        (TaxNumber.VAT, "FR 40 303265045", "FR40303265045"),
        (TaxNumber.VAT, "BE 0428.759.497", "BE0428759497"),
        (TaxNumber.VAT, "FR 41 303265045", None),
        (TaxNumber.SIRET, "732 829 320 00074", "73282932000074"),
        (TaxNumber.SIRET, "732 829 320 00075", None),
    ],
)
def test_a_tax_number_is_held_to_its_register(kind: TaxNumber, typed: str, read: str | None) -> None:
    """One digit wrong is found at the desk and not by the buyer's accountant."""
    assert read_tax_number(kind, typed) == read


@given(st.integers(0, 9), st.integers(0, 8))
def test_a_slip_in_one_digit_of_a_qst_number_is_found(digit: int, place: int) -> None:
    """Its weights leave no digit unwatched: modulo 11, no single slip in the body goes through."""
    right = "1227494057"
    slipped = right[:place] + str(digit) + right[place + 1 :]
    assert (read_tax_number(TaxNumber.QST, f"{slipped}TQ0001") is None) == (slipped != right)


@given(st.text(max_size=60))
def test_no_text_makes_the_reading_fail(typed: str) -> None:
    """Whatever somebody types is read or named; nothing is thrown."""
    entry = Entry("FR")
    for read in (entry.email, entry.phone, entry.iban, entry.country_code, entry.day):
        read("field", typed)
    entry.postal_code("field", typed, "CA")
    entry.tax_numbers("numbers", {kind: typed for kind in TaxNumber})
