"""Money taken back by a bank: owed again, chased anew, and told once; what was paid stays written as it was."""

from typing import Any

import pytest
from dues_gym import DUE, TOTAL_MINOR, DuesGym, Payer, at
from portillon_cloud.access import store as access_store
from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.accounting.e_reporting import PaidDay, paid
from portillon_cloud.accounting.statement import statement
from portillon_cloud.audit.operations import CHECKS
from portillon_cloud.database import Database
from portillon_cloud.dunning.tables import dunning_case
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.ledger.periods import Book
from portillon_cloud.payments import returns, store
from portillon_cloud.payments.errors import OverpaymentError, RequestKeyReusedError, UnknownPaymentError
from portillon_cloud.payments.operations import owed_minor, unpaid_invoices
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.receipts import Receipt, Share, receive
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.return_tables import ReturnKind, allocation_undone, payment_return
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.tables import IntentState, Means, attempt_outcome, payment, payment_intent
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

BOOKS = (
    "payment_is_spent_once",
    "owed_is_collected",
    "document_is_posted",
    "ledger_comes_to_documents",
)
"""The nightly checks that a return could break."""


def back(gym: DuesGym, *, now_ms: int, key: str = "re_1", **more: Any) -> int:
    [newest] = gym.scalars(select(payment.c.id).order_by(payment.c.id.desc()).limit(1))
    values: dict[str, Any] = {"payment_id": newest, "kind": ReturnKind.RETURNED, "code": "AC04", "by": "bank", **more}
    with gym.db.write() as conn:
        told = TakenBack(organisation_id=gym.organisation_id, request_key=key, **values)
        return take_back(conn, told, now_ms=now_ms)


def paid_up(gym: DuesGym) -> tuple[Payer, int]:
    """Somebody whose card paid on the due day."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    return payer, invoice_id


def owed(gym: DuesGym, invoice_id: int) -> int:
    with gym.db.read() as conn:
        return owed_minor(conn, invoice_id)


def standing(gym: DuesGym, payer: Payer, now_ms: int) -> Standing:
    with gym.db.read() as conn:
        facts = access_store.account_facts(conn, gym.organisation_id, [payer.account_id], now_ms)
    return standing_at(facts[payer.account_id], now_ms)


def faults(gym: DuesGym) -> list[Any]:
    """What the nightly audit of the books would say."""
    with gym.db.read() as conn:
        return [
            row
            for check in CHECKS
            if check.code in BOOKS
            for row in conn.execute(text(check.sql), {"organisation_id": gym.organisation_id})
        ]


def test_a_debit_returned_weeks_later_is_owed_and_collected_again(gym: DuesGym) -> None:
    """The success stays; the invoice is owed again by a new intent, its ladder begins that day, and a retry pays it."""
    payer, invoice_id = paid_up(gym)
    gym.behave(payer, CardBehaviour.INSUFFICIENT_FUNDS)
    back(gym, now_ms=at(20), code="insufficient_funds")
    assert owed(gym, invoice_id) == TOTAL_MINOR
    assert gym.scalars(select(attempt_outcome.c.outcome)) == ["succeeded"]
    assert gym.scalars(select(payment_intent.c.state).order_by(payment_intent.c.id)) == ["succeeded", "open"]
    assert gym.scalars(select(dunning_case.c.cause)) == ["insufficient_funds"]
    assert standing(gym, payer, at(20)) is Standing.GRACE
    assert gym.balance_minor(LedgerCode.RECEIVABLE) == TOTAL_MINOR
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0
    gym.run_until(at(22))
    gym.behave(payer, CardBehaviour.OK)
    gym.run_until(at(24))
    assert owed(gym, invoice_id) == 0
    assert standing(gym, payer, at(24)) is Standing.CLEAR
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == TOTAL_MINOR
    assert faults(gym) == []


def test_unpaid_again_it_shuts_the_door_in_its_own_time(gym: DuesGym) -> None:
    """Grace counts from the return and not from the old due day; at its end the member is suspended."""
    payer, _ = paid_up(gym)
    gym.behave(payer, CardBehaviour.INSUFFICIENT_FUNDS)
    back(gym, now_ms=at(30), code="insufficient_funds")
    gym.run_until(at(39, 12))
    assert standing(gym, payer, at(39, 12)) is Standing.GRACE
    gym.run_until(at(40))
    assert standing(gym, payer, at(40)) is Standing.SUSPENDED


def test_told_twice_it_is_one(gym: DuesGym) -> None:
    """The bank's own name for it is the key; the same name for another payment is refused."""
    _, invoice_id = paid_up(gym)
    assert back(gym, now_ms=at(9)) == back(gym, now_ms=at(10))
    assert gym.scalars(select(payment_return.c.id)) == [1]
    assert owed(gym, invoice_id) == TOTAL_MINOR
    with pytest.raises(RequestKeyReusedError):
        back(gym, now_ms=at(11), kind=ReturnKind.DISPUTED)


def test_no_more_goes_back_than_came(gym: DuesGym) -> None:
    """Two returns together never exceed the payment; a payment of somebody else's is not found."""
    _, invoice_id = paid_up(gym)
    back(gym, now_ms=at(5), amount_minor=1000)
    assert owed(gym, invoice_id) == 1000
    with pytest.raises(OverpaymentError, match="3599 is left"):
        back(gym, now_ms=at(6), key="re_2", amount_minor=TOTAL_MINOR)
    back(gym, now_ms=at(6), key="re_2")
    assert owed(gym, invoice_id) == TOTAL_MINOR
    with pytest.raises(UnknownPaymentError):
        back(gym, now_ms=at(7), key="re_3", payment_id=99)
    assert faults(gym) == []


def test_what_is_owed_again_has_a_place_of_its_own(gym: DuesGym) -> None:
    """Each return is an instalment of its own: beside the first, whose charge may ring again, and beside another."""
    payer, invoice_id = paid_up(gym)
    gym.behave(payer, CardBehaviour.DEBIT)
    back(gym, now_ms=at(5), amount_minor=1000)
    back(gym, now_ms=at(5), key="re_2", amount_minor=500)
    live = select(payment_intent.c.position, payment_intent.c.amount_minor).where(payment_intent.c.state == "open")
    with gym.db.read() as conn:
        assert [tuple(row) for row in conn.execute(live.order_by(payment_intent.c.position))] == [(2, 1000), (3, 500)]
        assert sum(one.owed_minor for one in unpaid_invoices(conn, payer.account_id)) == 1500
    gym.pay(payer, 1500, now_ms=at(6))
    assert owed(gym, invoice_id) == 0
    assert faults(gym) == []


def test_unused_credit_goes_first_and_a_refund_before_it_is_a_loss(gym: DuesGym) -> None:
    """Of an overpayment the credit goes, then what it settled; what was paid back to the member meanwhile is lost."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    payment_id = overpaid(gym, payer, invoice_id)
    back(gym, now_ms=at(20), payment_id=payment_id)
    [row] = rows(gym.db, select(payment_return))
    assert (row.amount_minor, row.from_credit_minor, row.lost_minor) == (TOTAL_MINOR + 2000, 1000, 1000)
    assert owed(gym, invoice_id) == TOTAL_MINOR
    assert gym.balance_minor(LedgerCode.BAD_DEBT) == 1000
    assert gym.balance_minor(LedgerCode.MEMBER_CREDIT) == 0
    assert faults(gym) == []


def overpaid(gym: DuesGym, payer: Payer, invoice_id: int) -> int:
    """Two thousand more than is owed: half of it is paid back to the member, and half stays as credit; its id."""
    with gym.db.write() as conn:
        [intent] = store.lock_live_intents(conn, payer.account_id)
        receipt = Receipt(
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            account_id=payer.account_id,
            amount_minor=TOTAL_MINOR + 2000,
            currency="CAD",
            means=Means.TRANSFER,
        )
        payment_id = receive(conn, receipt, [Share(invoice_id, TOTAL_MINOR)], now_ms=at(0))
        store.set_intent_state(conn, intent.id, IntentState.REPLACED)
        asked = Refund(
            organisation_id=gym.organisation_id,
            account_id=payer.account_id,
            by="Awa",
            reason="too much",
            request_key="back",
            amount_minor=1000,
        )
        refund_credit(conn, asked, now_ms=at(1))
        return payment_id


def rows(db: Database, query: Any) -> list[Any]:
    with db.read() as conn:
        return list(conn.execute(query))


def test_a_lost_dispute_waits_for_a_person(gym: DuesGym) -> None:
    """Not collected again: no charge, no ladder; it is owed, parked, and out of the account of disputes."""
    payer, invoice_id = paid_up(gym)
    back(gym, now_ms=at(9), kind=ReturnKind.DISPUTED, out_of=LedgerCode.DISPUTED, collect_again=False)
    charges = gym.scalars(select(sim_charge.c.id))
    gym.run_until(at(60))
    assert gym.scalars(select(sim_charge.c.id)) == charges
    assert gym.letters(payer) == []
    assert owed(gym, invoice_id) == TOTAL_MINOR
    assert gym.scalars(select(payment_intent.c.state).order_by(payment_intent.c.id)) == ["succeeded", "parked"]
    assert gym.balance_minor(LedgerCode.DISPUTED) == -TOTAL_MINOR


def test_a_cheque_that_bounces_charges_no_card(gym: DuesGym) -> None:
    """Reminders and restrictions, and no retries: who paid by cheque has agreed to no charge."""
    payer = gym.payer()
    gym.owe(payer)
    gym.pay(payer, TOTAL_MINOR, now_ms=at(-1))
    gym.run_until(at(5))
    back(gym, now_ms=at(6), kind=ReturnKind.BOUNCED, code="no_funds", out_of=LedgerCode.CASH)
    gym.run_until(at(30))
    assert gym.scalars(select(sim_charge.c.id)) == []
    assert "payment_failed" in gym.letters(payer)
    assert standing(gym, payer, at(30)) is Standing.SUSPENDED


def test_the_statement_and_the_report_of_payments_say_so(gym: DuesGym) -> None:
    """A line of its own on its own day; the day of the payment stays as it was reported."""
    payer, _ = paid_up(gym)
    before = reported(gym)
    back(gym, now_ms=at(9))
    with gym.db.read() as conn:
        told = statement(
            conn, organisation_id=gym.organisation_id, account_id=payer.account_id, from_on=DUE, through_on=LAST
        )
    assert [(line.what, line.amount_minor) for line in told.lines] == [
        ("invoice", TOTAL_MINOR),
        ("payment", -TOTAL_MINOR),
        ("payment_return", TOTAL_MINOR),
    ]
    after = reported(gym)
    assert after[: len(before)] == before
    assert [one.amount_minor for one in after] == [TOTAL_MINOR, -TOTAL_MINOR]


LAST = DUE.replace(month=12)


def reported(gym: DuesGym) -> list[PaidDay]:
    with gym.db.read() as conn:
        book = Book(organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, currency="CAD")
        return list(paid(conn, book, from_on=DUE, through_on=LAST))


@pytest.mark.parametrize("table", [payment_return, allocation_undone])
def test_a_return_never_changes(gym: DuesGym, table: Any) -> None:
    """The database itself refuses an update and a deletion."""
    paid_up(gym)
    back(gym, now_ms=at(9))
    for statement_ in (update(table).values(amount_minor=1), delete(table)):
        with pytest.raises(DBAPIError), gym.db.write() as conn:
            conn.execute(statement_)


def test_without_the_undoing_the_audit_cries(gym: DuesGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: a return that undoes no allocation leaves the book and the documents apart, and is found."""
    paid_up(gym)
    monkeypatch.setattr(returns, "_write_undone", lambda *_: None)
    back(gym, now_ms=at(9))
    assert faults(gym) != []
