"""While a question is open or grace is given the ladder waits: nobody is reminded, nothing is charged by itself."""

from datetime import timedelta

import pytest
from dues_gym import DUE, DuesGym, Payer, at
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.billing.tables import invoice
from portillon_cloud.desk.grace import GraceAsked, give_grace
from portillon_cloud.dunning import holding
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.policy import DunningPolicy, Rung
from portillon_cloud.dunning.tables import dunning_case
from portillon_cloud.payments.operations import charge_soon
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.questions import operations as questions
from portillon_cloud.payments.questions.tables import AnsweredAs, AskedBy
from portillon_cloud.payments.simulator_tables import sim_charge
from sqlalchemy import select

BROKE = CardBehaviour.INSUFFICIENT_FUNDS


def charged_at(gym: DuesGym) -> list[int]:
    return gym.scalars(select(sim_charge.c.made_at_ms).order_by(sim_charge.c.id))


def ask(gym: DuesGym, payer: Payer, invoice_id: int, *, now_ms: int) -> int:
    asked = questions.Question(
        organisation_id=gym.organisation_id,
        invoice_id=invoice_id,
        asked_as=AskedBy.MEMBER,
        by="Camille",
        text="I was on holiday, why this much?",
        request_key="question-1",
    )
    with gym.db.write() as conn:
        return questions.ask(conn, asked, now_ms=now_ms)


def answer(gym: DuesGym, question_id: int, *, now_ms: int) -> None:
    with gym.db.write() as conn:
        questions.answer(
            conn,
            gym.organisation_id,
            question_id,
            as_=AnsweredAs.EXPLAINED,
            text="It was for March.",
            by="Camille",
            now_ms=now_ms,
        )


def give(gym: DuesGym, payer: Payer, until: int, *, now_ms: int, key: str = "grace-01") -> None:
    asked = GraceAsked(
        organisation_id=gym.organisation_id,
        account_id=payer.account_id,
        until_on=DUE + timedelta(days=until),
        by="Camille",
        reason="between two jobs",
        request_key=key,
    )
    with gym.db.write() as conn:
        give_grace(conn, asked, now_ms=now_ms)


def late(gym: DuesGym) -> tuple[Payer, int]:
    """Refused on the first day, and told so."""
    payer = gym.payer(BROKE)
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    assert (charged_at(gym), gym.letters(payer)) == ([at(0)], ["payment_failed"])
    return payer, invoice_id


def test_whoever_asks_is_not_reminded(gym: DuesGym) -> None:
    """Until the answer no letter and no charge; then the charge at once, and what waited the morning after."""
    payer, invoice_id = late(gym)
    question_id = ask(gym, payer, invoice_id, now_ms=at(1, 9))
    gym.run_until(at(6, 12))
    assert (charged_at(gym), gym.letters(payer)) == ([at(0)], ["payment_failed"])
    answer(gym, question_id, now_ms=at(6, 12))
    gym.run_until(at(6, 13))
    assert charged_at(gym) == [at(0), at(6, 12)]
    gym.run_until(at(7))
    assert gym.letters(payer) == ["payment_failed", "final_notice"]


def test_nobody_is_reminded_before_the_day_of_what_they_ask_about(gym: DuesGym) -> None:
    """Of an invoice that falls due later the reminder before its day is left out."""
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, DunningPolicy(before_due_days=(3,)), now_ms=at(-1))
    asking, other = gym.payer(), gym.payer()
    for payer in (asking, other):
        gym.owe(payer, due_on=DUE + timedelta(days=10), issued_on=DUE)
    [invoice_id, _] = gym.scalars(select(invoice.c.id).order_by(invoice.c.id))
    ask(gym, asking, invoice_id, now_ms=at(1, 9))
    gym.run_until(at(8))
    assert (gym.letters(asking), gym.letters(other)) == ([], ["before_due"])


def test_a_question_holds_its_own_invoice_alone(gym: DuesGym) -> None:
    """Of two invoices the one that nobody asks about is reminded of as ever."""
    payer, invoice_id = late(gym)
    gym.owe(payer, due_on=DUE + timedelta(days=1))
    ask(gym, payer, invoice_id, now_ms=at(0, 9))
    gym.run_until(at(4))
    assert gym.letters(payer) == ["payment_failed", "payment_failed", "reminder"]
    assert charged_at(gym) == [at(0), at(1), at(4)]


def test_grace_holds_letters_and_charges(gym: DuesGym) -> None:
    """Given from day 1 to day 12: one charge on its last morning, the letters the morning after, then no entry."""
    payer, _ = late(gym)
    give(gym, payer, 12, now_ms=at(1, 9))
    gym.run_until(at(12) - 1)
    assert (charged_at(gym), gym.letters(payer)) == ([at(0)], ["payment_failed"])
    gym.run_until(at(12, 23))
    assert (charged_at(gym), gym.letters(payer)) == ([at(0), at(12)], ["payment_failed"])
    gym.run_until(at(13, 12))
    assert charged_at(gym) == [at(0), at(12)]
    assert gym.letters(payer) == ["payment_failed", "suspended", "final_notice"]


def test_paid_on_the_last_morning_of_grace(gym: DuesGym) -> None:
    """A card that has money again is charged before the grace is over: nobody is shut out, nothing is written."""
    payer, _ = late(gym)
    give(gym, payer, 12, now_ms=at(1, 9))
    gym.behave(payer, CardBehaviour.OK)
    gym.run_until(at(40))
    assert (charged_at(gym), gym.letters(payer)) == ([at(0), at(12)], ["payment_failed"])


def test_grace_that_is_taken_back(gym: DuesGym) -> None:
    """What waited goes on the next morning, and what has its day later on that day."""
    payer, _ = late(gym)
    give(gym, payer, 12, now_ms=at(1, 9))
    gym.run_until(at(5, 9))
    give(gym, payer, 4, now_ms=at(5, 9), key="grace-02")
    gym.run_until(at(7))
    assert charged_at(gym) == [at(0), at(6), at(7)]
    assert gym.letters(payer) == ["payment_failed", "reminder", "final_notice"]


def test_whoever_wants_to_pay_in_grace_may(gym: DuesGym) -> None:
    """Asked for at the desk or by the link, the charge is made at once; what falls due newly is charged as ever."""
    payer, _ = late(gym)
    give(gym, payer, 12, now_ms=at(1, 9))
    gym.owe(payer, due_on=DUE + timedelta(days=2))
    gym.run_until(at(2))
    assert charged_at(gym) == [at(0), at(2)]
    with gym.db.write() as conn:
        charge_soon(conn, organisation_id=gym.organisation_id, account_id=payer.account_id, now_ms=at(3, 9))
    gym.run_until(at(3, 9))
    assert charged_at(gym) == [at(0), at(2), at(3, 9), at(3, 9)]


def test_nothing_ends_in_grace(gym: DuesGym) -> None:
    """Neither the collectors nor anybody else gets a debt while there is grace for it."""
    with gym.db.write() as conn:
        ends = DunningPolicy(retry_days=(), reminder_days=(0,), hand_over=Rung(day=5))
        set_policy(conn, gym.organisation_id, ends, now_ms=at(-1))
    payer, _ = late(gym)
    give(gym, payer, 8, now_ms=at(1, 9))
    handed_over = select(dunning_case.c.handed_over_at_ms)
    gym.run_until(at(8, 12))
    assert gym.scalars(handed_over) == [None]
    gym.run_until(at(9))
    assert gym.scalars(handed_over) == [at(9)]


def test_of_charges_that_waited_one_is_left(gym: DuesGym) -> None:
    """A dispute over three retry days, and a question too: the card is tried once when it is over, not three times."""
    payer, _ = late(gym)
    dispute = {
        "organisation_id": gym.organisation_id,
        "account_id": payer.account_id,
        "reason": BlockReason.CHARGEBACK,
        "source": "dispute-1",
    }
    with gym.db.write() as conn:
        put_block(conn, **dispute, from_ms=at(2))  # type: ignore[arg-type]
    gym.run_until(at(9))
    with gym.db.write() as conn:
        end_block(conn, **dispute, at_ms=at(9, 9))  # type: ignore[arg-type]
    gym.run_until(at(20))
    assert charged_at(gym) == [at(0), at(10)]


@pytest.mark.parametrize("held_by", ["spared_until", "questions"])
def test_without_it_they_would_be_reminded(gym: DuesGym, monkeypatch: pytest.MonkeyPatch, held_by: str) -> None:
    """Ablation: if the ladder does not ask what holds it, who was given time or waits for an answer is written to."""
    monkeypatch.setattr(holding, held_by, lambda *_: {})
    payer, invoice_id = late(gym)
    if held_by == "questions":
        ask(gym, payer, invoice_id, now_ms=at(1, 9))
    else:
        give(gym, payer, 12, now_ms=at(1, 9))
    gym.run_until(at(4))
    assert gym.letters(payer) == ["payment_failed", "reminder"]
