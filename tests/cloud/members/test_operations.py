"""Organisations and sites on both engines."""

import pytest
from cloud.gym import Gym
from portillon_cloud.clock import read_clock
from portillon_cloud.database import Database
from portillon_cloud.members.errors import OrganisationError
from portillon_cloud.members.operations import create_organisation, create_site, site_keys
from portillon_cloud.members.tables import site_key
from portillon_cloud.secrets import Keyring, SecretsError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError


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
