"""Run the cloud: `serve` answers HTTP (and with SQLite works too), `work` only works."""

import gc
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from portillon_cloud.commands.errors import PortInUseError, WorkRefusedError
from portillon_cloud.database.migrate import require_current
from portillon_cloud.main import Services

SHUTDOWN_S = 5  # how long open pages may keep the server from ending
WORKER_END_S = 30  # a step in hand is finished, not cut
COLLECT_AFTER = (50_000, 20, 50)
"""New objects, and how many younger collections, before each generation is collected. A batch of 500 invoices makes
hundreds of thousands of objects and no cycle: with Python's own numbers a sixth of an invoice run was spent looking."""


def serve(services: Services, *, host: str, port: int) -> None:
    """Answer HTTP until SIGTERM or SIGINT. Raises PortInUseError, SchemaError."""
    import uvicorn  # here, not above: half of the time that every other command takes to start

    from portillon_cloud.web.app import create_app

    require_current(services.db)
    with _listening(host, port) as listener, _stop_on_signal() as stop:
        server = uvicorn.Server(
            uvicorn.Config(create_app(services), log_level="warning", timeout_graceful_shutdown=SHUTDOWN_S)
        )
        worker = None
        if services.db.embedded:
            # One process owns a SQLite file, so this one does all the work; with PostgreSQL `work` does it.
            worker = threading.Thread(target=services.worker().run, args=(stop,), name="worker", daemon=True)
            collect_seldom()
            worker.start()
            if services.gateways is not None:
                services.gateways.start()
        try:
            server.run(sockets=[listener])
        finally:
            stop.set()
            services.db.wake.set()
            if worker is not None:
                worker.join(WORKER_END_S)


def work(services: Services) -> None:
    """Ring timers, carry letters, feed gateways until SIGTERM or SIGINT. Raises WorkRefusedError, SchemaError."""
    if services.db.embedded:
        raise WorkRefusedError(
            "SQLite is owned by one process: 'portillon-cloud serve' works too. "
            "For several processes set PORTILLON_DATABASE_URL to postgresql+psycopg://USER@HOST/NAME"
        )
    require_current(services.db)
    with _stop_on_signal() as stop:
        if services.gateways is not None:
            services.gateways.start()
        collect_seldom()
        services.worker().run(stop)


def collect_seldom() -> None:
    """Let the collector of cycles come seldom, and pass over what was made so far: it lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise PortInUseError(
                f"cannot listen on {host}:{port}: {error.strerror}; end what listens there, or choose another --port"
            ) from error
        yield listener


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set. uvicorn raises them again when it has ended: then they must not kill us."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
