"""The worker: due timers, then what the transactions left for gateways and the post, then the test clocks. For ever.

Each organisation's timers are claimed by its own business time, so a live claim never sees a test row. No step holds a
transaction while it calls out. Timers that wait for others are handled several at a time, so that a night's charges do
not wait for one another; what is due after them waits for them, and a test clock goes through its instants one by one.
Whatever fails is written to its timer or logged, and the loop goes on.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from portillon_cloud import outbox
from portillon_cloud.clock import Clock, business_now_ms
from portillon_cloud.clock.operations import Step, hold_job, organisations_being_advanced, step
from portillon_cloud.database import Database
from portillon_cloud.errors import TransientError
from portillon_cloud.timers import Handler, Timer, Work, claim, fail
from portillon_cloud.timers.operations import next_due, organisations_with_due_timers, settle

POLL_S = 0.1  # how late the worker notices a commit of another process, or a timer that falls due by itself
CLAIM = 50  # timers between two looks at the outbox: a night's charges must not hold up a revocation
TROUBLE_PAUSE_S = 1.0  # after a round that failed as a whole (database away): no hot loop

log = logging.getLogger(__name__)

Drain = Callable[[], int]
"""Empty something (the outbox, the messages) as far as it goes now; how many things were done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker; several may share a PostgreSQL database, each under its own name."""

    db: Database
    clock: Clock
    handlers: Mapping[str, Handler]
    drains: Sequence[Drain] = ()
    outward: frozenset[str] = frozenset()  # kinds whose handlers wait for somebody else's answer
    threads: ThreadPoolExecutor | None = None  # in which these are handled; None: one after the other
    waits_for_gateways: bool = False  # a test clock stands until the sequencers have taken what the last step left
    name: str

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`: at once after a commit in this process, else every POLL_S."""
        while not stop.is_set():
            try:
                busy = self.round()
            except Exception:  # the loop outlives a database or a broker that is away; the log says what it was
                log.exception("the worker's round failed; trying again in %s s", TROUBLE_PAUSE_S)
                stop.wait(TROUBLE_PAUSE_S)
                continue
            if not busy:
                self.db.wake.wait(POLL_S)

    def round(self) -> bool:
        """Do one bounded round; True if there may be more to do at once."""
        with self.db.read() as conn:
            organisations = organisations_with_due_timers(conn, self.clock.real_ms())
            advancing = organisations_being_advanced(conn)
        done = sum(self._ring(one, in_turn=one in advancing) for one in organisations)
        done += sum(drain() for drain in self.drains)
        if done:
            return True
        return any([self._advance(organisation_id) for organisation_id in advancing])

    def run_until_idle(self, *, rounds_max: int = 100_000) -> int:
        """Rounds until nothing is left to do now, nor a clock to advance; how many it took. For tests and tools."""
        for count in range(1, rounds_max + 1):
            if not self.round():
                return count
        raise TransientError(f"the worker is still busy after {rounds_max} rounds")

    def _ring(self, organisation_id: int, *, in_turn: bool) -> int:
        with self.db.write() as conn:
            real_ms = self.clock.real_ms()
            now_ms = business_now_ms(conn, organisation_id, real_ms)
            claimed = claim(
                conn, organisation_id=organisation_id, now_ms=now_ms, real_ms=real_ms, worker=self.name, limit=CLAIM
            )
        handle = partial(self._handle, now_ms=now_ms)
        for outward, due in groupby(claimed, key=lambda timer: timer.kind in self.outward):
            at_once = self.threads.map if self.threads is not None and outward and not in_turn else map
            for _ in at_once(handle, due):
                pass
        return len(claimed)

    def _handle(self, timer: Timer, *, now_ms: int) -> None:
        try:
            handler = self.handlers.get(timer.kind)
            if handler is None:
                raise LookupError(f"no handler is registered for timers of kind {timer.kind!r}")
            finished = handler(Work(db=self.db, clock=self.clock, now_ms=now_ms), timer)
            if finished is not True:
                settle(self.db, timer)
        except (
            Exception
        ) as error:  # a handler may fail in any way: its timer says so and is tried again, the others go on
            log.exception("timer %s failed at attempt %s", timer.key, timer.attempt)
            with self.db.write() as conn:
                given_up = fail(conn, timer, real_ms=self.clock.real_ms(), error=f"{type(error).__name__}: {error}")
            if given_up:
                log.error("timer %s was given up after %s attempts", timer.key, timer.attempt)

    def _advance(self, organisation_id: int) -> bool:
        with self.db.write() as conn:
            if not hold_job(conn, organisation_id):
                return False
            if self.waits_for_gateways and not outbox.is_empty(conn, organisation_id):
                return False
            due = next_due(conn, organisation_id=organisation_id)
            stepped = step(
                conn,
                organisation_id,
                next_due_ms=due.due_at_ms if due else None,
                real_ms=self.clock.real_ms(),
                trouble=due.trouble if due else None,
            )
        return stepped is not Step.WAITING
