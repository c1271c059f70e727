"""Grace that the desk gives: the door opens at once, shuts by itself after the day, live and offline alike."""

from datetime import date, timedelta

import pytest
from dues_gym import DUE, DuesGym, Payer, at
from portillon_cloud.access import grace_given as given
from portillon_cloud.access.operations import member_rows, rows_for_accounts
from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.access.tables import grace_given
from portillon_cloud.desk.errors import DeskLimitError
from portillon_cloud.desk.grace import GraceAsked, give_grace
from portillon_cloud.desk.policy import DeskPolicy, set_policy
from portillon_cloud.payments.errors import NothingOwedError, RequestKeyReusedError, UnknownAccountError
from portillon_cloud.payments.provider import CardBehaviour
from portillon_rules.entitlement import Entitlement
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError


def day(number: int) -> date:
    return DUE + timedelta(days=number)


def give(gym: DuesGym, payer: Payer, until: int, *, now_ms: int, key: str = "grace-01", **more: object) -> int:
    asked = GraceAsked(
        organisation_id=gym.organisation_id,
        account_id=payer.account_id,
        until_on=day(until),
        by="Camille",
        reason="pays on Friday",
        request_key=key,
        **more,  # type: ignore[arg-type]
    )
    with gym.db.write() as conn:
        return give_grace(conn, asked, now_ms=now_ms)


def opens(gym: DuesGym, payer: Payer, now_ms: int) -> tuple[bool, int]:
    """Whether the member's row opens, and until when without further news."""
    with gym.db.read() as conn:
        rows = rows_for_accounts(conn, gym.keyring, site_id=gym.site_id, account_ids=[payer.account_id], now_ms=now_ms)
    row = Entitlement.from_body(rows[payer.account_id][0].key, rows[payer.account_id][0].body or {})
    return row.refusal is None and row.valid_from_ms <= now_ms, row.valid_until_ms


def standing(gym: DuesGym, payer: Payer, now_ms: int) -> Standing:
    with gym.db.read() as conn:
        found = member_rows(
            conn, gym.keyring, organisation_id=gym.organisation_id, member_id=payer.member_id, now_ms=now_ms
        )
    assert found is not None
    return standing_at(found[0], now_ms)


@pytest.fixture
def late(gym: DuesGym) -> Payer:
    """Shut out on the tenth day."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(payer)
    gym.run_until(at(11))
    assert standing(gym, payer, at(11)) is Standing.SUSPENDED
    return payer


def test_the_door_opens_at_once_and_shuts_by_itself(gym: DuesGym, late: Payer) -> None:
    """Given until the 16th day they enter on it; the row says so, to the minute, to a gateway that hears nothing."""
    ends_ms = at(17, 0)
    give(gym, late, 16, now_ms=at(11, 7))
    assert standing(gym, late, at(11, 7)) is Standing.GRACE
    assert opens(gym, late, at(11, 7)) == (True, ends_ms)
    gym.run_until(at(16, 23))
    assert opens(gym, late, at(16, 23)) == (True, ends_ms)
    gym.run_until(at(17, 1))
    assert opens(gym, late, at(17, 1))[0] is False
    assert standing(gym, late, at(17, 1)) is Standing.SUSPENDED


def test_without_it_the_door_stays_shut(gym: DuesGym, late: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: if nobody reads what was given, nothing opens."""
    for module in ("access.store", "access.operations", "dunning.operations"):
        monkeypatch.setattr(f"portillon_cloud.{module}.spared_until", lambda conn, account_ids: {})
    give(gym, late, 16, now_ms=at(11, 7))
    assert opens(gym, late, at(11, 7))[0] is False


def test_given_before_the_door_shuts(gym: DuesGym) -> None:
    """In time, nobody is shut out on the tenth day; paying ends it all, and the last word given holds."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(payer)
    gym.run_until(at(5))
    give(gym, payer, 14, now_ms=at(5, 8))
    gym.run_until(at(12))
    assert standing(gym, payer, at(12)) is Standing.GRACE
    assert "suspended" not in gym.letters(payer)
    give(gym, payer, 11, now_ms=at(12, 1), key="grace-02")
    assert opens(gym, payer, at(12, 1))[0] is False
    gym.pay(payer, 4599, now_ms=at(12, 2))
    assert standing(gym, payer, at(12, 2)) is Standing.CLEAR


def test_who_may_give_how_much(gym: DuesGym, late: Payer) -> None:
    """The desk as many days as the policy says, an owner more, nobody without end; never to whom owes nothing."""
    with pytest.raises(DeskLimitError, match="14 days"):
        give(gym, late, 26, now_ms=at(11, 7))
    give(gym, late, 26, now_ms=at(11, 7), owner=True)
    with pytest.raises(DeskLimitError, match="92 days"):
        give(gym, late, 120, now_ms=at(11, 7), key="grace-02", owner=True)
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, DeskPolicy(grace_days_most=2))
    with pytest.raises(DeskLimitError, match="2 days"):
        give(gym, late, 14, now_ms=at(11, 7), key="grace-03")
    with pytest.raises(NothingOwedError):
        give(gym, gym.payer(), 12, now_ms=at(11, 7), key="grace-04")


def test_once_per_key_and_kept_for_ever(gym: DuesGym, late: Payer) -> None:
    """The same key gives once; who gave it and why cannot be changed; another account's key is refused."""
    first = give(gym, late, 16, now_ms=at(11, 7))
    assert give(gym, late, 16, now_ms=at(11, 8)) == first
    other = gym.payer()
    gym.owe(other)
    with pytest.raises(RequestKeyReusedError):
        give(gym, other, 16, now_ms=at(11, 8))
    with pytest.raises(UnknownAccountError):
        give(gym, Payer(999, 999, 999, ""), 16, now_ms=at(11, 8), key="grace-09")
    with gym.db.read() as conn:
        [one] = given.grace_of(conn, gym.organisation_id, late.account_id)
    assert (one.given_by, one.reason) == ("Camille", "pays on Friday")
    with pytest.raises(DBAPIError), gym.db.write() as conn:
        conn.execute(update(grace_given).values(until_ms=0))
    assert gym.scalars(select(grace_given.c.id)) == [first]
