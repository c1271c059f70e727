"""Whoever asks about an invoice is left in peace for a while, once, and answered on record; then it goes on."""

from typing import Any

import pytest
from dues_api import make_api
from dues_gym import TOTAL_MINOR, DuesGym, at, make_gym
from portillon_cloud.access import store as access_store
from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.database import Database
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments import charging
from portillon_cloud.payments.errors import RequestKeyReusedError
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.questions.errors import (
    AnsweredAlreadyError,
    AskedAlreadyError,
    UnknownInvoiceError,
    UnknownQuestionError,
)
from portillon_cloud.payments.questions.operations import HOLD_DAYS, Question, answer, ask, questions
from portillon_cloud.payments.questions.tables import AnsweredAs, AskedBy
from portillon_cloud.payments.tables import attempt_outcome
from sqlalchemy import select


def asked(gym: DuesGym, invoice_id: int, *, day: int = 0, key: str = "a-question", **more: Any) -> int:
    values: dict[str, Any] = {"organisation_id": gym.organisation_id, "text": "Why is it so much?", **more}
    with gym.db.write() as conn:
        question = Question(invoice_id=invoice_id, asked_as=AskedBy.MEMBER, by="desk", request_key=key, **values)
        return ask(conn, question, now_ms=at(day, 1))


def answered(gym: DuesGym, question_id: int, *, day: int, org: int | None = None) -> None:
    with gym.db.write() as conn:
        answer(
            conn,
            org or gym.organisation_id,
            question_id,
            as_=AnsweredAs.EXPLAINED,
            text="It is the joining fee.",
            by="Ada",
            now_ms=at(day),
        )


def charges(gym: DuesGym) -> int:
    return len(gym.scalars(select(attempt_outcome.c.attempt_id)))


def standing(gym: DuesGym, account_id: int, now_ms: int) -> Standing:
    with gym.db.read() as conn:
        facts = access_store.account_facts(conn, gym.organisation_id, [account_id], now_ms)
    return standing_at(facts[account_id], now_ms)


def test_while_it_is_open_nothing_is_charged(gym: DuesGym) -> None:
    """Answered, it is charged at once; another invoice of the account is not held."""
    payer = gym.payer()
    question_id = asked(gym, gym.owe(payer))
    gym.owe(payer)
    gym.run_until(at(3))
    assert charges(gym) == 1
    answered(gym, question_id, day=3)
    gym.run_until(at(3))
    assert charges(gym) == 2


@pytest.mark.parametrize("defended", [True, False])
def test_nobody_holds_an_invoice_for_ever(gym: DuesGym, monkeypatch: pytest.MonkeyPatch, defended: bool) -> None:
    """After fourteen days it is charged, answered or not, and a second question holds it no more; without the hold
    it would be charged on its day."""
    if not defended:
        monkeypatch.setattr(charging, "holds", lambda *_: {})
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    invoice_id = gym.owe(payer)
    question_id = asked(gym, invoice_id)
    gym.run_until(at(HOLD_DAYS - 1))
    assert (charges(gym) == 0) is defended
    gym.run_until(at(HOLD_DAYS))
    assert charges(gym) >= 1
    before = charges(gym)
    answered(gym, question_id, day=HOLD_DAYS)
    asked(gym, invoice_id, day=HOLD_DAYS, key="once-more", text="And why still?")
    gym.run_until(at(HOLD_DAYS + 8))
    assert charges(gym) > before


def test_it_shuts_no_door_meanwhile(gym: DuesGym) -> None:
    """Somebody suspended for an invoice asks about it: they pass until it is answered, and then as before."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    invoice_id = gym.owe(payer)
    gym.run_until(at(12))
    assert standing(gym, payer.account_id, at(12)) is Standing.SUSPENDED
    question_id = asked(gym, invoice_id, day=12)
    assert standing(gym, payer.account_id, at(12, 2)) is not Standing.SUSPENDED
    answered(gym, question_id, day=13)
    assert standing(gym, payer.account_id, at(13, 7)) is Standing.SUSPENDED


def test_one_question_at_a_time_and_one_answer(gym: DuesGym) -> None:
    """The same key is the same question; another is refused while one is open; nobody sees another's."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    question_id = asked(gym, invoice_id)
    assert asked(gym, invoice_id) == question_id
    with pytest.raises(RequestKeyReusedError):
        asked(gym, invoice_id, text="Something else")
    with pytest.raises(AskedAlreadyError):
        asked(gym, invoice_id, key="another")
    with pytest.raises(UnknownInvoiceError):
        asked(gym, invoice_id, key="another", organisation_id=gym.organisation_id + 1)
    with pytest.raises(UnknownQuestionError):
        answered(gym, question_id, day=1, org=gym.organisation_id + 1)
    answered(gym, question_id, day=1)
    with pytest.raises(AnsweredAlreadyError):
        answered(gym, question_id, day=1)
    with gym.db.read() as conn:
        [line] = questions(conn, gym.organisation_id)
        assert questions(conn, gym.organisation_id + 1) == []
    assert (line.answered_as, line.answered_by, line.who) == (AnsweredAs.EXPLAINED, "Ada", "Zoé Tremblay")


def test_the_desk_asks_and_answers_over_http(sqlite_db: Database) -> None:
    """Once per key; a technician sees none of it."""
    gym = make_gym(sqlite_db)
    api = make_api(gym)
    invoice_id = gym.owe(gym.payer(), total_minor=TOTAL_MINOR)
    desk, once = api.as_role(Role.DESK), {"Idempotency-Key": "my-question-1"}
    said = {"text": "Why is it so much?"}
    made = [desk.post(f"/invoices/{invoice_id}/questions", json=said, headers=once) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json() == made[1].json()
    here = f"/invoice-questions/{made[0].json()['question_id']}/answer"
    reply = {"answered_as": "credited", "text": "You were right: CN-202603-000001."}
    assert [desk.post(here, json=reply).status_code for _ in range(2)] == [204, 409]
    assert [one["answered_as"] for one in desk.get("/invoice-questions").json()] == ["credited"]
    assert api.as_role(Role.TECHNICIAN).get("/invoice-questions").status_code == 403
