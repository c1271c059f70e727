"""The composition root: what exists once per process, and who handles what. The only place that names a provider."""

import os
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from portillon_cloud.access import operations as access
from portillon_cloud.audit import operations as audit
from portillon_cloud.audit.planning import NIGHTLY_AUDIT
from portillon_cloud.billing import operations as billing
from portillon_cloud.billing import price_change_timers, renewal, withdrawal
from portillon_cloud.billing.addon_timer import ADDONS_END
from portillon_cloud.billing.addons import end_with_memberships
from portillon_cloud.billing.exit_link import ExitLinks
from portillon_cloud.billing.planning import INVOICE_RUN, RECOGNITION
from portillon_cloud.billing.referrals import reward_when_due
from portillon_cloud.billing.reward_timer import REFERRAL_REWARD
from portillon_cloud.billing.way_to_leave import WAY_TO_LEAVE, way_to_leave_timer
from portillon_cloud.clock import Clock, RealClock
from portillon_cloud.database import Database
from portillon_cloud.desk.payment_plan import PLAN_CHECK, check_when_due
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.dunning.before_due import DUNNING_BEFORE_DUE, remind_before_due
from portillon_cloud.dunning.step_taking import take_step
from portillon_cloud.gateways.broker import BrokerLink
from portillon_cloud.gateways.link import GatewayLink
from portillon_cloud.http.forgetting import Forgetting
from portillon_cloud.messages.carrier import Carrier
from portillon_cloud.messages.maildir_carrier import MaildirCarrier
from portillon_cloud.messages.operations import deliver
from portillon_cloud.messages.smtp_carrier import SmtpCarrier
from portillon_cloud.payments.inbox.acting import act
from portillon_cloud.payments.inbox.news import NewsOf
from portillon_cloud.payments.inbox.sweeping import sweep
from portillon_cloud.payments.operations import CHARGE, charge_timer
from portillon_cloud.payments.pay_link import PayLinks
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.refunding.sending import REFUND, refund_timer
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.sepa.provider import SepaDebits
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.entering import stripe_of
from portillon_cloud.payments.stripe.news import news_of
from portillon_cloud.payments.stripe.payouts import PayoutWatch
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.reconciliation.receiving import BANK_FILE, work_through
from portillon_cloud.secrets import Keyring, load_or_create_keyring
from portillon_cloud.settings import Settings
from portillon_cloud.takings.operations import CLOSE_TAKINGS, close_when_due
from portillon_cloud.timers import Handler
from portillon_cloud.webhooks.delivering import THREADS as WEBHOOK_THREADS
from portillon_cloud.webhooks.drains import webhook_drains
from portillon_cloud.worker import Worker

OUTWARD = frozenset({CHARGE, REFUND})
"""Kinds of timers whose handlers wait for a payment provider."""

CALLS_AT_ONCE = 16
"""With a slow answer of half a second still more than the twenty a second that one account at Stripe takes."""

FEATURES_WITH_TABLES = (
    "members",
    "clock",
    "timers",
    "outbox",
    "ledger",
    "billing",
    "billing.law",
    "billing.forecast",
    "payments",
    "payments.sepa",
    "payments.fraud",
    "reconciliation",
    "takings",
    "dunning",
    "messages",
    "access",
    "desk",
    "identity",
    "gateways",
    "attendance",
    "alarms",
    "doors",
    "visits",
    "zones",
    "presence",
    "audit",
    "documents",
    "http",
    "webhooks",
)


def all_tables() -> None:
    """Import every feature's tables, so that the metadata knows the whole schema."""
    for feature in FEATURES_WITH_TABLES:
        import_module(f"portillon_cloud.{feature}.tables")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a process needs, made once. `gateways` is None without a broker."""

    settings: Settings
    db: Database
    clock: Clock
    keyring: Keyring
    provider: PaymentProvider
    news_of: NewsOf
    carrier: Carrier
    webhook_threads: ThreadPoolExecutor
    call_threads: ThreadPoolExecutor
    gateways: BrokerLink | None
    connections: Connections

    def worker(self) -> Worker:
        """A worker over these services, named after this process."""
        return Worker(
            db=self.db,
            clock=self.clock,
            handlers=handlers(
                self.provider,
                ExitLinks.of(self.keyring, self.settings.base_url),
                PayLinks.of(self.keyring, self.settings.base_url),
            ),
            drains=[
                lambda: deliver(self.db, self.carrier, real_ms=self.clock.real_ms()),
                lambda: act(self.db, self.news_of, self.clock),
                lambda: sweep(self.db, self.news_of, self.clock),
                PayoutWatch(stripe_of(self.provider), self.clock).drain,
                Forgetting(db=self.db, clock=self.clock),
                *webhook_drains(
                    db=self.db,
                    clock=self.clock,
                    keyring=self.keyring,
                    carrier=self.carrier,
                    threads=self.webhook_threads,
                    inside=self.settings.webhooks_inside,
                ),
            ],
            outward=OUTWARD,
            threads=self.call_threads,
            name=f"{socket.gethostname()}:{os.getpid()}",
            waits_for_gateways=self.gateways is not None,
        )

    def close(self) -> None:
        """Stop talking to gateways and to Stripe, then close the database."""
        if self.gateways is not None:
            self.gateways.stop()
        for threads in (self.webhook_threads, self.call_threads):
            threads.shutdown(cancel_futures=True)
        self.connections.close()
        self.db.close()


def handlers(
    provider: PaymentProvider, links: ExitLinks | None = None, pay_links: PayLinks | None = None
) -> Mapping[str, Handler]:
    """Who handles which kind of timer. Letters carry `links` to where one leaves, `pay_links` to where one pays."""
    return {
        INVOICE_RUN: billing.run_invoices_when_due,
        RECOGNITION: billing.run_recognition_when_due,
        renewal.RENEWAL_NOTICE: renewal.notice_timer(links),
        renewal.RENEWAL: renewal.renew_when_due,
        price_change_timers.PRICE_NOTICES: price_change_timers.notices_timer(links),
        price_change_timers.PRICE_HOLDS: price_change_timers.hold_when_due,
        WAY_TO_LEAVE: way_to_leave_timer(links),
        withdrawal.SETTLE: withdrawal.settle_when_due,
        ADDONS_END: end_with_memberships,
        REFERRAL_REWARD: reward_when_due,
        CHARGE: charge_timer(provider),
        REFUND: refund_timer(provider),
        dunning.DUNNING_STEP: partial(take_step, links=pay_links),
        dunning.DUNNING_REVIEW: dunning.take_review,
        DUNNING_BEFORE_DUE: remind_before_due,
        access.ACCESS_REVIEW: access.review,
        PLAN_CHECK: check_when_due,
        BANK_FILE: work_through,
        CLOSE_TAKINGS: close_when_due,
        NIGHTLY_AUDIT: audit.audit_when_due,
    }


def compose(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Open the database and make the services; nothing runs yet (`gateways.start()`, `worker().run()`).

    Raises DatabaseUrlError, DatabaseInUseError, SecretsError, BrokerUrlError.
    """
    all_tables()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    keyring = load_or_create_keyring(settings.secrets_file)
    real = clock or RealClock()
    with ExitStack() as undo:
        db = Database(settings.url)
        undo.callback(db.close)
        connections = Connections(settings.stripe_test_url)
        undo.callback(connections.close)
        at_stripe = StripeProvider(db, keyring, connections)
        gateways = None
        if settings.broker is not None:
            link = GatewayLink(db, keyring, real, base_url=settings.base_url)
            gateways = BrokerLink(link, settings.broker, wake=db.wake)
        services = Services(
            settings=settings,
            db=db,
            clock=real,
            keyring=keyring,
            provider=Routing.over([PaymentSimulator(db), SepaDebits(db), at_stripe]),
            news_of=news_of(at_stripe),
            carrier=_carrier(settings),
            webhook_threads=ThreadPoolExecutor(WEBHOOK_THREADS, thread_name_prefix="webhook"),
            call_threads=ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="call"),
            gateways=gateways,
            connections=connections,
        )
        undo.pop_all()
    return services


def _carrier(settings: Settings) -> Carrier:
    if settings.smtp_host is None:
        return MaildirCarrier(settings.mail_dir, sender=settings.mail_from)
    return SmtpCarrier(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )
