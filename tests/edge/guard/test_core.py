"""The guard's rules on virtual boards and a virtual clock: a latching board stays as it was last told."""

import pytest
from edge.guard.virtual_boards import MAX_ON_MS, MS, World
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.guard.core import NEVER_NS, REFRESH_NS, Action, Drive, GuardCore, Reopen, Tell
from portillon_edge.guard.protocol import (
    Hold,
    Lock,
    Locked,
    OutputFault,
    Release,
    Released,
    RequestRefused,
    Why,
)


def test_start_locks_every_output_before_anything_else() -> None:
    """However a latching board was left, the first thing written to it is the locked state, and that is told."""
    world = World("a", "b")
    assert GuardCore({"a": 1, "b": 1}).start() == [Reopen("a"), Reopen("b")]
    assert not any(board.releasing for board in world.boards.values())
    assert world.told == [Locked("a", 0, Why.START), Locked("b", 0, Why.START)]


def test_release_ends_at_its_on_time() -> None:
    """A release of 500 ms is over after 500 ms and not before, and both ends are told."""
    world = World("a")
    world.ask(Release("a", 500))
    world.pass_ms(499)
    assert world.boards["a"].releasing
    world.pass_ms(1)
    assert not world.boards["a"].releasing
    assert world.told[1:] == [Released("a", 0), Locked("a", 500 * MS, Why.ON_TIME_OVER)]


def test_release_is_bounded_by_the_output() -> None:
    """Whatever is asked, nothing outlasts max_on_ms."""
    world = World("a")
    world.ask(Release("a", 3_600_000))
    world.pass_ms(MAX_ON_MS)
    assert not world.boards["a"].releasing


def test_asking_again_lengthens_up_to_the_bound_only() -> None:
    """A client that keeps asking cannot hold an output past max_on_ms since it began to release."""
    world = World("a")
    for _ in range(8):
        world.ask(Release("a", 1_000))
        world.pass_ms(400)
    assert not world.boards["a"].releasing or world.boards["a"].since_ns >= MAX_ON_MS * MS
    world.pass_ms(MAX_ON_MS)
    assert world.boards["a"].longest_ns <= MAX_ON_MS * MS


def test_shorter_request_does_not_cut_a_release_short() -> None:
    """Asking again for less does not lock early; `Lock` does."""
    world = World("a")
    world.ask(Release("a", 1_000))
    world.ask(Release("a", 10))
    world.pass_ms(500)
    assert world.boards["a"].releasing
    world.ask(Lock("a"))
    assert not world.boards["a"].releasing
    assert world.told[-1] == Locked("a", 500 * MS, Why.ASKED)


def test_everything_locks_when_the_client_goes() -> None:
    """Nobody answers for a release whose gateway is gone."""
    world = World("a", "b")
    world.ask(Release("a", 1_000))
    world.do(world.core.client_gone())
    assert not world.boards["a"].releasing
    assert world.told[-1] == Locked("a", 0, Why.CLIENT_GONE)


def test_stop_locks_once_more() -> None:
    """Stopping writes the locked state to every output, even to one that failed."""
    world = World("a", "b")
    world.boards["b"].plugged = False
    world.pass_ms(2_000)
    world.ask(Release("a", 1_000))
    assert world.core.stop() == [Drive("a", False), Reopen("b")]


def test_unknown_output_is_refused() -> None:
    """A request for an output that this guard has not is told as refused and drives nothing."""
    world = World("a")
    world.ask(Release("z", 100))
    assert isinstance(world.told[-1], RequestRefused)
    assert "there are: a" in world.told[-1].detail


def test_failed_release_is_told_and_not_tried_again() -> None:
    """A board lost at the release is told as a fault; when it is back it is locked, not released."""
    world = World("a")
    world.boards["a"].plugged = False
    world.ask(Release("a", 2_000))
    assert world.told[-1] == OutputFault("a", "unplugged", 0)
    world.ask(Release("a", 2_000))
    assert world.told[-1] == OutputFault("a", "unplugged", 0)
    world.boards["a"].plugged = True
    world.pass_ms(100)
    assert not world.boards["a"].releasing
    assert isinstance(world.told[-1], Locked) and world.told[-1].why is Why.RECONNECTED


def test_board_lost_while_releasing_is_locked_first_on_its_return() -> None:
    """The on-time that ran out while the board was away is made good before anything else, within the back-off."""
    world = World("a")
    world.ask(Release("a", 500))
    world.boards["a"].plugged = False
    world.pass_ms(20_000)
    assert world.boards["a"].releasing  # latched, and beyond reach
    world.boards["a"].plugged = True
    world.pass_ms(2_000)
    assert not world.boards["a"].releasing
    assert [type(message) for message in world.told] == [Locked, Released, OutputFault, Locked]


def test_retries_back_off() -> None:
    """A board that stays away for an hour is tried at most every two seconds."""
    world = World("a")
    world.boards["a"].plugged = False
    tries = 0
    original = world.core.failed

    def count(*args: object) -> list[Action]:
        nonlocal tries
        tries += 1
        return original(*args)  # type: ignore[arg-type]

    world.core.failed = count  # type: ignore[method-assign]
    world.pass_ms(3_600_000)
    assert 1_700 < tries < 1_900


def test_refresh_heals_a_board_that_lost_its_state() -> None:
    """A board that changed by itself (noise, brown-out) is put right within a second, and silently."""
    world = World("a")
    world.boards["a"].releasing = True
    told = len(world.told)
    world.pass_ms(REFRESH_NS // MS)
    assert not world.boards["a"].releasing
    assert len(world.told) == told


def test_new_client_learns_how_everything_stands() -> None:
    """A client that comes later hears of each output once: locked and why, or its fault."""
    world = World("a", "b")
    world.boards["b"].plugged = False
    world.pass_ms(1_500)
    told = world.core.client_came()
    assert told == [Tell(Locked("a", 0, Why.START)), Tell(OutputFault("b", "unplugged", 1_000 * MS))]


requests = st.one_of(
    st.builds(Release, st.sampled_from(["a", "b"]), st.integers(1, 10_000)),
    st.builds(Lock, st.sampled_from(["a", "b"])),
    st.sampled_from(["client_gone", "unplug a", "replug a"]),
    st.integers(1, 4_000),
)


def longest_release_ms(core: type[GuardCore], steps: list[object]) -> float:
    """Play the steps; the longest time for which board b, which is never unplugged, was releasing."""
    world = World("a", "b", core=core)
    for step in steps:
        if isinstance(step, int):
            world.pass_ms(step)
        elif isinstance(step, Release | Lock):
            world.ask(step)
        elif step == "client_gone":
            world.do(world.core.client_gone())
            assert not world.boards["b"].releasing
        else:
            world.boards["a"].plugged = step == "replug a"
    world.pass_ms(60_000)
    assert not world.boards["b"].releasing
    world.boards["a"].plugged = True
    world.pass_ms(2_000)
    assert not world.boards["a"].releasing
    return world.boards["b"].longest_ns / MS


@given(st.lists(requests, max_size=40))
def test_no_output_releases_past_its_bound(steps: list[object]) -> None:
    """Invariant 4: whatever is asked, lost and plugged, no reachable output releases past its bound; all end locked."""
    assert longest_release_ms(GuardCore, steps) <= MAX_ON_MS


class Unbounded(GuardCore):
    """The guard without its bound: each request starts the time anew."""

    def handle(self, request: Release | Hold | Lock, now_ns: int) -> list[Action]:
        actions = super().handle(request, now_ns)
        if isinstance(request, Release):
            self._outputs[request.output].released_until_ns = now_ns + request.on_ms * MS
        return actions


def test_ablation_without_the_bound_a_release_lasts() -> None:
    """The bound is what ends it: with it switched off, the same property is violated."""
    assert longest_release_ms(Unbounded, [Release("b", 10_000)]) > MAX_ON_MS


class Careless(GuardCore):
    """The guard that forgets to lock at its start."""

    def start(self) -> list[Action]:
        return []


def test_ablation_without_locking_at_the_start_a_board_stays_as_it_was_left() -> None:
    """Locking first is what closes a lane that a killed guard left open."""
    world = World("a", core=Careless)
    assert world.boards["a"].releasing


@pytest.mark.parametrize("on_ms", [1, 50, 2_999, 3_000])
def test_deadline_is_exact(on_ms: int) -> None:
    """The core asks to be woken at the very end of a release."""
    world = World("a")
    world.pass_ms(10)
    world.ask(Release("a", on_ms))
    assert world.core.next_ns() <= world.now_ns + on_ms * MS
    world.pass_ms(on_ms)
    assert world.boards["a"].longest_ns == on_ms * MS


def test_a_guard_without_outputs_waits() -> None:
    """Where every output times itself, the guard has nothing to do and nothing is due: it does not break."""
    core = GuardCore({})
    assert core.start() == core.tick(0) == core.client_gone() == []
    assert core.next_ns() == NEVER_NS
