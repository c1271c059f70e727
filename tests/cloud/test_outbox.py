"""The outbox on both engines: one row per gateway that listens, none for one that was revoked."""

from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud import outbox
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.outbox.tables import access_outbox
from sqlalchemy import insert, select, update


def rows(gym: Gym) -> list[tuple[str, int | None]]:
    with gym.db.read() as conn:
        found = conn.execute(select(access_outbox).order_by(access_outbox.c.id)).all()
    return [(row.gateway_id, row.account_id) for row in found]


def add_gateway(gym: Gym, name: str) -> None:
    with gym.db.write() as conn:
        conn.execute(
            insert(gateway).values(
                id=name,
                organisation_id=gym.organisation_id,
                site_id=gym.site_id,
                name=name,
                mode="test",
                enrolled_at_ms=0,
            )
        )


def test_every_gateway_that_listens_is_told(gym: Gym) -> None:
    """A change of two accounts is four rows for two gateways; a revoked gateway gets none, and the bell rings."""
    accounts = [gym.join(name, starts_on=date(2026, 2, 1)).account_id for name in ("A B", "C D")]
    for name in ("front", "back", "gone"):
        add_gateway(gym, name)
    with gym.db.write() as conn:
        conn.execute(update(gateway).where(gateway.c.id == "gone").values(revoked_at_ms=1))
        assert outbox.is_empty(conn, gym.organisation_id)
    gym.db.wake.wait(0)
    with gym.db.write() as conn:
        outbox.accounts_changed(conn, gym.organisation_id, accounts)
    assert sorted(rows(gym)) == sorted((name, account) for name in ("front", "back") for account in accounts)
    assert gym.db.wake.wait(0)
    with gym.db.write() as conn:
        outbox.everything_changed(conn, gym.organisation_id)
        assert not outbox.is_empty(conn, gym.organisation_id)
    assert rows(gym).count(("front", None)) == rows(gym).count(("back", None)) == 1
    assert len(rows(gym)) == 6


def test_nothing_is_left_by_a_transaction_that_failed(gym: Gym) -> None:
    """The row belongs to the change: both or neither."""
    add_gateway(gym, "front")
    account_id = gym.join("A B", starts_on=date(2026, 2, 1)).account_id
    before = rows(gym)
    with pytest.raises(RuntimeError), gym.db.write() as conn:
        outbox.account_changed(conn, gym.organisation_id, account_id)
        raise RuntimeError
    assert rows(gym) == before
