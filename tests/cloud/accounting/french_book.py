"""A gym in Lyon from December to February: billed, paid, given back, written off, entered by hand."""

from dataclasses import dataclass
from datetime import date

from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.operations import create_plan, create_price, run_invoices, subscribe
from portillon_cloud.billing.recognition import recognise_until
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.ledger.manual import ManualEntry, record
from portillon_cloud.ledger.periods import Book
from portillon_cloud.ledger.tables import ManualKind
from portillon_cloud.members.operations import (
    add_account,
    add_member,
    create_legal_entity,
    create_organisation,
    create_site,
)
from portillon_cloud.members.tables import account
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.receipts import Receipt, receive
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.tables import Means
from portillon_cloud.payments.write_off import WriteOff, write_off
from portillon_cloud.secrets import Keyring
from sqlalchemy import select, update

ZONE = "Europe/Paris"
MONTHLY = Interval(IntervalUnit.MONTH, 1)


def at(on: date, hour: int = 9) -> int:
    return start_of_day_ms(on, ZONE) + hour * 3_600_000


@dataclass(frozen=True)
class FrenchGym:
    """Its book, its price, and whoever joined."""

    db: Database
    book: Book
    site_id: int
    price_id: int

    def join(self, first: str, last: str, *, on: date, kind: str = "person") -> tuple[int, int]:
        """A new member who pays for themselves; account and subscription."""
        with self.db.write() as conn:
            same = {"organisation_id": self.book.organisation_id}
            account_id = add_account(
                conn, **same, legal_entity_id=self.book.legal_entity_id, name=f"{first} {last}", language="fr"
            )
            conn.execute(update(account).where(account.c.id == account_id).values(kind=kind))
            member_id = add_member(
                conn, **same, account_id=account_id, site_id=self.site_id, first_name=first, last_name=last,
                joined_on=on,
            )  # fmt: skip
            made = subscribe(
                conn, **same, account_id=account_id, member_id=member_id, price_id=self.price_id, starts_on=on,
                now_ms=at(on),
            )  # fmt: skip
        return account_id, made.subscription_id

    def bill(self, on: date) -> None:
        run_invoices(self.db, self.book.legal_entity_id, on=on, now_ms=at(on, 6))

    def recognise(self, month: date) -> None:
        """The month before this first day."""
        with self.db.write() as conn:
            recognise_until(conn, seller(conn, self.book.legal_entity_id), until_on=month, now_ms=at(month, 1))

    def pay(self, account_id: int, minor: int, means: Means, *, on: date, hour: int = 9) -> None:
        paid = DeskPayment(
            organisation_id=self.book.organisation_id, account_id=account_id, amount_minor=minor, currency="EUR",
            means=means, request_key=f"{account_id}:{on}:{minor}", taken_by="Inès",
        )  # fmt: skip
        with self.db.write() as conn:
            take_payment(conn, paid, now_ms=at(on, hour))


def open_french_gym(db: Database, keyring: Keyring) -> FrenchGym:
    """One plan at 59.90 € a month, tax inside."""
    with db.write() as conn:
        organisation_id = create_organisation(
            conn, mode="test", name="Salle Croix-Rousse", country="FR", province=None, language="fr", time_zone=ZONE,
            real_ms=at(date(2025, 12, 1)),
        )  # fmt: skip
        entity_id = create_legal_entity(
            conn, organisation_id=organisation_id, name="Salle Croix-Rousse SARL", currency="EUR", tax_regime="fr",
            tax_numbers={"TVA": "FR 40 303 265 045"},
        )  # fmt: skip
        site_id = create_site(
            conn, keyring, organisation_id=organisation_id, legal_entity_id=entity_id, name="Croix-Rousse",
            time_zone=ZONE, language="fr",
        )  # fmt: skip
        plan_id = create_plan(
            conn, organisation_id=organisation_id, legal_entity_id=entity_id, code="libre", name="Accès libre"
        )
        price_id = create_price(
            conn, plan_id=plan_id, amount_minor=59_90, interval=MONTHLY, term_months=12, tax_inclusive=True
        )
    book = Book(organisation_id=organisation_id, legal_entity_id=entity_id, currency="EUR")
    return FrenchGym(db, book, site_id, price_id)


def live_a_winter(gym: FrenchGym) -> None:
    """What the golden file tells."""
    same = {"organisation_id": gym.book.organisation_id}
    żak, _ = gym.join("Łukasz", "Żak", on=date(2025, 12, 10))
    rené, renés = gym.join("Renée", "L'Œuvre", on=date(2025, 12, 20))
    gym.bill(date(2025, 12, 10))
    gym.bill(date(2025, 12, 20))
    gym.pay(rené, 59_90, Means.CASH, on=date(2025, 12, 20))
    gym.recognise(date(2026, 1, 1))
    gym.bill(date(2026, 1, 10))
    gym.bill(date(2026, 1, 20))
    gym.pay(żak, 59_90, Means.TERMINAL, on=date(2026, 1, 12))
    with gym.db.write() as conn:
        changes.change(
            conn, **same, subscription_id=renés, author=Author(name="Inès", at_ms=at(date(2026, 1, 25))),
            ask=lambda recorded, today: subscription.freeze(
                recorded, Agreement(freeze=FreezeTerms(days_least=7)), on=date(2026, 2, 1), until_on=date(2026, 3, 1),
                today=today,
            ),
        )  # fmt: skip
        record(
            conn, gym.book,
            ManualEntry(
                kind=ManualKind.CASH_TO_BANK, amount_minor=50_00, occurred_on=date(2026, 1, 26), by="Inès",
                reason="bordereau\t12", request_key="bordereau-12",
            ),
            now_ms=at(date(2026, 1, 26)),
        )  # fmt: skip
        record(
            conn, gym.book,
            ManualEntry(
                kind=ManualKind.DEPOSIT_IN_CASH, amount_minor=20_00, occurred_on=date(2026, 1, 27), by="Inès",
                reason="badge", request_key="badge-1", account_id=rené,
            ),
            now_ms=at(date(2026, 1, 27)),
        )  # fmt: skip
        receive(
            conn,
            Receipt(
                **same, legal_entity_id=gym.book.legal_entity_id, account_id=rené, amount_minor=10_00, currency="EUR",
                means=Means.TRANSFER,
            ),
            (),
            now_ms=at(date(2026, 1, 28)),
        )  # fmt: skip
        refund_credit(
            conn,
            Refund(**same, account_id=rené, by="Inès", reason="virement en trop", request_key="back-1"),
            now_ms=at(date(2026, 1, 29)),
        )
        last = conn.scalars(
            select(invoice.c.id).where(invoice.c.account_id == żak).order_by(invoice.c.id.desc())
        ).first()
        write_off(
            conn,
            WriteOff(
                **same, account_id=żak, invoice_id=last, by="Inès", reason="parti à l'étranger", request_key="off-1",
                amount_minor=9_90,
            ),
            now_ms=at(date(2026, 1, 30)),
        )  # fmt: skip
    gym.recognise(date(2026, 2, 1))


YEAR = (date(2026, 1, 1), date(2026, 12, 31))
