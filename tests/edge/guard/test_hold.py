"""Holds on virtual boards: a live client keeps an output released, a dead one cannot."""

from collections.abc import Sequence

import pytest
from edge.guard.virtual_boards import MAX_ON_MS, MS, World
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.doors import machine
from portillon_edge.guard.core import Action, Drive, GuardCore
from portillon_edge.guard.protocol import (
    HOLD_MS,
    Hold,
    Lock,
    Locked,
    OutputFault,
    Release,
    Released,
    RequestRefused,
    Why,
)

RENEW_MS = 2_000


def gate() -> World:
    """One output that may be held."""
    return World("gate", continuous={"gate"})


def test_guard_and_doors_agree_on_how_long_a_hold_lasts() -> None:
    """The doors renew against the same five seconds by which the guard locks, with one renewal to spare."""
    assert machine.HOLD_MS == HOLD_MS == 5_000
    assert 2 * machine.RENEW_MS < HOLD_MS


def test_hold_that_is_not_renewed_locks_after_its_time() -> None:
    """Five seconds after the last request, no earlier and no later, it is locked and told as not renewed."""
    world = gate()
    world.ask(Hold("gate"))
    world.pass_ms(HOLD_MS - 1)
    assert world.boards["gate"].releasing
    world.pass_ms(1)
    assert not world.boards["gate"].releasing
    assert world.told[1:] == [Released("gate", 0), Locked("gate", HOLD_MS * MS, Why.NOT_RENEWED)]


def test_renewed_hold_outlasts_the_bound_of_releases() -> None:
    """An hour of renewals is one release, told once, and ends five seconds after the last."""
    world = gate()
    for _ in range(1_800):
        world.ask(Hold("gate"))
        world.pass_ms(RENEW_MS)
    assert world.boards["gate"].releasing
    assert world.told[1:] == [Released("gate", 0)]
    world.pass_ms(HOLD_MS - RENEW_MS)
    assert not world.boards["gate"].releasing


def test_renewal_writes_nothing_more() -> None:
    """Renewing costs the board nothing: each second's refresh carries it."""
    world = gate()
    world.ask(Hold("gate"))
    written = world.writes
    for _ in range(5):
        world.ask(Hold("gate"))
    assert world.writes == written


def test_output_that_is_not_continuous_is_never_held() -> None:
    """A coil that may burn out is not held: refused, with the key that would allow it."""
    world = World("strike")
    world.ask(Hold("strike"))
    refused = world.told[-1]
    assert isinstance(refused, RequestRefused)
    assert "continuous = true" in refused.detail
    assert not world.boards["strike"].releasing


def test_hold_does_not_lengthen_a_release_of_an_output_that_is_not_continuous() -> None:
    """A refused hold leaves the release under way as it was."""
    world = World("strike")
    world.ask(Release("strike", 500))
    world.ask(Hold("strike"))
    world.pass_ms(500)
    assert not world.boards["strike"].releasing


def test_unknown_output_is_refused() -> None:
    """An output that this guard has not cannot be held."""
    world = gate()
    world.ask(Hold("z"))
    assert isinstance(world.told[-1], RequestRefused)


def test_lock_ends_a_hold_at_once() -> None:
    """The plan's end, a lockdown, a staff member's order: locked now."""
    world = gate()
    world.ask(Hold("gate"))
    world.pass_ms(1_000)
    world.ask(Lock("gate"))
    assert not world.boards["gate"].releasing
    assert world.told[-1] == Locked("gate", 1_000 * MS, Why.ASKED)
    world.pass_ms(HOLD_MS)
    assert not world.boards["gate"].releasing


def test_dead_client_ends_a_hold_at_once() -> None:
    """The hold does not wait out its five seconds when its client is known to be gone."""
    world = gate()
    world.ask(Hold("gate"))
    world.do(world.core.client_gone())
    assert not world.boards["gate"].releasing
    assert world.told[-1] == Locked("gate", 0, Why.CLIENT_GONE)


def test_release_within_a_hold_ends_with_the_hold() -> None:
    """A card in a free door shortens nothing."""
    world = gate()
    world.ask(Hold("gate"))
    world.ask(Release("gate", 500))
    world.pass_ms(HOLD_MS - 1)
    assert world.boards["gate"].releasing
    world.pass_ms(1)
    assert not world.boards["gate"].releasing
    assert world.told[-1] == Locked("gate", HOLD_MS * MS, Why.NOT_RENEWED)


def test_release_at_the_end_of_a_hold_keeps_its_on_time() -> None:
    """Who badges as the hold ends still has the whole release, counted from the request."""
    world = gate()
    world.ask(Hold("gate"))
    world.pass_ms(HOLD_MS - 100)
    world.ask(Release("gate", 2_000))
    world.pass_ms(1_999)
    assert world.boards["gate"].releasing
    world.pass_ms(1)
    assert not world.boards["gate"].releasing
    assert world.told[-1] == Locked("gate", (HOLD_MS + 1_900) * MS, Why.ON_TIME_OVER)


def test_release_within_a_hold_is_bounded_too() -> None:
    """However long is asked within a hold, no release lasts past max_on_ms from its request or the hold's end."""
    world = gate()
    world.ask(Hold("gate"))
    world.ask(Release("gate", 3_600_000))
    world.pass_ms(HOLD_MS)
    assert not world.boards["gate"].releasing
    world.ask(Hold("gate"))
    for _ in range(100):
        world.pass_ms(1_000)
        world.ask(Release("gate", 3_600_000))
        if not world.boards["gate"].releasing:
            break
    assert world.boards["gate"].longest_ns <= (HOLD_MS + MAX_ON_MS) * MS


def test_board_lost_while_held_is_locked_first_and_held_again_when_asked() -> None:
    """Nothing moves by itself at a reconnect: locked, told, and released by the client's next renewal."""
    world = gate()
    world.ask(Hold("gate"))
    world.boards["gate"].plugged = False
    world.pass_ms(2_000)
    told = len(world.told)
    assert isinstance(world.told[-1], OutputFault)
    world.ask(Hold("gate"))
    assert len(world.told) == told, "the fault was told; a renewal does not tell it again"
    world.boards["gate"].plugged = True
    world.pass_ms(2_000)
    assert not world.boards["gate"].releasing
    assert isinstance(world.told[-1], Locked) and world.told[-1].why is Why.RECONNECTED
    world.ask(Hold("gate"))
    assert world.boards["gate"].releasing


def test_board_hears_how_long_it_still_may() -> None:
    """Each write of the releasing state says when it must end if nobody writes again: the guard may be killed."""
    world = gate()
    world.ask(Release("gate", 500))
    assert world.boards["gate"].at_most_ms == 500
    world.ask(Hold("gate"))
    assert world.boards["gate"].at_most_ms == HOLD_MS
    world.pass_ms(1_000)
    assert world.boards["gate"].at_most_ms == HOLD_MS - 1_000
    world.ask(Hold("gate"))
    world.pass_ms(1_000)
    assert world.boards["gate"].at_most_ms == HOLD_MS - 1_000
    world.ask(Lock("gate"))
    assert world.boards["gate"].at_most_ms is None


steps = st.lists(
    st.one_of(
        st.builds(Release, st.just("gate"), st.integers(1, 10_000)),
        st.just(Hold("gate")),
        st.just(Lock("gate")),
        st.just("client_gone"),
        st.integers(1, 6_000),
    ),
    max_size=40,
)


def worst_overrun_ms(core: type[GuardCore], steps: Sequence[object], continuous: bool) -> float:
    """Play the steps; by how much the output outlasted what could justify it: the last hold, or the first release."""
    world = World("gate", core=core, continuous={"gate"} if continuous else ())
    board = world.boards["gate"]
    worst_ns, held_until_ns = 0, 0
    for step in [*steps, 60_000]:
        if isinstance(step, int):
            for _ in range(0, step, 50):
                world.pass_ms(50)
                if board.releasing:
                    justified_ns = max(board.since_ns, held_until_ns) + MAX_ON_MS * MS
                    worst_ns = max(worst_ns, world.now_ns - justified_ns)
            continue
        if step == "client_gone":
            world.do(world.core.client_gone())
            assert not board.releasing
        elif isinstance(step, Release | Hold | Lock):
            world.ask(step)
            if isinstance(step, Hold) and continuous:
                held_until_ns = world.now_ns + HOLD_MS * MS
    assert not board.releasing
    return worst_ns / MS


@given(steps, st.booleans())
def test_no_sequence_keeps_an_output_past_what_justifies_it(steps: list[object], continuous: bool) -> None:
    """Invariant 4 with holds: releasing is always within max_on_ms of its beginning or of the last hold's end."""
    assert worst_overrun_ms(GuardCore, steps, continuous) <= 0


class Forgetful(GuardCore):
    """The guard that holds until somebody says otherwise."""

    def handle(self, request: Release | Hold | Lock, now_ns: int) -> list[Action]:
        actions = super().handle(request, now_ns)
        if isinstance(request, Hold):
            self._outputs[request.output].held_until_ns = now_ns + 30_000 * MS
        return actions


class Careless(GuardCore):
    """The guard that holds whatever it is asked to."""

    def __init__(self, max_on_ms: dict[str, int], *, continuous: object = ()) -> None:
        super().__init__(max_on_ms, continuous=max_on_ms)


@pytest.mark.parametrize(("core", "continuous"), [(Forgetful, True), (Careless, False)])
def test_ablation_without_each_defence_a_hold_lasts(core: type[GuardCore], continuous: bool) -> None:
    """With the renewal or the continuous rating not asked for, the same property is violated."""
    assert worst_overrun_ms(core, [Hold("gate"), 3_000], continuous) > 0


def test_first_hold_drives_at_once() -> None:
    """Fire does not wait for a refresh."""
    core = gate().core
    assert core.handle(Hold("gate"), 0) == [Drive("gate", True, HOLD_MS)]
