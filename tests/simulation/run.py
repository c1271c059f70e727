"""Search for broken invariants: one seeded life after another, of gates, of disks and of billing, until one breaks.

make simulate                              a minute
make simulate BUDGET=8h                    a night
make simulate SEED=17 BUDGET=60s           from that seed on
PYTHONPATH=tests .venv/bin/python -m simulation.run --kind gates --seed 17 --lives 1      one life again
PYTHONPATH=tests .venv/bin/python -m simulation.run --story story.toml                    a story again
docs/simulation.md says more.
"""

import argparse
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from simulation import faults, storage_life
from simulation.finding import Finding
from simulation.history import History, load, save, shortest
from simulation.lives import KINDS, fast_folder, live_again, make_template, write_life
from simulation.report import Tally

STORIES = Path(".cache/stories")
FOUND = STORIES / "found.txt"
SHORTEN_TRIES = 80
_UNITS_S = {"s": 1, "m": 60, "h": 3_600}


@dataclass(frozen=True)
class Asked:
    """What was asked for."""

    budget_s: float
    seed: int
    lives: int
    acts: int
    kinds: tuple[str, ...]
    without: tuple[str, ...]
    story: Path | None
    go_on: bool


def seconds(text: str) -> float:
    """A budget: seconds, or with a unit (90, 60s, 15m, 8h)."""
    unit = _UNITS_S.get(text[-1:])
    return float(text[:-1]) * unit if unit else float(text)


def ask(arguments: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=seconds, default=60.0, help="how long: 60s, 15m, 8h")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("--lives", type=int, default=1_000_000, help="how many at most")
    parser.add_argument("--acts", type=int, default=0, help="how many acts a life of gates or disks has")
    parser.add_argument("--kind", choices=KINDS, action="append", help="these lives alone")
    switches = (*faults.NAMES, *(name for name in storage_life.FAULTS if name not in faults.NAMES))
    parser.add_argument("--without", choices=switches, action="append", default=[], help="switch a fault off")
    parser.add_argument("--story", type=Path, help="play this story and nothing else")
    parser.add_argument("--go-on", action="store_true", help="count what breaks instead of ending with the first")
    given = parser.parse_args(arguments)
    return Asked(
        given.budget, given.seed, given.lives, given.acts, tuple(given.kind or KINDS), tuple(given.without),
        given.story, given.go_on,
    )  # fmt: skip


def lives(asked: Asked) -> Iterator[History]:
    """One after the other, the kinds in turn."""
    if asked.story is not None:
        yield load(asked.story)
        return
    for number in range(asked.lives):
        yield write_life(
            asked.kinds[number % len(asked.kinds)], asked.seed + number, acts=asked.acts, without=asked.without
        )


def tell(console: Console, history: History, finding: Finding, *, again: bool) -> None:
    """Say what broke, and how to live that life again."""
    invariant, detail = next(iter(finding.broken.items()))
    STORIES.mkdir(parents=True, exist_ok=True)
    with FOUND.open("a") as found:
        found.write(f"{history.kind} seed {history.seed}: invariant {invariant}: {detail}\n")
    console.print(
        f"[bold red]invariant {invariant} broken[/bold red] in {history.kind}, seed {history.seed}: {escape(detail)}",
        soft_wrap=True,
    )
    if again:
        without = "".join(f" --without {name}" for name in history.without)
        acts = f" --acts {len(history.acts)}" if history.acts else ""
        same = f"--kind {history.kind} --seed {history.seed} --lives 1{acts}{without}"
        console.print(f"again: PYTHONPATH=tests .venv/bin/python -m simulation.run {same}", soft_wrap=True)


def shorten(console: Console, history: History, finding: Finding, template: Path, folder: Path) -> None:
    """Look for the shortest history that still breaks the same, and write it down as a story."""
    invariant, detail = next(iter(finding.broken.items()))

    def breaks(shorter: History) -> bool:
        return invariant in live_in_own_folder(shorter, folder, template).broken

    story = shortest(history, breaks, tries_max=SHORTEN_TRIES)
    path = STORIES / f"{history.kind}-{history.seed}.toml"
    save(story, path, why=[f"invariant {invariant}: {detail}"])
    console.print(
        f"{len(story.acts)} of its {len(history.acts)} acts are enough: " + ", ".join(a.do for a in story.acts)
    )
    console.print(f"that story: PYTHONPATH=tests .venv/bin/python -m simulation.run --story {path}", soft_wrap=True)


def live_in_own_folder(history: History, folder: Path, template: Path) -> Finding:
    """One life, and nothing of it afterwards: the folder may be memory."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        try:
            return live_again(history, Path(home), template)
        except Exception as error:  # noqa: BLE001  whatever it is, it is what was searched for
            finding = Finding(history.seed)
            finding.breaks(0, traceback_of(error))
            return finding


def traceback_of(error: Exception) -> str:
    """In one line: what was raised, and through which of our files."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames if "site-packages" not in frame.filename]
    return f"{type(error).__name__}: {error} (through {' '.join(ours[-6:])})"


@contextmanager
def workshop() -> Iterator[tuple[Path, Path]]:
    """A folder for lives, and the empty cloud that each begins with."""
    with tempfile.TemporaryDirectory(prefix="portillon-lives-", dir=fast_folder()) as name:
        yield Path(name), make_template(Path(name))


def main(arguments: list[str] | None = None) -> int:
    """Run; returns 1 if an invariant broke."""
    asked = ask(arguments)
    logging.disable(logging.CRITICAL)
    console = Console()
    tally = Tally()
    began = time.monotonic()
    with workshop() as (folder, template), Progress(console=console) as bar:
        task = bar.add_task("lives", total=asked.budget_s)
        for history in lives(asked):
            tally.begin(history)
            finding = live_in_own_folder(history, folder, template)
            tally.end(history, finding)
            bar.update(task, completed=time.monotonic() - began, description=tally.line(history))
            if finding.broken:
                tell(console, history, finding, again=asked.story is None)
            if finding.broken and history.acts and asked.story is None and not asked.go_on:
                shorten(console, history, finding, template, folder)
            if (finding.broken and not asked.go_on) or time.monotonic() - began > asked.budget_s:
                break
    tally.show(console)
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
