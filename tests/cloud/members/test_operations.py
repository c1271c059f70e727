"""Organisations, sites, members and credentials on both engines."""

from datetime import date

import pytest
from cloud.gym import Gym, open_gym
from portillon_cloud.clock import read_clock
from portillon_cloud.database import Database
from portillon_cloud.members.errors import CredentialTakenError, OrganisationError, UnknownMemberError
from portillon_cloud.members.operations import (
    add_credential,
    create_organisation,
    create_site,
    credential_of,
    credentials_of,
    lose_credential,
    member_with,
    site_keys,
)
from portillon_cloud.members.tables import credential, site_key
from portillon_cloud.secrets import Keyring, SecretsError
from portillon_rules.credential import Credential
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

CARD = Credential.parse("em4100:0F0027A46B")
START = date(2026, 1, 31)


def give(gym: Gym, member_id: int, card: Credential = CARD) -> int:
    with gym.db.write() as conn:
        return add_credential(
            conn, gym.keyring, organisation_id=gym.organisation_id, member_id=member_id, presented=card
        )


def test_a_test_organisation_is_born_with_a_clock_and_a_live_one_without(db: Database) -> None:
    """The clock of a test gym can start on another day; a live one's cannot."""

    def make(mode: str, business_ms: int | None = None, zone: str = "America/Toronto") -> int:
        with db.write() as conn:
            return create_organisation(
                conn,
                mode=mode,
                name="G",
                country="CA",
                language="fr",
                time_zone=zone,
                real_ms=1000,
                business_ms=business_ms,
            )

    test, live = make("test", 5000), make("live")
    with db.read() as conn:
        assert (read_clock(conn, test, 1010).business_ms, read_clock(conn, test, 1010).clock_rev) == (5010, 1)
        assert (read_clock(conn, live, 1010).business_ms, read_clock(conn, live, 1010).clock_rev) == (1010, 0)
    with pytest.raises(OrganisationError, match="no clock"):
        make("live", 5000)
    with pytest.raises(OrganisationError, match="IANA"):
        make("test", zone="Quebec time")
    with pytest.raises(IntegrityError):
        make("demo")


def test_a_site_has_its_own_credential_key(gym: Gym) -> None:
    """The key rests sealed and opens only in its own row."""
    with gym.db.write() as conn:
        other = create_site(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            name="Second",
            time_zone="America/Toronto",
            language="en",
        )
    with gym.db.read() as conn:
        [first], [second] = (site_keys(conn, gym.keyring, site_id) for site_id in (gym.site_id, other))
        assert first.key_id == "k1"
        assert first.secret != second.secret
        sealed = conn.execute(select(site_key.c.sealed_secret).where(site_key.c.site_id == other)).scalar_one()
        assert second.secret not in sealed
        with pytest.raises(SecretsError):
            site_keys(conn, Keyring.generate(), other)


def test_a_card_opens_for_one_member_at_a_time(gym: Gym) -> None:
    """Taken: refused by name. Lost: it finds nobody, and may be issued anew."""
    alice, bob = gym.join("Alice A", starts_on=START), gym.join("Bob B", starts_on=START)
    first = give(gym, alice.member_id)
    with pytest.raises(CredentialTakenError, match=f"member {alice.member_id}"):
        give(gym, bob.member_id)
    with gym.db.read() as conn:
        assert member_with(conn, gym.keyring, gym.organisation_id, CARD) == alice.member_id
        assert credential_of(conn, gym.keyring, gym.organisation_id, alice.member_id) == [CARD]
    with gym.db.write() as conn:
        lose_credential(conn, organisation_id=gym.organisation_id, credential_id=first)
    with gym.db.read() as conn:
        assert member_with(conn, gym.keyring, gym.organisation_id, CARD) is None
        assert credential_of(conn, gym.keyring, gym.organisation_id, alice.member_id) == []
    give(gym, bob.member_id)
    with gym.db.read() as conn:
        both = credentials_of(conn, gym.keyring, gym.organisation_id, [alice.member_id, bob.member_id])
    assert both == {bob.member_id: [CARD]}


def test_the_database_too_refuses_a_card_twice(gym: Gym) -> None:
    """Two desks that issue the same card at the same instant: the second fails whatever it read."""
    alice = gym.join("Alice A", starts_on=START)
    give(gym, alice.member_id)
    with gym.db.read() as conn:
        row = dict(conn.execute(select(credential)).one()._mapping)
    del row["id"]
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        conn.execute(insert(credential).values(**row))


def test_the_same_card_in_two_gyms_is_two_cards(db: Database, keyring: Keyring, clock: object) -> None:
    """Tenants do not see each other, not even through an index."""
    gyms = [open_gym(db, keyring, clock) for _ in range(2)]  # type: ignore[arg-type]
    for gym in gyms:
        give(gym, gym.join(starts_on=START).member_id)
    with db.read() as conn:
        assert len(set(conn.execute(select(credential.c.blind_index)).scalars())) == 2
    with pytest.raises(UnknownMemberError):
        give(gyms[0], 2, Credential.parse("em4100:00"))  # a member of the other gym
    with pytest.raises(UnknownMemberError), db.write() as conn:
        lose_credential(conn, organisation_id=gyms[0].organisation_id, credential_id=2)
