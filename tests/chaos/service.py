"""The payment service as a process of its own, which the driver forks, kills and starts again.

The port is the driver's: while the process is dead and about to come back callers wait, as they do for a machine that
is being restarted; while the service is away they are refused. What was in hand is cut off in both.
"""

import logging
import os
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import uvicorn
from portillon_psp.books import Books
from portillon_psp.server import create_app

ACCOUNT = "chaos"
BACKLOG = 128


class PaymentService:
    """One service over one file, dead at first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._socket = listening()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._pid: int | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is a process that could be killed."""
        return self._pid is not None

    def start(self) -> None:
        """Serve, from the file as the last process left it."""
        pid = os.fork()
        if pid == 0:
            self._serve()
        self._pid = pid

    def kill(self) -> None:
        """SIGKILL, whatever it is at."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = None

    def go_away(self) -> None:
        """Nobody listens any more; the port stays ours."""
        self.kill()
        self._socket.shutdown(socket.SHUT_RDWR)  # for every process that holds it

    def come_back(self) -> None:
        """After `go_away`."""
        self._socket.listen(BACKLOG)
        self.start()

    def end(self) -> None:
        """For good."""
        self.kill()
        self._socket.close()

    def paid_charges(self) -> set[str]:
        """What it believes to have been paid, by its own names. Nobody may be at it."""
        paid = "SELECT id FROM object WHERE kind = 'payment_intent' AND json_extract(body, '$.status') = 'succeeded'"
        with closing(sqlite3.connect(self._file)) as db:
            return {str(row[0]) for row in db.execute(paid)}

    def lies_told(self) -> int:
        """To how many requests it lied."""
        with closing(sqlite3.connect(self._file)) as db:
            return int(db.execute("SELECT count(*) FROM lied").fetchone()[0])

    def _serve(self) -> NoReturn:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            server = uvicorn.Server(
                uvicorn.Config(create_app(Books(self._file)), log_level="critical", access_log=False, lifespan="off")
            )
            server.run(sockets=[self._socket])
        except BaseException:  # a fork must not go on as its parent
            logging.exception("the payment service ended")
        finally:
            os._exit(1)


def listening() -> socket.socket:
    """A port that is ours, on which somebody will answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))  # by its number: else it would be given up with the listening
    made.listen(BACKLOG)
    return made
