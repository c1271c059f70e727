"""The rules at the head of part_drive.py, one by one."""

from portillon_edge.doors.machine import NS_PER_MS, RENEW_MS, Action, Hold, Lock, Part, Release
from portillon_edge.doors.part_drive import PartDrive

LOCK, HOLD = [Lock(Part.EXIT)], [Hold(Part.EXIT)]


class Fed:
    """A drive that is fed milliseconds."""

    def __init__(self) -> None:
        self.drive = PartDrive(Part.EXIT)

    def release(self, ms: int, on_ms: int, *, to_leave: bool = False) -> list[Action]:
        return self.drive.release(on_ms, ms * NS_PER_MS, to_leave=to_leave)

    def withdraw(self, ms: int) -> list[Action]:
        return self.drive.withdraw(ms * NS_PER_MS)

    def stand(self, ms: int, *, released: bool) -> list[Action]:
        return self.drive.stand(ms * NS_PER_MS, released=released)

    def fails(self, ms: int) -> None:
        self.drive.failed(ms * NS_PER_MS)

    @property
    def deadline_ms(self) -> int | None:
        due = self.drive.deadline_ns
        return None if due is None else due // NS_PER_MS


def test_release_ends_by_itself_or_by_being_withdrawn() -> None:
    """The guard ends it; before that its reason may be over, and only then is there something to lock."""
    fed = Fed()
    assert fed.release(0, 500) == [Release(500, Part.EXIT)]
    assert fed.withdraw(499) == LOCK
    assert fed.withdraw(499) == []
    fed.release(1000, 500)
    assert fed.withdraw(1500) == []


def test_release_to_leave_is_not_withdrawn() -> None:
    """Whoever asked to leave keeps their time; what was withdrawn meanwhile ends with it."""
    fed = Fed()
    fed.release(0, 500, to_leave=True)
    fed.release(100, 900)
    assert fed.withdraw(200) == [] and fed.deadline_ms == 500
    assert fed.stand(499, released=False) == []
    assert fed.stand(500, released=False) == LOCK
    assert fed.stand(501, released=False) == []


def test_hold_is_asked_for_at_once_and_every_renewal() -> None:
    """Between renewals there is nothing to say; its end is one lock."""
    fed = Fed()
    assert fed.stand(0, released=True) == HOLD and fed.drive.held
    assert fed.deadline_ms == RENEW_MS
    assert fed.stand(RENEW_MS - 1, released=True) == []
    assert fed.stand(RENEW_MS, released=True) == HOLD
    assert fed.stand(RENEW_MS + 1, released=False) == LOCK
    assert fed.stand(RENEW_MS + 2, released=False) == [] and fed.deadline_ms is None


def test_hold_passes_on_to_a_release_without_a_gap() -> None:
    """It is renewed until the release under it is over, and locks then."""
    fed = Fed()
    fed.stand(0, released=True)
    fed.release(1000, 5000, to_leave=True)
    assert fed.stand(1500, released=False) == []
    assert fed.deadline_ms == RENEW_MS
    assert fed.stand(RENEW_MS, released=False) == HOLD
    assert fed.stand(2 * RENEW_MS, released=False) == HOLD and fed.deadline_ms == 6000
    assert fed.stand(6000, released=False) == LOCK


def test_release_under_a_hold_needs_no_lock() -> None:
    """What is held stays held when somebody has passed."""
    fed = Fed()
    fed.stand(0, released=True)
    fed.release(100, 500)
    assert fed.withdraw(200) == []


def test_failed_hold_is_not_hammered() -> None:
    """It is asked for again at its renewal: soon enough for who stands there, seldom enough for a broken board."""
    fed = Fed()
    fed.stand(0, released=True)
    fed.fails(10)
    assert fed.stand(11, released=True) == []
    assert fed.stand(10 + RENEW_MS, released=True) == HOLD


def test_nothing_moves_at_the_start() -> None:
    """A drive that was never asked for anything has nothing to lock."""
    fed = Fed()
    assert fed.stand(0, released=False) == [] and fed.withdraw(0) == [] and fed.deadline_ms is None
