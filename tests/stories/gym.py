"""A whole gym on this machine: two simulated lanes, guard, gateway, broker and cloud, all of them real processes."""

import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from portillon_drivers.site_control import SiteControl
from stories.cloud_client import CloudClient
from stories.ledger_view import LedgerView
from stories.members import Person, as_csv, people
from stories.network import Network
from stories.payment_service import PaymentService
from stories.process import Process, StoryError, free_port, pids_of, run, until

COMMANDS = Path(sys.executable).parent
CLOUD = [str(COMMANDS / "portillon-cloud")]
EDGE = [str(COMMANDS / "portillon-edge")]
OWNER = "owner@example.org"
PULSE_MS, WINDOW_MS = 2_000, 2_000
GUARD_SLACK_MS = 400
"""From the end of its client to the last byte at the relay, on a busy machine."""

DEVICES = """
[[readers]]
name = "lane1-reader"
type = "rdm6300"
path = "{devices}/lane1-reader"
hold_off_ms = {hold_off_ms}

[[readers]]
name = "lane2-reader"
type = "id12la"
path = "{devices}/lane2-reader"
hold_off_ms = {hold_off_ms}

[[outputs]]
name = "lane1-relay"
type = "lcus_relay"
path = "{devices}/lane1-relay"
channel = 1
wiring = "energise_to_release"
max_on_ms = {pulse_ms}

[[outputs]]
name = "lane2-relay"
type = "lcus_relay"
path = "{devices}/lane2-relay"
channel = 1
wiring = "energise_to_release"
max_on_ms = {pulse_ms}

[[inputs]]
name = "lane1-passage"
type = "modbus"
path = "{devices}/inputs"
address = 1
channel = 1
active = "closed"
changes_max = 1000

[[inputs]]
name = "lane2-passage"
type = "modbus"
path = "{devices}/inputs"
address = 1
channel = 2
active = "closed"
changes_max = 1000

[[doors]]
name = "lane1"
kind = "turnstile_lane"
zone = "gym"
readers = ["lane1-reader"]
output = "lane1-relay"
passage_input = "lane1-passage"
pulse_ms = {pulse_ms}
passage_window_ms = {window_ms}

[[doors]]
name = "lane2"
kind = "turnstile_lane"
zone = "gym"
readers = ["lane2-reader"]
output = "lane2-relay"
passage_input = "lane2-passage"
pulse_ms = {pulse_ms}
passage_window_ms = {window_ms}
"""


class Gym:
    """Set it up, start it, play with it, close it."""

    def __init__(self, network: Network, *, members: int = 200, hold_off_ms: int = 50) -> None:
        # A short path: a Unix socket's name has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="portillon-"))
        self.network = network
        self.people = people(members)
        self.password = secrets.token_urlsafe(9)
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self._hold_off_ms = hold_off_ms
        self.payment_service = PaymentService(self.folder)
        self._cloud_argv = [
            *CLOUD, "--data-dir", str(self.folder / "cloud"), "--base-url", self.base_url, *network.cloud_options(),
            "--stripe-test-url", self.payment_service.url,
        ]  # fmt: skip
        self.config = self.folder / "gateway" / "gateway.toml"
        self._site = self._process(
            "devices",
            [sys.executable, "-m", "portillon_drivers.simulated_site", "--dir", str(self.devices_dir), "--lanes", "2"],
        )
        port = self.base_url.rsplit(":", 1)[-1]
        self.cloud_process = self._process("cloud", [*self._cloud_argv, "serve", "--port", port])
        self.gateway = self._process("gateway", [*EDGE, "run", "--config", str(self.config)])
        self.ledger = LedgerView(self.folder / "cloud" / "portillon.db")
        self._opened: list[CloudClient | SiteControl] = []

    # Setting up

    @property
    def devices_dir(self) -> Path:
        """Where the simulated devices appear."""
        return self.folder / "dev"

    def open(self, *, clock_starts: str, contract_start: str, billed_from: str) -> None:
        """Make the gym, its members and its gateway, and start everything."""
        owner = {"PORTILLON_OWNER_PASSWORD": self.password}
        self.cloud_command("migrate")
        self.cloud_command(
            "open-gym", "--name", "Gym Mont-Royal", "--owner-email", OWNER, "--language", "fr",
            "--amount-minor", "4900", "--clock-starts", clock_starts, env=owner,
        )  # fmt: skip
        file = self.folder / "members.csv"
        file.write_text(as_csv(self.people, plan="gym", contract_start=contract_start, billed_from=billed_from))
        self.cloud_command("import-members", str(file))
        key = self.cloud_command("api-key", "story").strip().splitlines()[-1]
        self.cloud_command(
            "enrol-gateway", "gw-demo", str(self.config.parent), "--name", "Gateway", *self.network.enrol_options()
        )
        with self.config.open("a") as config:
            config.write(
                DEVICES.format(
                    devices=self.devices_dir, hold_off_ms=self._hold_off_ms, pulse_ms=PULSE_MS, window_ms=WINDOW_MS
                )
            )
        self.network.start()
        self._site.start()
        until("the simulated devices are there", (self.devices_dir / "control.sock").exists, within_s=20)
        self.cloud_process.start()
        self.gateway.start()
        self.cloud = CloudClient(self.base_url, key)
        self.devices = SiteControl(self.devices_dir / "control.sock")
        self._opened += [self.cloud, self.devices]
        until("the cloud answers", self._answers, within_s=30, every_s=0.1)
        self.wait_in_force()
        self.wait_attended()

    def close(self) -> None:
        """End every process and remove the folder."""
        for one in self._opened:
            one.close()
        for process in (self.gateway, self.cloud_process, self._site, self.payment_service.process):
            process.stop()
        for pid in self._guards():
            os.kill(pid, signal.SIGKILL)
        self.network.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cloud_command(self, *words: str, env: dict[str, str] | None = None) -> str:
        """Run `portillon-cloud …`; what it printed."""
        return run([*self._cloud_argv, *words], env=env)

    def refusal_of(self, *words: str, env: dict[str, str] | None = None) -> str:
        """What `portillon-cloud …` says when it refuses; raises StoryError if it does not."""
        try:
            said = self.cloud_command(*words, env=env)
        except StoryError as refusal:
            return str(refusal)
        raise StoryError(f"{' '.join(words)} was not refused: {said}")

    def logs(self) -> str:
        """The ends of all logs and of the journals, for whoever must find out why."""
        logs = [f"--- {one.name}\n{one.tail()}" for one in (self.cloud_process, self.gateway, self._site)]
        newest = (
            "SELECT sequence, kind, door, member, reason, detail, business_utc FROM readable ORDER BY sequence DESC"
        )
        events = [
            " ".join(str(value) for value in row)
            for path in sorted((self.folder / "gateway" / "data").glob("journal*.db"))
            for row in LedgerView(path).rows(f"{newest} LIMIT 12")
        ]
        return "\n".join([*logs, "--- journal, newest first", *events])

    # At the lanes

    def person_at(self) -> SiteControl:
        """One more person's hands: a connection of its own to the devices, to be closed."""
        return SiteControl(self.devices_dir / "control.sock")

    def badge(self, lane: int, card: str, *, wait_ms: int = 1_000, push_after_ms: int = 20) -> dict[str, Any]:
        """Hold a card there and go through if the lane releases; `relay_ns` None: it did not."""
        answer = self.devices.badge(lane, card, push=True, push_after_ms=push_after_ms, wait_ms=wait_ms)
        time.sleep(2 * self._hold_off_ms / 1_000)  # the reader must have forgotten the card: that is its setting
        return answer

    def longest_release_ms(self) -> float:
        """How long any relay was in its releasing state since the last reset."""
        return max(lane["longest_ms"] for lane in self.devices.lanes())

    @property
    def bound_ms(self) -> int:
        """What no release may exceed while somebody lives to end it."""
        return PULSE_MS + GUARD_SLACK_MS

    # The gateway

    def status(self) -> dict[str, Any]:
        """What the gateway says of itself."""
        found: dict[str, Any] = json.loads((self.folder / "gateway" / "data" / "health.json").read_text())
        return found

    def explain(self, card: str) -> str:
        """`portillon-edge explain`, in English; it exits with 1 for a card that is refused.

        It knows of the lanes what the gateway wrote last, up to a second ago: whoever has just gone through is awaited.
        """
        until("every lane is told to be at rest", lambda: not self._let_in(), within_s=10)
        words = ["explain", f"em4100:{card}", "--config", str(self.config), "--language", "en"]
        return run([*EDGE, *words], fine=(0, 1))

    def _let_in(self) -> list[str]:
        """The lanes at which somebody may still pass, as the gateway wrote them last."""
        return [lane["name"] for lane in self.status()["doors"] if lane["state"] == "granted"]

    def journal_rows(self) -> int:
        """Committed events on the gateway's disk, over all its journals."""
        return sum(
            LedgerView(path).number("SELECT count(*) FROM event")
            for path in (self.folder / "gateway" / "data").glob("journal*.db")
        )

    def kill_gateway(self) -> None:
        """SIGKILL, then started again as systemd would."""
        self.gateway.kill()
        self.gateway.start()

    def kill_guard(self) -> None:
        """SIGKILL; the gateway starts another."""
        for pid in self._guards():
            os.kill(pid, signal.SIGKILL)

    def kill_both(self) -> None:
        """SIGKILL to both at once; then the gateway is started again."""
        self.gateway.kill()
        self.kill_guard()
        self.gateway.start()

    def wait_attended(self) -> None:
        """Wait until the doors are attended by this very gateway process and every device is up."""

        def attended() -> bool:
            if not self.gateway.alive():
                raise StoryError(f"the gateway ended:\n{self.gateway.tail()}")
            try:
                now = self.status()
            except (OSError, ValueError):
                return False
            return now["pid"] == self.gateway.pid and all(device["state"] == "up" for device in now["devices"])

        until("the gateway attends its doors", attended, within_s=20)

    # The cloud

    def stored_events(self) -> int:
        """Events in the cloud."""
        return self.ledger.number("SELECT count(*) FROM journal_event")

    def events(self, **wanted: str) -> int:
        """Events in the cloud of this kind, reason and so on."""
        where = " AND ".join(f"{name} = ?" for name in wanted)
        return self.ledger.number(f"SELECT count(*) FROM journal_event WHERE {where}", *wanted.values())

    def passages(self) -> int:
        """Attendance in the cloud."""
        return self.events(kind="passage")

    def in_force(self) -> bool:
        """Whether the gateway has confirmed all there is, and relies on the newest clock."""
        (gateway,) = self.cloud.get("/gateways")
        return bool(
            gateway["online"]
            and gateway["in_force"]
            and gateway["confirmed_clock_rev"] == self.cloud.get("/clock")["clock_rev"]
        )

    def wait_in_force(self) -> None:
        """Wait until the gateway has confirmed feed and clock."""
        until("the gateway has confirmed feed and clock", self.in_force, within_s=30)

    def wait_journal_empty(self) -> None:
        """Wait until the cloud has every committed event."""
        until(
            "the cloud has every event", lambda: self.journal_rows() == self.stored_events(), within_s=60, every_s=0.2
        )

    def method_of(self, person: Person) -> int:
        """The payment method of a member."""
        return self.ledger.number("SELECT id FROM payment_method WHERE token = ?", person.token)

    def account_of(self, person: Person) -> int:
        """Who pays for a member."""
        return self.ledger.number("SELECT account_id FROM payment_method WHERE token = ?", person.token)

    def let_decline(self, person: Person, behaviour: str = "insufficient_funds") -> None:
        """Make a member's card decline from now on."""
        self.cloud.post(f"/payment-methods/{self.method_of(person)}/simulate", {"behaviour": behaviour})

    def pay(self, person: Person, amount_minor: int) -> None:
        """The member pays at the desk."""
        self.cloud.post(
            f"/accounts/{self.account_of(person)}/payments",
            {"amount_minor": amount_minor, "currency": "CAD", "means": "terminal"},
            **{"Idempotency-Key": uuid.uuid4().hex},
        )

    def _guards(self) -> list[int]:
        return pids_of("portillon_edge.guard", str(self.config))

    def _answers(self) -> bool:
        if not self.cloud_process.alive():
            raise StoryError(f"the cloud ended:\n{self.cloud_process.tail()}")
        try:
            self.cloud.get("/clock")
        except (StoryError, httpx.HTTPError):
            return False
        return True

    def _process(self, name: str, argv: list[str]) -> Process:
        return Process(name, argv, log=self.folder / f"{name}.log")
