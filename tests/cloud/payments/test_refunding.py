"""What is owed to members goes back by the way it came, or by hand: once, never more than was paid."""

from dataclasses import dataclass, field

import pytest
from dues_gym import DuesGym, Payer, at
from portillon_cloud.audit.operations import CHECKS
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments import store
from portillon_cloud.payments.errors import OverpaymentError, RequestKeyReusedError
from portillon_cloud.payments.provider import (
    CardBehaviour,
    ChargeOrder,
    RefundAnswer,
    RefundOrder,
    RefundOutcome,
)
from portillon_cloud.payments.receipts import Receipt, receive
from portillon_cloud.payments.refunding import sending
from portillon_cloud.payments.refunding.by_hand import PaidOut, pay_out, settle_doubt
from portillon_cloud.payments.refunding.errors import (
    NotInDoubtError,
    PayoutPaidError,
    RefundUnderWayError,
    UnknownPayoutError,
)
from portillon_cloud.payments.refunding.sending import hear_refund
from portillon_cloud.payments.refunding.tables import PaidBy, payout_paid, refund_attempt
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.simulator_tables import sim_refund
from portillon_cloud.payments.tables import FinalOutcome, IntentState, Means
from sqlalchemy import select, text

HOUR_MS = 3_600_000
TOTAL = 4599


@dataclass
class Refuser:
    """A provider whose refunds end as a test wants; charges are the simulator's."""

    inner: PaymentSimulator
    answers: list[RefundAnswer] = field(default_factory=list)
    orders: list[RefundOrder] = field(default_factory=list)

    def refund(self, order: RefundOrder) -> RefundAnswer:
        self.orders.append(order)
        return self.answers.pop(0) if self.answers else self.inner.refund(order)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@pytest.fixture
def refuser(gym: DuesGym) -> Refuser:
    made = Refuser(gym.simulator)
    gym.provider = made  # type: ignore[assignment]  # what it has not itself it has from the simulator
    return made


def with_credit(gym: DuesGym, behaviour: CardBehaviour = CardBehaviour.OK) -> Payer:
    """A payer whose card was charged, and nothing of it is used for any invoice."""
    payer = gym.payer(behaviour)
    gym.owe(payer)
    with gym.db.write() as conn:
        [intent] = store.lock_live_intents(conn, payer.account_id)
        method = store.method_to_charge(conn, payer.account_id)
        assert method is not None
        attempt = store.insert_attempt(conn, intent, method, at(0))
    gym.simulator.charge(
        ChargeOrder(
            organisation_id=gym.organisation_id,
            provider=method.provider,
            key=attempt.key,
            token=method.token,
            amount_minor=TOTAL,
            currency="CAD",
            now_ms=at(0),
        )
    )
    with gym.db.write() as conn:
        store.end_attempt(conn, intent, attempt, FinalOutcome.SUCCEEDED, now_ms=at(0), reference=f"sim:{attempt.key}")
        store.set_intent_state(conn, intent.id, IntentState.SUCCEEDED)
        receipt = Receipt(
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            account_id=payer.account_id,
            amount_minor=TOTAL,
            currency="CAD",
            means=Means.PROVIDER,
            attempt_id=attempt.id,
        )
        receive(conn, receipt, [], now_ms=at(0))
    return payer


def refund(gym: DuesGym, payer: Payer, amount_minor: int | None = None, key: str = "refund-key") -> list[int]:
    with gym.db.write() as conn:
        asked = Refund(
            organisation_id=gym.organisation_id,
            account_id=payer.account_id,
            by="Ada",
            reason="paid twice",
            request_key=key,
            amount_minor=amount_minor,
        )
        return list(refund_credit(conn, asked, now_ms=at(1)))


def books(gym: DuesGym) -> tuple[int, int]:
    """What is due to members, and what the provider holds for us."""
    with gym.db.read() as conn:
        faults = [
            dict(row._mapping)
            for check in CHECKS
            if check.code in ("document_is_posted", "ledger_comes_to_documents", "paid_out_once")
            for row in conn.execute(text(check.sql), {"organisation_id": gym.organisation_id})
        ]
    assert faults == []
    return -gym.balance_minor(LedgerCode.REFUNDS_DUE), gym.balance_minor(LedgerCode.PROVIDER_CLEARING)


def hand(gym: DuesGym, payout_id: int, means: PaidBy = PaidBy.CASH, key: str = "by-hand-1", org: int = 0) -> int:
    with gym.db.write() as conn:
        said = PaidOut(
            organisation_id=org or gym.organisation_id, payout_id=payout_id, means=means, by="Ada", request_key=key
        )
        return pay_out(conn, said, now_ms=at(2))


def tries(gym: DuesGym) -> list[str]:
    return [str(one) for one in gym.scalars(select(refund_attempt.c.state).order_by(refund_attempt.c.id))]


def test_it_goes_back_by_the_card_it_came_from(gym: DuesGym) -> None:
    """Within the second in which somebody asks for it: once, however often it is asked or rings."""
    payer = with_credit(gym)
    [payout_id] = refund(gym, payer, 2000)
    assert refund(gym, payer, 2000) == [payout_id]
    assert books(gym) == (2000, TOTAL)
    gym.run_until(at(1))
    assert sending.send(gym.db, gym.provider, payout_id, now_ms=at(3)) == "paid"
    assert (tries(gym), books(gym)) == (["paid"], (0, TOTAL - 2000))
    assert gym.scalars(select(sim_refund.c.amount_minor)) == [2000]
    assert gym.scalars(select(payout_paid.c.means)) == ["provider"]


def test_never_more_than_was_paid(gym: DuesGym) -> None:
    """The second part is all that is left; there is no third."""
    payer = with_credit(gym)
    refund(gym, payer, 2000)
    refund(gym, payer, key="another-key")
    with pytest.raises(OverpaymentError):
        refund(gym, payer, 1, key="a-third-key")
    gym.run_until(at(1))
    assert books(gym) == (0, 0)
    assert sum(gym.scalars(select(sim_refund.c.amount_minor))) == TOTAL


def test_a_provider_that_is_down_is_asked_again(gym: DuesGym, refuser: Refuser) -> None:
    """After five minutes under the same key; after eight times a person pays it by hand."""
    [payout_id] = refund(gym, with_credit(gym))
    refuser.answers = [RefundAnswer(outcome=RefundOutcome.PROVIDER_DOWN)] * 2
    gym.run_until(at(1))
    assert tries(gym) == ["provider_down"]
    with pytest.raises(RefundUnderWayError):
        hand(gym, payout_id)
    gym.run_until(at(2))
    assert {one.key for one in refuser.orders} == {f"refund-{payout_id}:1"}
    assert (len(refuser.orders), tries(gym), books(gym)) == (3, ["paid"], (0, 0))
    refuser.answers = [RefundAnswer(outcome=RefundOutcome.PROVIDER_DOWN)] * 9
    refund(gym, with_credit(gym), key="another-key")
    gym.run_until(at(4))
    assert (tries(gym), len(refuser.orders)) == (["paid", "over"], 3 + 8)


def test_a_lost_answer_pays_once(gym: DuesGym) -> None:
    """The provider paid, its answer was lost: the same key hears it five minutes later."""
    payer = with_credit(gym, CardBehaviour.ANSWER_LOST)
    refund(gym, payer)
    gym.ring(at(1))
    assert (tries(gym), books(gym)) == (["unknown"], (TOTAL, TOTAL))
    gym.run_until(at(2))
    assert (tries(gym), books(gym)) == (["paid"], (0, 0))
    assert gym.scalars(select(sim_refund.c.amount_minor)) == [TOTAL]


@pytest.mark.parametrize("was_paid", [True, False])
def test_in_doubt_a_person_looks(gym: DuesGym, refuser: Refuser, was_paid: bool) -> None:
    """Once the provider has forgotten the key nothing is sent again; who looked there says what became of it."""
    [payout_id] = refund(gym, with_credit(gym))
    refuser.answers = [RefundAnswer(outcome=RefundOutcome.UNKNOWN)] * 9
    gym.run_until(at(9))
    assert (tries(gym), len(refuser.orders)) == (["doubt"], 3)
    assert sending.send(gym.db, gym.provider, payout_id, now_ms=at(9)) == "doubt"
    with pytest.raises(RefundUnderWayError):
        hand(gym, payout_id)
    with gym.db.write() as conn:
        settle_doubt(conn, gym.organisation_id, payout_id, was_paid=was_paid, by="Ada", now_ms=at(9))
    assert books(gym) == ((0, 0) if was_paid else (TOTAL, TOTAL))
    with gym.db.write() as conn, pytest.raises(NotInDoubtError):
        settle_doubt(conn, gym.organisation_id, payout_id, was_paid=True, by="Ada", now_ms=at(9))
    if not was_paid:
        hand(gym, payout_id)
        assert books(gym) == (0, TOTAL)


def test_a_worker_that_died_is_followed_under_the_same_key(gym: DuesGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after it sent: who comes next sends the same again, and one refund is made."""
    [payout_id] = refund(gym, with_credit(gym))
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sending.send(gym.db, gym.provider, payout_id, now_ms=at(1))
    assert tries(gym) == ["sent"]
    assert sending.send(gym.db, gym.provider, payout_id, now_ms=at(1)) == "paid"
    assert gym.scalars(select(sim_refund.c.amount_minor)) == [TOTAL]


def test_what_is_refused_is_paid_by_hand(gym: DuesGym, refuser: Refuser) -> None:
    """Cash out of the till, once per key; what is paid is not paid again, and nobody else's is found."""
    [payout_id] = refund(gym, with_credit(gym))
    refuser.answers = [RefundAnswer(outcome=RefundOutcome.REFUSED, code="expired_card")]
    gym.run_until(at(1))
    assert (tries(gym), books(gym)) == (["over"], (TOTAL, TOTAL))
    assert sending.send(gym.db, gym.provider, payout_id, now_ms=at(2)) == "over"
    assert hand(gym, payout_id) == hand(gym, payout_id)
    with pytest.raises(RequestKeyReusedError):
        hand(gym, payout_id, PaidBy.TRANSFER)
    with pytest.raises(PayoutPaidError):
        hand(gym, payout_id, key="by-hand-2")
    with pytest.raises(UnknownPayoutError):
        hand(gym, payout_id, key="by-hand-3", org=gym.organisation_id + 1)
    assert books(gym) == (0, TOTAL)
    assert gym.balance_minor(LedgerCode.CASH) == -TOTAL


def told(gym: DuesGym, payout_id: int, outcome: RefundOutcome) -> None:
    with gym.db.write() as conn:
        answer = RefundAnswer(outcome=outcome, code=None if outcome is not RefundOutcome.REFUSED else "card_gone")
        hear_refund(conn, gym.organisation_id, f"refund-{payout_id}:1", answer, now_ms=at(5))


def test_a_refund_that_comes_back_is_due_again(gym: DuesGym) -> None:
    """Days later the card is gone: the money is with the provider again, and a person pays it by hand."""
    [payout_id] = refund(gym, with_credit(gym))
    gym.run_until(at(1))
    for _ in range(2):
        told(gym, payout_id, RefundOutcome.REFUSED)
    assert (tries(gym), books(gym)) == (["came_back"], (TOTAL, TOTAL))
    assert sending.send(gym.db, gym.provider, payout_id, now_ms=at(6)) == "over"
    hand(gym, payout_id, PaidBy.TRANSFER)
    told(gym, payout_id, RefundOutcome.SUCCEEDED)
    assert books(gym) == (0, TOTAL)


def test_told_before_it_was_answered(gym: DuesGym, refuser: Refuser) -> None:
    """The webhook is faster than the answer, or tells of one in doubt: it is paid once."""
    [payout_id] = refund(gym, with_credit(gym))
    refuser.answers = [RefundAnswer(outcome=RefundOutcome.UNKNOWN)]
    gym.ring(at(1))
    told(gym, payout_id, RefundOutcome.PENDING)
    gym.run_until(at(3))
    assert (tries(gym), len(refuser.orders), books(gym)) == (["paid"], 1, (0, 0))


def test_paid_by_hand_and_then_by_the_provider_after_all_is_told(gym: DuesGym, refuser: Refuser) -> None:
    """What a refusal promised did not hold: the second payment is in the book, and the audit tells of it."""
    [payout_id] = refund(gym, with_credit(gym))
    refuser.answers = [RefundAnswer(outcome=RefundOutcome.REFUSED, code="generic")]
    gym.run_until(at(1))
    hand(gym, payout_id)
    told(gym, payout_id, RefundOutcome.SUCCEEDED)
    with pytest.raises(AssertionError, match=f"payout {payout_id}"):
        books(gym)
    assert -gym.balance_minor(LedgerCode.REFUNDS_DUE) == -TOTAL
