"""Paid back by a file: once, to the account it came from, through a bank of somebody else's making and back."""

from datetime import date
from typing import Any

import pytest
from cloud.reconciliation.test_other_bank import FILED, given
from euro_gym import DUE, PAYER_IBAN, TOTAL_MINOR, EuroGym, at
from other_bank import OtherBank, open_bank
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.payments.errors import IdempotencyKeyReusedError
from portillon_cloud.payments.provider import RefundAnswer, RefundOrder, RefundOutcome
from portillon_cloud.payments.refunding.by_hand import PaidOut, pay_out
from portillon_cloud.payments.refunding.errors import RefundUnderWayError
from portillon_cloud.payments.refunding.list import PayoutToDo, due_payouts
from portillon_cloud.payments.refunding.sending import REFUND, plan_sending, refund_timer
from portillon_cloud.payments.refunding.tables import PaidBy
from portillon_cloud.payments.sepa.collecting import make_file
from portillon_cloud.payments.sepa.decisions import Decision, Said
from portillon_cloud.payments.sepa.errors import NothingToPayBackError
from portillon_cloud.payments.sepa.filing import read_file
from portillon_cloud.payments.sepa.mandates import erase_mandates
from portillon_cloud.payments.sepa.refunds import decide_refund, make_refund_file, waiting_refunds
from portillon_cloud.payments.sepa.tables import sepa_refund
from portillon_cloud.payments.tables import payment, payout
from portillon_cloud.reconciliation.tables import bank_match
from portillon_cloud.reconciliation.view import reconciliation
from sqlalchemy import select

ASKED = date(2026, 3, 18)
BACK_MINOR = 1500


@pytest.fixture
def bank(gym: EuroGym) -> OtherBank:
    """The bank has collected a payer's invoice: it is paid, and lies there."""
    found = open_bank("2026-03-11T09:00")
    gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    with gym.db.write() as conn:
        make_file(conn, gym.keyring, gym.book, today=FILED, by="Inès", now_ms=at(FILED, 9))
        _, body = read_file(conn, gym.keyring, organisation_id=gym.organisation_id, file_id=1)
    assert found.take(body) == "ACCP"
    found.pass_days(6)
    for one in found.said("pain.002", "camt.053"):
        given(gym, one, date(2026, 3, 17))
    assert gym.balance_minor(LedgerCode.BANK) == TOTAL_MINOR
    return found


def ask_back(gym: EuroGym, minor: int = BACK_MINOR, key: str = "r-1") -> int:
    """A part of what the debit brought is owed back; the worker takes the first step. The payout's id."""
    with gym.db.write() as conn:
        paid = conn.execute(select(payment)).one()
        payout_id = insert_one(
            conn, payout, organisation_id=gym.organisation_id, legal_entity_id=gym.book.legal_entity_id,
            account_id=paid.account_id, payment_id=paid.id, credit_note_id=None, amount_minor=minor, currency="EUR",
            asked_at_ms=at(ASKED), asked_by="Inès", reason="closed in March", request_key=key, position=0,
        )  # fmt: skip
        owed = Entry(
            kind="payout", source=str(payout_id), occurred_on=ASKED,
            postings=(Posting(LedgerCode.REVENUE, LedgerCode.REFUNDS_DUE, minor),),
        )  # fmt: skip
        post(
            conn, owed, organisation_id=gym.organisation_id, legal_entity_id=gym.book.legal_entity_id, currency="EUR",
            recorded_at_ms=at(ASKED),
        )  # fmt: skip
        plan_sending(conn, organisation_id=gym.organisation_id, payout_id=payout_id, at_ms=at(ASKED, 7))
    gym.run_until(at(ASKED, 8), **{REFUND: refund_timer(gym.provider)})
    return payout_id


def filed(gym: EuroGym, on: date = ASKED) -> bytes:
    with gym.db.write() as conn:
        made = make_refund_file(conn, gym.keyring, gym.book, today=on, by="Inès", now_ms=at(on, 9))
        return read_file(conn, gym.keyring, organisation_id=gym.organisation_id, file_id=made.id)[1]


def to_do(gym: EuroGym) -> list[PayoutToDo]:
    with gym.db.read() as conn:
        return [one.to_do for one in due_payouts(conn, gym.organisation_id)]


def order(key: str = "refund-1:1", minor: int = BACK_MINOR, charge: str = "intent-1:1") -> RefundOrder:
    return RefundOrder(
        organisation_id=1, provider="sepa", key=key, charge=charge, amount_minor=minor, currency="EUR", now_ms=0
    )


def test_a_refund_leaves_with_its_file_and_the_bank_books_it(gym: EuroGym, bank: OtherBank) -> None:
    """It waits and is not paid; with the file it is; the bank's line is explained by our own key, to the cent."""
    payout_id = ask_back(gym)
    with gym.db.write() as conn:
        assert waiting_refunds(conn, gym.book) == (1, BACK_MINOR)
        by_hand = PaidOut(
            organisation_id=gym.organisation_id, payout_id=payout_id, means=PaidBy.CASH, by="desk", request_key="c-1"
        )
        with pytest.raises(RefundUnderWayError):
            pay_out(conn, by_hand, now_ms=at(ASKED, 8))
    assert to_do(gym) == [PayoutToDo.WAIT] and gym.balance_minor(LedgerCode.REFUNDS_DUE) == -BACK_MINOR
    body = filed(gym)
    assert PAYER_IBAN.encode() in body and b"refund-1:1" in body and b"2026-03-19" in body
    assert to_do(gym) == [] and gym.balance_minor(LedgerCode.REFUNDS_DUE) == 0
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == -BACK_MINOR
    with pytest.raises(NothingToPayBackError):
        filed(gym)
    bank.hold("zoe", PAYER_IBAN)
    assert bank.take(body) == "ACCP"
    bank.pass_days(5)
    for one in bank.said("pain.002", "camt.053") * 2:
        given(gym, one, date(2026, 3, 24))
    with gym.db.read() as conn:
        found = reconciliation(conn, gym.book)
        assert list(conn.execute(select(bank_match.c.rule).order_by(bank_match.c.id)).scalars()) == ["debit", "refund"]
        assert conn.execute(select(sepa_refund.c.state)).scalar_one() == "left"
    assert gym.balance_minor(LedgerCode.BANK) == TOTAL_MINOR - BACK_MINOR
    assert (found.open, found.unseen, found.under_way_minor) == ([], [], 0)


def test_a_refund_that_the_payers_bank_sends_back_is_due_again_by_hand(gym: EuroGym, bank: OtherBank) -> None:
    """It left and came back, told as pacs.004 and on the statement: one return, its line explained, the payout due."""
    ask_back(gym)
    bank.behave("gym", "return-later")  # at this bank it is said of who sends
    assert bank.take(filed(gym)) == "ACCP"
    bank.pass_days(12)
    files = bank.said("pain.002", "pacs.004", "camt.053")
    assert any(b"PmtRtr" in one for one in files)
    for one in files * 2:
        given(gym, one, date(2026, 3, 31))
    with gym.db.read() as conn:
        rules = list(conn.execute(select(bank_match.c.rule).order_by(bank_match.c.id)).scalars())
        found = reconciliation(conn, gym.book)
    assert rules == ["debit", "refund", "refund_back"] and to_do(gym) == [PayoutToDo.PAY]
    assert gym.balance_minor(LedgerCode.BANK) == TOTAL_MINOR
    assert gym.balance_minor(LedgerCode.REFUNDS_DUE) == -BACK_MINOR
    assert (found.open, found.unseen, found.under_way_minor) == ([], [], 0)


@pytest.mark.parametrize("said", [Said.REFUSED, Said.RETURNED, Said.CAME_BACK])
def test_whatever_a_bank_says_of_a_refund_and_however_often(gym: EuroGym, bank: OtherBank, said: Said) -> None:
    """Refused or returned, booked before or not, twice: due again once, and nothing that is said later changes it."""
    ask_back(gym)
    filed(gym)
    with gym.db.write() as conn:
        for told in (Said.LEFT, said, said, Said.LEFT):
            answer = Decision("refund-1:1", told, "AC04")
            assert decide_refund(conn, gym.organisation_id, answer, now_ms=at(ASKED, 10))
        assert not decide_refund(conn, gym.organisation_id, Decision("nobody's", said), now_ms=0)
        [due] = due_payouts(conn, gym.organisation_id)
    assert (due.to_do, due.code) == (PayoutToDo.PAY, "AC04")
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0


def test_one_key_is_one_refund(gym: EuroGym, bank: OtherBank) -> None:
    """Sent again it is the same; with another amount a defect of ours; of an account nobody knows any more, by hand."""
    assert gym.provider.refund(order()).outcome is RefundOutcome.WAITING
    assert gym.provider.refund(order()).outcome is RefundOutcome.WAITING
    with pytest.raises(IdempotencyKeyReusedError):
        gym.provider.refund(order(minor=1))
    assert gym.provider.refund(order("refund-2:1", charge="intent-9:1")).code == "no_account"
    with gym.db.write() as conn:
        assert waiting_refunds(conn, gym.book) == (1, BACK_MINOR)
        account_id = conn.execute(select(payment.c.account_id)).scalar_one()
        erase_mandates(conn, organisation_id=gym.organisation_id, account_id=account_id, on=ASKED)
    gone: RefundAnswer = gym.provider.refund(order("refund-3:1"))
    assert (gone.outcome, gone.code) == (RefundOutcome.REFUSED, "no_account")


def test_without_the_key_each_asking_would_be_another_transfer(
    gym: EuroGym, bank: OtherBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ablation: keys regenerated each time, one payout asked twice waits twice for its file."""
    real = gym.provider.refund
    number = iter(range(9))

    def forgetful(asked: RefundOrder) -> Any:
        return real(order(f"refund-1:new{next(number)}", asked.amount_minor, asked.charge))

    monkeypatch.setattr(gym.provider, "refund", forgetful)
    for _ in range(2):
        gym.provider.refund(order())
    with gym.db.read() as conn:
        assert waiting_refunds(conn, gym.book) == (2, 2 * BACK_MINOR)
