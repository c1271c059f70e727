"""SIGKILL of the gateway, of the guard, of both, mid-pulse and mid-hold, for every kind of output a guard drives.

Real processes on ptys and on pins whose levels outlive them; what is judged is what the far side shows.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from edge.guard.every_output import KINDS, Scene, scene
from portillon_drivers.registry import OUTPUTS
from portillon_edge.guard.protocol import HOLD_MS

LONG_MS = 30_000
SOON_NS = 2_000_000_000
"""Far below LONG_MS and HOLD_MS: what ends sooner was ended, and did not run out. A dead gateway is noticed in 1 ms."""
ASKED = {"mid-pulse": ("release", str(LONG_MS)), "mid-hold": ("hold",)}
BOARDS_OWN_MS = 200
"""What a board that times by itself is given beyond the guard's own end."""
LATE_MS = 500
"""What a busy machine that runs the tests may add."""

Stage = Callable[[str], Scene]


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Makes the far side of an output of that kind."""
    with ExitStack() as stack:
        # short: a socket's path may have 107 bytes
        yield lambda kind: stack.enter_context(scene(tmp_path_factory.mktemp("s"), kind))


every_kind = pytest.mark.parametrize("kind", sorted(KINDS))
every_moment = pytest.mark.parametrize("moment", sorted(ASKED))


def test_every_output_of_the_guard_is_here() -> None:
    """An output kind without its deaths proven would be one whose doors nobody knows."""
    assert {kind.partition(",")[0] for kind in KINDS} == OUTPUTS.keys()


@every_kind
@every_moment
def test_killed_gateway(stage: Stage, kind: str, moment: str) -> None:
    """The guard hears the end of the line and locks at once, long before pulse or hold would run out."""
    site = stage(kind)
    site.guard()
    gateway = site.gateway(*ASKED[moment])
    killed_ns = site.kill(gateway)
    assert site.wait_releasing(False) - killed_ns < SOON_NS


@every_kind
@every_moment
def test_killed_guard(stage: Stage, kind: str, moment: str) -> None:
    """The output stays as it was told last; the next guard locks it first, and only a live gateway's hold goes on."""
    site = stage(kind)
    guard = site.guard()
    site.gateway(*ASKED[moment])
    site.kill(guard)
    assert site.releasing()
    site.guard()
    site.wait_releasing(False)
    if moment == "mid-hold":
        site.wait_releasing(True)


@every_kind
@every_moment
def test_killed_both(stage: Stage, kind: str, moment: str) -> None:
    """Nobody is left to lock; the next guard's start does so before anything else, and nothing releases again."""
    site = stage(kind)
    guard = site.guard()
    gateway = site.gateway(*ASKED[moment])
    site.kill(gateway, guard)
    assert site.releasing()
    site.guard()
    site.wait_releasing(False)


@pytest.mark.parametrize(
    ("kind", "asked", "bound_ms"),
    [
        *((kind, ("release", "3000"), 3_000) for kind in sorted(KINDS) if KINDS[kind].times_itself),
        ("modbus_relay, flash", ("hold",), HOLD_MS),
    ],
)
def test_board_that_times_by_itself_needs_nobody(stage: Stage, kind: str, asked: Any, bound_ms: int) -> None:
    """Both killed and never started again: the board itself locks, no later than the guard would have and 200 ms."""
    site = stage(kind)
    guard = site.guard()
    gateway = site.gateway(*asked)
    killed_ns = site.kill(gateway, guard)
    assert site.releasing()
    window_ms = (site.wait_releasing(False) - killed_ns) / 1e6
    assert window_ms <= bound_ms + BOARDS_OWN_MS + LATE_MS
