"""Moves of visits when clocks were wrong, or the cloud was restored: what tests of the common course do not meet."""

import pytest
from cloud.visits.conftest import Desk
from portillon_cloud.visits.moving import WINDOW_MS, move
from portillon_cloud.visits.operations import change
from portillon_cloud.visits.tables import visit_home
from portillon_rules.visits import Visit
from sqlalchemy import select, update

HOUR_MS = 3_600_000


def ask_to_move(desk: Desk, to: str) -> None:
    with desk.gym.db.write() as conn:
        move(
            conn, organisation_id=desk.gym.organisation_id, member_id=desk.member_id, to=to, now_ms=desk.now_ms
        )  # fmt: skip
    desk.talk()


def stopped_ms(desk: Desk) -> int | None:
    with desk.gym.db.read() as conn:
        found: int | None = conn.execute(
            select(visit_home.c.stopped_at_ms).where(visit_home.c.member_id == desk.member_id)
        ).scalar_one()
    return found


def test_a_stop_seen_by_a_clock_that_was_ahead_does_not_hold_the_move_up(desk: Desk) -> None:
    """The cloud's clock showed next year when the old home stopped: put right, it waits from then, not for a year."""
    desk.give(10)
    desk.enrol("back")
    ask_to_move(desk, "back")
    with desk.gym.db.write() as conn:
        conn.execute(update(visit_home).values(stopped_at_ms=desk.now_ms + 365 * 24 * HOUR_MS))
    desk.reports()
    assert stopped_ms(desk) == desk.now_ms
    desk.gym.clock.forward(ms=WINDOW_MS)
    desk.reports()
    assert desk.view().home == "back"


def test_a_cloud_whose_clock_is_behind_waits_for_the_window_too(desk: Desk) -> None:
    """What the gateway's own clock shows when it has stopped is what the window is counted from."""
    desk.give(10)
    desk.enrol("back")
    ask_to_move(desk, "back")
    desk.reports(ahead_ms=HOUR_MS)
    desk.reports(ahead_ms=HOUR_MS + 1)
    assert desk.view().moving_to == "back", "somebody may be walking through"
    desk.reports(ahead_ms=HOUR_MS + WINDOW_MS)
    assert desk.view().home == "back"


def test_a_move_waits_while_the_old_home_has_another_table(desk: Desk) -> None:
    """It stopped; what it has confirmed since is not all that there is, and may be an older table that gives visits."""
    pack = desk.give(10)
    front = desk.gateways["front"]
    desk.enrol("back")
    ask_to_move(desk, "back")
    desk.reports()
    del desk.gateways["front"]
    with desk.gym.db.write() as conn:
        change(
            conn, organisation_id=desk.gym.organisation_id, member_id=desk.member_id, allowance_id=pack, most=11
        )  # fmt: skip
    desk.talk()
    desk.gym.clock.forward(ms=WINDOW_MS)
    desk.reports()
    assert desk.view().moving_to == "back"
    desk.gateways["front"] = front
    desk.gym.clock.forward(ms=1_000)
    desk.talk(front.report())
    desk.reports()
    assert desk.view().home == "back"


@pytest.mark.parametrize("home", ["front", "back"])
def test_a_turn_whose_number_a_restored_cloud_uses_again_is_another_one(desk: Desk, home: str) -> None:
    """The first cloud's turn 2 was at `back`, and is told of late: only `back` itself counts what it spent then."""
    visit = Visit(str(desk.give(10)), 2)
    desk.enrol("back")
    with desk.gym.db.write() as conn:
        conn.execute(update(visit_home).values(turn=2, gateway_id=home))
    desk.passes(visit, at="back")
    row = desk.row("front")
    assert row is not None and row.allowances[0].before == (1 if home == "front" else 0)
    assert desk.left() == [9]
