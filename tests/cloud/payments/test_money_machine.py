"""Any order of webhooks, workers, members, banks and hours: paid once, the books balanced, the right ones pass."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cloud.payments.money_line import Line, Moment
from cloud.payments.money_watch import Watch
from cloud.payments.money_world import CARDS, HOUR_MS, World, furnish, open_books
from dues_gym import TOTAL_MINOR, DuesGym
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from portillon_cloud.database import Database
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.disputes.operations import clear
from portillon_cloud.payments.disputes.tables import dispute
from portillon_cloud.payments.inbox.news import NewsOf
from portillon_cloud.payments.operations import cancel_charges
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.questions.errors import AskedAlreadyError
from portillon_cloud.payments.questions.operations import Question, answer, ask
from portillon_cloud.payments.questions.tables import AnsweredAs, AskedBy, invoice_question, question_answer
from portillon_cloud.payments.return_tables import ReturnKind, payment_return
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.tables import Means, payment
from simulation.lives import fast_folder, make_template
from sqlalchemy import Select, select

MOMENTS = st.lists(st.sampled_from(Moment), max_size=8)
CARD = st.sampled_from(sorted(CARDS))
PAYER = st.integers(0, 1)
WHICH = st.integers(0, 5)
INVOICES_MAX = 4
WAITS_H = st.sampled_from([0.1, 1, 6, 26, 80, 250])


@cache
def _template() -> tuple[Path, DuesGym]:
    """A furnished gym's file, made once in this process and copied for each example."""
    folder = Path(tempfile.mkdtemp(dir=fast_folder(), prefix="money-machine-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = make_template(folder)
    db = Database(f"sqlite:///{path}")
    gym = furnish(db, Line(open_books()))
    db.close()
    return path, gym


class MoneyMachine(RuleBasedStateMachine):
    """Two payers of one gym; every rule is what somebody does, every invariant what may never be."""

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory(dir=fast_folder())
        self.world = self.open()
        self.watch = Watch(self.world)
        self.payers = sorted(self.world.members)
        self.invoices = self.asked = 0
        self.sound = True

    def open(self) -> World:
        """The world as it is before anything happens."""
        template, gym = _template()
        path = Path(self._home.name) / "money.db"
        shutil.copy(template, path)
        return World(f"sqlite:///{path}", gym, wrap=self.wrap, hears=self.hears)

    def wrap(self, provider: PaymentProvider) -> PaymentProvider:
        """The way to the service, as it is."""
        return provider

    def hears(self, news_of: NewsOf) -> NewsOf:
        """What the service tells, as it is."""
        return news_of

    @initialize(cards=st.tuples(CARD, CARD))
    def begin(self, cards: Sequence[str]) -> None:
        """Each has a card and an invoice."""
        for payer, card in zip(self.payers, cards, strict=True):
            self.world.new_card(payer, card)
            self.world.owe(payer, TOTAL_MINOR)
            self.invoices += 1

    # Time and workers

    @rule(hours=WAITS_H)
    def wait(self, hours: float) -> None:
        """Nobody does anything for a while."""
        self.world.wait(int(hours * HOUR_MS))

    @rule(moments=MOMENTS)
    def work(self, moments: list[Moment]) -> None:
        """A worker does what is due, or dies of it."""
        self.world.live(moments, lambda: self.world.work_on(3))

    @rule(on=st.booleans())
    def outage(self, *, on: bool) -> None:
        """The service answers nobody, or everybody again."""
        self.world.outage(on=on)

    # What is told

    @rule(which=st.integers(0, 60), again=st.booleans(), moments=MOMENTS)
    def told(self, which: int, *, again: bool, moments: list[Moment]) -> None:
        """Any webhook arrives, at any time after it was sent, perhaps not for the last time."""
        self.world.fetch_letters()
        self.world.live(moments, lambda: self.world.arrives(which, again=again))

    @rule()
    def lost(self) -> None:
        """All that is under way is lost."""
        self.world.fetch_letters()
        self.world.mailbox.clear()

    @rule(moments=MOMENTS)
    def sweep(self, moments: list[Moment]) -> None:
        """The list is read instead."""
        self.world.live(moments, self.world.sweep)

    # Members and the desk

    @precondition(lambda self: self.invoices < INVOICES_MAX)
    @rule(payer=PAYER)
    def owe(self, payer: int) -> None:
        """Another invoice."""
        self.invoices += 1
        self.world.owe(self.payers[payer], TOTAL_MINOR + self.invoices)

    @rule(payer=PAYER, card=CARD, moments=MOMENTS)
    def new_card(self, payer: int, card: str, moments: list[Moment]) -> None:
        """On their page, and charged at once."""
        self.world.live(moments, lambda: self.world.new_card(self.payers[payer], card))

    @rule(payer=PAYER, moments=MOMENTS)
    def pay_by_link(self, payer: int, moments: list[Moment]) -> None:
        """On their page."""
        self.world.live(moments, lambda: self.world.pay_by_link(self.payers[payer]))

    @rule(passed=st.booleans())
    def confirm(self, *, passed: bool) -> None:
        """With their bank."""
        self.world.confirm(passed=passed)

    @rule(
        payer=PAYER, minor=st.sampled_from([1, 2000, TOTAL_MINOR]), means=st.sampled_from([Means.CASH, Means.CHEQUE]),
        prepay=st.booleans(),
    )  # fmt: skip
    def pay_at_desk(self, payer: int, minor: int, means: Means, *, prepay: bool) -> None:
        """A part, all of one, or more than is owed."""
        self.world.pay(self.payers[payer], minor, means, key=self._name(), prepay=prepay)

    @rule(payer=PAYER, moments=MOMENTS)
    def call_off(self, payer: int, moments: list[Moment]) -> None:
        """The desk calls off what is under way."""
        world = self.world
        self.world.live(
            moments,
            lambda: cancel_charges(
                world.db, world.provider, account_id=self.payers[payer], now_ms=world.now_ms, **world.ids
            ),
        )

    @rule(payer=PAYER)
    def credit_back(self, payer: int) -> None:
        """They want their credit."""
        self.world.take_credit_back(self.payers[payer], key=self._name())

    @rule(payer=PAYER)
    def asks(self, payer: int) -> None:
        """A question about the oldest invoice."""
        world = self.world
        asked = Question(
            invoice_id=1 + payer, asked_as=AskedBy.MEMBER, by="desk", text="why?", request_key=self._name(),
            **world.ids,
        )  # fmt: skip
        with suppress(AskedAlreadyError), world.db.write() as conn:
            ask(conn, asked, now_ms=world.now_ms)

    @rule()
    def answered(self) -> None:
        """The oldest question that is open is answered."""
        world = self.world
        waiting = self._one(
            select(invoice_question.c.id)
            .outerjoin(question_answer, question_answer.c.question_id == invoice_question.c.id)
            .where(question_answer.c.id.is_(None))
        )
        if waiting is not None:
            with world.db.write() as conn:
                answer(
                    conn, world.gym.organisation_id, waiting, as_=AnsweredAs.EXPLAINED, text="so", by="Ada",
                    now_ms=world.now_ms,
                )  # fmt: skip

    @rule(payer=PAYER)
    def leaves(self, payer: int) -> None:
        """Their membership ends; what they owe stays."""
        self.world.leave(self.payers[payer])

    # Banks

    @rule(which=WHICH, inquiry=st.booleans())
    def disputes(self, which: int, *, inquiry: bool) -> None:
        """A bank takes a payment back."""
        self.world.take_back(which, inquiry=inquiry)

    @rule(which=WHICH, won=st.booleans())
    def decides(self, which: int, *, won: bool) -> None:
        """A bank has read what was said."""
        self.world.decide(which, won=won)

    @rule()
    def cleared(self) -> None:
        """A person has looked at an account after a lost dispute."""
        world = self.world
        lost = self._one(select(dispute.c.id).where(dispute.c.state == "lost", dispute.c.cleared_at_ms.is_(None)))
        if lost is not None:
            with world.db.write() as conn:
                clear(conn, world.gym.organisation_id, lost, by="Ada", reason="paid", now_ms=world.now_ms)

    @rule()
    def bounces(self) -> None:
        """A cheque was not honoured."""
        world = self.world
        cheque = self._one(
            select(payment.c.id)
            .outerjoin(payment_return, payment_return.c.payment_id == payment.c.id)
            .where(payment.c.means == Means.CHEQUE, payment_return.c.id.is_(None))
        )
        if cheque is not None:
            told = TakenBack(
                payment_id=cheque, kind=ReturnKind.BOUNCED, code="insufficient_funds", by="Ada",
                request_key=self._name(), out_of=LedgerCode.CHEQUES, **world.ids,
            )  # fmt: skip
            with world.db.write() as conn:
                take_back(conn, told, now_ms=world.now_ms)

    # What must hold

    @invariant()
    def holds(self) -> None:
        """At every step."""
        self._soundly(self.watch.look)

    def teardown(self) -> None:
        try:
            if self.sound:
                self.world.heal()
                self._soundly(self.watch.look_at_rest)
        finally:
            self.world.close()
            self._home.cleanup()

    def _soundly(self, look: Callable[[], None]) -> None:
        self.sound = False  # who saw that it is not so does not look once more at the end
        self.world.sequence()
        look()
        self.sound = True

    def _name(self) -> str:
        self.asked += 1
        return f"asked-{self.asked}"

    def _one(self, query: Select[Any]) -> int | None:
        with self.world.db.read() as conn:
            return conn.execute(query.limit(1)).scalar()


def run(machine: type[MoneyMachine], examples: int, *, phases: Iterable[Phase] = tuple(Phase)) -> None:
    """So many examples of 25 steps."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=25, phases=tuple(phases), suppress_health_check=checks
        ),
    )


def test_any_order_ends_right() -> None:
    """One success for each intent, one charge at the service, the books balanced, and the right ones pass."""
    run(MoneyMachine, examples=15)


@pytest.mark.postgres
def test_any_order_ends_right_on_postgresql(postgres_cluster: Any) -> None:
    """The same where workers are processes of their own."""

    class OnPostgres(MoneyMachine):
        def open(self) -> World:
            self.url = postgres_cluster.fresh()
            return World(self.url)

        def teardown(self) -> None:
            super().teardown()
            postgres_cluster.drop(self.url)

    run(OnPostgres, examples=3)
