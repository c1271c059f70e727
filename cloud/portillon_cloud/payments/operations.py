"""What others ask of payments: open intents, add a payment method, charge, take money at the desk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from portillon_cloud import timers
from portillon_cloud.billing.calendar import add_months
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_many, insert_one, reserve_ids
from portillon_cloud.dunning.before_due import Coming, plan_reminders
from portillon_cloud.dunning.caps import DAY_MS
from portillon_cloud.dunning.ladder import step_ms
from portillon_cloud.members.tables import account, organisation
from portillon_cloud.payments import settling, store
from portillon_cloud.payments.charging import cancel_charge, charge
from portillon_cloud.payments.desk import DeskPayment, PaymentTaken, take_payment
from portillon_cloud.payments.errors import LiveOrganisationError, UnknownAccountError
from portillon_cloud.payments.owed import UnpaidInvoice, owed_minor, unpaid_invoices
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.provider_accounts import current_account_id
from portillon_cloud.payments.settling import CHARGE, ChargeResult
from portillon_cloud.payments.tables import SIMULATOR, IntentState, MethodState, payment_intent, payment_method

__all__ = [
    "CHARGE",
    "ChargeResult",
    "DeskPayment",
    "InvoiceDue",
    "PaymentTaken",
    "UnpaidInvoice",
    "add_payment_method",
    "cancel_charges",
    "charge",
    "charge_soon",
    "charge_timer",
    "open_intents",
    "owed_minor",
    "take_payment",
    "unpaid_invoices",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDue:
    """An invoice just issued, of which `amount_minor` is to be collected on `due_on`.

    `instalments_minor`: or in these parts, the first on that day and each a month after the other.
    """

    organisation_id: int
    legal_entity_id: int
    account_id: int
    invoice_id: int
    amount_minor: int
    currency: str
    due_on: date
    instalments_minor: tuple[int, ...] = ()

    def parts(self) -> Iterator[tuple[int, date | None, int]]:
        """The position, the day (None: the invoice's) and the amount of each."""
        if not self.instalments_minor:
            yield 1, None, self.amount_minor
            return
        for months, minor in enumerate(self.instalments_minor):
            if minor:
                yield months + 1, add_months(self.due_on, months), minor


def open_intents(conn: Connection, *, invoices: Sequence[InvoiceDue], now_ms: int) -> None:
    """Open an intent for each invoice and schedule its charge at the due date, in the transaction that issues them.

    An invoice of nothing needs none. A second intent for an invoice that has a live one breaks a unique index.
    """
    owing = [(one, *part) for one in invoices if one.amount_minor > 0 for part in one.parts()]
    if not owing:
        return
    ids = reserve_ids(conn, payment_intent, len(owing))
    columns = (
        "id",
        "organisation_id",
        "legal_entity_id",
        "account_id",
        "invoice_id",
        "position",
        "due_on",
        "amount_minor",
        "currency",
        "state",
        "opened_at_ms",
    )
    rows = [
        (
            intent_id,
            one.organisation_id,
            one.legal_entity_id,
            one.account_id,
            one.invoice_id,
            position,
            due_on,
            amount_minor,
            one.currency,
            IntentState.OPEN.value,
            now_ms,
        )
        for intent_id, (one, position, due_on, amount_minor) in zip(ids, owing, strict=True)
    ]
    insert_many(conn, payment_intent, columns, rows)
    zones = _zones(conn, {one.organisation_id for one, *_ in owing})
    due_days = [(due_on or one.due_on, zones[one.organisation_id]) for one, _, due_on, _ in owing]
    days = set(due_days)  # few: a night's invoices are due together
    due_ms = {(due_on, zone): step_ms(due_on, zone) for due_on, zone in days}
    timers.schedule_many(
        conn,
        [
            timers.NewTimer(
                organisation_id=one.organisation_id,
                kind=CHARGE,
                subject_id=intent_id,
                due_at_ms=due_ms[due_day],
                key=f"charge:intent-{intent_id}",
            )
            for intent_id, (one, *_), due_day in zip(ids, owing, due_days, strict=True)
        ],
    )
    later = [
        Coming(intent_id, one.organisation_id, due_on)
        for intent_id, (one, *_), (due_on, zone) in zip(ids, owing, due_days, strict=True)
        if due_ms[due_on, zone] - now_ms > DAY_MS
    ]
    plan_reminders(conn, later, now_ms=now_ms)


def add_payment_method(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    provider: str,
    token: str,
    label: str,
    now_ms: int,
    expires: tuple[int, int] | None = None,
    scheme: str | None = None,
) -> int:
    """Keep a provider's token for the account; the newest is charged. Its id. `expires`: year and month of a card.
    `scheme`: its network, as caps.py names it.

    Raises UnknownAccountError, and LiveOrganisationError for a simulated card in a live organisation.
    """
    mode = conn.scalar(
        select(organisation.c.mode)
        .join(account, account.c.organisation_id == organisation.c.id)
        .where(account.c.id == account_id, organisation.c.id == organisation_id)
    )
    if mode is None:
        raise UnknownAccountError(f"organisation {organisation_id} has no account {account_id}")
    if provider == SIMULATOR and mode != "test":
        raise LiveOrganisationError(f"organisation {organisation_id} is live: it takes no simulated cards")
    return insert_one(
        conn,
        payment_method,
        organisation_id=organisation_id,
        mode=mode,
        account_id=account_id,
        provider=provider,
        token=token,
        label=label,
        exp_year=None if expires is None else expires[0],
        exp_month=None if expires is None else expires[1],
        scheme=scheme,
        provider_account_id=current_account_id(conn, organisation_id=organisation_id, provider=provider),
        state=MethodState.ACTIVE,
        added_at_ms=now_ms,
    )


def charge_soon(conn: Connection, *, organisation_id: int, account_id: int, now_ms: int) -> int:
    """Have everything the account owes charged now, for instance with a new card; how many charges that is."""
    intents = [
        intent
        for intent in store.lock_live_intents(conn, account_id)
        if intent.organisation_id == organisation_id and intent.state is IntentState.OPEN
    ]
    for intent in intents:
        settling.schedule_charge(conn, intent, at_ms=now_ms, purpose=f"asked-{now_ms}")
    return len(intents)


def cancel_charges(
    db: Database, provider: PaymentProvider, *, organisation_id: int, account_id: int, now_ms: int
) -> list[ChargeResult]:
    """End every charge of the account that is under way or parked, so that it can be paid otherwise; how each ended."""
    with db.write() as conn:
        intents = [
            one.id for one in store.lock_live_intents(conn, account_id) if one.organisation_id == organisation_id
        ]
    results = [cancel_charge(db, provider, intent_id, now_ms=now_ms) for intent_id in intents]
    return [result for result in results if result is not ChargeResult.NOTHING_OWED]


def charge_timer(provider: PaymentProvider) -> timers.Handler:
    """The handler of CHARGE timers."""

    def handle(work: timers.Work, claimed: timers.Timer) -> bool:
        charge(
            work.db,
            provider,
            claimed.subject_id,
            now_ms=work.now_ms,
            claimed=claimed,
            hold=lambda conn: timers.hold(conn, claimed, real_ms=work.clock.real_ms()),
        )
        return True

    return handle


def _zones(conn: Connection, organisation_ids: set[int]) -> dict[int, str]:
    rows = conn.execute(
        select(organisation.c.id, organisation.c.time_zone).where(organisation.c.id.in_(organisation_ids))
    )
    return {row.id: row.time_zone for row in rows}
