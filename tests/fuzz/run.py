"""Throw bytes at every parser: `make fuzz BUDGET=1800` shares half an hour among all targets, two at a time.

One target alone, from where its corpus stands, and a crashing input again, with its traceback:

    PYTHONPATH=tests .venv/bin/python -m fuzz.one stx-frames --seconds 600
    PYTHONPATH=tests .venv/bin/python -m fuzz.run --again stx-frames .cache/fuzz/stx-frames-crash-…
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz.targets import TARGETS, target
from rich.console import Console
from rich.progress import Progress

EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
START_SECONDS_MAX = 60


@dataclass(frozen=True)
class Finding:
    """How one target fared; `broke` is the end of what it said, if it broke."""

    name: str
    executions: int
    broke: str


def fuzz(name: str, seconds: int) -> Finding:
    """One target in a process of its own: a crash, a hang or a leak ends only that."""
    command = [sys.executable, "-m", "fuzz.one", name, "--seconds", str(seconds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds + START_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding(name, 0, "did not end in time")
    told = done.stdout + done.stderr
    count = EXECUTIONS.search(told)
    return Finding(name, int(count[1]) if count else 0, "" if done.returncode == 0 else told[-3_000:])


def main() -> int:
    """Exit status 1 if any target broke."""
    arguments = argparse.ArgumentParser(prog="fuzz.run", description="Throw bytes at every parser.")
    arguments.add_argument("--budget", type=int, default=60, help="seconds in all (default 60)")
    arguments.add_argument("--again", nargs=2, metavar=("TARGET", "FILE"), help="one input again, with its traceback")
    asked = arguments.parse_args()
    if asked.again:
        target(asked.again[0])(Path(asked.again[1]).read_bytes())
        return 0
    at_once = min(2, os.cpu_count() or 1)
    seconds = max(5, asked.budget * at_once // len(TARGETS))
    console = Console()
    with Progress(console=console, transient=True) as progress, ThreadPoolExecutor(at_once) as pool:
        task = progress.add_task("fuzzing", total=len(TARGETS))
        findings = []
        for finding in pool.map(lambda name: fuzz(name, seconds), TARGETS):
            findings.append(finding)
            progress.advance(task)
    for finding in findings:
        console.print(
            f"{finding.name:<20} {finding.executions:>12,} inputs  {'BROKE' if finding.broke else 'nothing broke'}"
        )
    for finding in findings:
        if finding.broke:
            console.print(f"\n{finding.name}:\n{finding.broke}", markup=False)
    return int(any(finding.broke for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
