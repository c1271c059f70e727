"""From a block committed in the cloud to the refusal at a gateway, over a real Mosquitto with certificates on loopback.

The cloud's database, sequencer and broker shell run here, the gateway is its real process. "Refused" is what `decide`
says of the row on the gateway's disk, where each badge is looked up. One gateway; the 1,000 of DESIGN §9 come later.
Floor, in turns: commit, a message of the same size through a bare socket, one FULL commit at the other end.
"""

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from bench import floors
from bench.cloud_gym import GATEWAY, build
from bench.report import Row, micro
from bench.subscriber import INSTANT
from broker.mosquitto import Mosquitto, running_mosquitto
from cloud.gym import Gym
from edge.gym_process import LANE, WAIT_S, until
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import put_block
from portillon_cloud.clock import RealClock
from portillon_cloud.gateways import snapshot
from portillon_cloud.gateways.broker import BrokerLink, BrokerSettings
from portillon_cloud.gateways.link import GatewayLink
from portillon_cloud.gateways.operations import gateway_config, gateways
from portillon_cloud.members.operations import add_credential
from portillon_cloud.members.tables import member
from portillon_cloud.outbox import everything_changed
from portillon_config import load, load_site_keys
from portillon_edge.saved_state import ENTITLEMENTS
from portillon_edge.store.entitlement_reader import EntitlementReader
from portillon_edge.store.pointer import Pointer
from portillon_rules.credential import Credential, CredentialKind, credential_hash
from portillon_rules.decision import DecisionTime, Denied, DoorView, TimeQuality, decide
from portillon_rules.row_mac import row_mac_key
from sqlalchemy import select

RATIO_AIM = 3.0
P99_AIM_S = 1.0
LOOK_EVERY_S = 0.0005
REST_S = 0.05
ENTRY_BYTES = 900
"""Of the signed entry of one row."""
DOOR = DoorView("lane1", "gym")


def benchmarks(folder: Path, revocations: int) -> Iterator[Row]:
    """Block `revocations` members one after the other. Needs a Mosquitto."""
    gym = build(f"sqlite:///{folder / 'cloud.db'}", revocations, now_ms=RealClock().real_ms())
    spent, floor = [], []
    with connected(folder, gym) as (door, floor_s):
        for account_id in range(1, revocations + 1):
            time.sleep(REST_S)
            floor.append(floor_s())
            time.sleep(REST_S)
            spent.append(door.turned_after_s(account_id, refused=True, by=partial(_block, gym, account_id)))
    yield _row(floors.summary(spent), floors.summary(floor))


def _block(gym: Gym, number: int) -> None:
    with gym.db.write() as conn:
        put_block(
            conn, organisation_id=gym.organisation_id, account_id=number, reason=BlockReason.BANNED, source="bench",
            from_ms=RealClock().real_ms(),
        )  # fmt: skip


def _row(measured: floors.Timing, floor: floors.Timing) -> Row:
    ratio = measured.p50_s / floor.p50_s
    return Row(
        f"revocation commit → refused at ONE gateway (not 1,000); Mosquitto, TLS; {measured.count} times; SQLite",
        f"p50 {micro(measured.p50_s)}, p99 {micro(measured.p99_s)}",
        f"commit + socket + FULL commit {micro(floor.p50_s)}",
        ratio,
        f"≤ {RATIO_AIM:.0f}×, p99 < {P99_AIM_S:.0f} s",
        ratio <= RATIO_AIM and measured.p99_s < P99_AIM_S,
    )


class Door:
    """What a door of the running gateway would decide: the same row, on the same disk, by the same function."""

    def __init__(self, config_path: Path) -> None:
        config = load(config_path)
        self._keys = load_site_keys(config)
        self._reader = EntitlementReader(Pointer(config.gateway.data_dir / ENTITLEMENTS), row_mac_key(self._keys[0]))
        self.close = self._reader.close

    def refuses(self, number: int) -> bool:
        """Whether the card of member `number` is refused now."""
        found = self._reader.lookup(credential_hash(_card(number), self._keys[0]))
        now = DecisionTime(RealClock().real_ms(), TimeQuality.CERTAIN, 3_600_000)
        return isinstance(decide(lookup=found, door=DOOR, site=self._reader.site_rules(), time=now), Denied)

    def turned_after_s(self, number: int, *, refused: bool, by: Callable[[], None]) -> float:
        """Do it in the cloud; seconds from the beginning of that transaction to the first answer that it calls for."""
        assert self.refuses(number) is not refused, "it was so before"
        begin = time.perf_counter()
        by()
        while self.refuses(number) is not refused:
            assert time.perf_counter() - begin < WAIT_S, "the gateway never heard of it"
            time.sleep(LOOK_EVERY_S)
        return time.perf_counter() - begin


@contextmanager
def connected(folder: Path, gym: Gym) -> Iterator[tuple[Door, Callable[[], float]]]:
    """A door of the gateway that runs over a broker of its own; and how long the floor takes now, in seconds."""
    with ExitStack() as stack:
        stack.callback(gym.db.close)
        broker = stack.enter_context(running_mosquitto(folder / "broker"))
        base_url = stack.enter_context(_snapshots(gym))
        stack.enter_context(_link(gym, broker, base_url))
        door = stack.enter_context(_gateway(folder / "gateway", gym, broker))
        line = stack.enter_context(_subscriber(folder / "subscriber.db"))
        cloud = stack.enter_context(_bare(folder / "publisher.db"))
        yield door, lambda: _floor_s(cloud, line, b"x" * ENTRY_BYTES)


def _card(number: int) -> Credential:
    return Credential(CredentialKind.EM4100, f"{number:010X}")


@contextmanager
def _link(gym: Gym, broker: Mosquitto, base_url: str) -> Iterator[None]:
    """The cloud's end of the wire."""
    me = broker.cloud()
    settings = BrokerSettings(
        url=broker.url, ca_file=me.ca_file, certificate_file=me.certificate_file,
        private_key_file=me.private_key_file,
    )  # fmt: skip
    link = GatewayLink(gym.db, gym.keyring, RealClock(), base_url=base_url)
    shell = BrokerLink(link, settings, wake=gym.db.wake)
    shell.start()
    try:
        assert shell.wait_connected(WAIT_S)
        yield
    finally:
        shell.stop()


@contextmanager
def _snapshots(gym: Gym) -> Iterator[str]:
    """The one URL that a gateway fetches; the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with gym.db.read() as conn:
                token = self.path.removeprefix(snapshot.PATH)
                found = snapshot.find(conn, token, now_ms=RealClock().real_ms())
            self.send_response(200)
            self.send_header("Content-Length", str(found.size))
            self.end_headers()
            for piece in snapshot.read(gym.db, found):
                self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _gateway(folder: Path, gym: Gym, broker: Mosquitto) -> Iterator[Door]:
    """The real process, with a card for every member in force. Its lane's devices are not there: nobody walks."""
    identity = broker.gateway(GATEWAY)
    with gym.db.write() as conn:
        for number in conn.execute(select(member.c.id)).scalars().all():
            add_credential(
                conn, gym.keyring, organisation_id=gym.organisation_id, member_id=number, presented=_card(number)
            )
        everything_changed(conn, gym.organisation_id)
        files = gateway_config(
            conn, gym.keyring, gateway_id=GATEWAY, data_dir=folder / "data", broker=broker.url,
            ca_file=identity.ca_file, certificate_file=identity.certificate_file,
            private_key_file=identity.private_key_file,
        )  # fmt: skip
    files.write_secrets(folder)
    (folder / "data").mkdir()
    config = folder / "gateway.toml"
    config.write_text(files.toml + LANE.format(n=1, reader="rdm6300"))
    command = [sys.executable, "-m", "portillon_edge.cli", "run", "--config", str(config)]
    with (folder / "gateway.log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            until(lambda: _in_force(gym), "the gateway has confirmed all there is")
            door = Door(config)
            yield door
            door.close()
        finally:
            process.terminate()
            process.wait(WAIT_S)


def _in_force(gym: Gym) -> bool:
    with gym.db.read() as conn:
        [found] = gateways(conn, gym.organisation_id, now_ms=RealClock().real_ms())
    return found.in_force and found.revision > 0


@contextmanager
def _subscriber(path: Path) -> Iterator[socket.socket]:
    """The floor's gateway at the other end of a socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with subprocess.Popen([sys.executable, "-m", "bench.subscriber", str(port), str(path)]) as process:
            line, _ = server.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with line:
                yield line
            process.wait(WAIT_S)


@contextmanager
def _bare(path: Path) -> Iterator[sqlite3.Connection]:
    """The floor's cloud."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE row (body BLOB)")
    yield connection
    connection.close()


def _floor_s(cloud: sqlite3.Connection, line: socket.socket, body: bytes) -> float:
    begin_ns = time.monotonic_ns()
    cloud.execute("INSERT INTO row VALUES (?)", (body,))
    line.sendall(body)
    end_ns: int = INSTANT.unpack(line.recv(INSTANT.size))[0]
    return (end_ns - begin_ns) / 1e9
