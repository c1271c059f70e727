"""What is known of people: sealed, its changes kept, found again, and told when somebody seems to be there twice."""

from dataclasses import replace
from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.members.duplicates import Same, alike
from portillon_cloud.members.entry import EntryRefusedError
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.operations import add_account
from portillon_cloud.members.profile import (
    Address,
    EmergencyContact,
    MemberProfile,
    PayerProfile,
    TypedAddress,
    TypedContact,
    TypedMember,
    TypedPayer,
    read_member,
    read_payer,
)
from portillon_cloud.members.profiles import (
    Whose,
    change_member,
    change_payer,
    folded,
    history,
    member_profile,
    payer_profile,
)
from portillon_cloud.members.tables import account, member, profile, profile_change, profile_mark
from portillon_cloud.members.tax_numbers import TaxNumber
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError

TODAY = date(2026, 3, 1)
MARIE = MemberProfile(
    first_name="Marie-Ève",
    last_name="Côté",
    email="marie@example.org",
    phone="+15145550100",
    birth_date=date(1990, 1, 31),
    address=Address(street="12 rue Rachel", city="Montréal", postal_code="H2X 1Y4", region="QC", country="CA"),
    emergency_contacts=(EmergencyContact(name="Luc Côté", phone="+15145550101", relation="brother"),),
)


def write(
    gym: Gym, member_id: int, new: MemberProfile, *, by: str = "Camille", why: str | None = None
) -> tuple[str, ...]:
    with gym.db.write() as conn:
        return change_member(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            member_id=member_id,
            new=new,
            at_ms=7,
            by=by,
            why=why,
        )


def test_a_profile_reads_as_it_was_written(gym: Gym) -> None:
    """Members and payers alike, on both engines; what was not told is not there."""
    joined = gym.join(starts_on=TODAY)
    write(gym, joined.member_id, MARIE)
    payer = PayerProfile(name="Côté inc.", kind="company", tax_numbers={TaxNumber.QST: "1227494057TQ0001"})
    with gym.db.write() as conn:
        change_payer(
            conn, gym.keyring, organisation_id=gym.organisation_id, account_id=joined.account_id, new=payer,
            at_ms=7, by="Camille",
        )  # fmt: skip
    with gym.db.read() as conn:
        assert member_profile(conn, gym.keyring, gym.organisation_id, joined.member_id) == MARIE
        assert payer_profile(conn, gym.keyring, gym.organisation_id, joined.account_id) == payer
        row = conn.execute(select(account.c.kind, account.c.name).where(account.c.id == joined.account_id)).one()
        assert tuple(row) == ("company", "Côté inc.")
        with pytest.raises(UnknownMemberError):
            member_profile(conn, gym.keyring, gym.organisation_id + 1, joined.member_id)


def test_every_change_is_kept_with_who_and_why(gym: Gym) -> None:
    """Field by field, before and after, the latest first; saying the same again is no change."""
    joined = gym.join(starts_on=TODAY)
    write(gym, joined.member_id, MARIE)
    assert write(gym, joined.member_id, MARIE) == ()
    assert write(gym, joined.member_id, replace(MARIE, phone="+15145550199"), by="Noah", why="new phone") == ("phone",)
    with gym.db.read() as conn:
        latest, first = history(conn, gym.keyring, gym.organisation_id, Whose(member, joined.member_id))
    assert (latest.by, latest.why, latest.fields) == ("Noah", "new phone", ("phone",))
    assert (latest.before, latest.after) == ({"phone": "+15145550100"}, {"phone": "+15145550199"})
    assert first.by == "Camille" and first.before["first_name"] == "Alice" and first.after["first_name"] == "Marie-Ève"
    with pytest.raises(DatabaseError, match="never change"), gym.db.write() as conn:
        conn.execute(update(profile_change).values(changed_by="nobody"))


def test_nothing_but_names_and_email_rests_in_clear(gym: Gym) -> None:
    """Whoever reads the database without the key file reads no phone, birth date or address, in the history neither."""
    joined = gym.join(starts_on=TODAY)
    write(gym, joined.member_id, MARIE, why="moved to Rachel")
    with gym.db.read() as conn:
        rows = [tuple(row) for table in (profile, profile_mark, profile_change) for row in conn.execute(select(table))]
    resting = repr(rows)
    for secret in ("5550100", "1990", "Rachel", "Luc", "H2X"):
        assert secret not in resting
    assert "phone" in resting  # the names of fields are told


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (MemberProfile(first_name="marie eve", last_name="COTE", birth_date=date(1990, 1, 31)), (Same.NAME_AND_BIRTH,)),
        (MemberProfile(first_name="M", last_name="C", email="Marie@example.org"), (Same.EMAIL,)),
        (MemberProfile(first_name="M", last_name="C", phone="+15145550100"), (Same.PHONE,)),
        (replace(MARIE), (Same.EMAIL, Same.NAME_AND_BIRTH, Same.PHONE)),
        (MemberProfile(first_name="Marie-Ève", last_name="Côté"), ()),  # a name alone is many people's
        (MemberProfile(first_name="Marie-Ève", last_name="Côté", birth_date=date(1990, 1, 30)), ()),
    ],
)
def test_somebody_there_twice_is_told(gym: Gym, other: MemberProfile, same: tuple[Same, ...]) -> None:
    """By name with birth date, e-mail or phone, however it was written; both stay members."""
    there = gym.join(starts_on=TODAY)
    write(gym, there.member_id, MARIE)
    with gym.db.read() as conn:
        found = alike(conn, gym.keyring, gym.organisation_id, other)
        assert alike(conn, gym.keyring, gym.organisation_id, other, besides=there.member_id) == ()
        assert alike(conn, gym.keyring, gym.organisation_id + 1, other) == ()
    assert [(one.member_id, one.same) for one in found] == ([(there.member_id, same)] if same else [])


def test_a_changed_phone_is_not_found_under_the_old_one(gym: Gym) -> None:
    """The marks are those of the profile as it is now."""
    there = gym.join(starts_on=TODAY)
    write(gym, there.member_id, MARIE)
    write(gym, there.member_id, replace(MARIE, phone=None, email=None, birth_date=None))
    with gym.db.read() as conn:
        assert alike(conn, gym.keyring, gym.organisation_id, MARIE) == ()


def test_a_form_is_read_whole_or_refused_by_field() -> None:
    """Fields inside addresses and contacts are named by their path."""
    typed = TypedMember(
        first_name=" Marie-Ève ", last_name="Côté", email="marie@EXAMPLE.org", phone="514 555-0100",
        birth_date="1990-01-31",
        address=TypedAddress(street="12 rue Rachel", city="Montréal", postal_code="h2x1y4", region="QC", country="ca"),
        emergency_contacts=[TypedContact(name="Luc Côté", phone="(514) 555-0101", relation="brother")],
    )  # fmt: skip
    assert read_member(typed, country="CA", today=TODAY) == MARIE
    wrong = typed.model_copy(
        update={
            "first_name": "",
            "birth_date": "2031-01-01",
            "address": TypedAddress(street="", city="M", postal_code="1", country="CA"),
            "emergency_contacts": [TypedContact(name="", phone="")] * 6,
        }
    )
    with pytest.raises(EntryRefusedError) as refused:
        read_member(wrong, country="CA", today=TODAY)
    fields = [one.field for one in refused.value.wrong]
    assert fields[:2] == ["emergency_contacts", "first_name"]
    assert {"birth_date", "address/street", "address/postal_code", "emergency_contacts/5/phone"} <= set(fields)
    with pytest.raises(EntryRefusedError, match="tax_numbers/TVQ: this is no TVQ number"):
        read_payer(TypedPayer(name="Côté inc.", tax_numbers={TaxNumber.QST: "1234567890 TQ0001"}), country="CA")


@pytest.mark.parametrize(
    ("born", "minor"),
    [(date(2008, 3, 1), False), (date(2008, 3, 2), True), (date(2008, 2, 29), False), (None, None)],
)
def test_a_minor_is_one_until_the_birthday(born: date | None, minor: bool | None) -> None:
    """Of age at 18 on the day itself; who did not tell a birth date is neither."""
    assert replace(MARIE, birth_date=born).is_minor(TODAY) is minor


def test_no_account_is_opened_with_an_address_that_is_none(gym: Gym) -> None:
    """The operation itself refuses: API, page and import cannot forget to ask."""
    with pytest.raises(EntryRefusedError, match="email: "), gym.db.write() as conn:
        add_account(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, name="A",
            language="fr", email="nobody",
        )  # fmt: skip


def test_names_are_compared_as_they_sound() -> None:
    """Accents, hyphens, capitals and spaces do not make another person."""
    assert folded("  Marie-Ève  O’Neil ") == folded("MARIE EVE o'neil") == "marie eve o'neil"
