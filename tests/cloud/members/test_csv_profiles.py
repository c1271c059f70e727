"""What a file knows of people: the same reading as at the desk, and who is there already is told."""

from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.members.csv_import import ImportReport, import_members
from portillon_cloud.members.profile import Address, EmergencyContact
from portillon_cloud.members.profiles import Whose, history, member_profile
from portillon_cloud.members.tables import member
from sqlalchemy import select

HEADER = (
    "first_name;last_name;email;plan;contract_start;phone;birth_date;street;city;postal_code;country;"
    "emergency_name;emergency_phone"
)
ZOE = (
    "Zoé;Gagnon;zoe@Example.org;gym;2026-01-31;514 555-0100;1990-01-31;12 rue Rachel;Montréal;h2x1y4;ca;"
    "Luc;+15145550101"
)


def load(gym: Gym, *lines: str) -> ImportReport:
    with gym.db.write() as conn:
        return import_members(
            conn, gym.keyring, "\n".join([HEADER, *lines]).encode(), organisation_id=gym.organisation_id,
            site_id=gym.site_id, now_ms=gym.clock.real_ms(), provider="simulator",
        )  # fmt: skip


def test_a_profile_comes_with_the_member(gym: Gym) -> None:
    """Sealed and with a history, as if typed at the desk; a phone's plus sign is no spreadsheet formula."""
    assert load(gym, ZOE) == ImportReport(1, ())
    with gym.db.read() as conn:
        member_id = conn.execute(select(member.c.id)).scalar_one()
        known = member_profile(conn, gym.keyring, gym.organisation_id, member_id)
        (change,) = history(conn, gym.keyring, gym.organisation_id, Whose(member, member_id))
    assert (known.email, known.phone, known.birth_date) == ("zoe@example.org", "+15145550100", date(1990, 1, 31))
    assert known.address == Address(street="12 rue Rachel", city="Montréal", postal_code="H2X 1Y4", country="CA")
    assert known.emergency_contacts == (EmergencyContact(name="Luc", phone="+15145550101"),)
    assert change.by == "import-members"


@pytest.mark.parametrize(
    ("right", "wrong", "column"),
    [
        ("zoe@Example.org", "zoe@localhost", "email"),
        ("514 555-0100", "514 55", "phone"),
        ("1990-01-31", "2990-01-31", "birth_date"),
        ("12 rue Rachel", "", "street"),
        ("h2x1y4", "D2X 1Y4", "postal_code"),
        (";ca;", ";Canada;", "country"),
        (";Luc;", ";;", "emergency_name"),
        ("+15145550101", "112", "emergency_phone"),
    ],
)
def test_a_wrong_field_is_named_by_its_column(gym: Gym, right: str, wrong: str, column: str) -> None:
    """The same words as over the API, and nothing is imported."""
    report = load(gym, ZOE.replace(right, wrong))
    assert report.imported == 0
    assert [(one.line, one.column) for one in report.problems] == [(2, column)]


def test_somebody_there_already_is_told_and_comes_in(gym: Gym) -> None:
    """Another spelling of the same person, in the file or from before: a remark, no refusal and no merging."""
    load(gym, ZOE)
    report = load(
        gym, ZOE.replace("Zoé;", "ZOE;").replace("zoe@", "z@"), ZOE.replace("Zoé", "Ana").replace("1990", "1991")
    )
    assert report.imported == 2
    assert [one.line for one in report.remarks] == [2, 3, 3]
    assert "Zoé Gagnon: same name and birth, phone. Look" in str(report.remarks[0])
