"""Search for broken invariants: one seeded life after another, of gates and of billing in turn, until one breaks.

make simulate                  a minute
make simulate BUDGET=28800     a night
PYTHONPATH=tests .venv/bin/python -m simulation.run --kind gates --seed 17 --lives 1      the same life again
"""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from portillon_cloud.database import Database, metadata
from portillon_cloud.main import all_tables
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from simulation.billing_life import bill_once
from simulation.finding import Finding
from simulation.gateway_side import Defences
from simulation.life import Life

ACTS = 250


def fast_folder() -> Path | None:
    """Where files cost nothing: these lives are about logic, and end with their process."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


def make_template(folder: Path) -> Path:
    """An empty cloud database, made once and copied for each life."""
    all_tables()
    path = folder / "template.db"
    db = Database(f"sqlite:///{path}")
    with db.write() as conn:
        metadata.create_all(conn)
    db.close()
    return path


def live_once(
    seed: int, folder: Path, template: Path, *, defences: Defences | None = None, acts: int = ACTS
) -> Finding:
    """One whole life: chance, healing, judgement."""
    home = folder / f"life{seed}"
    home.mkdir()
    life = Life(seed, home, template, defences=defences)
    try:
        life.live(acts)
        life.heal()
    finally:
        life.close()
    return life.finding


LIVES: dict[str, Callable[[int, Path, Path], Finding]] = {"gates": live_once, "billing": bill_once}


def main() -> int:
    """Run; returns 1 if an invariant broke."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=60, help="seconds")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("--lives", type=int, default=1_000_000, help="how many at most")
    parser.add_argument("--kind", choices=LIVES, help="these lives alone")
    asked = parser.parse_args()
    kinds = [asked.kind] if asked.kind else list(LIVES)
    logging.disable(logging.CRITICAL)
    console = Console()
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="portillon-lives-", dir=fast_folder()) as name,
        Progress(console=console) as bar,
    ):
        folder = Path(name)
        template = make_template(folder)
        task = bar.add_task("lives", total=asked.budget)
        for number in range(asked.lives):
            kind = kinds[number % len(kinds)]
            with tempfile.TemporaryDirectory(dir=folder) as home:  # gone after each life: the folder may be memory
                try:
                    finding = LIVES[kind](asked.seed + number, Path(home), template)
                except Exception as error:
                    error.add_note(f"in a life of {kind}, seed {asked.seed + number}")
                    raise
            counts += finding.counts
            counts[f"lives of {kind}"] += 1
            bar.update(task, completed=time.monotonic() - began, description=f"{number + 1} lives")
            if finding.broken or time.monotonic() - began > asked.budget:
                break
    console.print(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in sorted(counts.items())))
    for invariant, detail in finding.broken.items():
        console.print(
            f"[bold red]invariant {invariant} broken[/bold red] in {kind}, seed {finding.seed}: {escape(detail)}"
        )
        again = f"--kind {kind} --seed {finding.seed} --lives 1"
        console.print(f"again: PYTHONPATH=tests .venv/bin/python -m simulation.run {again}", soft_wrap=True)
    return 1 if finding.broken else 0


if __name__ == "__main__":
    sys.exit(main())
