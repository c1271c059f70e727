"""A handful of seeded lives in every test run (`make simulate` searches on), and the proof that the oracle sees."""

from collections.abc import Callable
from pathlib import Path

import pytest
from portillon_rules.door_plan import EVERY_DOOR, Standing
from simulation.cloud_side import BY_HOURS
from simulation.disk import Trouble
from simulation.door_orders import HOURS, LOCKED
from simulation.faults import START_MS
from simulation.gateway_parts import Defences
from simulation.habits import PASSBACK
from simulation.hours import CLOCKS_CHANGE_MS
from simulation.house_lines import HOUSE
from simulation.house_part import FIRE, SWITCH
from simulation.life import MINUTE_MS, Life
from simulation.lives import live_once, make_template, write_gates_history
from simulation.network import FINE, Weather
from simulation.visit_moves import PACK, VISITS

SEEDS = range(100, 105)
YEARS_SEEDS = range(200, 203)
ACTS = 60


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_invariant_breaks(seed: int, tmp_path: Path, template: Path) -> None:
    """Drops, repeats, reorderings, crashes, power cuts, restores and forgeries break none of the invariants watched."""
    assert live_once(write_gates_history(seed, acts=ACTS), tmp_path, template).broken == {}


@pytest.mark.parametrize("seed", YEARS_SEEDS)
def test_no_invariant_breaks_in_a_long_time(seed: int, tmp_path: Path, template: Path) -> None:
    """The same over days: leases run out, clocks are wrong, cards are cloned; time and presence heal."""
    history = write_gates_history(seed, kind="years", acts=ACTS)
    assert live_once(history, tmp_path, template).broken == {}


def test_a_seed_replays_the_same_life(tmp_path: Path, template: Path) -> None:
    """The same seed gives the same life to the last count, so that a red one can be looked at."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = live_once(write_gates_history(7, acts=20), tmp_path / "a", template)
    again = live_once(write_gates_history(7, acts=20), tmp_path / "b", template)
    assert (again.counts, again.trace) == (first.counts, first.trace)


def blocked_behind_a_dead_broker(life: Life) -> None:
    """The cloud blocks a member while the broker is dead, and stays dead past the end of the lease."""
    life.lose_broker()
    life.block(0)
    life.schedule.run_for(life.pace.lease_s * 1_000 + 120_000)
    life.badge(life.gateways[0], 0)


def badges_into_the_void(life: Life) -> None:
    """Everything sent is lost for a while, and then the gateway dies."""
    life.network.weather = Weather(loss=1.0)
    for number in range(4):
        life.badge(life.gateways[0], number)
        life.schedule.run_for(4_000)
    life.kill(life.gateways[0])


def loses_power_unheard(life: Life) -> None:
    """Everything sent is lost for a while, and the power goes, again and again."""
    life.network.weather = Weather(loss=1.0)
    for number in range(4):
        life.badge(life.gateways[0], number)
        life.schedule.run_for(4_000)
        life.darken(life.gateways[0])
        life.schedule.run_for(20_000)
        life.mend_power(life.gateways[0])


def told_by_a_journal_set_aside(life: Life) -> None:
    """What the cloud had after its backup lay in a journal that is set aside since, and all of it was acknowledged."""
    gateway = life.gateways[0]
    while (life.cloud.due_ms() or 0) - life.schedule.now_ms < 15_000:  # no lease shows that the cloud was restored
        life.schedule.run_for(1_000)
    copy = life.cloud.backup()
    for number in range(2):
        life.badge(gateway, number)
        life.schedule.run_for(4_000)
    gateway.disk.fail_at(1, trouble=Trouble.FULL)
    life.badge(gateway, 3)
    life.schedule.run_for(5_000)
    gateway.disk.mend()
    life.cloud.restore(copy)


def badges_after_the_backup(life: Life, *, meanwhile_ms: int = 0) -> None:
    """The cloud has and acknowledges what happened, then goes back to a backup from before."""
    copy = life.cloud.backup()
    life.schedule.run_for(meanwhile_ms)
    for number in range(4):
        life.badge(life.gateways[0], number)
        life.schedule.run_for(4_000)
    life.cloud.restore(copy)


def badges_and_leases_after_the_backup(life: Life) -> None:
    """The same, with a lease meanwhile by which the restore is known."""
    badges_after_the_backup(life, meanwhile_ms=40_000)


def dies_while_released(life: Life) -> None:
    """The gateway is killed between grant and passage."""
    life.gateways[0].badge(life.cloud.cards[0])
    life.schedule.run_for(100)
    assert life.gateways[0].relays["lane1"].releasing
    life.kill(life.gateways[0])


def forged_messages(life: Life) -> None:
    """A feed entry and a lease signed by somebody else."""
    life.forge(life.gateways[0])


def comes_too_often(life: Life) -> None:
    """A member with a pack of four visits comes six times."""
    for _ in range(6):
        life.come_in(life.gateways[0], 0)
        life.go_out(life.gateways[0], 0)


def comes_to_both(life: Life) -> None:
    """A member with a pack of four visits comes four times here, and then there."""
    for gateway in life.gateways:
        for _ in range(4):
            life.come_in(gateway, PACK)
            life.go_out(gateway, PACK)


def moves_behind_a_slow_disk(life: Life) -> None:
    """Visits are spent, and their passages wait for the disk; then they are to be counted by the other gateway."""
    old, new = life.gateways
    old.commit_after_ms = 10 * MINUTE_MS
    for gateway in (old, new):
        for _ in range(3):
            life.come_in(gateway, PACK)
            life.go_out(gateway, PACK)
        if gateway is old:
            life.move(PACK, new)
            life.schedule.run_for(4 * MINUTE_MS)


def comes_in_twice(life: Life) -> None:
    """A member comes in, hands the card out, and somebody comes in with it."""
    life.come_in(life.gateways[0], 5)
    life.come_in(life.gateways[0], 5)


def loses_its_table_in_a_lockdown(life: Life) -> None:
    """Staff locks everything down; then the power goes with the table, and there is no cloud to ask."""
    life.order(EVERY_DOOR, Standing.LOCKDOWN)
    life.schedule.run_for(10_000)
    life.lose_broker()
    gateway = life.gateways[0]

    def ruin() -> None:
        files = {path.name: path.read_bytes() for path in gateway.folder.iterdir()}
        tables = {name: b"\xff" * len(content) for name, content in files.items() if name.startswith("entitlements")}
        gateway.disk.replace_all(files | tables)

    life.darken(gateway, ruin)
    life.mend_power(gateway)
    life.schedule.run_for(10_000)
    life.judge_doors()


def restarts_in_a_fire(life: Life) -> None:
    """A fire loop alarms and is quiet again; nobody has reset it when the power goes and comes back."""
    gateway = life.gateways[0]
    gateway.set_line(FIRE, True)
    life.schedule.run_for(5_000)
    gateway.set_line(FIRE, False)
    life.darken(gateway)
    life.mend_power(gateway)
    life.schedule.run_for(2_000)
    life.judge_doors()


def is_locked_down_by_switch(life: Life) -> None:
    """Somebody turns the switch, and the gateway starts again meanwhile."""
    life.gateways[0].set_line(SWITCH, True)
    life.kill(life.gateways[0])
    life.schedule.run_for(5_000)
    life.judge_doors()


def stays_up_for_the_change_of_clocks(life: Life) -> None:
    """The clocks are put back; eleven minutes past one is outside of the hours, and past two would be within."""
    life.schedule.run_for(CLOCKS_CHANGE_MS[0] + 11 * 60_000 - life.schedule.now_ms)
    life.judge_doors()
    life.badge(life.gateways[0], BY_HOURS[0])


def is_acknowledged_what_a_copy_told(life: Life) -> None:
    """A copy of its card tells other events under the same numbers; then its own are lost on the way, but the last."""
    gateway, both = life.gateways[0], life.gateways
    life.block(3)
    life.schedule.run_for(5_000)
    life.gateways = [gateway]
    life.clone_card()
    life.gateways = both
    copy = life.clones[0]
    for _ in range(2):
        life.badge(copy, 3)
    life.schedule.run_for(1_000)
    for _ in range(3):
        life.badge(gateway, 3)
    life.schedule.run_for(1_000)
    life.throw_away(copy)
    life.network.weather = Weather(loss=1.0)
    life._connect(gateway)
    life.schedule.run_for(200)
    life.network.weather = FINE
    life.badge(gateway, 3)
    life.schedule.run_for(1_000)


BEGINS_MS = {
    stays_up_for_the_change_of_clocks: CLOCKS_CHANGE_MS[0] - 60_000,
    comes_in_twice: START_MS + 30 * 60_000,  # the planned lane is shut: where one stands free, anybody may have left
}
ABLATIONS: dict[str, tuple[Defences, int, Callable[[Life], None]]] = {
    "the lease runs out": (Defences(lease=False), 1, blocked_behind_a_dead_broker),
    # Two defences stand behind each other here: with the second one on, the first is not missed.
    "rows stay until the cloud acknowledges them": (
        Defences(keep_until_acknowledged=False, believe_a_cloud_that_has_less=False),
        3,
        badges_into_the_void,
    ),
    "commits wait for the disk": (Defences(commits_are_synced=False), 3, loses_power_unheard),
    "kept rows are sent again in a new epoch": (
        Defences(send_again_in_new_epoch=False, believe_a_cloud_that_has_less=False),
        3,
        badges_and_leases_after_the_backup,
    ),
    "a cloud that has less is believed": (
        Defences(believe_a_cloud_that_has_less=False),
        3,
        badges_after_the_backup,
    ),
    "a journal that has nothing to send asks": (Defences(ask_again=False), 3, told_by_a_journal_set_aside),
    "a batch shows the row before it": (Defences(tell_the_row_before=False), 3, is_acknowledged_what_a_copy_told),
    "the guard ends releases when its client dies": (Defences(guard_hears_the_end=False), 4, dies_while_released),
    "visits are counted": (Defences(visits_are_counted=False), VISITS, comes_too_often),
    "only one gateway counts": (Defences(elsewhere_nobody_counts=False), VISITS, comes_to_both),
    "a move waits for the old home's journal": (Defences(moves_wait=False), VISITS, moves_behind_a_slow_disk),
    "it is asked who is inside": (Defences(passback_is_asked=False), PASSBACK, comes_in_twice),
    "orders that lock are kept apart from the table": (
        Defences(orders_are_kept=False),
        LOCKED,
        loses_its_table_in_a_lockdown,
    ),
    "a fire is kept over restarts": (Defences(fire_is_kept=False), HOUSE, restarts_in_a_fire),
    "a switch locks down": (Defences(switch_locks=False), HOUSE, is_locked_down_by_switch),
    "hours go by the wall's clock": (Defences(wall_clock=False), HOURS, stays_up_for_the_change_of_clocks),
    "only the listed keys are believed": (Defences(verify=False), 7, forged_messages),
}


@pytest.mark.parametrize("defence", ABLATIONS)
def test_without_a_defence_it_goes_red(defence: str, tmp_path: Path, template: Path) -> None:
    """The oracle sees: each defence switched off breaks the invariant it is there for, and with it on none breaks."""
    defences, invariant, trouble = ABLATIONS[defence]

    def broken(name: str, with_these: Defences) -> set[int]:
        (tmp_path / name).mkdir()
        begins_ms = BEGINS_MS.get(trouble, START_MS)
        life = Life(1, tmp_path / name, template, weather=FINE, defences=with_these, start_ms=begins_ms)
        life.schedule.run_for(60_000)
        trouble(life)
        life.heal()
        life.close()
        return set(life.finding.broken)

    assert broken("on", Defences()) == set()
    assert invariant in broken("off", defences)
