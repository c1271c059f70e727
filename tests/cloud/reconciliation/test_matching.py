"""Every line is what one rule says it is, once, to the cent; what no rule is sure of waits for a person."""

from datetime import date, timedelta
from typing import Any

import pytest
from camt import entry, statement
from euro_gym import DUE, TOTAL_MINOR, EuroGym, at
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.ledger.manual import ManualEntry, record
from portillon_cloud.ledger.tables import ManualKind
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.operations import owed_minor
from portillon_cloud.payments.sepa.collecting import make_file
from portillon_cloud.payments.tables import Means, attempt_outcome
from portillon_cloud.reconciliation import matching, receiving
from portillon_cloud.reconciliation.by_hand import confirm_entry, confirm_transfer, explain, suggestions
from portillon_cloud.reconciliation.errors import LineExplainedError, NotOurAccountError, UnknownBankLineError
from portillon_cloud.reconciliation.payouts import Movement, Payout, PayoutUnevenError, record_payout
from portillon_cloud.reconciliation.receiving import BANK_FILE, receive, work_through
from portillon_cloud.reconciliation.rule import Rule
from portillon_cloud.reconciliation.sheet import line_rows
from portillon_cloud.reconciliation.tables import bank_file, bank_match, provider_payout_line
from portillon_cloud.reconciliation.view import Reconciliation, reconciliation
from portillon_cloud.timers import Timer, Work
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

DAY = date(2026, 3, 16)


def told(gym: EuroGym, *entries: str, on: date = DAY, closing_minor: int = 0) -> None:
    """The bank's statement of a day is handed in and worked through."""
    with gym.db.write() as conn:
        body = statement(*entries, on=on, closing_minor=closing_minor)
        receive(conn, gym.keyring, gym.book, body, by="Inès", now_ms=at(on, 20))
    gym.run_until(at(on, 21), **{BANK_FILE: work_through})


def paid(gym: EuroGym, account_id: int, minor: int, means: Means, on: date, key: str) -> None:
    """Money taken at the desk."""
    handed = DeskPayment(
        organisation_id=gym.organisation_id, account_id=account_id, amount_minor=minor, currency="EUR", means=means,
        request_key=key, taken_by="desk", prepay=True,
    )  # fmt: skip
    with gym.db.write() as conn:
        take_payment(conn, handed, now_ms=at(on, 12))


def rules(gym: EuroGym) -> list[tuple[str, int]]:
    with gym.db.read() as conn:
        rows = conn.execute(select(bank_match.c.rule, bank_match.c.amount_minor).order_by(bank_match.c.id))
        return [(row.rule, row.amount_minor) for row in rows]


def seen(gym: EuroGym) -> Reconciliation:
    with gym.db.read() as conn:
        return reconciliation(conn, gym.book)


def test_what_the_desk_booked_is_found_and_moves_nothing_again(gym: EuroGym) -> None:
    """A transfer by its sum, a day's terminal in one sum, cash paid in: the ledger's bank stays right."""
    account_id = gym.payer()
    paid(gym, account_id, 1000, Means.TRANSFER, DAY, "k-1")
    for number, minor in enumerate((1500, 2500)):
        paid(gym, account_id, minor, Means.TERMINAL, DAY - timedelta(days=2), f"t-{number}")
    cash = ManualEntry(
        kind=ManualKind.CASH_TO_BANK, amount_minor=700, occurred_on=DAY, by="Inès", reason="till", request_key="c-1"
    )
    with gym.db.write() as conn:
        record(conn, gym.book, cash, now_ms=at(DAY))
    before = gym.balance_minor(LedgerCode.BANK)
    told(gym, entry(1000, DAY), entry(4000, DAY), entry(700, DAY), closing_minor=5700)
    assert sorted(rules(gym)) == [("booked", 700), ("booked", 1000), ("terminal", 1500), ("terminal", 2500)]
    assert gym.balance_minor(LedgerCode.BANK) == before == 5700
    found = seen(gym)
    assert (found.open, found.unseen, found.explained, found.lines) == ([], [], 3, 3)


def test_of_two_that_fit_none_is_guessed(gym: EuroGym) -> None:
    """Two transfers of one sum: the one whose payer the bank names is taken, else a person chooses, once."""
    first, second = gym.payer("Zoé Tremblay"), gym.payer("Luc Roy")
    paid(gym, first, 1000, Means.TRANSFER, DAY, "k-1")
    paid(gym, second, 1000, Means.TRANSFER, DAY, "k-2")
    told(gym, entry(1000, DAY, ref="A"))
    [line] = seen(gym).open
    with gym.db.read() as conn:
        may_be = suggestions(conn, line)
    assert {one.name for one in may_be} == {"Zoé Tremblay", "Luc Roy"} and rules(gym) == []
    told(gym, entry(1000, DAY, ref="B", text="VIR LUC ROY"), on=DAY + timedelta(days=1))
    assert rules(gym) == [("booked", 1000), ("booked", 1000)]  # with Luc's told apart, Zoé's alone fits the other
    with gym.db.write() as conn, pytest.raises(LineExplainedError):
        confirm_entry(conn, gym.organisation_id, line.id, may_be[0].id, by="Inès", now_ms=at(DAY))


def test_a_days_debits_in_one_sum(gym: EuroGym) -> None:
    """Booked as one entry with the file's name for the day, each debit of it is paid, and the sum moves to the bank."""
    invoices = [gym.owe(gym.payer(name)) for name in ("Zoé", "Luc")]
    gym.run_until(at(DUE, 7))
    with gym.db.write() as conn:
        make_file(conn, gym.keyring, gym.book, today=date(2026, 3, 11), by="Inès", now_ms=at(date(2026, 3, 11)))
    batch = f"<Btch><PmtInfId>P{gym.book.legal_entity_id}-1-1</PmtInfId></Btch>"
    told(gym, entry(TOTAL_MINOR, DAY, details=batch))
    assert rules(gym) == [] and len(seen(gym).open) == 1  # another sum: whose it is nobody knows
    told(gym, entry(2 * TOTAL_MINOR, DAY, details=batch), on=DAY + timedelta(days=1))
    assert rules(gym) == [("batch", 2 * TOTAL_MINOR)]
    with gym.db.read() as conn:
        assert [owed_minor(conn, one) for one in invoices] == [0, 0]
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0


def test_a_payout_with_its_fees(gym: EuroGym) -> None:
    """Gross less fees is what arrives; told twice it is one; a sum that does not add up is refused."""
    movements = [
        Movement(reference="txn_1", kind="charge", gross_minor=5000, fee_minor=150, charge="ch_1"),
        Movement(reference="txn_2", kind="refund", gross_minor=-1000, fee_minor=0),
    ]
    payout = Payout(provider="stripe", reference="po_1", arrives_on=DAY, amount_minor=3850, movements=movements)
    wrong = Payout(provider="stripe", reference="po_2", arrives_on=DAY, amount_minor=3851, movements=movements)
    with gym.db.write() as conn:
        assert len({record_payout(conn, gym.book, payout, now_ms=at(DAY)) for _ in range(2)}) == 1
        with pytest.raises(PayoutUnevenError):
            record_payout(conn, gym.book, wrong, now_ms=at(DAY))
    told(gym, entry(3850, DAY + timedelta(days=1), text="STRIPE"))
    assert rules(gym) == [("payout", 3850)]
    assert gym.balance_minor(LedgerCode.PROVIDER_FEES) == 150
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == -4000  # gross of what nobody here had taken
    with gym.db.read() as conn:
        assert list(conn.execute(select(provider_payout_line.c.attempt_id)).scalars()) == [None, None]
        assert conn.execute(select(attempt_outcome.c.attempt_id)).all() == []


def test_what_people_say_of_a_line(gym: EuroGym) -> None:
    """A transfer becomes a payment, what is over credit; a fee, or no concern of the book, is said with a reason."""
    account_id = gym.payer()
    invoice_id = gym.owe(account_id, due_on=date(2026, 3, 30))
    told(
        gym, entry(TOTAL_MINOR + 1, DAY, text="Facture F2026-1"), entry(-350, DAY), entry(90_000, DAY, text="apport"),
        closing_minor=TOTAL_MINOR + 1 - 350 + 90_000,
    )  # fmt: skip
    lines = {one.amount_minor: one for one in seen(gym).open}
    transfer, fee, own = lines[TOTAL_MINOR + 1], lines[-350], lines[90_000]
    said: dict[str, Any] = {"by": "Inès", "now_ms": at(DAY, 22)}
    with gym.db.write() as conn:
        [named] = suggestions(conn, transfer)
        assert (named.rule, named.account_id, named.text) == (Rule.TRANSFER, account_id, "F2026-1")
        confirm_transfer(conn, gym.organisation_id, transfer.id, account_id, **said)
        explain(conn, gym.organisation_id, fee.id, Rule.FEE, reason="tenue de compte", **said)
        explain(conn, gym.organisation_id, own.id, Rule.NOTED, reason="apport du gérant", **said)
        for line, rule in ((fee, Rule.FEE), (own, Rule.DEBIT)):
            with pytest.raises(LineExplainedError):
                explain(conn, gym.organisation_id, line.id, rule, reason="again", **said)
        with pytest.raises(LineExplainedError):
            confirm_transfer(conn, gym.organisation_id, transfer.id, account_id, **said)
        with pytest.raises(UnknownBankLineError):
            explain(conn, gym.organisation_id + 1, fee.id, Rule.FEE, reason="not mine", **said)
        assert owed_minor(conn, invoice_id) == 0
        rows = line_rows(conn, gym.book, from_on=DAY, through_on=DAY)
    assert gym.balance_minor(LedgerCode.MEMBER_CREDIT) == -1
    assert gym.balance_minor(LedgerCode.PROVIDER_FEES) == 350
    assert {(one.rule, one.by) for one in rows} == {("transfer", "Inès"), ("fee", "Inès"), ("noted", "Inès")}
    standing = seen(gym).standing
    assert standing is not None
    assert (standing.open_minor, standing.noted_minor, standing.unseen_minor, standing.before_minor) == (
        0,
        90_000,
        0,
        0,
    )


def test_a_payer_is_known_by_name_where_no_number_stands(gym: EuroGym) -> None:
    """Without an invoice's number, accounts that are called like whoever paid are proposed; of money that left none."""
    account_id = gym.payer("Luc Roy")
    party = "<TxDtls><RltdPties><{0}><Pty><Nm>LUC ROY</Nm></Pty></{0}></RltdPties></TxDtls>"
    told(gym, entry(500, DAY, details=party.format("Dbtr")), entry(-500, DAY, details=party.format("Cdtr")))
    with gym.db.read() as conn:
        may_be = {line.amount_minor: suggestions(conn, line) for line in reconciliation(conn, gym.book).open}
    assert [(one.rule, one.account_id) for one in may_be[500]] == [(Rule.TRANSFER, account_id)] and not may_be[-500]


def test_every_cent_between_bank_and_book_has_a_name(gym: EuroGym) -> None:
    """What lay there before, what no line explains, what the bank has not seen: together they are the difference."""
    paid(gym, gym.payer(), 2222, Means.TRANSFER, DAY, "k-1")
    told(gym, entry(1111, DAY), closing_minor=501_111)
    standing = seen(gym).standing
    assert standing is not None
    assert (standing.book_minor, standing.open_minor, standing.unseen_minor) == (2222, 1111, 2222)
    assert standing.before_minor == 500_000


def test_another_account_is_not_taken_in(gym: EuroGym) -> None:
    """The file of another account changes nothing; the same entry in two files is one line."""
    other = statement(entry(1, DAY), on=DAY, iban="DE89370400440532013000")
    with gym.db.write() as conn, pytest.raises(NotOurAccountError):
        receive(conn, gym.keyring, gym.book, other, by="Inès", now_ms=at(DAY))
    told(gym, entry(100, DAY, ref="A"))
    told(gym, entry(100, DAY, ref="A"), entry(200, DAY, ref="B"))
    assert seen(gym).lines == 2


def test_a_worker_that_dies_goes_on_where_it_stopped(gym: EuroGym, monkeypatch: Any) -> None:
    """Each answer of a file is done in a transaction of its own: the first stays done, the second is done after."""
    invoices = [gym.owe(gym.payer(name)) for name in ("Zoé", "Luc")]
    gym.run_until(at(DUE, 7))
    with gym.db.write() as conn:
        make_file(conn, gym.keyring, gym.book, today=date(2026, 3, 11), by="Inès", now_ms=at(date(2026, 3, 11)))
    keys = [gym.key_of(one) for one in invoices]
    real, done = receiving.decide, []

    def dies_at_the_second(conn: Any, organisation_id: int, answer: Any, *, now_ms: int) -> bool:
        done.append(answer.key)
        if len(done) == 2:
            raise RuntimeError("killed")
        return real(conn, organisation_id, answer, now_ms=now_ms)

    monkeypatch.setattr(receiving, "decide", dies_at_the_second)
    parts = [f"<TxDtls><Refs><EndToEndId>{key}</EndToEndId></Refs></TxDtls>" for key in keys]
    with pytest.raises(RuntimeError):
        told(gym, *(entry(TOTAL_MINOR, DAY, ref=f"R{n}", details=part) for n, part in enumerate(parts)))
    with gym.db.read() as conn:
        assert [owed_minor(conn, one) for one in invoices] == [0, TOTAL_MINOR]
        file_id = conn.execute(select(bank_file.c.id)).scalar_one()
    again = Timer(
        id=0, organisation_id=gym.organisation_id, kind=BANK_FILE, subject_id=file_id, key="again", due_at_ms=0,
        worker="another", attempt=2,
    )  # fmt: skip
    work_through(Work(db=gym.db, clock=gym.clock, now_ms=at(DAY, 22)), again)
    assert done == [keys[0], keys[1], keys[1]]
    assert rules(gym) == [("debit", TOTAL_MINOR)] * 2 and gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0


def test_without_the_unique_subject_one_payment_explains_two_lines(gym: EuroGym, monkeypatch: Any) -> None:
    """The ablation: who does not look whether an entry was seen is stopped by the database."""
    paid(gym, gym.payer(), 1000, Means.TRANSFER, DAY, "k-1")
    told(gym, entry(1000, DAY, ref="A"))
    monkeypatch.setattr(matching, "entries_at_bank", lambda conn, line, **days: blind(conn, line))

    def blind(conn: Any, line: Any) -> Any:
        query = select(bank_match.c.subject).where(bank_match.c.organisation_id == line.organisation_id)
        [subject] = conn.execute(query).scalars()
        entry_id = int(subject.removeprefix("entry "))
        return [type("Seen", (), {"id": entry_id, "amount_minor": 1000, "name": None, "means": "transfer"})]

    with pytest.raises(IntegrityError):
        told(gym, entry(1000, DAY, ref="B"), on=DAY + timedelta(days=1))
