"""Every performance claim, measured beside its floor in one run on one machine.

make bench                 10 thousand and 1 million members, about two minutes
make bench BUDGET=20       a quick look: 10 thousand members only
"""

import argparse
import tempfile
from pathlib import Path

from bench import edge
from bench.report import Row, show
from rich.console import Console

FULL_BUDGET_S = 60
SIZES = (10_000, 1_000_000)


def main() -> None:
    """Run them all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=FULL_BUDGET_S, help="seconds; below 60 only the small table")
    budget_s = parser.parse_args().budget
    console = Console(width=150)
    found: list[Row] = []
    for members in SIZES if budget_s >= FULL_BUDGET_S else SIZES[:1]:
        with tempfile.TemporaryDirectory(prefix="portillon-bench-") as folder:
            for row in edge.benchmarks(Path(folder), members, count=20_000):
                console.print(f"[dim]{row.work}: {row.measured}[/dim]")
                found.append(row)
    show(console, found)


if __name__ == "__main__":
    main()
