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
    done = chaos("--cards", "simulated", "--seed", "4", "--days", "45")
    assert done.returncode == 0, done.stdout + done.stderr
    places = 1 if postgres_programs() is None else 2
    assert done.stdout.count("the same as undisturbed") == places
    killed = re.findall(r"Killed: (\d+) from outside, (\d+) at a commit", done.stdout)
    assert len(killed) == places
    assert sum(int(count) for pair in killed for count in pair) >= 5, "something was killed at all"


@pytest.mark.postgres
def test_a_payment_service_that_dies_and_lies_changes_nothing_either() -> None:
    """Cards, debits and disputes at a service killed, away, silent, told of late or never: the same rows, paid once."""
    done = chaos("--cards", "service", "--seed", "301", "--days", "45")
    assert done.returncode == 0, done.stdout + done.stderr
    places = 1 if postgres_programs() is None else 2
    assert done.stdout.count("the same as undisturbed") == places
    suffered = re.findall(r"the payment service (\d+); it lied (\d+) times", done.stdout)
    assert len(suffered) == places
    assert all(int(deaths) >= 5 and int(lies) >= 1 for deaths, lies in suffered), done.stdout


@pytest.mark.parametrize(
    ("cards", "defence", "seed"),
    [
        ("simulated", "effect_is_noted_with_it", "191"),
        ("simulated", "keys_outlive_the_process", "4"),
        ("service", "lost_news_is_listed", "301"),
    ],
)
def test_each_defence_is_missed(cards: str, defence: str, seed: str) -> None:
    """An effect noted as done afterwards happens twice; a charge under another key is made twice; a dispute nobody
    was told of is never heard of."""
    days = "45" if cards == "service" else "40"
    done = chaos("--cards", cards, "--seed", seed, "--days", days, "--database", "sqlite", "--without", defence)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not the same" in done.stdout
