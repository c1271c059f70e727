"""A month of a gym with numbers that one can add up by hand, for the tests of reports."""

from datetime import date

from cloud.gym import Gym, Joined
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.recognition import recognise_until
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.tables import Means
from portillon_cloud.reports.book import Book, book_of

APRIL, MAY, JUNE = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)
FREELY = Agreement(freeze=FreezeTerms(days_least=1, days_most=400, days_per_year=400, times_per_year=99), back_days=30)


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def bill(gym: Gym, on: date) -> None:
    run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=at(on))


def recognise(gym: Gym, until_on: date) -> None:
    with gym.db.write() as conn:
        recognise_until(conn, seller(conn, gym.legal_entity_id), until_on=until_on, now_ms=at(until_on))


def do(gym: Gym, joined: Joined, ask: changes.Ask, *, on: date) -> None:
    with gym.db.write() as conn:
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=joined.subscription_id,
            ask=ask,
            author=Author(name="desk", at_ms=at(on)),
        )


def cancel(gym: Gym, joined: Joined, on: date, *, today: date) -> None:
    """Ends on `on`, whatever the term says."""
    do(gym, joined, lambda known, day: subscription.cancel(known, FREELY, on=on, today=day, by_law=True), on=today)


def freeze(gym: Gym, joined: Joined, on: date, until_on: date, *, today: date) -> None:
    do(
        gym, joined, lambda known, day: subscription.freeze(known, FREELY, on=on, until_on=until_on, today=day),
        on=today,
    )  # fmt: skip


def pay(gym: Gym, joined: Joined, amount_minor: int, on: date) -> None:
    with gym.db.write() as conn:
        take_payment(
            conn,
            DeskPayment(
                organisation_id=gym.organisation_id,
                account_id=joined.account_id,
                amount_minor=amount_minor,
                currency="CAD",
                means=Means.CASH,
                request_key=f"{joined.account_id}:{on}",
                taken_by="desk",
            ),
            now_ms=at(on),
        )


def book(gym: Gym) -> Book:
    with gym.db.read() as conn:
        return book_of(conn, gym.organisation_id, None)


def balance(gym: Gym, code: LedgerCode) -> int:
    """Debits less credits."""
    with gym.db.read() as conn:
        [found] = [
            line
            for line in trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")
            if line.code is code
        ]
    return found.debit_minor - found.credit_minor


def april(gym: Gym) -> tuple[Joined, Joined]:
    """Alice pays 100.00 from 1 April and leaves on the 16th: 50.00 back. Bob pays 100.00 from 11 April to 11 May."""
    alice, bob = gym.join(starts_on=APRIL), gym.join("Bob Roy", starts_on=date(2026, 4, 11))
    bill(gym, APRIL)
    cancel(gym, alice, date(2026, 4, 16), today=date(2026, 4, 2))
    bill(gym, date(2026, 4, 11))
    return alice, bob
