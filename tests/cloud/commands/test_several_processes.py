"""One `serve` and two `work` processes on PostgreSQL, a Mosquitto with certificates, a gateway: the same code as one.

The moment of each SIGKILL is chosen, not drawn: the test holds a table of the database, a worker that is about to write
into it waits there, and dies waiting.
"""

import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from broker.mosquitto import Mosquitto, program, running_mosquitto
from broker.peer import Peer
from cloud.conftest import PostgresCluster
from cloud.gateways.connected_gateway import ConnectedGateway
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.cli import app
from portillon_cloud.secrets import FILE_NAME, load_keyring
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalAck, JournalBatch, JournalEvent, decode, encode
from portillon_wire.topics import Down, Up, down, up
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from stories.chapters import TOTAL_MINOR, instant_ms
from stories.cloud_client import CloudClient
from stories.members import Person, as_csv, people
from stories.process import Process, free_port, until
from typer.testing import CliRunner

pytestmark = [
    pytest.mark.story,
    pytest.mark.postgres,
    pytest.mark.broker,
    pytest.mark.timeout(180),
    pytest.mark.xdist_group("whole machine"),
]
CLOUD = str(Path(sys.executable).parent / "portillon-cloud")
PASSWORD = "correct horse battery staple"
GATEWAY = "gw-front"
MEMBERS = people(60)  # more than one worker claims at a time, so that both charge
DECLINER, BANNED = MEMBERS[10], MEMBERS[20]
BATCHES, EVENTS_PER_BATCH = 40, 25


class Cloud:
    """The processes of one cloud, and the operator's eyes into its database."""

    def __init__(self, folder: Path, database_url: str, mosquitto: Mosquitto) -> None:
        self.folder = folder
        self.data_dir = folder / "cloud"
        self.base_url = f"http://127.0.0.1:{free_port()}"
        me = mosquitto.cloud()
        self._options = [
            "--data-dir", str(self.data_dir), "--database-url", database_url, "--base-url", self.base_url,
            "--broker", mosquitto.url, "--broker-ca", str(me.ca_file), "--broker-certificate",
            str(me.certificate_file), "--broker-key", str(me.private_key_file),
        ]  # fmt: skip
        self._engine = create_engine(database_url, poolclass=NullPool)
        self.processes: list[Process] = []
        self._started = 0

    def command(self, *words: str) -> str:
        """Run `portillon-cloud …` here: starting a process for each would take half the time; what it printed."""
        done = CliRunner().invoke(app, [*self._options, *words], env={"PORTILLON_OWNER_PASSWORD": PASSWORD})
        assert done.exit_code == 0, done.output
        return done.output

    def start(self, *words: str) -> Process:
        """Start a process of the cloud."""
        self._started += 1
        name = f"{words[0]}-{self._started}"
        process = Process(name, [CLOUD, *self._options, *words], log=self.folder / f"{name}.log")
        process.start()
        self.processes.append(process)
        return process

    def answers(self) -> bool:
        """Whether `serve` serves."""
        try:
            return httpx.get(f"{self.base_url}/api/v1/openapi.json").is_success
        except httpx.TransportError:
            return False

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What is committed."""
        with self._engine.connect() as conn:
            return [tuple(row) for row in conn.execute(text(query), values)]

    def number(self, query: str, **values: Any) -> int:
        """The one number of a query."""
        return int(self.rows(query, **values)[0][0])

    def account_of(self, person: Person) -> int:
        """Who pays for a member."""
        return self.number("SELECT account_id FROM payment_method WHERE token = :token", token=person.token)

    def member_of(self, person: Person) -> str:
        """The member's opaque id in the feed."""
        return str(self.number("SELECT id FROM member WHERE account_id = :account", account=self.account_of(person)))

    def busy_workers(self) -> list[int]:
        """The pids of the workers that hold timers, the one with the most first."""
        found = self.rows(
            "SELECT worker FROM timer WHERE state = 'running' GROUP BY worker ORDER BY count(*) DESC, worker"
        )
        return [int(worker.rpartition(":")[2]) for (worker,) in found]

    @contextmanager
    def nobody_writes(self, table: str) -> Iterator[None]:
        """Whoever is about to write into this table waits, with all that it has in hand."""
        with self._engine.connect() as conn, conn.begin():
            conn.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            yield

    def waiting_for(self, table: str) -> int:
        """How many transactions wait to write into this table."""
        return self.number(f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass")

    def kill(self, pid: int) -> None:
        """SIGKILL; another worker is started in its place, as systemd would."""
        (process,) = (one for one in self.processes if one.alive() and one.pid == pid)
        process.kill()
        self.processes.remove(process)
        self.start("work")

    def claims_run_out(self, pid: int) -> None:
        """As if the minute had passed for which the dead worker had claimed its timers."""
        with self._engine.begin() as conn:
            gone = conn.execute(
                text("UPDATE timer SET lease_until_real_ms = 0 WHERE state = 'running' AND worker LIKE :whose"),
                {"whose": f"%:{pid}"},
            )
        assert gone.rowcount > 0

    def close(self) -> None:
        """End what still runs; pytest shows what is printed if the test failed."""
        for log in sorted(self.folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-5_000:]}")
        for process in self.processes:
            process.stop()
        self._engine.dispose()


@pytest.fixture
def database_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """An empty database: `migrate` makes the schema."""
    postgres_cluster.create("several")
    yield postgres_cluster.url("several")
    postgres_cluster.drop(postgres_cluster.url("several"))


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if program() is None:
        pytest.skip("no mosquitto here: run `make system`")
    with running_mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def cloud(tmp_path: Path, database_url: str, mosquitto: Mosquitto) -> Iterator[Cloud]:
    """A gym with members and a gateway, one server and two workers."""
    made = Cloud(tmp_path, database_url, mosquitto)
    try:
        made.command("migrate")
        made.command(
            "open-gym", "--name", "Gym Mont-Royal", "--owner-email", "owner@example.org",
            "--amount-minor", "4900", "--clock-starts", "2026-09-28T10:00:00",
        )  # fmt: skip
        file = tmp_path / "members.csv"
        file.write_text(as_csv(MEMBERS, plan="gym", contract_start="2026-03-01", billed_from="2026-10-01"))
        made.command("import-members", str(file))
        made.command(
            "enrol-gateway", GATEWAY, str(tmp_path / "gateway"), "--authority", str(mosquitto.directory / "ca")
        )
        made.start("serve", "--port", made.base_url.rpartition(":")[2])
        for _ in range(2):
            made.start("work")
        until("the server answers", made.answers, within_s=30)
        yield made
    finally:
        made.close()


@pytest.fixture
def client(cloud: Cloud) -> Iterator[CloudClient]:
    made = CloudClient(cloud.base_url, cloud.command("api-key", "test").strip().splitlines()[-1])
    yield made
    made.close()


@pytest.fixture
def gateway(cloud: Cloud, mosquitto: Mosquitto) -> Iterator[PretendGateway]:
    """On the broker, answering by itself."""
    key = load_keyring(cloud.data_dir / FILE_NAME).feed_key
    made = PretendGateway(GATEWAY, [key], lambda url: httpx.get(url).raise_for_status().content)
    connected = ConnectedGateway(mosquitto, made)
    yield made
    connected.close()


def test_several_processes_are_as_one(
    cloud: Cloud, client: CloudClient, gateway: PretendGateway, mosquitto: Mosquitto
) -> None:
    """Killed workers lose and double nothing; blocks, leases and journals go through whichever worker; all end well."""
    client.post(f"/payment-methods/{_method_of(cloud, DECLINER)}/simulate", {"behaviour": "insufficient_funds"})
    _wait_in_force(client, gateway)
    assert len(gateway.rows) == len(MEMBERS) + 1
    _bill_with_a_worker_killed_twice(cloud, client)
    _every_member_is_billed_and_charged_once(cloud)
    _wait_in_force(client, gateway)
    assert _refusals(gateway) == {}
    _a_block_arrives_and_goes(cloud, client, gateway)
    _arrears_arrive_and_go(cloud, client, gateway)
    _journals_are_stored_once(cloud, mosquitto)
    _everybody_ends_when_told(cloud)


def _bill_with_a_worker_killed_twice(cloud: Cloud, client: CloudClient) -> None:
    """One dies in the invoice run, one between the provider's yes and its own note of it."""
    with cloud.nobody_writes("payment"):
        with cloud.nobody_writes("invoice"):
            job = client.post("/clock/advance", {"to_ms": instant_ms(2026, 10, 1, 8)})
            until("a worker bills", lambda: cloud.waiting_for("invoice") == 1, within_s=20)
            (biller,) = cloud.busy_workers()
            cloud.kill(biller)
        cloud.claims_run_out(biller)
        until("both workers have charged", lambda: cloud.waiting_for("payment") == 2, within_s=30)
        charger, _ = cloud.busy_workers()
        assert biller != charger
        assert cloud.rows("SELECT outcome, count(*) FROM sim_charge GROUP BY outcome") == [("succeeded", 2)]
        cloud.kill(charger)
    cloud.claims_run_out(charger)
    _wait_until_done(client, job)
    again = "SELECT count(*) FROM payment_attempt WHERE tries = 2"
    assert cloud.number(again) == 1, "what the dead worker had sent was sent again under the same key"


def _every_member_is_billed_and_charged_once(cloud: Cloud) -> None:
    count = len(MEMBERS)
    numbers = cloud.rows("SELECT number FROM invoice ORDER BY number")
    assert numbers == [(number,) for number in range(1, count + 1)]
    assert cloud.rows("SELECT count(DISTINCT account_id), sum(total_minor) FROM invoice") == [
        (count, count * TOTAL_MINOR)
    ]
    provider = cloud.rows("SELECT token, outcome, amount_minor, count(*) FROM sim_charge GROUP BY 1, 2, 3")
    assert sorted(provider) == [
        (one.token, "refused" if one is DECLINER else "succeeded", TOTAL_MINOR, 1) for one in MEMBERS
    ]
    ours = cloud.rows("SELECT count(*), count(DISTINCT account_id), sum(amount_minor) FROM payment")
    assert ours == [(count - 1, count - 1, (count - 1) * TOTAL_MINOR)]
    assert cloud.number("SELECT count(*) FROM payment_attempt") == count
    assert cloud.number("SELECT count(*) FROM payment_attempt WHERE state <> 'over'") == 0
    debited, credited = (
        cloud.number(
            f"SELECT sum(amount_minor) FROM posting JOIN ledger_account a ON a.id = {side} WHERE a.code = 'receivable'"
        )
        for side in ("debit_account_id", "credit_account_id")
    )
    assert debited - credited == TOTAL_MINOR


def _a_block_arrives_and_goes(cloud: Cloud, client: CloudClient, gateway: PretendGateway) -> None:
    """The server commits it; a worker, in another process, takes it to the gateway."""
    blocks = f"/accounts/{cloud.account_of(BANNED)}/blocks"
    client.put(blocks, {"reason": "banned"})
    until("the ban is at the gateway", lambda: _refusals(gateway) == {cloud.member_of(BANNED): "blocked"}, within_s=5)
    client.delete(f"{blocks}/banned")
    until("it is gone there", lambda: _refusals(gateway) == {}, within_s=5)


def _arrears_arrive_and_go(cloud: Cloud, client: CloudClient, gateway: PretendGateway) -> None:
    """Dunning's days go by in two workers, one of which is told to end; the outcome reaches the gateway."""
    with cloud.nobody_writes("payment_attempt"):
        job = client.post("/clock/advance", {"to_ms": instant_ms(2026, 10, 20, 9)})
        until("a worker tries the card again", lambda: cloud.waiting_for("payment_attempt") == 1, within_s=20)
        (busy,) = (process for process in cloud.processes if [process.pid] == cloud.busy_workers())
        busy.tell_to_end()
    assert busy.exit_status() == 0, "told to end, a worker finishes what it has in hand"
    assert busy.pid not in cloud.busy_workers()
    cloud.processes.remove(busy)
    cloud.start("work")
    _wait_until_done(client, job)
    assert cloud.number("SELECT max(number) FROM payment_attempt") > 1
    assert cloud.number("SELECT max(tries) FROM payment_attempt WHERE number > 1") == 1
    _wait_in_force(client, gateway)
    assert _refusals(gateway) == {cloud.member_of(DECLINER): "dues_unpaid"}
    lease = gateway.leases[-1]
    assert (lease.mode, lease.clock_rev) == ("test", client.get("/clock")["clock_rev"])
    assert lease.business_ms >= instant_ms(2026, 10, 20, 9)
    assert cloud.number("SELECT count(*) FROM message") >= 2
    client.post(
        f"/accounts/{cloud.account_of(DECLINER)}/payments",
        {"amount_minor": TOTAL_MINOR, "currency": "CAD", "means": "terminal"},
        **{"Idempotency-Key": "paid-at-the-desk"},
    )
    until("the payer may enter", lambda: _refusals(gateway) == {}, within_s=5)


def _journals_are_stored_once(cloud: Cloud, mosquitto: Mosquitto) -> None:
    """Each batch goes to one worker; sent twice and in any order, each event is stored once and acknowledged."""
    peer = Peer(mosquitto.url, mosquitto.gateway(GATEWAY))
    peer.subscribe(down(GATEWAY, Down.ACK))
    batches = [_batch(number) for number in range(BATCHES)] * 2
    random.Random(7).shuffle(batches)
    for batch in batches:
        assert peer.publish(up(GATEWAY, Up.JOURNAL), batch)
    acks = [decode(JournalAck, peer.next(timeout_s=20)[1]) for _ in batches]
    assert max(ack.through for ack in acks) == BATCHES * EVENTS_PER_BATCH
    assert not any(ack.conflict for ack in acks)
    assert cloud.rows("SELECT count(*), count(DISTINCT sequence), max(sequence) FROM journal_event") == [
        (BATCHES * EVENTS_PER_BATCH,) * 3
    ]
    assert peer.received.empty(), "one answer per batch: the workers share the subscription"
    peer.close()


def _everybody_ends_when_told(cloud: Cloud) -> None:
    assert [process.name.partition("-")[0] for process in cloud.processes] == ["serve", "work", "work"]
    for process in cloud.processes:
        until(f"{process.name} has started", process.heeds_sigterm, within_s=20)
        process.tell_to_end()
    assert [process.exit_status() for process in cloud.processes] == [0, 0, 0]
    complaints = {path.name: path.read_text() for path in cloud.folder.glob("work-*.log")}
    assert len(complaints) == 5
    assert set(complaints.values()) == {""}, "nobody had anything to complain about"
    assert cloud.number("SELECT count(*) FROM timer WHERE state = 'running'") == 0
    assert cloud.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == 1  # ours


def _batch(number: int) -> bytes:
    first = 1 + number * EVENTS_PER_BATCH
    at_ms = instant_ms(2026, 10, 20, 9)
    events = tuple(
        JournalEvent(
            sequence=sequence,
            kind="passage",
            door="lane1",
            at=EventTime(
                boot_id="boot-1",
                boot_ns=sequence,
                real_ms=at_ms,
                business_ms=at_ms + sequence,
                quality=TimeQuality.CERTAIN,
            ),
        )
        for sequence in range(first, first + EVENTS_PER_BATCH)
    )
    return encode(JournalBatch(journal_id="journal-1", events=events))


def _method_of(cloud: Cloud, person: Person) -> int:
    return cloud.number("SELECT id FROM payment_method WHERE token = :token", token=person.token)


def _refusals(gateway: PretendGateway) -> dict[str, str]:
    """Whom the gateway would refuse at once, and why."""
    bodies = [json.loads(body) for (kind, _), body in list(gateway.rows.items()) if kind == "entitlement"]
    return {body["member"]: body["refusal"] for body in bodies if body["refusal"] is not None}


def _wait_until_done(client: CloudClient, job: dict[str, Any]) -> None:
    until("the clock is there", lambda: client.get(f"/clock/jobs/{job['id']}")["state"] == "done", within_s=30)


def _wait_in_force(client: CloudClient, gateway: PretendGateway) -> None:
    def in_force() -> bool:
        (facts,) = client.get("/gateways")
        revision, clock_rev = facts["confirmed_revision"], facts["confirmed_clock_rev"]
        return bool(
            facts["online"]
            and facts["in_force"]
            and clock_rev == client.get("/clock")["clock_rev"]
            and revision == gateway.revision
        )

    until("the gateway has confirmed feed and clock", in_force, within_s=20, every_s=0.05)
