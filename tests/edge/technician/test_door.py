"""`portillon-edge door`, as a technician types it."""

import getpass
import threading
from pathlib import Path

import pytest
from edge.gym_process import Gym
from portillon_edge.cli import app
from portillon_edge.doors.staff_order import Acknowledge, HoldDoor, OpenDoor, ReleaseDoor, ResetFire, StaffOrder
from portillon_edge.local_orders import LocalOrders
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_wire.alarm_classes import Alarm
from typer.testing import CliRunner

ME = f"local:{getpass.getuser()}"


@pytest.mark.parametrize(
    ("typed", "order"),
    [
        (["open", "lane1"], OpenDoor("lane1", ME, 7)),
        (["free", "lane1", "--minutes", "30"], HoldDoor("lane1", Standing.FREE, ME, 7, 1_800_000)),
        (["block", "lane2"], HoldDoor("lane2", Standing.BLOCKED, ME, 7, 3_600_000)),
        (["lockdown", "all"], HoldDoor(EVERY_DOOR, Standing.LOCKDOWN, ME, 7, 3_600_000)),
        (["release", "all"], ReleaseDoor(EVERY_DOOR, ME, 7)),
        (["reset-fire"], ResetFire(ME, 7)),
        (["acknowledge"], Acknowledge(None, ME, 7)),
        (
            ["acknowledge", "held", "--door", "lane2", "--note", "wedge"],
            Acknowledge(Alarm.HELD, ME, 7, "lane2", "wedge"),
        ),
    ],
)
def test_an_order_reaches_the_doors(tmp_path: Path, typed: list[str], order: StaffOrder) -> None:
    """What is typed is what the doors are told, in the name of whoever typed it."""
    gym = Gym(tmp_path)
    heard: list[StaffOrder] = []
    came = threading.Event()

    def put(one: StaffOrder) -> None:
        heard.append(one)
        came.set()

    orders = LocalOrders(gym.data_dir, doors=("lane1", "lane2"), clock_ns=lambda: 7, put=put)
    orders.start()
    try:
        result = CliRunner().invoke(app, ["door", *typed, "--config", str(gym.config_path)])
    finally:
        orders.stop()
    assert result.exit_code == 0 and f"as {ME}" in result.output
    assert f"door watch -c {gym.config_path} shows" in result.output, "what it says to type finds the same gateway"
    assert came.wait(5) and heard == [order]


@pytest.mark.parametrize("typed", [["watch"], ["open", "lane1"]])
def test_without_a_gateway_it_says_so(tmp_path: Path, typed: list[str]) -> None:
    """No gateway, no doors: the message stays on the screen and asks for one."""
    result = CliRunner().invoke(app, ["door", *typed, "--config", str(Gym(tmp_path).config_path)])
    assert result.exit_code == 1
    assert "gateway" in result.output and str(tmp_path) in result.output.replace("\n", "")
