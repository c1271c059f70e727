"""A real Mosquitto of one test alone, with our certificates and ACL: start it, kill it, empty it, start it again."""

import datetime
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portillon_cloud.gateways.certificates import CertificateAuthority, Issued
from portillon_cloud.gateways.mosquitto import mosquitto_files

START_TIMEOUT_S = 10.0


def program() -> Path | None:
    """Where Mosquitto is; Debian puts it into sbin, which is not on everybody's PATH."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def free_port() -> int:
    """A TCP port on loopback that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Identity:
    """The three files with which one peer connects."""

    ca_file: Path
    certificate_file: Path
    private_key_file: Path


class Mosquitto:
    """One broker: the port, the certificates and the folder stay, whatever happens to the process."""

    def __init__(self, directory: Path, *, port: int | None = None, technicians: Sequence[str] = ()) -> None:
        found = program()
        if found is None:
            raise FileNotFoundError("no mosquitto here: run `make system` (Debian's package mosquitto)")
        self._program = found
        self.directory = directory
        self.port = port or free_port()
        self._now = datetime.datetime.now(datetime.UTC)
        self.authority = CertificateAuthority.load_or_create(directory / "ca", name="Test CA", now=self._now)
        self._files = mosquitto_files(
            directory / "mosquitto",
            authority=self.authority,
            server=self.authority.issue_server(["localhost", "127.0.0.1"], now=self._now),
            port=self.port,
            technicians=technicians,
            run_as="root" if os.geteuid() == 0 else None,
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL for gateways and for the cloud; the host is a name that the server's certificate has."""
        return f"mqtts://localhost:{self.port}"

    @property
    def log(self) -> str:
        """What the broker said."""
        path = self.directory / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def gateway(self, gateway_id: str) -> Identity:
        """A gateway's files; made at the first call."""
        return self._identity(gateway_id, lambda: self.authority.issue_gateway(gateway_id, now=self._now))

    def cloud(self) -> Identity:
        """The cloud's files."""
        return self._identity("portillon-cloud", lambda: self.authority.issue_cloud(now=self._now))

    def technician(self, person: str) -> Identity:
        """A technician's files; the ACL knows only those named at the start."""
        return self._identity(f"tech.{person}", lambda: self.authority.issue_technician(person, now=self._now))

    def start(self) -> None:
        """Start and wait until it listens; raises RuntimeError with its log if it does not."""
        if self._process is not None:
            raise RuntimeError("this Mosquitto runs already")
        with (self.directory / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", self._files.conf], stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Mosquitto did not start on port {self.port}:\n{self.log}")
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL: it closes nothing and says nothing to anybody."""
        self._end("kill")

    def stop(self) -> None:
        """SIGTERM, as a package upgrade would."""
        self._end("terminate")

    def wait_until_saved(self) -> None:
        """Wait until its state is on disk. It confirms messages before that: PUBACK is not delivery."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while [path.name for path in self._files.state.iterdir()] != ["mosquitto.db"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Mosquitto saved nothing:\n{self.log}")
            time.sleep(0.01)

    def delete_state(self) -> None:
        """Take away everything it remembered: sessions, queues, retained messages."""
        if self._process is not None:
            raise RuntimeError("stop or kill the broker first: it would write its state again")
        shutil.rmtree(self._files.state)
        self._files.state.mkdir()

    def restart(self, *, empty: bool = False) -> None:
        """Kill it and start it on the same port, with its state or without."""
        self.kill()
        if empty:
            self.delete_state()
        self.start()

    def _end(self, how: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            getattr(process, how)()
            process.wait(START_TIMEOUT_S)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _identity(self, name: str, issue: Callable[[], Issued]) -> Identity:
        folder = self.directory / "peers"
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        if not key.exists():
            certificate, key = issue().write(folder, name)
        return Identity(self.directory / "ca" / "ca.crt", certificate, key)


@contextmanager
def running_mosquitto(directory: Path, *, technicians: Sequence[str] = ()) -> Iterator[Mosquitto]:
    """A started broker that is gone at the end."""
    broker = Mosquitto(directory, technicians=technicians)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
