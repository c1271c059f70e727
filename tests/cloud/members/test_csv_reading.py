"""Reading a member file: what is accepted, and that every bad line is named with its number, column and reason."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.members.csv_line import FIELD_CHARACTERS_MAX
from portillon_cloud.members.csv_reading import read_members
from portillon_rules.credential import Credential, CredentialKind

HEADER = "first_name,last_name,email,card,plan,contract_start"
GOOD = "Zoé,Gagnon,zoe@example.org,0F0027A46B,gym,2026-01-31"


def problems(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    parsed = read_members(data)
    assert not parsed.rows
    return [str(problem) for problem in parsed.problems]


def test_a_good_line_is_read_whole() -> None:
    """Accents, card and dates come out as they are meant."""
    [row] = read_members(f"{HEADER}\n{GOOD}\n".encode()).rows
    assert (row.line, row.first_name, row.plan) == (2, "Zoé", "gym")
    assert row.cards == (Credential(CredentialKind.EM4100, "0F0027A46B"),)
    assert row.contract_start == datetime.date(2026, 1, 31)
    assert (row.account, row.payment_token, row.billed_from) == (None, None, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),  # a byte order mark, as spreadsheets write it
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace(",", ";").encode(),  # a French spreadsheet
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.replace("first_name", " First_Name ").encode(),
        lambda text: text.replace("Gagnon", '" Gagnon "').encode(),
        lambda text: (text + "\n,,,,,\n\n").encode(),  # empty lines at the end
        lambda text: text.replace("0F0027A46B", "em4100:0f0027a46b").encode(),
    ],
)
def test_the_same_file_in_many_coats(change: object) -> None:
    """BOM, line ends, delimiters, spaces, empty lines: the same member."""
    [row] = read_members(change(f"{HEADER}\n{GOOD}\n")).rows  # type: ignore[operator]
    assert (row.first_name, row.last_name, [str(card) for card in row.cards]) == (
        "Zoé",
        "Gagnon",
        ["em4100:0F0027A46B"],
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (",Roy,,,gym,2026-01-31", "line 2, first_name: is empty"),
        ("A,Roy,,,gym,31/01/2026", "line 2, contract_start: '31/01/2026' is no date; write it as YYYY-MM-DD"),
        ("A,Roy,,,gym,2026-02-30", "line 2, contract_start: '2026-02-30' is no date"),
        ("A,Roy,nobody,,gym,2026-01-31", "line 2, email: 'nobody': this is no e-mail address"),
        ("A,Roy,,XYZ,gym,2026-01-31", "line 2, card: this is no value of kind em4100: write hex digits"),
        ("A,Roy,,rfid:00,gym,2026-01-31", "line 2, card: 'rfid' is no kind of credential"),
        ("A,Roy,,00 XYZ,gym,2026-01-31", "line 2, card: this is no value of kind em4100"),
        ("A,Roy,,h10301:67,gym,2026-01-31", "line 2, card: "),
        ("A,Roy,,PDAY1-QQQQ,gym,2026-01-31", "line 2, card: this is no day code"),
        ("A,Roy,,barcode:PORTILLON:X,gym,2026-01-31", "line 2, card: readers take this text for a phone pass"),
        ("A,Roy,,card_and_pin:em4100:00+4917,gym,2026-01-31", "line 2, card: a PIN is drawn by lot"),
        ("=1+1,Roy,,,gym,2026-01-31", "line 2, first_name: '=1+1' begins like a spreadsheet formula"),
        ("@SUM(A1),Roy,,,gym,2026-01-31", "line 2, first_name: '@SUM(A1)' begins like a spreadsheet formula"),
        ('"A\nB",Roy,,,gym,2026-01-31', "line 2, first_name: 'A\\nB' has a line break"),
        ("A\x07,Roy,,,gym,2026-01-31", "line 2, first_name: 'A\\x07' has a line break or a character"),
        ("A,Roy,gym,2026-01-31", "line 2: has 4 fields where the header has 6 columns"),
        (
            "A" * (FIELD_CHARACTERS_MAX + 1) + ",Roy,,,gym,2026-01-31",
            "line 2, first_name: has 201 characters; at most 200",
        ),
        ('"A,Roy,,,gym,2026-01-31', "line 2: cannot be read"),
    ],
)
def test_a_bad_line_is_named(line: str, expected: str) -> None:
    """Line, column, what is wrong, and what to write."""
    [problem] = problems(f"{HEADER}\n{line}\n")
    assert expected in problem


def test_every_problem_of_every_line_is_reported() -> None:
    """Nobody mends one line to meet the next; good lines are still read."""
    text = f"{HEADER}\n,,bad,,gym,x\n{GOOD}\nB,Roy,,,,2026-01-31\n"
    parsed = read_members(text.encode())
    assert [(problem.line, problem.column) for problem in parsed.problems] == [
        (2, "first_name"),
        (2, "last_name"),
        (2, "contract_start"),
        (2, "email"),
        (4, "plan"),
    ]
    assert [row.line for row in parsed.rows] == [3]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (HEADER.encode(), "no member under it"),
        (f"{HEADER}\nZoé,".encode("latin-1"), "line 2: byte E9 is not UTF-8"),
        (f"{HEADER}\n{GOOD}".encode("utf-16"), "line 1: a NUL byte"),
        (f"{HEADER}\n{GOOD}".encode("utf-16-le"), "NUL byte"),
        (b"first_name,last_name,plan\n", "line 1, contract_start: this column is missing"),
        (f"{HEADER},shoe_size\n".encode(), "line 1, shoe_size: unknown column; known ones: first_name"),
        (f"{HEADER},email\n".encode(), "line 1, email: this column is there twice"),
        (b"\x89PNG\r\n\x1a\n", "line 1: byte 89 is not UTF-8"),
        (f"{HEADER}\n{'x' * 200_000},".encode(), "field larger than field limit"),
    ],
)
def test_what_is_no_member_file_is_refused_whole(data: bytes, expected: str) -> None:
    """The first problem says what the file is and how to save it."""
    assert expected in problems(data)[0]


def test_a_file_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is said, with what to do."""
    monkeypatch.setattr("portillon_cloud.members.csv_reading.FILE_BYTES_MAX", 10)
    assert "split it" in problems(f"{HEADER}\n{GOOD}")[0]


@given(st.binary(max_size=400))
def test_no_file_makes_the_reader_fail(data: bytes) -> None:
    """Whatever is in it: rows or problems, never an exception, never neither."""
    for candidate in (data, f"{HEADER}\n".encode() + data):
        parsed = read_members(candidate)
        assert parsed.rows or parsed.problems
