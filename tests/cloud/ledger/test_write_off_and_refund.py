"""What is given up and what is paid back: posted once, tied to its invoice or its source, asked twice done once."""

from datetime import date

import pytest
from cloud.gym import Gym, Joined
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.ledger.errors import AlreadyPostedError, PostingError
from portillon_cloud.ledger.manual import SIDES, ManualEntry, deposit_minor, record
from portillon_cloud.ledger.periods import Book
from portillon_cloud.ledger.tables import ManualKind
from portillon_cloud.payments.errors import (
    NothingOwedError,
    OverpaymentError,
    RequestKeyReusedError,
    UnknownAccountError,
)
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.receipts import Receipt, receive
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.tables import Means, open_credit, payout
from portillon_cloud.payments.write_off import WriteOff, write_off
from sqlalchemy import select

START = date(2026, 4, 1)
NOW_MS = start_of_day_ms(START, "America/Toronto")


def balances(gym: Gym) -> dict[LedgerCode, int]:
    with gym.db.read() as conn:
        lines = trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")
    return {line.code: line.debit_minor - line.credit_minor for line in lines if line.debit_minor != line.credit_minor}


def billed(gym: Gym) -> tuple[Joined, int]:
    joined = gym.join(starts_on=START)
    [invoice_id] = run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=NOW_MS)
    return joined, invoice_id


def give_up(gym: Gym, joined: Joined, invoice_id: int, amount_minor: int | None = None, key: str = "first-try") -> int:
    with gym.db.write() as conn:
        return write_off(
            conn,
            WriteOff(
                organisation_id=gym.organisation_id,
                account_id=joined.account_id,
                invoice_id=invoice_id,
                by="Awa",
                reason="moved abroad",
                request_key=key,
                amount_minor=amount_minor,
            ),
            now_ms=NOW_MS,
        )


def overpaid(gym: Gym, joined: Joined, amount_minor: int) -> None:
    with gym.db.write() as conn:
        receive(
            conn,
            Receipt(
                organisation_id=gym.organisation_id,
                legal_entity_id=gym.legal_entity_id,
                account_id=joined.account_id,
                amount_minor=amount_minor,
                currency="CAD",
                means=Means.TRANSFER,
            ),
            (),
            now_ms=NOW_MS,
        )


def refund(gym: Gym, account_id: int, amount_minor: int | None = None, key: str = "first-try") -> list[int]:
    with gym.db.write() as conn:
        asked = Refund(
            organisation_id=gym.organisation_id,
            account_id=account_id,
            by="Awa",
            reason="left",
            request_key=key,
            amount_minor=amount_minor,
        )
        return list(refund_credit(conn, asked, now_ms=NOW_MS))


def test_a_part_and_then_the_rest_are_written_off(gym: Gym) -> None:
    """What is given up is a loss; what is left is still owed; at the end nothing is."""
    joined, invoice_id = billed(gym)
    give_up(gym, joined, invoice_id, 14_98)
    with gym.db.read() as conn:
        assert [one.owed_minor for one in unpaid_invoices(conn, joined.account_id)] == [100_00]
    assert (balances(gym)[LedgerCode.BAD_DEBT], balances(gym)[LedgerCode.RECEIVABLE]) == (14_98, 100_00)
    give_up(gym, joined, invoice_id, key="second-try")
    with gym.db.read() as conn:
        assert unpaid_invoices(conn, joined.account_id) == []
    assert balances(gym)[LedgerCode.BAD_DEBT] == 114_98
    assert LedgerCode.RECEIVABLE not in balances(gym)


def test_a_write_off_asked_twice_is_one(gym: Gym) -> None:
    """The same key is the same act; another content under it, too much, or nothing owed is refused."""
    joined, invoice_id = billed(gym)
    assert give_up(gym, joined, invoice_id, 1_00) == give_up(gym, joined, invoice_id, 1_00)
    assert balances(gym)[LedgerCode.BAD_DEBT] == 1_00
    with pytest.raises(RequestKeyReusedError):
        give_up(gym, joined, invoice_id, 2_00)
    for amount_minor in (0, -1, 114_00):
        with pytest.raises(OverpaymentError):
            give_up(gym, joined, invoice_id, amount_minor, key=f"try-{amount_minor}")
    with pytest.raises(NothingOwedError):
        give_up(gym, joined, invoice_id + 1, key="other")


def test_credit_waits_to_be_paid_back_by_its_sources(gym: Gym) -> None:
    """The oldest credit goes first, each payout names its payment, what is left stays the member's credit."""
    joined = gym.join(starts_on=START)
    for amount_minor in (30_00, 20_00):
        overpaid(gym, joined, amount_minor)
    made = refund(gym, joined.account_id, 35_00)
    assert refund(gym, joined.account_id, 35_00) == made
    with gym.db.read() as conn:
        assert conn.execute(select(payout.c.amount_minor).order_by(payout.c.id)).scalars().all() == [30_00, 5_00]
        assert conn.execute(select(open_credit.c.left_minor)).scalars().all() == [15_00]
    assert balances(gym) == {
        LedgerCode.BANK: 50_00,
        LedgerCode.MEMBER_CREDIT: -15_00,
        LedgerCode.REFUNDS_DUE: -35_00,
    }
    with pytest.raises(OverpaymentError):
        refund(gym, joined.account_id, 15_01, key="too-much")
    with pytest.raises(RequestKeyReusedError):
        refund(gym, joined.account_id, 1)
    refund(gym, joined.account_id, key="the-rest")
    assert LedgerCode.MEMBER_CREDIT not in balances(gym)
    with pytest.raises(UnknownAccountError):
        refund(gym, joined.account_id + 99, key="nobody")


def said(kind: ManualKind, amount_minor: int, key: str, account_id: int | None = None) -> ManualEntry:
    return ManualEntry(
        kind=kind,
        amount_minor=amount_minor,
        occurred_on=START,
        by="Awa",
        reason="key to locker 7",
        request_key=key,
        account_id=account_id,
    )


def test_a_deposit_is_held_and_given_back(gym: Gym) -> None:
    """It is the member's, not ours; no more is given back than is held; the same key is one entry."""
    joined = gym.join(starts_on=START)
    book = Book(organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, currency="CAD")
    with gym.db.write() as conn:
        taken = said(ManualKind.DEPOSIT_IN_CASH, 20_00, "in", joined.account_id)
        assert record(conn, book, taken, now_ms=1) == record(conn, book, taken, now_ms=2)
        back = ManualKind.DEPOSIT_BACK_BY_BANK
        with pytest.raises(PostingError, match="2000 is held"):
            record(conn, book, said(back, 20_01, "out", joined.account_id), now_ms=3)
        record(conn, book, said(back, 15_00, "out", joined.account_id), now_ms=4)
        assert deposit_minor(conn, joined.account_id) == 5_00
        with pytest.raises(AlreadyPostedError):
            record(conn, book, said(back, 1_00, "in", joined.account_id), now_ms=5)
    assert balances(gym) == {LedgerCode.CASH: 20_00, LedgerCode.BANK: -15_00, LedgerCode.DEPOSITS: -5_00}


def test_nobody_types_what_documents_keep() -> None:
    """No manual kind touches what members owe, have as credit, or what revenue and taxes come to."""
    kept = {LedgerCode.RECEIVABLE, LedgerCode.MEMBER_CREDIT, LedgerCode.REVENUE, LedgerCode.DEFERRED_REVENUE}
    kept |= {code for code in LedgerCode if code.startswith("tax")}
    assert set(SIDES) == set(ManualKind)
    assert not kept & {code for sides in SIDES.values() for code in sides}
