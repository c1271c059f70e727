"""What searches found, each as the shortest trouble that showed it; docs/simulation.md tells of each."""

from collections.abc import Callable
from pathlib import Path

import pytest
from portillon_edge.doors.machine import Bearing
from simulation.card_faults import card_of
from simulation.faults import START_MS
from simulation.life import MINUTE_MS, Life
from simulation.lives import make_template
from simulation.network import FINE, Weather
from simulation.pace import SHIPPED, SLOW

QUARTER_PAST_MS = START_MS + 100_000
"""10:15 on the wall: the planned lane, which stood free, is shut."""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


def awakes_in_the_past(life: Life) -> None:
    """Years 400013: for all it knows it is still the hour in which its lane stands free, until its first lease."""
    gateway = life.gateways[0]
    assert not gateway.has_clock
    life.darken(gateway, for_ms=10 * MINUTE_MS)
    life.schedule.run_for(10 * MINUTE_MS)
    assert gateway.bearings()["lane2"] is Bearing.FREE
    life.schedule.run_for(4_000)
    assert gateway.knows(life.schedule.now_ms)
    life.judge_doors()


def goes_on_with_an_old_card(life: Life) -> None:
    """Years 400025: of a journal that it has more of, the cloud refuses one batch and takes what follows it."""
    gateway = life.gateways[0]
    life.block(3)
    life.schedule.run_for(5_000)
    copy = card_of(gateway)
    life.badge(gateway, 3)
    life.schedule.run_for(5_000)
    life.network.weather = Weather(loss=0.0, repeat=0.0, straggle=0.0, delay_ms=400.0)
    life.darken(gateway, lambda: (gateway.disk.replace_all(copy), gateway.excuse()))
    life.mend_power(gateway)
    for number in (3, 3, 4, 5):
        life.badge(gateway, number)
        life.schedule.run_for(0 if number == 3 else 50)


def comes_again_before_it_is_heard(life: Life) -> None:
    """Gates 400064: the other gateway's lane stood free just now, and nobody here has heard that it no longer does."""
    life.schedule.run_for(QUARTER_PAST_MS - 30_000 - life.schedule.now_ms)
    life.lose_broker()
    life.schedule.run_for(40_000)
    life.come_in(life.gateways[0], 5)
    life.come_in(life.gateways[0], 5)


@pytest.mark.parametrize("trouble", [awakes_in_the_past, goes_on_with_an_old_card, comes_again_before_it_is_heard])
def test_it_breaks_nothing_any_more(trouble: Callable[[Life], None], tmp_path: Path, template: Path) -> None:
    """What once broke an invariant, by a mistake of the product or of the oracle, breaks none."""
    pace = SLOW if trouble is awakes_in_the_past else SHIPPED
    life = Life(1, tmp_path, template, weather=FINE, pace=pace)
    life.schedule.run_for(60_000)
    trouble(life)
    life.heal()
    life.close()
    assert life.finding.broken == {}
