"""One seeded life of a gym's money: fourteen months under the real worker, which dies at any commit and is raced.

Watched here: DESIGN §8 invariants 9 (the books fit), 10 (nothing billed or taken twice), 11 (what is final stays, and a
job done again does nothing), 12 as far as dues go (who owes is refused, nobody else for dues); and that no work sticks.
Most lives change subscriptions too: what then stands in the books is what the pure engine says.
"""

import itertools
import random
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from cloud.gym import MONTHLY, open_gym
from portillon_cloud.access.operations import rows_for_accounts
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.operations import create_price, run_invoices
from portillon_cloud.clock.operations import advance, running_job, set_rate
from portillon_cloud.main import handlers
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers.operations import LEASE_MS
from portillon_cloud.worker import Worker
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason
from simulation.billing_defences import Defences
from simulation.billing_notes import NotesWatch
from simulation.billing_people import DAY_MS, People
from simulation.billing_subscriptions import Subscriptions
from simulation.billing_watch import PROGRESS, Watch
from simulation.finding import Finding
from simulation.mortal import Crash, Death, MortalDatabase
from sqlalchemy import text

START_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
DAYS = 425
RESTARTS_MAX = 400
"""More than this between two instants and work is stuck: even a timer that fails each time is given up after ten."""


@dataclass
class StillClock:
    """Machine time that moves only by hand."""

    now_ms: int = START_MS

    def real_ms(self) -> int:
        return self.now_ms


class BillingLife:
    """One gym, its staff, its members' cards, the clock, and chance."""

    def __init__(self, seed: int, folder: Path, template: Path, *, defences: Defences | None = None) -> None:
        self.finding = Finding(seed)
        self.random = random.Random(seed)
        self.defences = defences or Defences()
        self.path = folder / "billing.db"
        shutil.copy(template, self.path)
        self.clock = StillClock()
        self.deaths = self.random.choice([0.002, 0.01, 0.03])
        self.races = self.random.choice([0, 0.01, 0.05])
        self.changes = self.random.random() < 0.7
        self._mortal = self._racing = False
        self._names = itertools.count(1)
        self._open = ExitStack()
        self.db = MortalDatabase(f"sqlite:///{self.path}", self._fate)
        gym = open_gym(self.db, Keyring.generate(), self.clock)
        prices = [gym.price_id]
        with self.db.write() as conn:
            set_rate(conn, gym.organisation_id, rate=0, real_ms=self.clock.real_ms())
            for minor, months, inclusive in ((39_95, 3, False), (57_49, 12, True)):
                made = create_price(
                    conn, plan_id=gym.plan_id, amount_minor=minor, interval=MONTHLY, term_months=months,
                    tax_inclusive=inclusive,
                )  # fmt: skip
                prices.append(made)
            fortnightly = create_price(
                conn, plan_id=gym.plan_id, amount_minor=31_01, interval=Interval(IntervalUnit.WEEK, 2), term_months=None
            )
        self._open.enter_context(self.defences.missing_from(self.path))
        self.watch = Watch(self.path, self.finding)
        self._open.callback(self.watch.close)
        simulator = PaymentSimulator(self.db)
        self.people = People(
            gym, prices, simulator, simulator, self.clock, self.watch, self.random, self.finding.counts
        )
        self.notes = NotesWatch(self.watch)
        self.subscriptions = Subscriptions(self.people, [*prices, fortnightly])
        self._begin_process()

    def close(self) -> None:
        """End it."""
        self._open.close()
        self.db.close()

    # Time, and the process

    def live(self, days: int = DAYS) -> None:
        """Let chance play so many days; stops at the first thing that is not so."""
        people = self.people
        acts = (
            (people.join, 4), (people.change_card, 7), (people.replace_card, 1), (people.pay_at_desk, 5),
            (people.cancel, 1), (people.charge_now, 2), (people.shut_out, 2), (people.let_in, 4), (people.tamper, 2),
            (self.ring_again, 1), (people.take_back, 2), *(self.subscriptions.acts if self.changes else ()),
        )  # fmt: skip
        end_ms = START_MS + days * DAY_MS
        while self.now_ms() < end_ms and not self.finding.broken:
            for _ in range(self.random.randrange(4)):
                act = self.random.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
                self.finding.counts[act.__name__] += 1
                self.survive(act)
            jump_days = self.random.choices([0.1, 1, 4, 9, 40], [2, 6, 8, 5, 0.5])[0]
            self.turn(int(jump_days * DAY_MS * self.random.uniform(0.5, 1.5)))

    def now_ms(self) -> int:
        """Business time."""
        return self.people.now_ms()

    def turn(self, by_ms: int) -> None:
        """Advance the test clock to the end, through every crash, then look at everything."""
        target_ms = self.now_ms() + by_ms
        while self.now_ms() < target_ms and not self._advancing():
            self.survive(lambda: self._advance(target_ms))
        for _ in range(RESTARTS_MAX):
            if self.survive(lambda: self.worker.run_until_idle(rounds_max=20_000)) and not self._advancing():
                break
            # Whatever a dead process had claimed, and whatever rests after a failure, is free again after a while.
            self.clock.now_ms += self.random.choice([1_000, LEASE_MS + 1, HOUR_MS])
        else:
            held_up = self.watch.rows("SELECT error FROM clock_job WHERE state = 'running'")
            self.finding.breaks(PROGRESS, f"the clock never reached {target_ms}: {held_up}")
            return
        self.worker.run_until_idle()  # somebody may have asked for something after the last round began
        now_ms, gym = self.now_ms(), self.people.gym
        self.watch.look_at_rest(now_ms)
        self._returns_are_known()
        self.notes.look_at_rest(self.db, gym.legal_entity_id, self.people.today(), now_ms)
        self.watch.look_at_doors(self._refusals(), self.now_ms())
        self._do_it_again()

    def survive(self, act: Callable[[], object]) -> bool:
        """Let a mortal process do it; False: it died, the books were looked at, and another process is there."""
        self._mortal = True
        try:
            act()
        except Crash:
            self._mortal = self._racing = False
            self.finding.counts["crashes"] += 1
            self.db.close()
            self.db = MortalDatabase(f"sqlite:///{self.path}", self._fate)
            self.clock.now_ms += self.random.choice([5, 20_000, LEASE_MS + 1])
            self._begin_process()
            self.watch.look()
            self.notes.look()
            self.defences.after_crash(self.path)
            return False
        finally:
            self._mortal = False
        return True

    def _begin_process(self) -> None:
        name = f"worker-{next(self._names)}"
        people = self.people
        people.gym = replace(people.gym, db=self.db)
        people.simulator = PaymentSimulator(self.db)
        people.provider = self.defences.provider(people.simulator, name)
        people.names = self.defences.bank_names(name)
        self.worker = self._another_worker(name)

    def _another_worker(self, name: str) -> Worker:
        return Worker(db=self.db, clock=self.clock, handlers=handlers(self.people.provider), name=name)

    def _advance(self, target_ms: int) -> None:
        with self.db.write() as conn:
            advance(conn, self.people.gym.organisation_id, target_ms=target_ms, real_ms=self.clock.real_ms())

    def _advancing(self) -> bool:
        with self.db.read() as conn:
            return running_job(conn, self.people.gym.organisation_id) is not None

    # What goes wrong

    def _fate(self) -> Death | None:
        if not self._mortal:
            return None
        if not self._racing and self.random.random() < self.races:
            self._racing = True
            self._meanwhile()
            self._racing = False
        self.finding.counts["transactions"] += 1
        if self.random.random() < self.deaths:
            return self.random.choice(list(Death))
        return None

    def _meanwhile(self) -> None:
        """Between two transactions of one process somebody else acts: a person, or a worker who thinks it is dead."""
        self.finding.counts["races"] += 1
        people = self.people
        acts = (
            people.change_card, people.pay_at_desk, people.cancel, people.charge_now, people.shut_out, self.take_over,
        )  # fmt: skip
        if self.changes and self.random.random() < 0.4:
            self.random.choice([act for act, _ in self.subscriptions.acts])()
            return
        self.random.choices(acts, [1, 2, 2, 2, 1, 6])[0]()

    def take_over(self) -> None:
        """The process stalls until its leases have run out, another does some of its work, then it wakes."""
        self.clock.now_ms += LEASE_MS + 1
        other = self._another_worker(f"worker-{next(self._names)}")
        for _ in range(self.random.randrange(1, 6)):
            other.round()

    # What must hold

    def _refusals(self) -> dict[int, DenyReason | None]:
        now_ms = self.now_ms()
        found: dict[int, DenyReason | None] = {}
        with self.db.read() as conn:
            rows = rows_for_accounts(
                conn,
                self.people.gym.keyring,
                site_id=self.people.gym.site_id,
                account_ids=self.people.accounts(),
                now_ms=now_ms,
            )
        for changes in rows.values():
            for change in changes:
                row = Entitlement.from_body(change.key, change.body or {})
                if row.valid_from_ms <= now_ms < row.valid_until_ms:
                    found[int(row.member)] = row.refusal
                else:
                    found.setdefault(int(row.member), row.refusal or DenyReason.EXPIRED)
        return found

    def _returns_are_known(self) -> None:
        """What banks took back is written once, however often they told."""
        [(written,)] = self.watch.rows("SELECT coalesce(sum(amount_minor), 0) FROM payment_return")
        people = self.people
        told = {people.bank_took_minor, people.bank_took_minor + ((people.untold and people.untold.amount_minor) or 0)}
        if written not in told:
            self.finding.breaks(10, f"banks took back {people.bank_took_minor}, and {written} is written")

    def _do_it_again(self) -> None:
        """Idle work, and the invoice run of a day that was billed, change nothing."""
        now_ms = self.now_ms()
        before = self.watch.version()
        self.clock.now_ms += LEASE_MS + 1
        self._another_worker("nobody").run_until_idle()
        if self.watch.version() != before:
            self.finding.breaks(11, "a worker with nothing to do wrote something")
        today = self.people.today()
        if again := run_invoices(self.db, self.people.gym.legal_entity_id, on=today, now_ms=now_ms):
            self.finding.breaks(11, f"the invoice run of {today}, done again, issued {again}")

    def ring_again(self) -> None:
        """Some timers that are done ring again, as after a lost acknowledgement."""
        charges_may = (
            "OR NOT EXISTS (SELECT 1 FROM payment_intent WHERE id = timer.subject_id AND state <> 'succeeded')"
        )
        self._mortal = False
        self.worker.run_until_idle()
        before = self.watch.final_rows()
        done = self.watch.rows(
            f"SELECT id, key FROM timer WHERE state = 'done' AND (kind <> 'charge' {charges_may}) ORDER BY id"
        )
        chosen = self.random.sample(done, min(5, len(done)))
        with self.db.write() as conn:
            for timer_id, _ in chosen:
                conn.execute(text("UPDATE timer SET state = 'ready' WHERE id = :id"), {"id": timer_id})
        self.worker.run_until_idle()
        changed = {name: rows for name, rows in self.watch.final_rows().items() if rows != before[name]}
        if changed:
            self.finding.breaks(11, f"timers {chosen} rang again, and {sorted(changed)} changed")

    def settle_up(self) -> None:
        """Everything is mended: then everything is paid, and everybody whose contract runs is let in."""
        self.deaths = self.races = 0
        people = self.people
        people.let_everybody_in()
        for account_id in people.accounts():
            people.give_card(account_id)
        people.change_every_card(CardBehaviour.OK)
        for _ in range(2):  # a debit on its way cannot be cancelled: once it is returned it is charged again
            for account_id in people.accounts():
                people.cancel(account_id)
                people.charge_now(account_id)
            self.turn(12 * DAY_MS)
        today = self.people.today()
        unpaid = self.watch.rows(
            "SELECT id FROM payment_intent intent WHERE state IN ('open', 'parked') "
            "AND (SELECT due_on FROM invoice WHERE id = intent.invoice_id) < ?", today.isoformat(),
        )  # fmt: skip
        if unpaid:
            self.finding.breaks(PROGRESS, f"every card works, and still intents {unpaid[:5]} are unpaid")
        self.finding.counts["invoices"] += self.watch.rows("SELECT count(*) FROM invoice")[0][0]
        self.finding.counts["attempts"] += self.watch.rows("SELECT count(*) FROM payment_attempt")[0][0]


def bill_once(
    seed: int, folder: Path, template: Path, *, defences: Defences | None = None, days: int = DAYS
) -> Finding:
    """One whole life: chance, settling up, judgement."""
    home = folder / f"billing{seed}"
    home.mkdir()
    life = BillingLife(seed, home, template, defences=defences)
    try:
        life.live(days)
        if not life.finding.broken:
            life.settle_up()
    finally:
        life.close()
    return life.finding
