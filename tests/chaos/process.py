"""One process of the cloud (on PostgreSQL `work`, on SQLite the worker that `serve` runs), which SIGKILL may end.

From outside at any instant; and by its own hand just before or just after a commit, which a blow from outside seldom
meets. No handler runs, nothing is flushed, no connection is closed: the kernel ends it.
"""

import logging
import os
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import uvicorn
from chaos import acts, turns
from chaos.acts import ACT
from chaos.cards import CardsAtService, SimulatedCards
from chaos.script import Script
from chaos.service import PaymentService
from chaos.shared import Shared
from chaos.till import Till
from chaos.turns import TURN, Turn
from fastapi import FastAPI
from portillon_cloud import main, worker
from portillon_cloud.commands import serving
from portillon_cloud.database import Database
from portillon_cloud.payments.inbox import webhook
from portillon_cloud.payments.provider import ChargeAnswer, ChargeOrder, PaymentProvider
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.stripe import connection
from portillon_cloud.payments.tables import SIMULATOR
from portillon_cloud.settings import Settings
from portillon_cloud.timers import Handler
from sqlalchemy import Connection

RESTS_S = 0.02
"""Instead of the 0.1 s after which a worker looks for what other processes committed: a year has many such waits."""


REQUESTS_PER_S = 5_000
"""Instead of what Stripe takes in a second: here nobody counts."""

ANSWER_TIMEOUT_S = 1.0
"""Instead of half a minute: who is silent (`turns.SILENT_MS`) is silent for longer than this."""

STRUCK = 0.5
"""How likely a process dies at the very place where the defence is missing that was switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defences:
    """Switched off one by one to see that each is missed."""

    effect_is_noted_with_it: bool = True  # a timer is done in the transaction of its effect
    keys_outlive_the_process: bool = True  # what was sent once is sent again under the same key
    lost_news_is_listed: bool = True  # what a payment service told in vain is read from its list


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The payment service as a process of the cloud knows it. `ears`: where webhooks arrive, whoever of us is alive."""

    service: PaymentService
    ears: socket.socket
    turns: Sequence[Turn]
    disturbed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process: which, in which gym's year, and how likely it ends itself at each commit."""

    name: str
    url: str
    folder: Path
    year: Script
    deaths: float
    seed: str
    shared: Shared
    defences: Defences
    outside: Outside | None


class SkewedClock:
    """The machine's clock, which is set forward: dead processes' claims run out, and living ones' as well."""

    def __init__(self, shared: Shared) -> None:
        self._shared, self._real = shared, main.RealClock()

    def real_ms(self) -> int:
        """Milliseconds since the Unix epoch, set forward."""
        return self._real.real_ms() + self._shared.skew_ms


class MortalDatabase(Database):
    """The real database, whose process may not outlive a commit."""

    def __init__(self, url: str, *, deaths: float, chance: random.Random) -> None:
        super().__init__(url)
        self._deaths, self._chance = deaths, chance

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, perhaps the last thing that this process does."""
        dies = self._chance.random() < self._deaths
        before = self._chance.random() < 0.5
        with super().write() as conn:
            yield conn
            if dies and before:
                os.kill(os.getpid(), signal.SIGKILL)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)


class OwnKeys:
    """The provider behind somebody who sends each process's charges under keys of its own (an ablation)."""

    name = SIMULATOR
    key_life_ms = PaymentSimulator.key_life_ms

    def __init__(self, provider: PaymentProvider, in_between: Callable[[], None]) -> None:
        self._provider, self._in_between = provider, in_between

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Charge under another key."""
        answer = self._provider.charge(replace(order, key=f"{order.key}~{os.getpid()}"))
        self._in_between()
        return answer

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """Never seen."""
        return self._provider.look_up(order)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Refuse a key that nobody sends."""
        return self._provider.cancel(order)


def live(life: Life) -> NoReturn:
    """Be that process until it is killed; call it in a fork."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.basicConfig(filename=life.folder / f"{life.name}.log", level=logging.WARNING)
    mortal = partial(MortalDatabase, deaths=life.deaths, chance=random.Random(life.seed))
    patch.object(main, "Database", mortal).start()
    patch.object(main, "handlers", partial(_handlers, main.handlers, life)).start()
    patch.object(worker, "POLL_S", RESTS_S).start()
    patch.object(connection, "REQUESTS_PER_S", REQUESTS_PER_S).start()
    patch.object(connection, "ANSWER_TIMEOUT_S", ANSWER_TIMEOUT_S).start()
    if not life.defences.lost_news_is_listed:
        patch.object(main, "sweep", lambda *_: 0).start()
    settings = Settings(
        data_dir=life.folder, database_url=life.url,
        stripe_test_url=None if life.outside is None else life.outside.service.url,
    )  # fmt: skip
    services = main.compose(settings, clock=SkewedClock(life.shared))
    if life.outside is not None:
        _listen(services, life.outside.ears)
    if services.db.embedded:
        services.worker().run(threading.Event())
    else:
        serving.work(services)
    os._exit(0)


def _listen(services: main.Services, ears: socket.socket) -> None:
    """Take webhooks as `serve` does, by the same route, in a thread."""
    app = FastAPI()
    app.state.services = services
    app.include_router(webhook.router)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off"))
    threading.Thread(target=server.run, kwargs={"sockets": [ears]}, name="webhooks", daemon=True).start()


def _handlers(shipped: Any, life: Life, provider: PaymentProvider, *more: Any) -> Mapping[str, Handler]:
    chance = random.Random(f"struck {life.seed}")

    def struck() -> None:
        if chance.random() < STRUCK:
            os.kill(os.getpid(), signal.SIGKILL)

    known = provider if life.defences.keys_outlive_the_process else OwnKeys(provider, struck)
    in_between = None if life.defences.effect_is_noted_with_it else struck
    if life.outside is None:
        return {**shipped(known, *more), ACT: acts.handler(life.year, SimulatedCards(), in_between=in_between)}
    out = life.outside
    till = Till(out.service.url)
    return {
        **shipped(known, *more),
        ACT: acts.handler(life.year, CardsAtService(till), in_between=in_between),
        TURN: turns.handler(out.turns, till, life.shared, disturbed=out.disturbed),
    }
