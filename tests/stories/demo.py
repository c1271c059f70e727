"""The whole gym on this machine, to play with: badge, let a card decline, pay, pull the network, kill the gateway.

make demo                              broker in-process, nothing but Python needed
make demo BROKER=mqtt://host:1883      a broker of your own on loopback
echo "badge 1" | make demo             commands from a pipe, without the live view
"""

import argparse
import os
import sys
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from portillon_drivers.errors import TransientDeviceError
from rich.console import Console
from stories.gym import OWNER, Gym
from stories.members import Person
from stories.network import choose
from stories.process import StoryError
from stories.screen import View, converse

ZONE = ZoneInfo("America/Toronto")
DAY_MS = 86_400_000
STRANGER = "0FFFFFFFFF"
HINT = (
    "badge 7 [lane] · unknown · decline 7 · pay 7 · days 12 · net off · net on · kill gateway|guard|both · "
    "explain 7 · who 7 · help · quit"
)
HELP = """Members are numbered 1 to 200; 7 is the seventh line of members.csv.
badge 7 [1|2]   member 7 holds the card at lane 1 or 2, and goes through if it opens
unknown         a card that nobody holds
decline 7       from now on the card on file of member 7 declines; 'days 12' to the next billing date shows what follows
pay 7           member 7 pays at the desk what is owed
days 12         turn the gym's clock 12 days on, through everything that falls due
net off, net on pull the broker out, put it back; badge meanwhile
kill gateway    SIGKILL; also guard, both. They come back by themselves
explain 7       what the turnstile would say to member 7, and why"""


class Demo:
    """Obeys one typed line at a time, and knows what there is to see."""

    def __init__(self, gym: Gym, say: Callable[[str], None]) -> None:
        self._gym = gym
        self._say = say
        self._site_id = gym.ledger.number("SELECT min(id) FROM site")
        self._network_up = True

    def obey(self, line: str) -> bool:
        """Do what a line says; False: enough."""
        words = line.split()
        if not words:
            return True
        try:
            return self._do(*words)
        except (StoryError, TransientDeviceError, httpx.HTTPError, ValueError, IndexError, TypeError) as error:
            self._say(f"{line}: {error}".splitlines()[0])
            return True

    def _do(self, command: str, *rest: str) -> bool:
        gym = self._gym
        match command, rest:
            case (("quit" | "exit"), _):
                return False
            case "help", _:
                for text in HELP.splitlines():
                    self._say(text)
            case "badge", [number, *lane]:
                self._badge(self._person(number).card, self._person(number).name, int(lane[0]) if lane else 1)
            case "unknown", _:
                self._badge(STRANGER, "a stranger", 1)
            case "decline", [number]:
                gym.let_decline(self._person(number))
                self._say(f"The card on file of {self._person(number).name} declines from now on")
            case "pay", [number]:
                self._pay(self._person(number))
            case "days", [count]:
                gym.cloud.advance_to(gym.cloud.business_ms() + int(count) * DAY_MS)
                self._say(f"{count} days later")
            case "net", ["off"] if self._network_up:
                gym.network.pull(forget=True)
                self._network_up = False
                self._say("The broker is dead, with all it remembered. Badge on: the gateway decides alone")
            case "net", ["on"] if not self._network_up:
                gym.network.restore()
                self._network_up = True
                self._say("The broker is back, empty")
            case "kill", [("gateway" | "guard" | "both") as what]:
                {"gateway": gym.kill_gateway, "guard": gym.kill_guard, "both": gym.kill_both}[what]()
                self._say(f"Killed {what}; started again")
            case "explain", [number]:
                for text in gym.explain(self._person(number).card).splitlines():
                    self._say(text)
            case "who", [number]:
                one = self._person(number)
                self._say(f"{one.number}: {one.name}, card {one.card}")
            case _:
                self._say(f"{' '.join((command, *rest))!r} is not something I can do now. {HINT}")
        return True

    def view(self, said: deque[str]) -> View:
        """What there is to see now; what cannot be asked is shown as such."""
        gym = self._gym
        facts: list[tuple[str, str]] = [("page", f"{gym.base_url}  ({OWNER}, {gym.password})")]
        lanes: list[tuple[str, str, str]] = []
        badges: list[tuple[str, str, str, str]] = []
        unpaid: list[tuple[str, str, str]] = []
        try:
            for lane in gym.devices.lanes():
                relay = "released" if lane["releasing"] else "locked"
                lanes.append((f"lane {lane['lane']} ({lane['reader']})", relay, f"{lane['passages']} passed"))
            facts += self._gateway_facts()
            facts += self._cloud_facts()
            for one in gym.cloud.get(f"/sites/{self._site_id}/badges", limit=8):
                badges.append((_local(one["at_ms"]), one["who"] or "?", one["door"], one["reason"] or one["outcome"]))
            for one in gym.cloud.get("/unpaid", limit=8)["items"]:
                owed = f"{one['owed_minor'] / 100:.2f} {one['currency']}"
                unpaid.append((one["who"], owed, f"{one['days_late']} d, next: {one['next_step'] or '-'}"))
        except (StoryError, TransientDeviceError, httpx.HTTPError, OSError, ValueError) as error:
            facts.append(("not to be asked now", str(error).splitlines()[0][:60]))
        return View("Gym Mont-Royal, a test organisation", lanes, badges, facts, unpaid, HINT, tuple(said))

    def _gateway_facts(self) -> list[tuple[str, str]]:
        now: dict[str, Any] = self._gym.status()
        state = "online" if now["online"] else "offline, deciding alone"
        waiting = f"{now['journal_pending']} events to send"
        return [("gateway", f"{state}, revision {now['revision']}, {waiting}")]

    def _cloud_facts(self) -> list[tuple[str, str]]:
        gateways = self._gym.cloud.get("/gateways")
        force = sum(one["in_force"] for one in gateways)
        clock = _local(self._gym.cloud.business_ms(), date=True)
        return [("the gym's clock", clock), ("newest rights in force", f"on {force} of {len(gateways)} gateways")]

    def _person(self, number: str) -> Person:
        index = int(number)
        if not 1 <= index <= len(self._gym.people):
            raise ValueError(f"members are numbered 1 to {len(self._gym.people)}")
        return self._gym.people[index - 1]

    def _badge(self, card: str, who: str, lane: int) -> None:
        done = self._gym.devices.badge(lane, card, push=True, push_after_ms=400)
        if done["relay_ns"] is None:
            self._say(f"Lane {lane} stays locked for {who}")
        else:
            gone = "went through" if done["passed"] else "did not go through"
            self._say(f"Lane {lane} opened for {who} after {done['relay_ns'] / 1e6:.1f} ms; {gone}")

    def _pay(self, person: Person) -> None:
        account = self._gym.account_of(person)
        owed = [one for one in self._gym.cloud.every("/unpaid") if one["account_id"] == account]
        if not owed:
            raise ValueError(f"{person.name} owes nothing")
        total = sum(one["owed_minor"] for one in owed)
        self._gym.pay(person, total)
        self._say(f"{person.name} paid {total / 100:.2f} at the desk")


def _local(at_ms: int, *, date: bool = False) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZONE).strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def main() -> int:
    """Set the gym up, let somebody play, take it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", default=os.environ.get("BROKER") or "loopback", help="loopback, mosquitto or a URL")
    asked = parser.parse_args()
    console = Console()
    said: deque[str] = deque(maxlen=12)

    def say(text: str) -> None:
        said.append(text)
        if not (sys.stdin.isatty() and console.is_terminal):
            console.print(text, highlight=False, markup=False)

    gym = Gym(choose(asked.broker), hold_off_ms=500)
    try:
        with console.status("Opening a gym: database, 200 members, two turnstile lanes, gateway, broker…"):
            gym.open(clock_starts="2026-09-20T10:00:00", contract_start="2026-03-01", billed_from="2026-10-01")
        console.print(
            f"\nOpen [bold]{gym.base_url}[/bold] and sign in as {OWNER}, password [bold]{gym.password}[/bold]"
        )
        console.print(f"Logs and data: {gym.folder} (gone when you quit)\nThen type, for example:", highlight=False)
        console.print(HELP, highlight=False, markup=False)
        demo = Demo(gym, say)
        say("Type 'badge 7', 'unknown', 'decline 7' and 'days 12'… 'help' explains, 'quit' ends.")
        converse(console, lambda: demo.view(said), demo.obey)
    except KeyboardInterrupt:
        console.print("Ending…")
    except StoryError as error:
        console.print(f"[bold red]The gym could not be opened:[/bold red] {error}\n{gym.logs()}", highlight=False)
        return 1
    finally:
        folder = Path(gym.folder)
        gym.close()
    console.print(f"Closed; {folder} is gone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
