"""Chaos: a gym's year in real processes that SIGKILL ends at random, on SQLite and on PostgreSQL, to the same end.

make chaos                        a minute: gyms as large as fit into it
make chaos BUDGET=8h              a night: up to the gym of 10,000 members, then others of that size
make chaos MEMBERS=10000          that gym, however long it takes
make chaos SEED=17                from that year on
PYTHONPATH=tests .venv/bin/python -m chaos.run --without effect_is_noted_with_it     what a defence is good for

Each year goes by twice: with cards in the cloud's own simulator, and with cards at a payment service, a process beside
it that is killed and lies as well. First undisturbed, in one process on SQLite. Then on each engine with processes
killed: the one that owns the file on SQLite, three `work` on PostgreSQL. What stands in the database at the end must be
the same, row by row (chaos/dump.py); what the payment service was paid must be what the database says.
When the blows fall is chance and not drawn from the seed; the year is.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cloud_gym import postgres_engine, postgres_programs
from chaos.dump import Dump, charges_unlike, dump, highest_ids, lines_of, numbers_that_break
from chaos.mayhem import CALM, Mayhem, Rage, StuckError, looked_at
from chaos.opening import AtService, build
from chaos.process import Defences, Outside
from chaos.script import DAYS, Script, script
from chaos.service import PaymentService, listening
from chaos.till import Till
from chaos.turns import turns
from portillon_cloud.secrets import FILE_NAME, load_or_create_keyring
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from simulation.lives import fast_folder
from simulation.run import seconds

SIZES = (25, 250, 2_500, 10_000)
PROCESSES = {"sqlite": 1, "postgresql": 3}
SERVICE = "service"
_KEPT = {"simulated": "in the cloud's own simulator", SERVICE: "at a payment service"}
TABLES_SHOWN = 2  # those that others point at come first: what differs in them differs in many
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where databases are made: `create(name)` gives the URL of an empty one."""

    name: str
    create: Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for."""

    budget_s: float
    members: int | None
    seed: int
    days: int
    databases: tuple[str, ...]
    cards: tuple[str, ...]
    defences: Defences


def main() -> None:
    """Run years until the budget is spent or one breaks."""
    asked, console = ask(), Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # then no process and no cluster is left behind
    begun_s = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portillon-chaos-", dir=fast_folder())))
        places = stack.enter_context(_places(asked, folder, console))
        seed, rung, took_s = asked.seed, 0, 0.0
        while True:
            members = asked.members or SIZES[rung]
            year_s = time.monotonic()
            for keeper in asked.cards:
                if not one_year(places, folder / f"{seed}-{keeper}", members, seed, keeper, asked, console):
                    sys.exit(1)
            took_s, seed = time.monotonic() - year_s, seed + 1
            left_s = asked.budget_s - (time.monotonic() - begun_s)
            larger = min(rung + 1, len(SIZES) - 1)
            rung = larger if took_s * SIZES[larger] / members < left_s else rung
            if asked.members is not None or took_s > left_s:
                return


def one_year(
    places: list[Place], folder: Path, members: int, seed: int, keeper: str, asked: Asked, console: Console
) -> bool:
    """One gym's year, undisturbed and disturbed; True: it comes to the same."""
    year = script(seed, members, days=asked.days, at_service=keeper == SERVICE)
    console.print(
        f"Year {seed}, cards {_KEPT[keeper]}: {members:,} members, {len(year.acts):,} acts in {asked.days} days",
        highlight=False,
    )
    folder.mkdir()
    # It draws itself when told, not in a thread: the processes are forks of this one.
    with Progress(console=console, transient=True, auto_refresh=False) as bar:
        run = _Runner(folder, year, seed, asked, bar)
        wanted, before = run.live(Place("sqlite", lambda name: f"sqlite:///{folder / name}.db"), "undisturbed", CALM)
        same = [_held(run, place, wanted, before, console) for place in places]
    shutil.rmtree(folder)
    return all(same)


def _held(run: "_Runner", place: Place, wanted: Dump, before: Mapping[str, Any], console: Console) -> bool:
    try:
        return run.compare(place, wanted, before, console)
    except StuckError as error:
        console.print(f"  {place.name}: [bold]not the same[/bold]. {escape(str(error))}", highlight=False)
        return False


class _Runner:
    """One script's lives, first undisturbed, then on each engine."""

    def __init__(self, folder: Path, year: Script, seed: int, asked: Asked, bar: Progress) -> None:
        self._folder, self._year, self._seed, self._asked, self._bar = folder, year, seed, asked, bar
        self._calm_url = ""
        self.unlike: list[str] = []
        self.lies = 0

    def live(self, place: Place, name: str, rage: Rage) -> tuple[Dump, Mapping[str, Any]]:
        """Make the gym there and let its year go by."""
        self._url = url = place.create(f"{name}_{self._seed}")
        self._calm_url = self._calm_url or url
        home = self._folder / f"{place.name}-{name}"
        home.mkdir()
        members = len(self._year.members)
        task = self._bar.add_task(f"{place.name}, {name}: signing members", total=members)
        defences = Defences() if rage is CALM else self._asked.defences
        with outside(home, self._year, self._seed, disturbed=rage is not CALM) as out:
            build(
                url, self._year, load_or_create_keyring(home / FILE_NAME), None if out is None else entrance(out),
                told=lambda done: self._bar.update(task, completed=done, refresh=True),
            )  # fmt: skip
            before = highest_ids(looked_at(url))
            self._bar.reset(task, total=1.0, description=f"{place.name}, {name}: the year")
            self.mayhem = Mayhem(url, home, self._year, rage, seed=self._seed, defences=defences, outside=out)
            begun_s = time.monotonic()
            self.mayhem.live_through(lambda share: self._bar.update(task, completed=share, refresh=True))
            self.took_s = time.monotonic() - begun_s
            self._bar.reset(task, total=None, description=f"{place.name}, {name}: reading it back")
            if out is not None:
                out.service.kill()
                self.unlike = charges_unlike(looked_at(url), out.service.paid_charges())
                self.lies = out.service.lies_told()
        found = dump(looked_at(url), before, timeless=self._year.at_service)
        self._bar.remove_task(task)
        return found, before

    def compare(self, place: Place, wanted: Dump, before: Mapping[str, Any], console: Console) -> bool:
        """The same year with processes killed; True: the same stands there."""
        found, its_before = self.live(place, "disturbed", self._rage(place))
        counts = self.mayhem.counts
        broken = [*numbers_that_break(looked_at(self._url)), *self.unlike]
        different = found.differs_from(wanted)
        outcome = "[bold]not the same[/bold]" if different or broken else "the same as undisturbed"
        console.print(
            f"  {place.name}: {outcome}. Killed: {counts['from outside']} from outside, {counts['at a commit']} at a "
            f"commit{self._service_suffered()}. "
            f"{found.rows['invoice'].total():,} invoices, {found.rows['payment'].total():,} payments, "
            f"{found.rows['timer'].total():,} timers; {self.took_s:.0f} s",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        for line in broken:
            console.print(f"    {line}")
        if different:
            console.print(f"    Not the same: {', '.join(different)}", highlight=False)
        for table in different[:TABLES_SHOWN]:
            self._show(table, found, wanted, before, its_before, console)
        return not different and not broken

    def _service_suffered(self) -> str:
        if not self._year.at_service:
            return ""
        return f", the payment service {self.mayhem.counts['the payment service']}; it lied {self.lies} times"

    def _rage(self, place: Place) -> Rage:
        """The larger the gym, the more commits and steps it has, and the fewer of them need be the last of a process.

        Without a defence the blows fall where it is missing, and nowhere else.
        """
        processes, members = PROCESSES[place.name], len(self._year.members)
        if self._asked.defences != Defences():
            return Rage(processes=processes, deaths=0, blows=0)
        most = 0.01 if self._year.at_service else 0.03  # a day has more commits there, and the service dies as well
        return Rage(processes=processes, deaths=min(most, 10 / members), blows=min(0.1, 20 / members))

    def _show(
        self, table: str, found: Dump, wanted: Dump, before: Mapping[str, Any], its_before: Mapping[str, Any],
        console: Console,
    ) -> None:  # fmt: skip
        here, there = found.rows[table], wanted.rows[table]
        for mark, url, known, rows in (
            ("+", self._url, its_before, here - there),
            ("-", self._calm_url, before, there - here),
        ):
            console.print(f"    {mark} {rows.total()} rows of {table}", highlight=False)
            for number, line in enumerate(self._lines(url, known, table, rows)):
                if number < SHOWN:
                    console.print(f"      {mark} {escape(line)}", highlight=False, soft_wrap=True)

    def _lines(self, url: str, known: Mapping[str, Any], table: str, rows: Counter[bytes]) -> Iterator[str]:
        return lines_of(looked_at(url), known, table, rows, timeless=self._year.at_service)


@contextmanager
def outside(home: Path, year: Script, seed: int, *, disturbed: bool) -> Iterator[Outside | None]:
    """The payment service of this life, if the year has one."""
    if not year.at_service:
        yield None
        return
    service = PaymentService(home / "payment-service.db")
    try:
        with listening() as ears:
            service.start()
            yield Outside(service=service, ears=ears, turns=turns(seed, year.days), disturbed=disturbed)
    finally:
        service.end()


def entrance(out: Outside) -> AtService:
    """The same, as the opening knows it."""
    port = out.ears.getsockname()[1]
    url = out.service.url
    return AtService(url=url, till=Till(url), webhooks_url=f"http://127.0.0.1:{port}", turns=out.turns)


@contextmanager
def _places(asked: Asked, folder: Path, console: Console) -> Iterator[list[Place]]:
    with ExitStack() as stack:
        found = []
        if "sqlite" in asked.databases:
            found.append(Place("sqlite", lambda name: f"sqlite:///{folder / name}.db"))
        if "postgresql" in asked.databases:
            programs = postgres_programs()
            if programs is None:
                console.print("[bold]No PostgreSQL here: its years are left out (make system).[/bold]")
            else:
                engine = stack.enter_context(postgres_engine(programs, flushes=False))
                found.append(Place("postgresql", engine.create))
        yield found


def ask(arguments: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=seconds, default=60.0, help="how long: 60s, 15m, 8h")
    parser.add_argument("--members", type=int, help="one gym of so many, instead of as many as fit into the budget")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--database", action="append", choices=tuple(PROCESSES), help="one only")
    parser.add_argument("--cards", action="append", choices=tuple(_KEPT), help="kept by one only")
    parser.add_argument("--without", action="append", default=[], choices=tuple(Defences.__dataclass_fields__))
    found = parser.parse_args(arguments)
    return Asked(
        budget_s=found.budget, members=found.members, seed=found.seed, days=found.days,
        databases=tuple(found.database or PROCESSES), cards=tuple(found.cards or _KEPT),
        defences=Defences(**dict.fromkeys(found.without, False)),
    )  # fmt: skip


if __name__ == "__main__":
    main()
