"""Orders given at the gateway itself: who may, what is understood, and what is not."""

import getpass
import json
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from portillon_edge import local_orders
from portillon_edge.doors.staff_order import Acknowledge, HoldDoor, OpenDoor, ReleaseDoor, ResetFire, StaffOrder
from portillon_edge.local_orders import LocalOrders, OrderRefused, give_order, read_order
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_wire.alarm_classes import Alarm

DOORS = ("lane1", "sauna")
NOW_NS = 7
ME = f"local:{getpass.getuser()}"


class Ear:
    """Where the gateway's doors would hear the orders."""

    def __init__(self) -> None:
        self.heard: list[StaffOrder] = []
        self.news = threading.Event()

    def put(self, order: StaffOrder) -> None:
        self.heard.append(order)
        self.news.set()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def orders(tmp_path: Path, ear: Ear) -> Iterator[LocalOrders]:
    orders = LocalOrders(tmp_path, doors=DOORS, clock_ns=lambda: NOW_NS, put=ear.put)
    orders.start()
    yield orders
    orders.stop()


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({"do": "open", "door": "lane1"}, OpenDoor("lane1", ME, NOW_NS)),
        ({"do": "free", "door": "lane1", "minutes": 2}, HoldDoor("lane1", Standing.FREE, ME, NOW_NS, 120_000)),
        ({"do": "block", "door": "sauna", "minutes": 1}, HoldDoor("sauna", Standing.BLOCKED, ME, NOW_NS, 60_000)),
        ({"do": "lockdown", "door": "*", "minutes": 1}, HoldDoor(EVERY_DOOR, Standing.LOCKDOWN, ME, NOW_NS, 60_000)),
        ({"do": "release", "door": "*"}, ReleaseDoor(EVERY_DOOR, ME, NOW_NS)),
        ({"do": "reset_fire"}, ResetFire(ME, NOW_NS)),
        ({"do": "acknowledge"}, Acknowledge(None, ME, NOW_NS)),
        (
            {"do": "acknowledge", "alarm": "held", "door": "sauna", "note": "wedge"},
            Acknowledge(Alarm.HELD, ME, NOW_NS, "sauna", "wedge"),
        ),
    ],
)
def test_every_order_reaches_the_doors_in_the_name_of_who_gave_it(
    orders: LocalOrders, ear: Ear, tmp_path: Path, asked: dict[str, object], order: StaffOrder
) -> None:
    """The name is the kernel's, and the answer says as whom the order was given."""
    assert give_order(tmp_path, asked) == ME
    assert ear.news.wait(5) and ear.heard == [order]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (b"open lane1", "no JSON"),
        (b"[]", "a JSON object"),
        (b'{"do": "open", "door": "lane9"}', "there is no door 'lane9'; there are: lane1, sauna"),
        (b'{"do": "open", "door": "*"}', "there is no door"),
        (b'{"do": "open", "door": 1}', "there is no door 1"),
        (b'{"do": "melt", "door": "lane1"}', "nothing here can do 'melt'"),
        (b'{"do": "acknowledge", "alarm": "flood"}', "there is no alarm 'flood'; write all, or one of: battery"),
        (b'{"do": "acknowledge", "door": "lane9"}', "there is no door 'lane9'"),
        (b'{"do": "acknowledge", "note": "%s"}' % (b"x" * 201), "at most 200 characters"),
        (b'{"do": "free", "door": "lane1", "minutes": 100000}', "write 1 to 720"),
        (b'{"do": "free", "door": "lane1", "minutes": 0}', "write 1 to 720"),
        (b'{"do": "free", "door": "lane1", "minutes": true}', "write 1 to 720"),
    ],
)
def test_what_is_no_order_is_refused_in_words(asked: bytes, why: str) -> None:
    """Each refusal says what can be written instead."""
    with pytest.raises(OrderRefused, match=why.replace("(", r"\(")):
        read_order(asked, by=ME, doors=DOORS, now_ns=NOW_NS)


def test_a_refusal_comes_back_to_who_asked(orders: LocalOrders, ear: Ear, tmp_path: Path) -> None:
    """The reason is told where the order was typed, and no door hears anything."""
    with pytest.raises(OrderRefused, match="lane9"):
        give_order(tmp_path, {"do": "open", "door": "lane9"})
    assert not ear.heard


def test_the_name_in_the_line_counts_for_nothing(orders: LocalOrders, ear: Ear, tmp_path: Path) -> None:
    """Nobody gives an order in somebody else's name."""
    give_order(tmp_path, {"do": "reset_fire", "by": "local:fire-brigade"})
    assert ear.heard == [ResetFire(ME, NOW_NS)]


def test_only_its_owner_can_open_the_socket(orders: LocalOrders, tmp_path: Path) -> None:
    """Whoever may give orders is decided by the file system, from the moment that the socket is there."""
    assert stat.S_IMODE((tmp_path / local_orders.ORDERS_SOCKET).stat().st_mode) == 0o600


def test_a_peer_that_goes_or_never_ends_hurts_nobody(orders: LocalOrders, ear: Ear, tmp_path: Path) -> None:
    """After a broken peer and one with an endless line, the next order is taken."""
    for nonsense in (b"", b"x" * 10 * local_orders.LINE_BYTES_MAX):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(tmp_path / local_orders.ORDERS_SOCKET))
            with suppress(OSError):  # it was let go in the middle of the line
                line.sendall(nonsense)
    assert give_order(tmp_path, {"do": "reset_fire"}) == ME


def test_without_a_gateway_it_says_so(tmp_path: Path) -> None:
    """The message asks whether a gateway runs."""
    with pytest.raises(OrderRefused, match="is it running"):
        give_order(tmp_path, {"do": "reset_fire"})


def test_a_socket_left_by_a_killed_gateway_is_taken_over(tmp_path: Path, ear: Ear) -> None:
    """SIGKILL leaves the file behind; the next start listens all the same, and its end removes it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / local_orders.ORDERS_SOCKET))
    orders = LocalOrders(tmp_path, doors=DOORS, clock_ns=lambda: NOW_NS, put=ear.put)
    orders.start()
    assert give_order(tmp_path, {"do": "open", "door": "lane1"}) == ME
    orders.stop()
    assert not (tmp_path / local_orders.ORDERS_SOCKET).exists()


def test_an_answer_is_one_line(orders: LocalOrders, tmp_path: Path) -> None:
    """Any tool can talk to it: one JSON line each way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(tmp_path / local_orders.ORDERS_SOCKET))
        line.sendall(b'{"do": "reset_fire"}\n')
        assert json.loads(line.makefile("rb").readline()) == {"by": ME}
