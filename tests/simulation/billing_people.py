"""The people around a gym's money: members, the desk, and somebody who corrects documents in place."""

import datetime
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from cloud.gym import Gym, Joined
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, plan_block, put_block
from portillon_cloud.clock import Clock
from portillon_cloud.clock.reading import read_clock
from portillon_cloud.database import Database
from portillon_cloud.errors import ConflictError, PermanentError, TransientError
from portillon_cloud.members.operations import add_credential
from portillon_cloud.payments.errors import OverpaymentError
from portillon_cloud.payments.operations import (
    DeskPayment,
    add_payment_method,
    cancel_charges,
    charge_soon,
    take_payment,
)
from portillon_cloud.payments.provider import CardBehaviour, PaymentProvider
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.tables import SIMULATOR, Means
from portillon_rules.credential import Credential, CredentialKind
from simulation.billing_watch import TERMINAL, ZONE, Watch
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

DAY_MS = 24 * 3_600_000
MEMBERS_MAX = 8
STAFF = "staff:1"


@dataclass
class People:
    """Each act is one of them doing something; who they are is in the database. After a crash `gym` and
    provider are new ones.
    """

    gym: Gym
    prices: list[int]
    simulator: PaymentSimulator
    provider: PaymentProvider
    clock: Clock
    watch: Watch
    random: random.Random
    counts: Counter[str]
    unanswered: DeskPayment | None = None  # sent, and the process died: the desk sends it again
    untold: TakenBack | None = None  # told, and the process died: the bank tells it again
    bank_took_minor: int = 0  # in all, and we said that we know
    names: Callable[[str], str] = str  # under which what a bank tells is known here

    @property
    def db(self) -> Database:
        """The process's database."""
        return self.gym.db

    def now_ms(self) -> int:
        """Business time."""
        with self.db.read() as conn:
            return read_clock(conn, self.gym.organisation_id, self.clock.real_ms()).business_ms

    def today(self) -> datetime.date:
        """The date at the gym."""
        return datetime.datetime.fromtimestamp(self.now_ms() / 1000, ZONE).date()

    def join(self) -> None:
        """Somebody signs, often on one of the last days of a month; some pay for a second member, some have no card."""
        if len(self.watch.rows("SELECT id FROM member")) >= MEMBERS_MAX:
            return
        days = [self.today() + datetime.timedelta(days=ahead) for ahead in range(60)]
        if self.random.random() < 0.6:
            days = [day for day in days if day.day >= 29]
        accounts = self.accounts()
        payer = self.random.choice(accounts) if accounts and self.random.random() < 0.25 else None
        starts_on, price_id = self.random.choice(days), self.random.choice(self.prices)
        joined = self.gym.join(starts_on=starts_on, account_id=payer, price_id=price_id)
        self._give_badge(joined)
        if self.random.random() < 0.85:
            self.give_card(joined.account_id)

    def _give_badge(self, joined: Joined) -> None:
        badge = Credential(CredentialKind.EM4100, f"{joined.member_id:010X}")
        with self.db.write() as conn:
            add_credential(
                conn, self.gym.keyring, organisation_id=self.gym.organisation_id, member_id=joined.member_id,
                presented=badge,
            )  # fmt: skip

    def give_card(self, account_id: int) -> None:
        [token] = self.simulator.issue_cards(self.gym.organisation_id, 1)
        with self.db.write() as conn:
            add_payment_method(
                conn, organisation_id=self.gym.organisation_id, account_id=account_id, provider=SIMULATOR, token=token,
                label="•••• 4242", now_ms=self.now_ms(),
            )  # fmt: skip

    def change_card(self) -> None:
        """A card begins to behave in another way."""
        tokens = self.watch.rows("SELECT token FROM payment_method ORDER BY id")
        if tokens:
            behaviour = self.random.choices(list(CardBehaviour), [6, 2, 1, 1, 1, 2, 2, 1, 3])[0]
            self.simulator.set_card_behaviour(self.gym.organisation_id, self.random.choice(tokens)[0], behaviour)

    def change_every_card(self, behaviour: CardBehaviour) -> None:
        """All cards behave so from now on."""
        for (token,) in self.watch.rows("SELECT token FROM payment_method ORDER BY id"):
            self.simulator.set_card_behaviour(self.gym.organisation_id, token, behaviour)

    def replace_card(self) -> None:
        """Somebody brings another card, and what they owe is charged to it."""
        if account_id := self._somebody():
            self.give_card(account_id)
            self.charge_now(account_id)

    def charge_now(self, account_id: int | None = None) -> None:
        """Somebody asks to be charged at once."""
        if account_id := account_id or self._somebody():
            with self.db.write() as conn:
                charge_soon(conn, organisation_id=self.gym.organisation_id, account_id=account_id, now_ms=self.now_ms())

    def cancel(self, account_id: int | None = None) -> None:
        """The desk ends the charges of somebody that are under way."""
        if account_id := account_id or self._somebody():
            cancel_charges(
                self.db, self.provider, organisation_id=self.gym.organisation_id, account_id=account_id,
                now_ms=self.now_ms(),
            )  # fmt: skip

    def pay_at_desk(self) -> None:
        """Somebody pays some of it, all, or too much; the request is sent twice, or again after no answer."""
        paid = self.unanswered = self.unanswered or self._something_to_pay()
        if paid is None:
            return
        try:
            for _ in range(self.random.randint(1, 2)):
                with self.db.write() as conn:
                    take_payment(conn, paid, now_ms=self.now_ms())
                self.counts["desk payments taken"] += 1
        except (ConflictError, PermanentError, TransientError):
            self.counts["desk payments refused"] += 1
        self.unanswered = None

    def _something_to_pay(self) -> DeskPayment | None:
        account_id = self._somebody()
        owing = self.watch.rows(
            "SELECT coalesce(sum(amount_minor), 0) FROM payment_intent "
            "WHERE account_id = ? AND state IN ('open', 'parked')", account_id,
        )  # fmt: skip
        owed_minor = owing[0][0]
        if not account_id or not owed_minor:
            return None
        return DeskPayment(
            organisation_id=self.gym.organisation_id, account_id=account_id, currency="CAD",
            amount_minor=self.random.choice([owed_minor, self.random.randint(1, owed_minor), owed_minor + 1]),
            means=self.random.choice([Means.CASH, Means.TERMINAL]), request_key=f"desk-{self.random.random()}",
            taken_by="desk",
        )  # fmt: skip

    def take_back(self) -> None:
        """Somebody's bank takes a payment back, whole or in part; it tells so twice, or again after no answer."""
        told = self.untold = self.untold or self._something_to_take_back()
        if told is None:
            return
        try:
            for _ in range(self.random.randint(1, 2)):
                with self.db.write() as conn:
                    take_back(conn, replace(told, request_key=self.names(told.request_key)), now_ms=self.now_ms())
        except OverpaymentError:
            self.counts["returns refused"] += 1
        self.bank_took_minor += told.amount_minor or 0
        self.counts["payments taken back"] += 1
        self.untold = None

    def _something_to_take_back(self) -> TakenBack | None:
        left = """amount_minor
            - coalesce((SELECT sum(amount_minor) FROM payment_return WHERE payment_id = payment.id), 0)"""
        paid = self.watch.rows(f"SELECT id, {left} FROM payment WHERE means = 'provider' AND {left} > 0 ORDER BY id")
        if not paid:
            return None
        payment_id, left_minor = self.random.choice(paid)
        return TakenBack(
            organisation_id=self.gym.organisation_id, payment_id=payment_id, by="bank",
            kind=self.random.choice([ReturnKind.RETURNED, ReturnKind.DISPUTED]),
            code=self.random.choice(["insufficient_funds", "AC04", "lost_card"]),
            request_key=f"bank-{self.random.random()}",
            amount_minor=self.random.choice([left_minor, left_minor, self.random.randint(1, left_minor)]),
        )  # fmt: skip

    def shut_out(self) -> None:
        """The desk freezes, bans, parks or marks as charged back; now or later, for a while or for good."""
        if not (account_id := self._somebody()):
            return
        reason = self.random.choice([reason for reason in BlockReason if reason is not BlockReason.DUES_UNPAID])
        from_ms = self.now_ms() + self.random.choice([0, 0, 3 * DAY_MS])
        until_ms = self.random.choice([None, *[from_ms + self.random.randint(1, 25) * DAY_MS] * 3])
        with self.db.write() as conn:
            place = plan_block if from_ms > self.now_ms() else put_block
            place(
                conn, organisation_id=self.gym.organisation_id, account_id=account_id, reason=reason, source=STAFF,
                from_ms=from_ms, until_ms=until_ms,
            )  # fmt: skip

    def let_in(self) -> None:
        """The desk ends one of its blocks."""
        if standing := self._blocks_of_staff():
            self._end_block(*self.random.choice(standing))

    def let_everybody_in(self) -> None:
        """The desk ends all of its blocks."""
        for account_id, reason in self._blocks_of_staff():
            self._end_block(account_id, reason)

    def _blocks_of_staff(self) -> list[tuple[int, str]]:
        return self.watch.rows(
            "SELECT account_id, reason FROM block WHERE source = ? AND (until_ms IS NULL OR until_ms > ?) ORDER BY id",
            STAFF, self.now_ms(),
        )  # fmt: skip

    def _end_block(self, account_id: int, reason: str) -> None:
        with self.db.write() as conn:
            end_block(
                conn, organisation_id=self.gym.organisation_id, account_id=account_id, reason=BlockReason(reason),
                source=STAFF, at_ms=self.now_ms(),
            )  # fmt: skip

    def accounts(self) -> list[int]:
        """Every account."""
        return [row[0] for row in self.watch.rows("SELECT id FROM account ORDER BY id")]

    def _somebody(self) -> int | None:
        accounts = self.accounts()
        return self.random.choice(accounts) if accounts else None

    def tamper(self) -> None:
        """Somebody corrects a document in place."""
        table = self.random.choice(TERMINAL)
        column = {"invoice": "buyer", "invoice_line": "description", "attempt_outcome": "code"}.get(
            table, "organisation_id"
        )
        statement = self.random.choice(
            [f"DELETE FROM {table} WHERE rowid = 1", f"UPDATE {table} SET {column} = {column} || 'x' WHERE rowid = 1"]
        )
        try:
            with self.db.write() as conn:
                conn.execute(text("PRAGMA defer_foreign_keys = ON"))
                conn.execute(text(statement))
        except IntegrityError:
            self.counts["refused to change what is final"] += 1
