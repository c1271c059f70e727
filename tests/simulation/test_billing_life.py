"""A few seeded lives of billing in every test run; `make simulate` searches on."""

from pathlib import Path

import pytest
from simulation.billing_defences import Defences
from simulation.billing_life import bill_once
from simulation.lives import make_template

SEEDS = range(200, 204)
DAYS = 150


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_invariant_breaks(seed: int, tmp_path: Path, template: Path) -> None:
    """A process that dies at any commit, and others that act between any two, break none of the invariants watched."""
    assert bill_once(seed, tmp_path, template, days=DAYS).broken == {}


def test_a_seed_replays_the_same_life(tmp_path: Path, template: Path) -> None:
    """The same seed gives the same life to the last count, so that a red one can be looked at."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = bill_once(7, tmp_path / "a", template, days=60)
    assert bill_once(7, tmp_path / "b", template, days=60).counts == first.counts


ABLATIONS = {
    "the provider knows a key again": (Defences(provider_keeps_keys=False), 10),
    "the key is a row and outlives the process": (Defences(key_outlives_the_process=False), 10),
    "the database refuses a period billed twice": (Defences(periods_are_unique=False), 10),
    "one payment is posted once": (Defences(posts_once=False), 9),
    "triggers fix what is final": (Defences(final_rows_are_fixed=False), 11),
    "unpaid dues shut the door": (Defences(dues_shut=False), 12),
    "a freeze shuts the door": (Defences(freezes_shut=False), 12),
    "what a bank tells twice is known by its name": (Defences(returns_have_names=False), 10),
    "what was credited is not credited again": (Defences(credits_are_counted=False), 10),
}


# Short lives that noticed before are asked first; should they notice no more, the search goes on.
NOTICED_AT = {
    "the database refuses a period billed twice": (8,),
    "triggers fix what is final": (8,),
    "a freeze shuts the door": (22,),
    "what was credited is not credited again": (4,),
}


@pytest.mark.parametrize("defence", ABLATIONS)
def test_without_a_defence_it_goes_red(defence: str, tmp_path: Path, template: Path) -> None:
    """The oracle sees: each defence switched off breaks the invariant that it is there for."""
    defences, invariant = ABLATIONS[defence]
    broken: set[int] = set()
    for seed in (*NOTICED_AT.get(defence, ()), *range(20)):
        broken |= bill_once(seed, tmp_path, template, defences=defences).broken.keys()
        if invariant in broken:
            return
    pytest.fail(f"nothing noticed that {defence!r} was switched off; broken: {broken}")
