"""Debits through the gym's own bank: told before they are taken, in one file each, undecided until the bank says."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from euro_gym import DUE, TOTAL_MINOR, EuroGym, at, open_euro_gym
from portillon_cloud.access.operations import switched_off_now
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.members.entry import EntryRefusedError
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.errors import IdempotencyKeyReusedError
from portillon_cloud.payments.operations import cancel_charges, owed_minor
from portillon_cloud.payments.provider import ChargeOrder, ChargeOutcome, is_hard
from portillon_cloud.payments.sepa.bank_days import bank_day_from, bank_days_after, is_bank_day
from portillon_cloud.payments.sepa.collecting import Made, make_file
from portillon_cloud.payments.sepa.decisions import Decision, Said, decide
from portillon_cloud.payments.sepa.errors import (
    CreditorIdentifierInvalidError,
    MandateKnownError,
    MandateReferenceInvalidError,
    NotACreditorError,
    NothingToCollectError,
)
from portillon_cloud.payments.sepa.filing import read_file
from portillon_cloud.payments.sepa.mandates import (
    Creditor,
    NewMandate,
    add_mandate,
    is_dead,
    revoke_mandate,
    set_creditor,
)
from portillon_cloud.payments.sepa.tables import sepa_debit, sepa_file, sepa_mandate
from portillon_cloud.payments.tables import payment, payment_attempt
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

COLLECT = date(2026, 3, 16)  # DUE and fourteen days: a Monday


@pytest.fixture
def gym(db) -> EuroGym:
    """A gym in Lyon."""
    return open_euro_gym(db)


def filed(gym: EuroGym, today: date) -> Made:
    """The file of this day."""
    with gym.db.write() as conn:
        return make_file(conn, gym.keyring, gym.book, today=today, by="Inès", now_ms=at(today, 9))


def told(gym: EuroGym, key: str, said: Said, on: date, code: str | None = None) -> bool:
    """The bank says so."""
    with gym.db.write() as conn:
        return decide(conn, gym.organisation_id, Decision(key, said, code), now_ms=at(on, 8))


def owed(gym: EuroGym, invoice_id: int) -> int:
    with gym.db.read() as conn:
        return owed_minor(conn, invoice_id)


def texts(body: bytes, name: str) -> list[str | None]:
    return [one.text for one in ElementTree.fromstring(body).iter() if one.tag.endswith(f"}}{name}")]


def test_bank_days() -> None:
    """Weekends, New Year, Easter's Friday and Monday, the first of May and both days of Christmas are closed."""
    closed = [date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 12, 25)]
    assert not any(map(is_bank_day, closed))
    assert sum(is_bank_day(date(2026, 1, 1) + timedelta(days=n)) for n in range(365)) == 256
    assert bank_day_from(date(2026, 4, 3)) == date(2026, 4, 7)
    assert bank_days_after(date(2026, 4, 2), 1) == date(2026, 4, 7)


def test_a_debit_is_told_collected_once_and_paid_when_the_bank_says(gym: EuroGym) -> None:
    """Fourteen days after the letter it is in one file; it counts as paid from the start, and is paid when it came."""
    account_id = gym.payer()
    invoice_id = gym.owe(account_id)
    gym.run_until(at(DUE, 7))
    with gym.db.read() as conn:
        letter = conn.execute(select(message).where(message.c.account_id == account_id)).one()
        debit = conn.execute(select(sepa_debit)).one()
        held = conn.scalar(select(payment_attempt.c.held_until_ms))
    assert "16 mars 2026" in letter.subject and "45,99" in letter.body and "FR72ZZZ123456" in letter.body
    assert debit.collect_on == COLLECT and held is not None and held > at(COLLECT)
    with pytest.raises(NothingToCollectError, match="2026-03-16"):
        filed(gym, DUE)
    made = filed(gym, date(2026, 3, 11))
    assert (made.number, made.debits, made.total_minor) == (1, 1, TOTAL_MINOR)
    with pytest.raises(NothingToCollectError):
        filed(gym, date(2026, 3, 12))
    with gym.db.read() as conn:
        name, body = read_file(conn, gym.keyring, organisation_id=gym.organisation_id, file_id=made.id)
        sealed = conn.execute(select(sepa_file.c.body_sealed)).scalar_one()
    assert name == f"P{gym.book.legal_entity_id}-1.xml"
    assert texts(body, "EndToEndId") == [gym.key_of(invoice_id)]
    assert texts(body, "InstdAmt") == ["45.99"] and texts(body, "SeqTp") == ["FRST"]
    assert texts(body, "ReqdColltnDt") == ["2026-03-16"] and texts(body, "CreDtTm") == ["2026-03-11T09:00:00"]
    assert b"DE89370400440532013000" in body and b"DE89370400440532013000" not in sealed
    gym.run_until(at(date(2026, 3, 25)))
    assert owed(gym, invoice_id) == TOTAL_MINOR
    with gym.db.read() as conn:
        assert not switched_off_now(conn, account_id, at(date(2026, 3, 25)))
    for _ in range(2):
        assert told(gym, gym.key_of(invoice_id), Said.PAID, date(2026, 3, 25))
    assert owed(gym, invoice_id) == 0
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == TOTAL_MINOR


def test_what_the_bank_refuses_is_owed_and_tried_again(gym: EuroGym) -> None:
    """A refusal before its day moves no money; the next attempt is another debit, which says that it recurs."""
    invoice_id = gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    filed(gym, date(2026, 3, 11))
    first = gym.key_of(invoice_id)
    for _ in range(2):
        told(gym, first, Said.REFUSED, date(2026, 3, 13), "AM04")
    assert owed(gym, invoice_id) == TOTAL_MINOR and gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0
    gym.run_until(at(date(2026, 3, 20)))
    assert gym.key_of(invoice_id) != first
    made = filed(gym, date(2026, 3, 31))
    with gym.db.read() as conn:
        _, body = read_file(conn, gym.keyring, organisation_id=gym.organisation_id, file_id=made.id)
    assert made.number == 2 and texts(body, "SeqTp") == ["RCUR"]


def test_a_debit_that_comes_back_is_owed_again(gym: EuroGym) -> None:
    """The payment stays and a return stands beside it, once; the account that is closed is not asked again."""
    invoice_id = gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    filed(gym, date(2026, 3, 11))
    key = gym.key_of(invoice_id)
    told(gym, key, Said.PAID, COLLECT)
    for _ in range(2):
        told(gym, key, Said.RETURNED, date(2026, 4, 20), "AC04")
    assert owed(gym, invoice_id) == TOTAL_MINOR and gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0
    gym.run_until(at(date(2026, 5, 20)))
    assert gym.key_of(invoice_id) == key and is_hard("AC04") and not is_hard("AM04")


@pytest.mark.parametrize("days", [56, 395])
def test_a_payer_may_take_a_debit_back_for_months(gym: EuroGym, days: int) -> None:
    """Without a question for 8 weeks, without a mandate for 13 months: paid is paid until a return stands beside it."""
    invoice_id = gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    filed(gym, date(2026, 3, 11))
    told(gym, gym.key_of(invoice_id), Said.PAID, COLLECT)
    told(gym, gym.key_of(invoice_id), Said.RETURNED, COLLECT + timedelta(days=days), "MD06")
    assert owed(gym, invoice_id) == TOTAL_MINOR and gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0
    with gym.db.read() as conn:
        assert conn.execute(select(sepa_debit.c.state)).scalar_one() == "returned"
        assert conn.execute(select(payment.c.amount_minor)).scalar_one() == TOTAL_MINOR


def test_a_return_before_we_heard_of_the_payment_is_a_refusal(gym: EuroGym) -> None:
    """With the statement of the day itself missing, nothing was paid, and nothing is taken back."""
    invoice_id = gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    filed(gym, date(2026, 3, 11))
    told(gym, gym.key_of(invoice_id), Said.RETURNED, date(2026, 3, 18), "AM04")
    told(gym, gym.key_of(invoice_id), Said.PAID, date(2026, 3, 18))
    assert owed(gym, invoice_id) == TOTAL_MINOR and gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0


def test_what_waits_can_be_called_off_and_what_is_filed_cannot(gym: EuroGym) -> None:
    """A debit that no file has named is cancelled at the desk; one that the bank has is left to it."""
    account_id = gym.payer()
    gym.owe(account_id)
    gym.run_until(at(DUE, 7))

    def cancelled(on: date) -> list[str]:
        return list(
            cancel_charges(
                gym.db, gym.provider, organisation_id=gym.organisation_id, account_id=account_id, now_ms=at(on)
            )
        )

    assert cancelled(date(2026, 3, 3)) == ["refused"]
    with pytest.raises(NothingToCollectError, match="no debit waits"):
        filed(gym, date(2026, 3, 11))
    gym.run_until(at(date(2026, 3, 12)))
    filed(gym, date(2026, 3, 25))
    assert cancelled(date(2026, 3, 26)) == ["waiting"]


def test_a_late_file_collects_later_and_never_earlier(gym: EuroGym) -> None:
    """A file made on the day itself asks for the first day that the bank can meet."""
    gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    filed(gym, date(2026, 4, 2))
    with gym.db.read() as conn:
        assert conn.execute(select(sepa_debit.c.collect_on)).scalar_one() == date(2026, 4, 7)


def test_one_key_is_one_debit(gym: EuroGym) -> None:
    """The same order again hears the same; another amount under its key is refused; a stranger has no mandate."""
    gym.payer()
    with gym.db.read() as conn:
        token = f"{gym.organisation_id}:{conn.execute(select(sepa_mandate.c.reference)).scalar_one()}"
    order = ChargeOrder(
        organisation_id=gym.organisation_id,
        provider="sepa",
        key="intent-9:1",
        token=token,
        amount_minor=100,
        currency="EUR",
        now_ms=at(DUE),
    )
    assert gym.provider.look_up(order) is None
    answers = {gym.provider.charge(order), gym.provider.charge(order), gym.provider.look_up(order)}
    assert len(answers) == 1 and [one.outcome for one in answers if one] == [ChargeOutcome.PENDING]
    other: dict[str, Any] = {
        "organisation_id": gym.organisation_id,
        "provider": "sepa",
        "currency": "EUR",
        "now_ms": at(DUE),
    }
    with pytest.raises(IdempotencyKeyReusedError):
        gym.provider.charge(ChargeOrder(key="intent-9:1", token=token, amount_minor=200, **other))
    stranger = gym.provider.charge(ChargeOrder(key="intent-9:2", token="1:nobody", amount_minor=200, **other))
    dollars = gym.provider.charge(
        ChargeOrder(key="intent-9:3", token=token, amount_minor=2, **{**other, "currency": "CAD"})
    )
    assert (stranger.code, dollars.code) == ("no_mandate", "no_provider")
    burnt = ChargeOrder(key="intent-9:4", token=token, amount_minor=200, **other)
    assert gym.provider.cancel(burnt).outcome is ChargeOutcome.REFUSED
    assert gym.provider.charge(burnt).code == "cancelled"
    with gym.db.write() as conn, pytest.raises(DBAPIError):
        conn.execute(update(sepa_debit).values(amount_minor=1))


def test_a_mandate_dies_revoked_or_unused_for_36_months(gym: EuroGym) -> None:
    """Revoked it collects nothing from that day; unused it lives for three years to the day, used it lives on."""
    signed = date(2026, 1, 5)
    assert not is_dead(signed, None, None, date(2029, 1, 5)) and is_dead(signed, None, None, date(2029, 1, 6))
    assert not is_dead(signed, date(2028, 6, 1), None, date(2031, 6, 1))
    gym.owe(gym.payer())
    with gym.db.write() as conn:
        [mandate_id] = conn.execute(select(sepa_mandate.c.id)).scalars()
        for on in (date(2026, 2, 1), date(2026, 2, 2)):
            revoke_mandate(conn, organisation_id=gym.organisation_id, mandate_id=mandate_id, on=on)
    gym.run_until(at(DUE, 7))
    with gym.db.read() as conn:
        assert conn.execute(select(sepa_debit.c.id)).all() == []
        assert conn.execute(select(sepa_mandate.c.revoked_on)).scalar_one() == date(2026, 2, 1)


def test_what_cannot_be_a_creditor_or_a_mandate_is_refused(gym: EuroGym) -> None:
    """Wrong check digits, a book in dollars, a reference that is known or that no bank takes: each says so."""
    good = Creditor(creditor_id="FR72ZZZ123456", iban="FR1420041010050500013M02606")
    wrong = Creditor(creditor_id="FR73ZZZ123456", iban=good.iban)
    account_id = gym.payer()
    new: dict[str, Any] = {
        "organisation_id": gym.organisation_id,
        "account_id": account_id,
        "debtor_name": "Zoé",
        "signed_on": DUE,
        "iban": good.iban,
    }
    with gym.db.write() as conn:
        with pytest.raises(CreditorIdentifierInvalidError):
            set_creditor(conn, gym.book, wrong, by="Inès", now_ms=0)
        with pytest.raises(NotACreditorError):
            set_creditor(conn, replace(gym.book, currency="CAD"), good, by="Inès", now_ms=0)
        add_mandate(conn, gym.keyring, NewMandate(reference="OLD-7", **new), by="Inès", now_ms=0)
        with pytest.raises(MandateKnownError):
            add_mandate(conn, gym.keyring, NewMandate(reference="OLD-7", **new), by="Inès", now_ms=0)
        with pytest.raises(MandateReferenceInvalidError):
            add_mandate(conn, gym.keyring, NewMandate(reference="n°7", **new), by="Inès", now_ms=0)
        with pytest.raises(EntryRefusedError):
            add_mandate(conn, gym.keyring, NewMandate(**{**new, "iban": "FR00"}), by="Inès", now_ms=0)
