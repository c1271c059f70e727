"""The language that doors speak to a member: the member's own, or that of who pays."""

import datetime

import pytest
from cloud.gym import Gym
from portillon_cloud.access.operations import member_rows
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.operations import set_language
from portillon_rules.entitlement import Entitlement
from sqlalchemy.exc import IntegrityError


def spoken(gym: Gym, member_id: int) -> str | None:
    """What the member's facts say of it, and so each of their rows."""
    with gym.db.read() as conn:
        found = member_rows(
            conn, gym.keyring, organisation_id=gym.organisation_id, member_id=member_id, now_ms=gym.clock.real_ms()
        )
    assert found is not None
    return found[1].language


def test_a_member_is_spoken_to_in_their_own_language_or_their_payers(gym: Gym) -> None:
    """Who never chose hears the account's language; a choice, and its withdrawal, are in the next rows."""
    alice = gym.join(starts_on=datetime.date(2026, 1, 1)).member_id
    assert spoken(gym, alice) == "fr"
    for chosen, heard in (("en", "en"), (None, "fr")):
        with gym.db.write() as conn:
            set_language(conn, organisation_id=gym.organisation_id, member_id=alice, language=chosen)
        assert spoken(gym, alice) == heard


def test_a_language_nobody_wrote_texts_in_is_refused(gym: Gym) -> None:
    """The database takes none, and a member of another organisation is not there."""
    alice = gym.join(starts_on=datetime.date(2026, 1, 1)).member_id
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        set_language(conn, organisation_id=gym.organisation_id, member_id=alice, language="de")
    with pytest.raises(UnknownMemberError), gym.db.write() as conn:
        set_language(conn, organisation_id=gym.organisation_id + 1, member_id=alice, language="en")


def test_a_row_tells_a_language_only_where_there_is_one() -> None:
    """Rows of before are the same rows, and one with a language reads back as it was written."""
    row = Entitlement(
        credential="k1.ff", member="7", zones=("gym",), schedule="always", valid_from_ms=0, valid_until_ms=1
    )
    assert "language" not in row.to_body()
    french = Entitlement.from_body("k1.ff", {**row.to_body(), "language": "fr"})
    assert french.language == "fr"
    assert Entitlement.from_body("k1.ff", french.to_body()) == french
