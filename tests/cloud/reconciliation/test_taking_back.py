"""An explanation that was wrong: taken back with a reason, moved back in the ledger, and left to a person."""

from datetime import date, timedelta
from typing import Any

import pytest
from camt import entry
from cloud.reconciliation.test_matching import DAY, paid, rules, seen, told
from euro_gym import DUE, TOTAL_MINOR, EuroGym, at
from portillon_cloud.accounting.acts import acts
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.ledger.periods import Close, close
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.payments.operations import owed_minor
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.sepa.collecting import make_file
from portillon_cloud.payments.tables import Means
from portillon_cloud.reconciliation import matching
from portillon_cloud.reconciliation.by_hand import confirm_entry, confirm_transfer, explain, suggestions
from portillon_cloud.reconciliation.errors import LineExplainedError, SaidByBankError, UnknownBankLineError
from portillon_cloud.reconciliation.matching import UNDONE, match_lines
from portillon_cloud.reconciliation.rule import Rule
from portillon_cloud.reconciliation.sheet import line_rows
from portillon_cloud.reconciliation.tables import bank_line
from portillon_cloud.reconciliation.taking_back import explained_last, take_explanation_back
from sqlalchemy import select, true
from sqlalchemy.exc import IntegrityError

SAID: dict[str, Any] = {"by": "Inès", "now_ms": at(DAY, 22)}


def take_back(gym: EuroGym, line_id: int, reason: str = "wrong", now_ms: int = at(DAY, 23)) -> None:
    with gym.db.write() as conn:
        take_explanation_back(conn, gym.organisation_id, line_id, by="Inès", reason=reason, now_ms=now_ms)


def look_again(gym: EuroGym) -> int:
    """The rules look at every open line; how many they explain."""
    return match_lines(gym.db, gym.organisation_id, gym.book.legal_entity_id, now_ms=at(DAY, 23))


def line_ids(gym: EuroGym) -> list[int]:
    with gym.db.read() as conn:
        return list(conn.execute(select(bank_line.c.id).order_by(bank_line.c.id)).scalars())


def test_what_was_no_fee_is_said_anew(gym: EuroGym) -> None:
    """The record stays, its money is moved back, the same may be said again; who and why stand in the log of acts."""
    told(gym, entry(-350, DAY), closing_minor=-350)
    [line_id] = line_ids(gym)
    for rule in (Rule.FEE, Rule.PROVIDER, Rule.FEE):
        with gym.db.write() as conn:
            explain(conn, gym.organisation_id, line_id, rule, reason="as I thought", **SAID)
        assert seen(gym).open == []
        take_back(gym, line_id, "the lease of the treadmills")
        assert gym.balance_minor(LedgerCode.BANK) == gym.balance_minor(LedgerCode.PROVIDER_FEES) == 0
        assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0
        assert [one.left_minor for one in seen(gym).open] == [-350]
    assert rules(gym) == [("fee", -350), ("provider", -350), ("fee", -350)]
    with gym.db.read() as conn:
        [act, *_] = acts(conn, gym.organisation_id, limit=3)
        [row] = line_rows(conn, gym.book, from_on=DAY, through_on=DAY)
    assert (act.what, act.by, act.reason) == ("bank_line_opened", "Inès", "the lease of the treadmills")
    assert (row.rule, row.explained_minor) == (None, None)
    standing = seen(gym).standing
    assert standing is not None and (standing.open_minor, standing.before_minor) == (-350, 0)


def test_a_transfer_of_somebody_else(gym: EuroGym) -> None:
    """Whom it was taken for owes again, whose it is owes no more; the payment stays, and bank and book agree."""
    wrong, right = gym.payer("Luc Roy"), gym.payer("Léa Roy")
    first, second = (gym.owe(one, due_on=date(2026, 3, 30)) for one in (wrong, right))
    told(gym, entry(TOTAL_MINOR, DAY, text="VIR ROY"), closing_minor=TOTAL_MINOR)
    [line_id] = line_ids(gym)
    with gym.db.write() as conn:
        confirm_transfer(conn, gym.organisation_id, line_id, wrong, **SAID)
    take_back(gym, line_id, "it was Léa's")
    with gym.db.read() as conn:
        assert (owed_minor(conn, first), owed_minor(conn, second)) == (TOTAL_MINOR, TOTAL_MINOR)
        back = conn.execute(select(payment_return)).one()
        assert (back.kind, back.code, back.noted_by) == ("mistaken", "it was Léa's", "Inès")
        [open_line] = matching.open_lines(conn, gym.organisation_id, gym.book.legal_entity_id, limit=9)
        assert [one.rule for one in suggestions(conn, open_line)] == []  # what was taken back is no line's
    assert look_again(gym) == 0
    with gym.db.write() as conn:
        confirm_transfer(conn, gym.organisation_id, line_id, right, **SAID)
    with gym.db.read() as conn:
        assert (owed_minor(conn, first), owed_minor(conn, second)) == (TOTAL_MINOR, 0)
    found = seen(gym)
    assert (found.open, found.unseen) == ([], []) and gym.balance_minor(LedgerCode.BANK) == TOTAL_MINOR
    assert found.standing is not None and found.standing.before_minor == 0


def test_the_same_payer_after_all(gym: EuroGym) -> None:
    """Taken back, and confirmed for the same account again: it is another payment, and pays."""
    account_id = gym.payer()
    invoice_id = gym.owe(account_id, due_on=date(2026, 3, 30))
    told(gym, entry(TOTAL_MINOR, DAY))
    [line_id] = line_ids(gym)
    payments = set()
    for _ in range(2):
        with gym.db.write() as conn:
            payments.add(confirm_transfer(conn, gym.organisation_id, line_id, account_id, **SAID))
        take_back(gym, line_id)
    with gym.db.read() as conn:
        assert len(payments) == 2 and owed_minor(conn, invoice_id) == TOTAL_MINOR
    assert gym.balance_minor(LedgerCode.BANK) == 0


def test_a_rule_that_was_wrong_is_not_wrong_twice(gym: EuroGym) -> None:
    """What the desk had booked was found in another's transfer: freed, it is the next line's, and this one waits."""
    paid(gym, gym.payer(), 1000, Means.TRANSFER, DAY, "k-1")
    told(gym, entry(1000, DAY, ref="A", text="a refund of the insurance"))
    [line_id] = line_ids(gym)
    take_back(gym, line_id)
    assert look_again(gym) == 0 and [one.id for one in seen(gym).open] == [line_id]
    told(gym, entry(1000, DAY, ref="B"), on=DAY + timedelta(days=1))
    assert rules(gym) == [("booked", 1000)] * 2 and [one.id for one in seen(gym).open] == [line_id]
    with gym.db.read() as conn:
        [last] = explained_last(conn, gym.book, limit=9)
    assert last.line.id == line_ids(gym)[1] and (last.by, last.final) == (None, False)


def test_what_the_bank_said_by_our_reference_stands(gym: EuroGym) -> None:
    """A debit of ours is what it is; a line that nothing explains, and another's, have nothing to take back."""
    invoice_id = gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    with gym.db.write() as conn:
        make_file(conn, gym.keyring, gym.book, today=date(2026, 3, 11), by="Inès", now_ms=at(date(2026, 3, 11)))
    part = f"<TxDtls><Refs><EndToEndId>{gym.key_of(invoice_id)}</EndToEndId></Refs></TxDtls>"
    told(gym, entry(TOTAL_MINOR, DAY, details=part), entry(-7, DAY))
    debit, fee = line_ids(gym)
    with gym.db.read() as conn:
        assert [one.final for one in explained_last(conn, gym.book, limit=9)] == [True]
    with pytest.raises(SaidByBankError):
        take_back(gym, debit)
    with pytest.raises(LineExplainedError):
        take_back(gym, fee)
    with gym.db.write() as conn, pytest.raises(UnknownBankLineError):
        take_explanation_back(conn, gym.organisation_id + 1, debit, by="Eve", reason="not mine", now_ms=0)


def test_a_closed_month_takes_nothing_back(gym: EuroGym) -> None:
    """What a closed month had moved is moved back on the first open day."""
    told(gym, entry(-350, DAY))
    [line_id] = line_ids(gym)
    with gym.db.write() as conn:
        explain(conn, gym.organisation_id, line_id, Rule.FEE, reason="fee", **SAID)
        act = Close(through_on=date(2026, 3, 31), at_ms=at(date(2026, 4, 2)), by="Inès", reason="March")
        close(conn, gym.book, act)
    take_back(gym, line_id, now_ms=at(date(2026, 4, 3)))
    with gym.db.read() as conn:
        moved = conn.execute(select(ledger_entry.c.occurred_on).where(ledger_entry.c.kind == UNDONE)).scalar_one()
    assert moved == date(2026, 4, 1)


def test_without_generations_what_was_taken_back_is_never_found_again(
    gym: EuroGym, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ablation: the database holds one explanation per subject, so only counting what was undone opens the next."""
    paid(gym, gym.payer(), 1000, Means.TRANSFER, DAY, "k-1")
    told(gym, entry(1000, DAY))
    [line_id] = line_ids(gym)
    with gym.db.read() as conn:
        entry_id = conn.execute(select(ledger_entry.c.id).where(ledger_entry.c.kind == "payment")).scalar_one()
    take_back(gym, line_id)
    monkeypatch.setattr(matching, "STANDS", true())
    with gym.db.write() as conn, pytest.raises(LineExplainedError):
        confirm_entry(conn, gym.organisation_id, line_id, entry_id, **SAID)  # it looks explained still
    with gym.db.write() as conn, pytest.raises(IntegrityError):
        line = matching.lock_line(conn, gym.organisation_id, line_id)
        assert line is not None
        matching.add_match(conn, line, Rule.BOOKED, f"entry {entry_id}", 1000, now_ms=at(DAY, 23))
