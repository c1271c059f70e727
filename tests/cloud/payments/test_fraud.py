"""Cards that are tried: let through up to the limits, held beyond, shown to a person, free again once they looked."""

from dataclasses import replace

import pytest
from dues_api import make_api
from dues_gym import DuesGym, at, make_gym
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.database import Database
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.errors import UnknownAccountError
from portillon_cloud.payments.fraud import guarding
from portillon_cloud.payments.fraud.errors import UnknownSignalError
from portillon_cloud.payments.fraud.guarding import Asked, admit, clear, limits_of, note_refusal, set_limits
from portillon_cloud.payments.fraud.limits import DAY_MS, HOUR_MS, Act, Limits, Suspicion, Tried, judge
from portillon_cloud.payments.fraud.signals import signals_of
from portillon_cloud.payments.fraud.tables import card_try
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.tables import payment_attempt
from sqlalchemy import select
from starlette.testclient import TestClient

NOW = at(0)
HERE = "203.0.113.7"


def asked(gym: DuesGym, account_id: int, act: Act = Act.CARD_ASKED, address: str | None = HERE) -> Asked:
    return Asked(organisation_id=gym.organisation_id, account_id=account_id, act=act, address=address)


def ask(gym: DuesGym, account_id: int, act: Act = Act.CARD_ASKED, *, now_ms: int = NOW, address: str | None = HERE):
    return admit(gym.db, gym.keyring, asked(gym, account_id, act, address), real_ms=now_ms)


def signals(gym: DuesGym, *, still_open: bool = True):
    with gym.db.read() as conn:
        return signals_of(conn, gym.organisation_id, still_open=still_open, limit=50)


def test_many_cards_hold_the_account_until_a_person_looked(gym: DuesGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sixth card of a day is held, and all else of the account; a person's word frees it, and counts anew.

    Ablation: were nothing judged, a seventh would pass too.
    """
    payer, other = gym.payer().account_id, gym.payer().account_id
    for number in range(5):
        assert ask(gym, payer, now_ms=NOW + number * HOUR_MS) is None
    held = ask(gym, payer, now_ms=NOW + 5 * HOUR_MS)
    assert held is not None and (held.suspicion, held.until_ms) == (Suspicion.MANY_CARDS, None)
    assert ask(gym, payer, Act.CHARGE_ASKED, now_ms=NOW + 9 * DAY_MS) is not None
    assert ask(gym, other, now_ms=NOW + 5 * HOUR_MS) is None
    [one] = signals(gym)
    assert (one.account_id, one.suspicion, one.counted, one.cleared_by) == (payer, Suspicion.MANY_CARDS, 5, None)
    with gym.db.write() as conn:
        clear(conn, gym.organisation_id, one.id, by="Denis", note="a family of six", real_ms=NOW + 6 * HOUR_MS)
    assert signals(gym) == [] and signals(gym, still_open=False)[0].note == "a family of six"
    assert ask(gym, payer, now_ms=NOW + 6 * HOUR_MS) is None
    with gym.db.write() as conn, pytest.raises(UnknownSignalError):
        clear(conn, gym.organisation_id, one.id, by="Denis", note="again", real_ms=NOW)
    monkeypatch.setattr(guarding, "judge", lambda *_args, **_more: None)
    assert all(ask(gym, other, now_ms=NOW + 6 * HOUR_MS) is None for _ in range(7))


def test_many_refusals_hold_too(gym: DuesGym) -> None:
    """A link with which eight charges of a day were refused tries no more."""
    payer = gym.payer().account_id
    for _ in range(8):
        note_refusal(gym.db, gym.keyring, asked(gym, payer, Act.CHARGE_REFUSED), real_ms=NOW)
    held = ask(gym, payer, Act.CHARGE_ASKED)
    assert held is not None and held.suspicion is Suspicion.MANY_REFUSALS


def test_too_often_is_waited_for(gym: DuesGym) -> None:
    """The eleventh try of an hour waits just until the first is an hour old; held tries do not count; no signal."""
    payer = gym.payer().account_id
    for minute in range(10):
        assert ask(gym, payer, Act.CHARGE_ASKED, now_ms=NOW + minute * 60_000) is None
    held = ask(gym, payer, Act.CHARGE_ASKED, now_ms=NOW + 30 * 60_000)
    assert held is not None and (held.suspicion, held.until_ms) == (Suspicion.TOO_OFTEN, NOW + HOUR_MS)
    assert ask(gym, payer, Act.CHARGE_ASKED, now_ms=NOW + HOUR_MS - 1) is not None
    assert ask(gym, payer, Act.CHARGE_ASKED, now_ms=NOW + HOUR_MS) is None
    assert signals(gym) == []


def test_one_address_goes_through_links(gym: DuesGym) -> None:
    """Many accounts from one address are held and shown; another address is not; the address itself is not kept."""
    with gym.db.write() as conn:
        set_limits(conn, gym.organisation_id, replace(Limits(), address_tries_per_hour=3))
    payers = [gym.payer().account_id for _ in range(4)]
    assert [ask(gym, one) is None for one in payers] == [True, True, True, False]
    assert ask(gym, payers[3], address="198.51.100.9") is None
    assert ask(gym, payers[0], address=None) is None
    assert [one.suspicion for one in signals(gym)] == [Suspicion.ONE_ADDRESS]
    assert HERE not in str(gym.scalars(select(card_try.c.address_mark)))


def test_a_list_of_stolen_cards(gym: DuesGym) -> None:
    """So many refusals over all accounts that no new card is taken for an hour; what is owed may still be tried."""
    with gym.db.write() as conn:
        set_limits(conn, gym.organisation_id, replace(Limits(), organisation_refusals_per_hour=4))
        assert limits_of(conn, gym.organisation_id).organisation_refusals_per_hour == 4
    for number in range(4):
        payer = gym.payer().account_id
        note_refusal(gym.db, gym.keyring, asked(gym, payer, Act.CHARGE_REFUSED, f"192.0.2.{number}"), real_ms=NOW)
    honest = gym.payer().account_id
    held = ask(gym, honest, address="198.51.100.9")
    assert held is not None and (held.suspicion, held.until_ms) == (Suspicion.CARD_TESTING, NOW + HOUR_MS)
    assert ask(gym, honest, Act.CHARGE_ASKED, address="198.51.100.9") is None
    assert ask(gym, honest, address="198.51.100.9", now_ms=NOW + HOUR_MS) is None


def test_each_organisation_by_itself(gym: DuesGym) -> None:
    """Another's account is unknown, another's signal cannot be cleared, and one address has another mark in each."""
    other = make_gym(gym.db)
    theirs = other.payer().account_id
    with pytest.raises(UnknownAccountError):
        ask(gym, theirs)
    for _ in range(6):
        ask(other, theirs)
    ask(gym, gym.payer().account_id)
    [one] = signals(other)
    with gym.db.write() as conn, pytest.raises(UnknownSignalError):
        clear(conn, gym.organisation_id, one.id, by="Denis", note="mine?", real_ms=NOW)
    assert len(set(gym.scalars(select(card_try.c.address_mark)))) == 2


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(Act), st.integers(0, 2 * DAY_MS)), max_size=25),
    st.sampled_from([Act.CARD_ASKED, Act.CHARGE_ASKED]),
)
def test_whoever_waits_is_let_in(before: list[tuple[Act, int]], act: Act) -> None:
    """A try held for a time is let in by that rule at just that instant and no sooner; none waits over an hour."""
    now_ms = 2 * DAY_MS
    limits = Limits(tries_per_hour=2, address_tries_per_hour=3, organisation_refusals_per_hour=2)
    tried = [Tried(one, at_ms) for one, at_ms in before]
    refusals = [one.at_ms for one in tried if one.act is Act.CHARGE_REFUSED]

    def held_at(instant: int):
        return judge(act, account=tried, address=tried, refusals=refusals, limits=limits, now_ms=instant)

    held = held_at(now_ms)
    if held is None or held.until_ms is None:
        return
    assert now_ms < held.until_ms <= now_ms + HOUR_MS
    just_before, then = held_at(held.until_ms - 1), held_at(held.until_ms)
    assert just_before is not None
    assert then is None or then.suspicion is not held.suspicion


def test_a_payers_link_tries_so_often_and_no_more(sqlite_db: Database) -> None:
    """Retries that a bank refuses end in a page that says so; then nothing is charged, and the desk sees why."""
    gym = make_gym(sqlite_db)
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(payer)
    gym.run_until(at(0))
    gym.clock.now_ms = at(1)
    desk = make_api(gym).as_role(Role.DESK)
    link = desk.post(f"/accounts/{payer.account_id}/pay-link").json()["url"].removeprefix("http://gym.example")
    visitor = TestClient(desk.app, base_url="http://gym.example")
    pages = [visitor.post(f"{link}/retry?language=en").text for _ in range(12)]
    held = [number for number, page in enumerate(pages) if "too many tries" in page]
    assert held == list(range(held[0], 12)) and 1 <= held[0] <= 10
    charged = gym.scalars(select(payment_attempt.c.id))
    visitor.post(f"{link}/retry?language=en")
    assert gym.scalars(select(payment_attempt.c.id)) == charged
    assert [one["suspicion"] for one in desk.get("/fraud-signals").json()] == ["many_refusals"]
