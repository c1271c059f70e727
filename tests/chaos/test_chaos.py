"""A small gym through some weeks in real processes that are killed (make chaos does a whole year of a large one)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench.cloud_gym import postgres_programs

TESTS = Path(__file__).parent.parent

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("whole machine"), pytest.mark.timeout(240)]


def chaos(*words: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: it forks, which this one with its threads must not."""
    return subprocess.run(
        [sys.executable, "-m", "chaos.run", "--members", "5", *words],
        env={**os.environ, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.postgres
def test_killed_processes_change_nothing_of_what_comes_out() -> None:
    """On SQLite and on PostgreSQL, whatever SIGKILL ends: the same rows as undisturbed, and no number is missing."""
    done = chaos("--seed", "4", "--days", "45")
    assert done.returncode == 0, done.stdout + done.stderr
    places = 1 if postgres_programs() is None else 2
    assert done.stdout.count("the same as undisturbed") == places
    killed = re.findall(r"Killed: (\d+) from outside, (\d+) at a commit", done.stdout)
    assert len(killed) == places
    assert sum(int(count) for pair in killed for count in pair) >= 5, "something was killed at all"


@pytest.mark.parametrize(("defence", "seed"), [("effect_is_noted_with_it", "191"), ("keys_outlive_the_process", "4")])
def test_each_defence_is_missed(defence: str, seed: str) -> None:
    """An effect whose timer is noted as done afterwards happens twice; a charge under another key is made twice."""
    done = chaos("--seed", seed, "--days", "40", "--database", "sqlite", "--without", defence)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not the same" in done.stdout
