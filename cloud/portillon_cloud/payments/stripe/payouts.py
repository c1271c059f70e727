"""What Stripe paid out to the bank and of what it was made, told to the books (`reconciliation.payouts`).

Asked for every hour. What a payout that is there already is made of is not asked for again.
"""

import datetime
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

import stripe
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError
from stripe import StripeClient

from portillon_cloud.clock import Clock, business_now_ms
from portillon_cloud.ledger.periods import Book
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.payments.provider_account_tables import provider_account
from portillon_cloud.payments.provider_accounts import accounts_of
from portillon_cloud.payments.stripe.account import PAGE
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.payments.tables import STRIPE, attempt_outcome, payment_intent
from portillon_cloud.reconciliation.payouts import Movement, Payout, PayoutUnevenError, record_payout
from portillon_cloud.reconciliation.tables import provider_payout

EVERY_MS = 3_600_000
LOOKED_BACK_DAYS = 14  # a payout may fail, and be made again, days later
MOVEMENTS_MOST = 100_000
PAYOUTS_MOST = 1_000
_OF_DISPUTES = ("dispute", "dispute_reversal")  # https://docs.stripe.com/reports/reporting-categories
_log = logging.getLogger(__name__)


def payouts_since(client: StripeClient, since_s: int, *, known: Collection[str] = ()) -> Iterator[tuple[str, Payout]]:
    """Each payout that arrived and is not `known`, with currency and movements. Raises stripe.StripeError."""
    listed = client.v1.payouts.list({"created": {"gte": since_s}, "status": "paid", "limit": PAGE})
    for one in islice(listed.auto_paging_iter(), PAYOUTS_MOST):
        if one.id in known:
            continue
        yield (
            one.currency.upper(),
            Payout(
                provider=STRIPE,
                reference=one.id,
                arrives_on=datetime.datetime.fromtimestamp(one.arrival_date, datetime.UTC).date(),
                amount_minor=one.amount,
                movements=list(_movements(client, one.id)) if one.automatic else [],
                by_hand=not one.automatic,
            ),
        )


def _movements(client: StripeClient, payout: str) -> Iterator[Movement]:
    """Of an automatic payout: of others Stripe does not say (https://docs.stripe.com/api/balance_transactions/list)."""
    moved = client.v1.balance_transactions.list({"payout": payout, "limit": PAGE, "expand": ["data.source"]})
    for line in islice(moved.auto_paging_iter(), MOVEMENTS_MOST):
        if line.type != "payout":
            yield Movement(
                reference=line.id,
                kind=line.reporting_category,
                gross_minor=line.amount,
                fee_minor=line.fee,
                charge=_intent_of(line),
                of_dispute=line.reporting_category in _OF_DISPUTES,
            )


@dataclass(slots=True)
class PayoutWatch:
    """A drain: one organisation per call, each every hour. Several processes do it several times, to no harm."""

    provider: StripeProvider
    clock: Clock
    _looked_ms: dict[int, int] = field(default_factory=dict)

    def drain(self) -> int:
        """Record the payouts of one organisation whose hour has come; how many organisations that was."""
        real_ms = self.clock.real_ms()
        with self.provider.db.read() as conn:
            known = conn.execute(
                select(provider_account.c.organisation_id).where(provider_account.c.provider == STRIPE).distinct()
            ).scalars()
            due = [one for one in known if self._looked_ms.get(one, -EVERY_MS) + EVERY_MS <= real_ms]
        if not due:
            return 0
        self._looked_ms[due[0]] = real_ms
        record_payouts(self.provider, due[0], real_ms=real_ms)
        return 1


def record_payouts(provider: StripeProvider, organisation_id: int, *, real_ms: int) -> int:
    """Tell the books what was paid out lately; how many payouts are new to them."""
    with provider.db.read() as conn:
        accounts = accounts_of(conn, provider.keyring, organisation_id=organisation_id, provider=STRIPE)
        now_ms = business_now_ms(conn, organisation_id, real_ms)
        since_s = _since_s(conn, organisation_id)
        known = _known(conn, organisation_id, since_s)
    new = 0
    for account in accounts:
        try:
            told = list(payouts_since(provider.at(account).client, since_s, known=known))
        except stripe.StripeError as error:
            _log.warning("organisation %d: Stripe tells no payouts now (%s)", organisation_id, type(error).__name__)
            continue
        for currency, payout in told:
            new += _record(provider, organisation_id, currency, payout, now_ms)
    return new


def _record(provider: StripeProvider, organisation_id: int, currency: str, payout: Payout, now_ms: int) -> int:
    try:
        with provider.db.write() as conn:
            book = _book(conn, organisation_id, currency, payout)
            if book is None:
                _log.error("organisation %d: whose payout %s is nobody can say", organisation_id, payout.reference)
                return 0
            record_payout(conn, book, payout, now_ms=now_ms)
            return 1
    except PayoutUnevenError as error:
        _log.error("organisation %d: %s; record it by hand", organisation_id, error)
    except IntegrityError:  # another process was first, which is as good
        _log.info("organisation %d: payout %s is recorded elsewhere", organisation_id, payout.reference)
    return 0


def _known(conn: Connection, organisation_id: int, since_s: int) -> frozenset[str]:
    """The payouts in the books that may have been made since; none arrives before it is made."""
    column = provider_payout.c
    since_on = datetime.datetime.fromtimestamp(since_s, datetime.UTC).date()
    references = select(column.reference).where(
        column.organisation_id == organisation_id, column.provider == STRIPE, column.arrives_on >= since_on
    )
    return frozenset(conn.execute(references).scalars())


def _since_s(conn: Connection, organisation_id: int) -> int:
    last_on: datetime.date | None = conn.scalar(
        select(provider_payout.c.arrives_on)
        .where(provider_payout.c.organisation_id == organisation_id, provider_payout.c.provider == STRIPE)
        .order_by(provider_payout.c.arrives_on.desc())
        .limit(1)
    )
    if last_on is None:
        return 0
    back = datetime.datetime.combine(last_on, datetime.time(), datetime.UTC) - datetime.timedelta(LOOKED_BACK_DAYS)
    return int(back.timestamp())


def _book(conn: Connection, organisation_id: int, currency: str, payout: Payout) -> Book | None:
    """Whose payout it is: of the one legal entity with this currency, or of that whose charges are in it."""
    same = (legal_entity.c.organisation_id == organisation_id, legal_entity.c.currency == currency)
    entities = set(conn.execute(select(legal_entity.c.id).where(*same)).scalars())
    if len(entities) > 1:
        charges = [one.charge for one in payout.movements if one.charge is not None]
        charged = (
            select(payment_intent.c.legal_entity_id)
            .join(attempt_outcome, attempt_outcome.c.intent_id == payment_intent.c.id)
            .where(
                attempt_outcome.c.organisation_id == organisation_id,
                attempt_outcome.c.provider_reference.in_(charges),
            )
        )
        entities &= set(conn.execute(charged).scalars())
    if len(entities) != 1:
        return None
    return Book(organisation_id=organisation_id, legal_entity_id=entities.pop(), currency=currency)


def _intent_of(line: stripe.BalanceTransaction) -> str | None:
    """Our name for the charge that a movement is about: its intent's."""
    named = getattr(line.source, "payment_intent", None)
    return named if named is None or isinstance(named, str) else str(named.id)
