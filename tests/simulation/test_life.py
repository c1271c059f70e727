"""A handful of seeded lives in every test run; `make simulate` searches on."""

from pathlib import Path

import pytest
from simulation.gateway_side import Defences
from simulation.run import live_once, make_template

SEEDS = range(100, 106)
ACTS = 80


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_invariant_breaks(seed: int, tmp_path: Path, template: Path) -> None:
    """Drops, repeats, reorderings, crashes, power cuts, restores and forgeries break none of the invariants watched."""
    assert live_once(seed, tmp_path, template, acts=ACTS).broken == {}


def test_a_seed_replays_the_same_life(tmp_path: Path, template: Path) -> None:
    """The same seed gives the same life to the last count, so that a red one can be looked at."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = live_once(7, tmp_path / "a", template, acts=ACTS)
    assert live_once(7, tmp_path / "b", template, acts=ACTS).counts == first.counts


ABLATIONS = {
    "the lease runs out": (Defences(lease=False), 1),
    "rows stay until the cloud acknowledges them": (Defences(keep_until_acknowledged=False), 3),
    "kept rows are sent again in a new epoch": (Defences(send_again_in_new_epoch=False), 3),
    "the guard ends releases when its client dies": (Defences(guard_hears_the_end=False), 4),
    "only the listed keys are believed": (Defences(verify=False), 7),
}


@pytest.mark.parametrize("defence", ABLATIONS)
def test_without_a_defence_it_goes_red(defence: str, tmp_path: Path, template: Path) -> None:
    """The oracle sees: each defence switched off breaks the invariant that it is there for."""
    defences, invariant = ABLATIONS[defence]
    broken = set()
    for seed in range(40):
        broken |= live_once(seed, tmp_path, template, defences=defences, acts=ACTS).broken.keys()
        if invariant in broken:
            return
    pytest.fail(f"nothing noticed that {defence!r} was switched off; broken: {broken}")
