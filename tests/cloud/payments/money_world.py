"""A gym of two payers, its workers, its desk, the payers' banks and the payment service: whatever may happen there.

One process is written down at a time; what others do meanwhile happens at its moments (`money_line.Moment`), with no
transaction open. So two workers race here at each commit and each call, and every race can be had again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from time import time
from typing import Any

from cloud.payments.money_line import URL, Line, Moment
from dues_gym import DUE, DuesGym, Payer, at, make_gym
from portillon_cloud import outbox
from portillon_cloud.access.operations import rows_for_accounts
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.database import Database
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.main import handlers
from portillon_cloud.members.operations import add_account
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.payments.errors import AmountInvalidError, ChargeUnderWayError, OverpaymentError
from portillon_cloud.payments.inbox.acting import act
from portillon_cloud.payments.inbox.news import NewsOf
from portillon_cloud.payments.inbox.receiving import receive
from portillon_cloud.payments.inbox.sweeping import SWEEP_EVERY_MS, sweep
from portillon_cloud.payments.operations import add_payment_method, unpaid_invoices
from portillon_cloud.payments.paying_now import charge_due, give_up_confirmations
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.stripe import answers
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.entering import Keys, enter_keys
from portillon_cloud.payments.stripe.news import news_of
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.payments.tables import STRIPE, Means
from portillon_cloud.timers.operations import LEASE_MS
from portillon_cloud.worker import Worker
from portillon_psp import disputes, faults, intents, methods, service, webhooks
from portillon_psp.books import Books
from portillon_psp.params import Params
from portillon_rules.entitlement import Entitlement
from simulation.mortal import Crash, Death, MortalDatabase
from sqlalchemy import delete, select, update

SERVICE = "gym"
SECRET = f"sk_test_{SERVICE}"
START_MS = at(-3)
HOUR_MS = 3_600_000
SEPA = "sepa_debit"
CARDS: Mapping[str, dict[str, Any]] = {
    **{
        name: {"type": "card", "card": {"token": name}}
        for name in (
            "pm_card_visa", "pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_visa_chargeDeclinedLostCard",
            "pm_card_authenticationRequired", "pm_card_refundFail",
        )
    },
    "debit": {"type": SEPA, SEPA: {"iban": "DE89370400440532013000"}},
    "debit without funds": {"type": SEPA, SEPA: {"iban": "DE62370400440532013001"}},
}  # fmt: skip
REFUSED_POLITELY = (ChargeUnderWayError, OverpaymentError, AmountInvalidError)
"""What a desk is told when what it asks cannot be done now."""


@dataclass
class Clock:
    """Machine time, and business time with it, that moves only by hand."""

    now_ms: int = START_MS

    def real_ms(self) -> int:
        return self.now_ms


Wrap = Callable[[PaymentProvider], PaymentProvider]


def open_books() -> Books:
    """The service's, with our endpoint, at the beginning: alike each time, so that they go with any copy of a gym."""
    books = Books(Path(":memory:"))
    service.set_clock(books, SERVICE, START_MS // 1000)
    with books.open(SERVICE) as book:
        webhooks.make_endpoint(book, Params({"url": "http://gym.invalid", "enabled_events": ["*"]}))
    return books


def furnish(db: Database, line: Line) -> DuesGym:
    """A gym with a gateway, an account at the service, and two payers, each with a member."""
    gym = make_gym(db)
    with db.write() as conn:
        enrol_gateway(
            conn, organisation_id=gym.organisation_id, site_id=gym.site_id, gateway_id="front", name="Front",
            mode="test", now_ms=START_MS,
        )  # fmt: skip
        conn.execute(delete(access_outbox))
        accounts = [
            add_account(
                conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, name=name,
                language="en", email=f"{name}@example.org",
            )
            for name in ("zoe", "leo")
        ]  # fmt: skip
    for account_id in accounts:
        gym.member(account_id, next_invoice_on=None)
    stripe = StripeProvider(db, gym.keyring, Connections(URL, line))  # type: ignore[arg-type]
    with line.books.open(SERVICE) as book:
        [endpoint] = book.all("webhook_endpoint")
    keys = Keys(secret=SECRET, webhook_secret=endpoint["_secret"])
    enter_keys(stripe, keys, organisation_id=gym.organisation_id, by="the owner", now_ms=START_MS)
    return gym


class World:
    """Everything of one example. `template`: a gym as `furnish` left it, copied to `url`; None: one is made there."""

    def __init__(
        self,
        url: str,
        template: DuesGym | None = None,
        *,
        wrap: Wrap = lambda provider: provider,
        hears: Callable[[NewsOf], NewsOf] = lambda news: news,
    ) -> None:
        self.clock = Clock()
        self._moments: deque[Moment] = deque()
        self._names = count(1)
        self.books = open_books()
        self.line = Line(self.books, self._before_a_call)
        self.db = MortalDatabase(url, self._before_a_commit)
        if template is None:
            template = furnish(self.db, self.line)
        at_stripe = StripeProvider(self.db, template.keyring, Connections(URL, self.line))  # type: ignore[arg-type]
        self.provider = wrap(Routing.over([at_stripe]))
        self.news_of = hears(news_of(at_stripe))
        self.gym = replace(template, db=self.db, provider=self.provider)
        with self.db.read() as conn:
            who = conn.execute(select(subscription.c.account_id, subscription.c.member_id))
            self.members: dict[int, int] = {account_id: member_id for account_id, member_id in who}
        with self.books.open(SERVICE) as book:
            self.customers = {one: methods.make_customer(book, Params({}))["id"] for one in self.members}
        self.mailbox: list[tuple[bytes, str]] = []
        self.rows: dict[int, Entitlement] = {}
        self.deaths = 0
        self.tell_gateway(self.members)

    def close(self) -> None:
        """End it."""
        self.db.close()
        self.books.close()

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms

    @property
    def ids(self) -> dict[str, int]:
        return {"organisation_id": self.gym.organisation_id}

    # Processes, and what comes between

    def live(self, moments: Iterable[Moment], do: Callable[[], object]) -> None:
        """Have a process do it, with so much coming in between; it may die of it."""
        self._moments.extend(moments)
        try:
            do()
        except Crash:
            self.deaths += 1
        finally:
            self._moments.clear()

    def _next(self) -> Moment:
        moment = self._moments.popleft() if self._moments else Moment.QUIET
        others = {
            Moment.OTHER_WORKER: self._take_over,
            Moment.TOLD: self._told,
            Moment.DESK: lambda: self.pay_all_at_desk(min(self.members)),
            Moment.LINK: lambda: self.pay_by_link(min(self.members)),
        }
        if moment in others:
            with self._undisturbed():
                others[moment]()
            return Moment.QUIET
        return moment

    def _before_a_commit(self) -> Death | None:
        deaths = {Moment.DIES_BEFORE: Death.BEFORE_COMMIT, Moment.DIES_AFTER: Death.AFTER_COMMIT}
        return deaths.get(self._next())

    def _before_a_call(self) -> Moment:
        return self._next()

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        kept, self._moments = self._moments, deque()
        try:
            yield
        finally:
            self._moments = kept

    def _told(self) -> None:
        self.fetch_letters()
        self.arrives(0, again=False)

    def _take_over(self) -> None:
        self.clock.now_ms += LEASE_MS + 1
        self.work()

    # What workers do

    def work(self) -> bool:
        """One round of a worker that is new here; whether there may be more to do."""
        worker = Worker(
            db=self.db, clock=self.clock, handlers=handlers(self.provider), name=f"worker-{next(self._names)}",
            drains=[lambda: act(self.db, self.news_of, self.clock)],
        )  # fmt: skip
        return worker.round()

    def work_on(self, rounds: int) -> None:
        """Rounds of workers until there is nothing left to do now, or so many are over."""
        for _ in range(rounds):
            if not self.work():
                return

    def sweep(self) -> None:
        """An hour has gone by since the service's list was read: it is read."""
        self.clock.now_ms += SWEEP_EVERY_MS
        sweep(self.db, self.news_of, self.clock)

    # Time

    def wait(self, ms: int) -> None:
        """Time goes by, at the service too; nobody works meanwhile."""
        self.clock.now_ms += ms
        self.catch_up()

    def catch_up(self) -> None:
        """The service's clock goes where ours is."""
        service.set_clock(self.books, SERVICE, self.clock.now_ms // 1000)

    # What is told

    def fetch_letters(self) -> None:
        """What the service has to tell is on its way; it may come in any order, more than once, or never."""

        def post(_url: str, body: bytes, headers: Mapping[str, str]) -> int:
            self.mailbox.append((body, headers["Stripe-Signature"]))
            return 200

        webhooks.deliver(self.books, SERVICE, post, real_s=int(time()))

    def arrives(self, which: int, *, again: bool) -> None:
        """One webhook comes and is acted on; `again`: its copy is still on the way."""
        if not self.mailbox:
            return
        at_ = which % len(self.mailbox)
        body, signature = self.mailbox[at_] if again else self.mailbox.pop(at_)
        news = self.news_of(self.gym.organisation_id, STRIPE)
        assert news is not None
        headers = {"stripe-signature": signature}
        receive(self.db, news, headers, body, provider=STRIPE, real_ms=self.clock.real_ms(), **self.ids)
        act(self.db, self.news_of, self.clock)

    # What payers do

    def owe(self, account_id: int, total_minor: int) -> None:
        """An invoice that is due tomorrow."""
        due_on = local_date(self.now_ms, "America/Toronto") + timedelta(days=1)
        self.gym.owe(Payer(account_id, 0, 0, ""), due_on=due_on, total_minor=total_minor)

    def new_card(self, account_id: int, card: str) -> None:
        """On their own page: another card, with which what waits for their bank, and what is due, is charged."""
        with self.books.open(SERVICE) as book:
            method = methods.make_method(book, Params(CARDS[card]))["id"]
        with self.db.write() as conn:
            add_payment_method(
                conn, account_id=account_id, provider=STRIPE, token=f"{self.customers[account_id]}:{method}",
                label=card, now_ms=self.now_ms, **self.ids,
            )  # fmt: skip
        give_up_confirmations(self.db, self.provider, account_id=account_id, now_ms=self.now_ms, **self.ids)
        self.pay_by_link(account_id)

    def pay_by_link(self, account_id: int) -> None:
        """They press "pay now"."""
        charge_due(self.db, self.provider, account_id=account_id, now_ms=self.now_ms, **self.ids)

    def confirm(self, *, passed: bool) -> None:
        """The payer of the newest charge that waits for them goes to their bank with it."""
        with self.books.open(SERVICE) as book:
            for intent in book.all("payment_intent"):
                failure = intent["last_payment_error"] or {}
                if intent["status"] != "requires_payment_method" or failure.get("code") not in answers.ASKS_PAYER:
                    continue
                method = book.get("charge", intent["latest_charge"])["payment_method"]
                intents.confirm(book, intent["id"], Params({"payment_method": method}))
                if book.get("payment_intent", intent["id"])["status"] == "requires_action":
                    intents.authenticate(book, intent["id"], passed=passed)
                return

    def pay(self, account_id: int, amount_minor: int, means: Means, *, key: str, prepay: bool = False) -> None:
        """At the desk."""
        payer = Payer(account_id, 0, 0, "")
        with suppress(*REFUSED_POLITELY):
            self.gym.pay(payer, amount_minor, now_ms=self.now_ms, key=key, means=means, prepay=prepay)

    def pay_all_at_desk(self, account_id: int) -> None:
        """All that they owe, in cash."""
        with self.db.read() as conn:
            owed_minor = sum(one.owed_minor for one in unpaid_invoices(conn, account_id))
        self.pay(account_id, owed_minor, Means.CASH, key=f"all-{next(self._names)}")

    def leave(self, account_id: int) -> None:
        """Their membership ends today."""
        today = local_date(self.now_ms, "America/Toronto")
        ends_on = max(today, DUE - timedelta(days=29))
        with self.db.write() as conn:
            conn.execute(update(subscription).where(subscription.c.account_id == account_id).values(ends_on=ends_on))
            conn.execute(update(contract).where(contract.c.account_id == account_id).values(ends_on=ends_on))
            outbox.account_changed(conn, self.gym.organisation_id, account_id)

    def take_credit_back(self, account_id: int, *, key: str) -> None:
        """They ask for their credit."""
        asked = Refund(account_id=account_id, by="Ada", reason="asked", request_key=key, **self.ids)
        with suppress(OverpaymentError), self.db.write() as conn:
            refund_credit(conn, asked, now_ms=self.now_ms)

    # What banks do

    def take_back(self, which: int, *, inquiry: bool) -> None:
        """A payer's bank disputes a payment of a card, or takes a debit back."""
        with self.books.open(SERVICE) as book:
            paid = [one["id"] for one in book.all("charge") if one["status"] == "succeeded" and not one["disputed"]]
            if paid:
                charge = book.get("charge", paid[which % len(paid)])
                card = book.get("payment_method", charge["payment_method"])["type"] == "card"
                if charge["amount"] > charge["amount_refunded"]:
                    disputes.open_dispute(book, charge["id"], inquiry=inquiry and card)

    def decide(self, which: int, *, won: bool) -> None:
        """The gym's words, or their lack, reach the bank, and it decides."""
        with self.books.open(SERVICE) as book:
            open_ = [one["id"] for one in book.all("dispute") if one["status"].endswith("needs_response")]
            if open_:
                dispute_id = open_[which % len(open_)]
                words = {"uncategorized_text": "winning_evidence" if won else "losing_evidence"}
                disputes.update(book, dispute_id, Params({"evidence": words, "submit": "true"}))
                disputes.decide(book, dispute_id)

    def outage(self, *, on: bool) -> None:
        """The service goes away, or is back."""
        with self.books.open(SERVICE) as book:
            faults.set_faults(book, {"outage": on})

    # The gateway

    def tell_gateway(self, account_ids: Iterable[int]) -> None:
        """It is given these accounts' rows as they are now."""
        with self.db.read() as conn:
            found = rows_for_accounts(
                conn, self.gym.keyring, site_id=self.gym.site_id, account_ids=sorted(account_ids), now_ms=self.now_ms
            )
        for account_id, rows in found.items():
            for row in rows:
                self.rows[account_id] = Entitlement.from_body(row.key, row.body or {})

    def sequence(self) -> None:
        """The gateway hears of whatever the outbox says that changed, and of nothing else."""
        with self._undisturbed(), self.db.write() as conn:
            changed = set(conn.execute(delete(access_outbox).returning(access_outbox.c.account_id)).scalars())
        if changed:
            self.tell_gateway(self.members if None in changed else changed)

    # The end

    def heal(self) -> None:
        """Everything works again for long enough: debits settle, doubts end, whatever was told is heard."""
        self.outage(on=False)
        for days in (0, 1, 1, 2, 3, 6, 1):
            self.wait(days * 24 * HOUR_MS)
            for _ in range(2):
                self.sweep()
                self.catch_up()
                self.work_on(200)
            self.sequence()
