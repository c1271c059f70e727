"""What a provider tells is stored once, acted on once, in any order; nothing is lost, and nothing old overwrites."""

from typing import Any

import pytest
from cloud.payments.provider_told import Inbox
from dues_gym import DuesGym, Payer, at
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.inbox import acting, replay
from portillon_cloud.payments.inbox.news import ChargeSeen, MethodSeen, NewsForgedError, Topic, topic_of
from portillon_cloud.payments.inbox.sweeping import KEPT_FOR_MS, SWEEP_EVERY_MS
from portillon_cloud.payments.inbox.tables import inbox_event, inbox_source
from portillon_cloud.payments.provider import CardBehaviour, ChargeAnswer, ChargeOutcome
from portillon_cloud.payments.tables import attempt_outcome, payment_attempt, payment_method
from sqlalchemy import select

HOUR_MS = 3_600_000


@pytest.fixture
def inbox(gym: DuesGym) -> Inbox:
    return Inbox(gym.db, gym.organisation_id)


def charged(gym: DuesGym, inbox: Inbox, outcome: ChargeOutcome = ChargeOutcome.SUCCEEDED) -> tuple[Payer, str]:
    """A payer whose charge was made, and whose answer was lost; the provider knows what became of it."""
    payer = gym.payer(CardBehaviour.ANSWER_LOST)
    gym.owe(payer)
    gym.ring(at(0))
    [key] = gym.scalars(select(payment_attempt.c.key).order_by(payment_attempt.c.id.desc()).limit(1))
    answer = ChargeAnswer(outcome=outcome, code=None, reference=f"pi_{key}")
    inbox.told.charges[f"pi_{key}"] = ChargeSeen(key=key, answer=answer)
    return payer, f"pi_{key}"


def states(gym: DuesGym) -> list[str]:
    return [str(one) for one in gym.scalars(select(inbox_event.c.state).order_by(inbox_event.c.id))]


def test_what_is_about_what() -> None:
    """A dispute is no charge; what somebody attached is of no concern; a kind nobody knows neither."""
    kinds = {
        "payment_intent.succeeded": Topic.CHARGE,
        "charge.dispute.closed": Topic.DISPUTE,
        "charge.refund.updated": Topic.REFUND,
        "refund.failed": Topic.REFUND,
        "charge.succeeded": Topic.OTHER,
        "payment_method.automatically_updated": Topic.METHOD,
        "payment_method.attached": Topic.OTHER,
        "mandate.updated": Topic.METHOD,
        "payout.paid": Topic.OTHER,
        "moon.landed": Topic.OTHER,
    }
    assert {kind: topic_of(kind) for kind in kinds} == kinds


def test_a_lost_answer_is_heard_of_at_once(gym: DuesGym, inbox: Inbox) -> None:
    """Not after five minutes: the webhook settles the charge, once, and the ledger has it once."""
    _, charge = charged(gym, inbox)
    event = inbox.told.happens("payment_intent.succeeded", charge)
    for _ in range(2):
        inbox.hear(event)
        inbox.act()
    assert states(gym) == ["done"]
    assert gym.scalars(select(attempt_outcome.c.outcome)) == ["succeeded"]
    assert (gym.balance_minor(LedgerCode.PROVIDER_CLEARING), gym.balance_minor(LedgerCode.RECEIVABLE)) == (4599, 0)
    gym.run_until(at(2))
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 4599


def test_a_refusal_that_is_heard_of_first_is_not_tried_again_at_once(gym: DuesGym, inbox: Inbox) -> None:
    """The timer that would have asked after the lost answer finds it decided: the card is tried on the ladder's day."""
    _, charge = charged(gym, inbox, ChargeOutcome.REFUSED)
    inbox.tell("payment_intent.payment_failed", charge)
    gym.run_until(at(2, 23))
    assert gym.scalars(select(attempt_outcome.c.outcome)) == ["refused"]
    gym.run_until(at(3))
    assert gym.scalars(select(payment_attempt.c.number)) == [1, 2]


def test_what_nobody_signed_leaves_nothing(gym: DuesGym, inbox: Inbox) -> None:
    """A forged webhook is refused before anything of it is kept."""
    _, charge = charged(gym, inbox)
    with pytest.raises(NewsForgedError):
        inbox.hear(inbox.told.happens("payment_intent.succeeded", charge), signature="made up")
    assert states(gym) == []


def test_an_event_is_not_believed(gym: DuesGym, inbox: Inbox) -> None:
    """It says failed; the charge, asked for, has succeeded: so it has."""
    _, charge = charged(gym, inbox)
    inbox.tell("payment_intent.payment_failed", charge)
    assert gym.scalars(select(attempt_outcome.c.outcome)) == ["succeeded"]


def test_five_events_of_one_charge_are_one_question(gym: DuesGym, inbox: Inbox) -> None:
    """Whatever came first; and what is not ours, or unknown, is kept and changes nothing."""
    _, charge = charged(gym, inbox)
    for kind in ("succeeded", "created", "processing", "amount_capturable_updated", "requires_action"):
        inbox.hear(inbox.told.happens(f"payment_intent.{kind}", charge))
    inbox.hear(inbox.told.happens("moon.landed", "m_1"))
    inbox.told.charges["pi_other"] = ChargeSeen(key=None, answer=ChargeAnswer(outcome=ChargeOutcome.SUCCEEDED))
    inbox.hear(inbox.told.happens("payment_intent.succeeded", "pi_other"))
    assert inbox.act() == 6
    assert inbox.told.asked == 2
    assert states(gym) == ["done"] * 5 + ["ignored", "done"]
    assert gym.scalars(select(attempt_outcome.c.outcome)) == ["succeeded"]


def test_of_a_charge_that_has_succeeded_nothing_is_asked(gym: DuesGym, inbox: Inbox) -> None:
    """Its webhooks after a night's charges take no charge's place; of one that was refused, it is asked as ever."""
    for behaviour in (CardBehaviour.OK, CardBehaviour.INSUFFICIENT_FUNDS):
        gym.owe(gym.payer(behaviour))
    gym.ring(at(0))
    paid, refused = gym.scalars(select(attempt_outcome.c.provider_reference).order_by(attempt_outcome.c.attempt_id))
    for charge in (paid, refused):
        for kind in ("created", "succeeded"):
            inbox.hear(inbox.told.happens(f"payment_intent.{kind}", charge))
    assert (inbox.act(), inbox.told.asked) == (4, 1)
    assert states(gym) == ["done"] * 4


class Died(BaseException):
    """The process is killed."""


def test_whoever_dies_loses_nothing(gym: DuesGym, inbox: Inbox) -> None:
    """Stored, asked, and dead before it was written: once the claim is over another worker does it all."""
    _, charge = charged(gym, inbox)
    inbox.hear(inbox.told.happens("payment_intent.succeeded", charge))

    def die() -> None:
        raise Died

    inbox.told.between = die
    with pytest.raises(Died):
        inbox.act()
    inbox.told.between = lambda: None
    assert (states(gym), inbox.act()) == (["waiting"], 0)
    inbox.clock.forward(ms=acting.CLAIM_MS)
    assert (inbox.act(), states(gym)) == (1, ["done"])
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 4599


def card(gym: DuesGym, inbox: Inbox, label: str = "Visa •••• 4242") -> int:
    """A card of a provider that names cards by their customers."""
    payer = gym.payer()
    with gym.db.write() as conn:
        conn.execute(
            payment_method.update()
            .where(payment_method.c.id == payer.method_id)
            .values(token=f"cus_1:pm_{payer.method_id}")
        )
    inbox.told.methods[f"pm_{payer.method_id}"] = MethodSeen(
        reference=f"pm_{payer.method_id}", label=label, usable=True, exp_month=12, exp_year=2034, scheme="visa"
    )
    return payer.method_id


def method(gym: DuesGym, method_id: int) -> Any:
    with gym.db.read() as conn:
        return conn.execute(select(payment_method).where(payment_method.c.id == method_id)).one()


def test_a_card_the_bank_replaced(gym: DuesGym, inbox: Inbox) -> None:
    """It reads as the new one, expiry and all, and is charged again; taken away at the provider, no more."""
    method_id = card(gym, inbox)
    with gym.db.write() as conn:
        conn.execute(payment_method.update().where(payment_method.c.id == method_id).values(state="unusable"))
    inbox.tell("payment_method.automatically_updated", f"pm_{method_id}")
    found = method(gym, method_id)
    assert (found.label, found.exp_month, found.exp_year, found.state) == ("Visa •••• 4242", 12, 2034, "active")
    assert found.scheme == "visa"
    inbox.told.methods[f"pm_{method_id}"] = MethodSeen(
        reference=f"pm_{method_id}", label="Visa •••• 4242", usable=False
    )
    inbox.tell("payment_method.detached", f"pm_{method_id}")
    assert method(gym, method_id).state == "unusable"


@pytest.mark.parametrize("defended", [True, False])
def test_a_slow_worker_does_not_overwrite(
    gym: DuesGym, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    """While its answer is on its way another worker writes what came later (stripe-firebase-extensions#119); without
    the look at what was done meanwhile, the old state would stand."""
    method_id = card(gym, inbox, label="old")
    if not defended:
        monkeypatch.setattr(acting, "_done", lambda *_: 0)
    inbox.hear(inbox.told.happens("payment_method.updated", f"pm_{method_id}"))

    def meanwhile() -> None:
        inbox.told.between = lambda: None
        new = MethodSeen(reference=f"pm_{method_id}", label="new", usable=True)
        inbox.told.methods[f"pm_{method_id}"] = new
        inbox.tell("payment_method.updated", f"pm_{method_id}")
        assert method(gym, method_id).label == "new"

    inbox.told.between = meanwhile
    inbox.act()
    inbox.act()
    assert method(gym, method_id).label == ("new" if defended else "old")


def test_what_fails_is_tried_again_then_parked(gym: DuesGym, inbox: Inbox) -> None:
    """The provider is away for days: later each time, then a person is told; a replay does it all."""
    _, charge = charged(gym, inbox)
    inbox.told.away = True
    inbox.hear(inbox.told.happens("payment_intent.succeeded", charge))
    for tried in range(1, acting.TRIES_MAX + 1):
        assert inbox.act() == 1
        assert inbox.act() == 0, tried
        inbox.clock.forward(ms=acting.RETRY_LONGEST_MS)
    assert (states(gym), inbox.act()) == (["parked"], 0)
    with gym.db.read() as conn:
        [(event_id, kind, why)] = replay.parked(conn, gym.organisation_id)
    assert (event_id, kind, why) == (
        "evt_1",
        "payment_intent.succeeded",
        "NewsAwayError: the provider does not answer",
    )
    inbox.told.away = False
    with gym.db.write() as conn:
        replay.replay_one(conn, gym.organisation_id, "evt_1")
    assert (inbox.act(), states(gym)) == (1, ["done"])


def test_no_other_organisation_replays_it(gym: DuesGym, inbox: Inbox) -> None:
    """An event of one is unknown to another; so is one from which nothing follows."""
    _, charge = charged(gym, inbox)
    inbox.tell("payment_intent.succeeded", charge)
    for organisation_id, event_id in ((gym.organisation_id + 1, "evt_1"), (gym.organisation_id, "evt_9")):
        with gym.db.write() as conn, pytest.raises(replay.UnknownEventError):
            replay.replay_one(conn, organisation_id, event_id)
    with gym.db.write() as conn:
        assert replay.replay_since(conn, gym.organisation_id, 0) == 1
    assert (inbox.act(), states(gym)) == (1, ["done"])


def test_webhooks_that_never_came_are_found(gym: DuesGym, inbox: Inbox) -> None:
    """Every hour the provider's list is read; away it is asked the next hour, from where all before is known."""
    _, charge = charged(gym, inbox)
    inbox.watch()
    inbox.told.happens("payment_intent.succeeded", charge)
    inbox.told.away = True
    assert (inbox.sweep(), inbox.sweep(), states(gym)) == (1, 0, [])
    assert gym.scalars(select(inbox_source.c.error)) == ["NewsAwayError: the provider does not answer"]
    inbox.told.away = False
    inbox.clock.forward(ms=SWEEP_EVERY_MS)
    assert (inbox.sweep(), inbox.act(), states(gym)) == (1, 1, ["done"])
    inbox.told.happens("payment_intent.canceled", charge, created_s=1_772_445_600 + 90_000)
    inbox.clock.forward(ms=SWEEP_EVERY_MS)
    assert (inbox.sweep(), states(gym)) == (1, ["done", "waiting"])
    assert gym.scalars(select(inbox_source.c.heard_until_s)) == [1_772_445_600 + 90_000]
    assert gym.scalars(select(inbox_source.c.error)) == [None]


def test_what_is_long_done_is_let_go(gym: DuesGym, inbox: Inbox) -> None:
    """After ninety days, when no provider would list it again; what waits or is parked stays."""
    _, charge = charged(gym, inbox)
    inbox.watch()
    inbox.tell("payment_intent.succeeded", charge)
    inbox.hear(inbox.told.happens("refund.failed", "re_1"))
    inbox.told.events.clear()
    inbox.clock.forward(ms=KEPT_FOR_MS + HOUR_MS)
    inbox.sweep()
    assert states(gym) == ["waiting"]
