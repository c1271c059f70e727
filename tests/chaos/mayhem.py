"""Drive one gym through its year: start its processes, kill them, start others, until the clock is there."""

import logging
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.process import Defences, Life, Outside, live
from chaos.script import DAY_MS, START_MS, Script
from chaos.shared import Shared
from chaos.turns import TurnKind
from portillon_cloud.timers.operations import LEASE_MS
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

LOOK_S = 0.05
STUCK_S = 60.0
REFUSED_S = 20.0
"""The same, while a timer fails again and again: long enough for what only two workers at once could bring about."""


SERVICES_SHARE = 0.3
"""Of the blows from outside."""


class StuckError(Exception):
    """No process brought the clock any further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rage:
    """How much is killed, as likelihoods: a process at each of its commits, one from outside at each step of the clock.

    Blows are counted against steps and not seconds, or a busy machine would never come to the end of a year.
    `processes`: how many work at once; with SQLite it is one that owns the file.
    """

    processes: int
    deaths: float
    blows: float


CALM = Rage(processes=1, deaths=0, blows=0)

Told = Callable[[float], object]
"""Told which share of the year is over."""


class Mayhem:
    """One year on one database."""

    def __init__(
        self,
        url: str,
        folder: Path,
        year: Script,
        rage: Rage,
        *,
        seed: int,
        defences: Defences | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._url, self._folder, self._year, self._rage = url, folder, year, rage
        self._seed, self._defences = seed, defences or Defences()
        self._chance = random.Random(f"blows {seed}")
        self._shared = Shared()
        self._outside = outside
        self._pids: set[int] = set()
        self._started = 0

    def live_through(self, told: Told = lambda _share: None) -> None:
        """The whole year, every letter carried and all that was told acted on. Raises StuckError."""
        look = create_engine(looked_at(self._url), poolclass=NullPool if "sqlite" in self._url else None)
        moved_at_s, reached = time.monotonic(), (0, 0)
        try:
            while True:
                self._reap()
                self._make_turns()
                while len(self._pids) < self._rage.processes:
                    self._start()
                time.sleep(LOOK_S)
                with look.connect() as conn:
                    state, business_ms, steps, error = conn.execute(text(_WHERE)).one()
                    waiting = conn.scalar(text(_LETTERS))
                if state == "done" and not waiting:
                    return
                if (business_ms, steps) != reached:
                    # What was seen is gone by: the blow falls into whatever is being done by now.
                    if self._pids and self._chance.random() > (1 - self._rage.blows) ** (steps - reached[1]):
                        time.sleep(self._chance.uniform(0, LOOK_S))
                        self._strike()
                    moved_at_s, reached = time.monotonic(), (business_ms, steps)
                    told((business_ms - START_MS) / (self._year.days * DAY_MS))
                if time.monotonic() > moved_at_s + (STUCK_S if error is None else REFUSED_S):
                    raise StuckError(f"nothing moved any more at {business_ms}, step {steps}: {error}")
        finally:
            for pid in self._pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            self._pids.clear()
            look.dispose()

    def _start(self) -> None:
        self._started += 1
        life = Life(
            name=f"process-{self._started}", url=self._url, folder=self._folder, year=self._year,
            deaths=self._rage.deaths, seed=f"{self._seed}:{self._started}", shared=self._shared,
            defences=self._defences, outside=self._outside,
        )  # fmt: skip
        pid = os.fork()
        if pid == 0:
            try:
                live(life)
            except BaseException:  # a fork must not go on as its parent
                logging.exception("the process ended")
            finally:
                os._exit(1)
        self._pids.add(pid)

    def _strike(self) -> None:
        """One of the processes, the payment service among them."""
        there = self._outside is not None and self._outside.service.is_there
        if self._outside is not None and there and self._chance.random() < SERVICES_SHARE:
            self._outside.service.kill()
            self.counts["the payment service"] += 1
            self._outside.service.start()
            return
        self._kill(self._chance.choice(sorted(self._pids)))

    def _make_turns(self) -> None:
        """Do what a worker waits for; each turn once, and none that is over."""
        asked = self._shared.asked
        if self._outside is None or asked <= self._shared.granted:
            return
        turn = next(turn for turn in self._outside.turns if turn.number == asked)
        service = self._outside.service
        if turn.kind is TurnKind.AWAY and service.is_there:
            service.go_away()
            self.counts["the payment service"] += 1
        elif turn.kind is TurnKind.BACK and not service.is_there:
            service.come_back()
        self._shared.grant(asked)

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self._buried(pid, "from outside")

    def _reap(self) -> None:
        for pid in list(self._pids):
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                self._buried(pid, "at a commit")
                if not os.WIFSIGNALED(status):
                    raise StuckError(f"a process ended by itself:\n{self._last_words()}")

    def _last_words(self) -> str:
        logs = sorted(self._folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
        return logs[-1].read_text()[-3_000:] if logs else "it wrote nothing"

    def _buried(self, pid: int, how: str) -> None:
        self._pids.discard(pid)
        self.counts[how] += 1
        # The dead one's claims run out. So do those of the living, who find out when they come to commit.
        self._shared.set_forward(LEASE_MS + 1)


def looked_at(url: str) -> str:
    """The URL of somebody who only looks: on SQLite no second connection may write or checkpoint."""
    return f"{url.replace('sqlite:///', 'sqlite:///file:')}?mode=ro&uri=true" if url.startswith("sqlite") else url


_WHERE = """SELECT job.state, clock.business_ms, job.steps, job.error FROM clock_job job
JOIN test_clock clock ON clock.organisation_id = job.organisation_id"""
_LETTERS = """SELECT (SELECT count(*) FROM message WHERE state IN ('waiting', 'sending'))
+ (SELECT count(*) FROM inbox_event WHERE state = 'waiting')"""
