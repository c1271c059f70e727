"""A test gym in France that collects by SEPA: mandates, invoices written directly, timers rung in order."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dues_gym import StillClock
from portillon_cloud.access.operations import ACCESS_REVIEW, review
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.dunning.operations import DUNNING_REVIEW, DUNNING_STEP, take_review
from portillon_cloud.dunning.step_taking import take_step
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post, trial_balance
from portillon_cloud.ledger.periods import Book
from portillon_cloud.members.operations import add_account, create_legal_entity, create_organisation
from portillon_cloud.payments.operations import CHARGE, InvoiceDue, charge_timer, open_intents
from portillon_cloud.payments.sepa.mandates import Creditor, NewMandate, add_mandate, set_creditor
from portillon_cloud.payments.sepa.provider import SepaDebits
from portillon_cloud.payments.tables import payment_attempt, payment_intent
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers import Handler, Work, claim
from portillon_cloud.timers.operations import settle
from portillon_cloud.timers.tables import timer as timer_table
from sqlalchemy import func, insert, select

ZONE = "Europe/Paris"
DUE = date(2026, 3, 2)
CREDITOR_ID = "FR72ZZZ123456"
GYM_IBAN = "FR1420041010050500013M02606"
PAYER_IBAN = "DE89370400440532013000"
TOTAL_MINOR = 4599


def at(day: date, hour: int = 6) -> int:
    """The instant of a local hour of this day."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


@dataclass
class EuroGym:
    """Ids, the bank's provider, and hands to make time pass."""

    db: Database
    keyring: Keyring
    book: Book
    provider: SepaDebits
    clock: StillClock = field(default_factory=StillClock)
    invoices: int = 0

    @property
    def organisation_id(self) -> int:
        """Whose."""
        return self.book.organisation_id

    def payer(self, name: str = "Zoé Tremblay", *, iban: str = PAYER_IBAN, language: str = "fr") -> int:
        """A new account with a mandate; its id."""
        with self.db.write() as conn:
            account_id = add_account(
                conn,
                organisation_id=self.organisation_id,
                legal_entity_id=self.book.legal_entity_id,
                name=name,
                language=language,
                email="zoe@example.org",
            )
            new = NewMandate(
                organisation_id=self.organisation_id,
                account_id=account_id,
                debtor_name=name,
                iban=iban,
                signed_on=date(2026, 1, 5),
            )
            add_mandate(conn, self.keyring, new, by="Inès", now_ms=at(date(2026, 1, 5)))
        return account_id

    def owe(self, account_id: int, *, due_on: date = DUE, total_minor: int = TOTAL_MINOR) -> int:
        """Issue an invoice, with its posting, its intent and its charge timer; its id."""
        self.invoices += 1
        now_ms = start_of_day_ms(due_on, ZONE)
        with self.db.write() as conn:
            invoice_id = conn.execute(
                insert(invoice)
                .values(
                    organisation_id=self.organisation_id,
                    legal_entity_id=self.book.legal_entity_id,
                    account_id=account_id,
                    series="F2026",
                    number=self.invoices,
                    issued_on=due_on,
                    due_on=due_on,
                    issued_at_ms=now_ms,
                    currency="EUR",
                    net_minor=total_minor,
                    tax_minor=0,
                    total_minor=total_minor,
                    buyer={},
                    seller={},
                    engine="test",
                )
                .returning(invoice.c.id)
            ).scalar_one()
            sold = Entry(
                kind="invoice",
                source=str(invoice_id),
                occurred_on=due_on,
                postings=(Posting(LedgerCode.RECEIVABLE, LedgerCode.REVENUE, total_minor),),
            )
            post(
                conn,
                sold,
                organisation_id=self.organisation_id,
                legal_entity_id=self.book.legal_entity_id,
                currency="EUR",
                recorded_at_ms=now_ms,
            )
            due = InvoiceDue(
                organisation_id=self.organisation_id,
                legal_entity_id=self.book.legal_entity_id,
                account_id=account_id,
                invoice_id=invoice_id,
                amount_minor=total_minor,
                currency="EUR",
                due_on=due_on,
            )
            open_intents(conn, invoices=[due], now_ms=now_ms)
        return int(invoice_id)

    def key_of(self, invoice_id: int) -> str:
        """The key of the invoice's newest attempt."""
        with self.db.read() as conn:
            return str(
                conn.execute(
                    select(payment_attempt.c.key)
                    .join(payment_intent, payment_intent.c.id == payment_attempt.c.intent_id)
                    .where(payment_intent.c.invoice_id == invoice_id)
                    .order_by(payment_attempt.c.id.desc())
                    .limit(1)
                ).scalar_one()
            )

    def run_until(self, until_ms: int, **more: Handler) -> None:
        """Ring every timer that falls due until then, each at its own instant."""
        handlers: dict[str, Handler] = {
            CHARGE: charge_timer(self.provider),
            DUNNING_STEP: take_step,
            DUNNING_REVIEW: take_review,
            ACCESS_REVIEW: review,
            **more,
        }
        while (due_ms := self._next_due_ms(list(handlers))) is not None and due_ms <= until_ms:
            with self.db.write() as conn:
                claimed = claim(
                    conn,
                    organisation_id=self.organisation_id,
                    now_ms=due_ms,
                    real_ms=self.clock.real_ms(),
                    worker="test",
                )
            for one in claimed:
                if one.kind in handlers:
                    handlers[one.kind](Work(db=self.db, clock=self.clock, now_ms=due_ms), one)
                settle(self.db, one)

    def balance_minor(self, code: LedgerCode) -> int:
        """What one ledger account holds: debits - credits; the whole book must balance."""
        with self.db.read() as conn:
            book = trial_balance(conn, legal_entity_id=self.book.legal_entity_id, currency="EUR")
        assert sum(one.debit_minor for one in book) == sum(one.credit_minor for one in book)
        return next(one.debit_minor - one.credit_minor for one in book if one.code is code)

    def _next_due_ms(self, kinds: list[str]) -> int | None:
        with self.db.read() as conn:
            return conn.scalar(
                select(func.min(timer_table.c.due_at_ms)).where(
                    timer_table.c.organisation_id == self.organisation_id,
                    timer_table.c.state == "ready",
                    timer_table.c.kind.in_(kinds),
                )
            )


def open_euro_gym(db: Database, keyring: Keyring | None = None) -> EuroGym:
    """A gym in Lyon on this database, whose payers are told fourteen days before a debit."""
    keyring = keyring or Keyring.generate()
    with db.write() as conn:
        organisation_id = create_organisation(
            conn,
            mode="test",
            name="Salle Lyon",
            country="FR",
            language="fr",
            time_zone=ZONE,
            real_ms=at(date(2026, 1, 2)),
        )
        legal_entity_id = create_legal_entity(
            conn, organisation_id=organisation_id, name="Salle Lyon SAS", currency="EUR", tax_regime="fr"
        )
        book = Book(organisation_id=organisation_id, legal_entity_id=legal_entity_id, currency="EUR")
        said = Creditor(creditor_id=CREDITOR_ID, iban=GYM_IBAN)
        set_creditor(conn, book, said, by="Inès", now_ms=at(date(2026, 1, 2)))
    return EuroGym(db=db, keyring=keyring, book=book, provider=SepaDebits(db))
