"""The real gateway process, its guard and devices on ptys, without a broker: what a member and a power cut see."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from edge.gym_process import MEMBER_CARD, STRANGER_CARD, gym, locked, until


def test_badge_opens_the_lane_and_the_passage_is_kept(tmp_path: Path) -> None:
    """Card bytes in, relay bytes out, one passage; a stranger is refused with the reason; SIGTERM ends it cleanly."""
    with gym(tmp_path) as (gateway, site):
        gateway.seed()
        gateway.start()
        for lane in (1, 2):
            badge = site.badge(lane, MEMBER_CARD, push=True)
            assert badge["relay_ns"] is not None and badge["passed"]
            until(lambda lane=lane: gateway.kinds().count("passage") == lane, "the passage is on the disk")  # type: ignore[misc]
        assert locked(site), "the passage locked the lane again"
        assert site.badge(1, STRANGER_CARD)["relay_ns"] is None
        until(lambda: "denied" in gateway.kinds(), "the denial is on the disk")
        assert gateway.stop() == 0
        events = gateway.journal()
    assert events[0].kind == "gateway_started"
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [(event.kind, event.member, event.reason) for event in events if event.door] == [
        ("granted", "m-1", None),
        ("passage", "m-1", None),
        ("granted", "m-1", None),
        ("passage", "m-1", None),
        ("denied", None, "unknown_credential"),
    ]


def test_killed_gateway_leaves_no_lane_open(tmp_path: Path) -> None:
    """SIGKILL during a release: the guard locks at once, and the grant is on the disk."""
    with gym(tmp_path) as (gateway, site):
        gateway.seed()
        gateway.start()
        assert site.badge(2, MEMBER_CARD)["relay_ns"] is not None
        until(lambda: "granted" in gateway.kinds(), "the grant is on the disk")
        gateway.kill_gateway()
        until(lambda: locked(site), "the guard locked", seconds=1.5)
        gateway.start()
        badge = site.badge(2, MEMBER_CARD, push=True)
        assert badge["passed"]
        until(lambda: "passage" in gateway.kinds(), "the passage is on the disk")
        assert gateway.kinds() == ["granted", "granted", "passage"]


def test_killed_guard_is_started_again_and_locks_first(tmp_path: Path) -> None:
    """SIGKILL of the guard during a release: the board latches, the new guard locks it before anything else."""
    with gym(tmp_path) as (gateway, site):
        gateway.seed()
        gateway.start()
        first = gateway.guard_pid()
        assert site.badge(2, MEMBER_CARD)["relay_ns"] is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: locked(site), "the new guard locked", seconds=5)
        until(gateway.healthy, "the gateway has its guard again")
        assert gateway.guard_pid() != first
        until(lambda: "grant_not_used" in gateway.kinds(), "the grant ended")
        assert site.badge(2, MEMBER_CARD, push=True)["passed"]
        until(lambda: "passage" in gateway.kinds(), "the passage is on the disk")
        assert any(event.kind == "output_fault" for event in gateway.journal()), "the loss is an event"


def test_start_closes_what_was_left_open_first(tmp_path: Path) -> None:
    """Guard and gateway both killed during a release: the relay stays on until the next start, which locks it."""
    with gym(tmp_path) as (gateway, site):
        gateway.seed()
        gateway.start()
        guard = gateway.guard_pid()
        assert site.badge(2, MEMBER_CARD)["relay_ns"] is not None
        os.kill(guard, signal.SIGKILL)
        gateway.kill_gateway()
        assert not locked(site), "a latching board stays as it is"
        gateway.start()
        assert locked(site)
        assert gateway.journal()[-1].kind == "gateway_started"


def test_gateway_that_heard_nothing_refuses_with_its_reason(tmp_path: Path) -> None:
    """No snapshot and no lease ever: never_synced, and nothing opens."""
    with gym(tmp_path) as (gateway, site):
        gateway.start()
        assert site.badge(2, MEMBER_CARD)["relay_ns"] is None
        until(lambda: "denied" in gateway.kinds(), "the denial is on the disk")
        assert [event.reason for event in gateway.journal() if event.door] == ["never_synced"]


def test_unplugged_reader_comes_back(tmp_path: Path) -> None:
    """Unplug and replug: an event each time it goes, and it reads again."""
    with gym(tmp_path) as (gateway, site):
        gateway.seed()
        gateway.start()
        site.do("unplug", lane=2, what="reader")
        until(lambda: "reader_fault" in gateway.kinds(), "the loss is on the disk")
        until(lambda: not gateway.healthy(), "the loss is reported")
        site.do("replug", lane=2, what="reader")
        until(gateway.healthy, "the reader is up again")
        assert site.badge(2, MEMBER_CARD, push=True)["passed"]


def test_second_gateway_is_refused(tmp_path: Path) -> None:
    """Exit status 75, and a sentence that names the first one and what to do."""
    with gym(tmp_path) as (gateway, _):
        gateway.seed()
        gateway.start()
        assert gateway.gateway is not None
        second = subprocess.run(
            [sys.executable, "-m", "portillon_edge.cli", "run", "--config", str(gateway.config_path)],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert second.returncode == 75
        assert f"pid {gateway.gateway.pid}" in second.stderr
        assert "stop that one first" in second.stderr
        assert gateway.healthy()
