"""The one answer to a position, case by case and for any position."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.gateways.session import (
    WINDOW,
    InForce,
    Issued,
    MovingOn,
    OfferSnapshot,
    OpenEpoch,
    Resend,
    Sent,
    answer,
    resend_delay_ms,
    window,
)
from portillon_wire.messages import SyncReport

ROOT, OTHER = "a" * 32, "b" * 32
ISSUED = Issued(epoch=2, revision=100, root=ROOT, oldest_kept=20, lease_counter=7)
IDLE = Sent(through=100, at_ms=0, acked_epoch=2, acked_revision=50)
NOW_MS = 1_000_000


def report(epoch: int = 2, revision: int = 50, root: str = ROOT, **wants: int | bool) -> SyncReport:
    says = {"lease_counter": 0, **wants}
    return SyncReport(epoch=epoch, revision=revision, root=root, clock_rev=0, boot_id="b", **says)  # type: ignore[arg-type]


def ask(said: SyncReport, sent: Sent = IDLE, *, there: str | None = ROOT, now_ms: int = NOW_MS) -> object:
    return answer(said, ISSUED, sent, root_there=there, now_ms=now_ms)


def test_equal_is_in_force() -> None:
    """Nothing to send but a lease."""
    assert ask(report(revision=100)) == InForce()


def test_an_empty_gateway_gets_a_snapshot_in_the_running_epoch() -> None:
    """Being new is no accident: no epoch is opened for it."""
    assert ask(report(epoch=0, revision=0, root=""), there=None) == OfferSnapshot(at_least=0)


def test_a_lease_never_given_shows_a_restored_cloud() -> None:
    """A backup from before the last lease is noticed even if nobody's right to pass has changed since."""
    assert ask(report(revision=100, lease_counter=7)) == InForce()
    assert isinstance(ask(report(revision=100, lease_counter=8)), OpenEpoch)


def test_an_older_epoch_gets_a_snapshot() -> None:
    """Whatever revision it had there."""
    assert ask(report(epoch=1, revision=7_000), there=None) == OfferSnapshot(at_least=0)


def test_a_wish_for_a_snapshot_is_granted_from_there_on() -> None:
    """Never older than what the gateway has: it would refuse to go back within an epoch."""
    assert ask(report(want_snapshot=True)) == OfferSnapshot(at_least=50)


def test_entries_that_are_gone_mean_a_snapshot() -> None:
    """Both for what follows the position and for a range that begins too early."""
    assert ask(report(revision=18), there=None) == OfferSnapshot(at_least=18)
    assert ask(report(revision=50, want_from=19)) == OfferSnapshot(at_least=50)


def test_a_range_is_sent_as_wanted_and_no_further() -> None:
    """Bounded by what was asked, by what there is, and by the window."""
    assert ask(report(want_from=60, want_to=62)) == Resend(60, 62)
    assert ask(report(want_from=90, want_to=999)) == Resend(90, 100)
    assert ask(report(want_from=30)) == Resend(30, 30 + WINDOW - 1)
    assert ask(report(want_from=30, want_to=10)) == Resend(30, 30)


def test_progress_is_left_alone() -> None:
    """Every entry is confirmed by itself: answering each with the rest would multiply them."""
    assert ask(report(revision=51)) == MovingOn()


def test_the_end_of_a_window_brings_the_next() -> None:
    """All that was sent has arrived and more is waiting."""
    arrived = Sent(through=51, at_ms=0, acked_epoch=2, acked_revision=50)
    assert ask(report(revision=51), arrived) == Resend(52, 100)


def test_standing_still_is_answered_once_the_entries_could_have_arrived() -> None:
    """Not while they are on their way."""
    assert ask(report(), Sent(through=100, at_ms=NOW_MS - 299, acked_epoch=2, acked_revision=50)) == MovingOn()
    assert ask(report(), Sent(through=100, at_ms=NOW_MS - 300, acked_epoch=2, acked_revision=50)) == Resend(51, 100)


def test_the_first_word_of_a_connection_is_answered_in_full() -> None:
    """What was sent before it connected did not reach it."""
    assert ask(report(revision=60), Sent(through=100, at_ms=None, acked_epoch=2, acked_revision=50)) == Resend(61, 100)


def test_windows_and_ladder() -> None:
    """At most WINDOW entries under way; 0.3, 1, 5 s, then each lease interval."""
    assert window(acked=40, issued=ISSUED) == Resend(41, 40 + WINDOW)
    assert window(acked=100, issued=ISSUED) is None
    assert [resend_delay_ms(n) for n in range(5)] == [300, 1_000, 5_000, 30_000, 30_000]


@given(
    epoch=st.integers(0, 4),
    revision=st.integers(0, 120),
    root=st.sampled_from(["", ROOT, OTHER]),
    there=st.sampled_from([None, ROOT, OTHER]),
    want_from=st.none() | st.integers(0, 200),
    want_to=st.none() | st.integers(0, 200),
    want_snapshot=st.booleans(),
    through=st.integers(0, 100),
    at_ms=st.none() | st.integers(NOW_MS - 1000, NOW_MS),
)
def test_any_position_has_one_sound_answer(
    epoch: int,
    revision: int,
    root: str,
    there: str | None,
    want_from: int | None,
    want_to: int | None,
    want_snapshot: bool,
    through: int,
    at_ms: int | None,
) -> None:
    """In force only with everything; entries only if they exist and are kept; an epoch above both sides'."""
    said = report(epoch, revision, root, want_snapshot=want_snapshot).model_copy(
        update={"want_from": want_from, "want_to": want_to}
    )
    sent = Sent(through=through, at_ms=at_ms, acked_epoch=2, acked_revision=50)
    match ask(said, sent, there=there):
        case InForce():
            assert (epoch, revision) == (ISSUED.epoch, ISSUED.revision)
            assert root == there
        case Resend(first, last):
            assert ISSUED.oldest_kept <= first <= last <= ISSUED.revision
            assert last - first < WINDOW
            assert root == there
        case OpenEpoch(opened, _):
            assert opened > max(epoch, ISSUED.epoch)
            assert epoch >= ISSUED.epoch
        case OfferSnapshot(at_least):
            assert at_least <= ISSUED.revision
        case MovingOn():
            assert revision < ISSUED.revision
