"""The same seeds give the same lives: in another process, with another order of sets, on another day."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def searched(kind: str, hash_seed: str) -> str:
    """What a search prints at its end."""
    command = [sys.executable, "-m", "simulation.run", "--kind", kind, "--seed", "301", "--lives", "1"]
    switches = ["--acts", "40", "--without", "break_disk"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": hash_seed, "COLUMNS": "10000"}
    done = subprocess.run([*command, *switches], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["gates", "years", "storage"])
def test_the_same_seed_gives_the_same_life_in_every_process(kind: str) -> None:
    """Two processes with different PYTHONHASHSEED print the same trace: of every message, answer and step of a disk."""
    first, again = (
        next(line for line in searched(kind, hash_seed).splitlines() if line.startswith("trace "))
        for hash_seed in ("1", "2")
    )
    assert first == again
