"""A real guard process on simulated relay boards that latch, and the real client beside it."""

import os
import signal
import socket
import statistics
import time
from contextlib import suppress
from typing import Any

import pytest
from portillon_edge.guard.errors import GuardUnavailableError
from portillon_edge.guard.protocol import (
    GuardLost,
    GuardUp,
    Locked,
    OutputFault,
    Released,
    RequestRefused,
    Why,
)

LONG_MS = 2_000


def released(site: Any, lane: int = 1) -> Any:
    """A client whose release of that lane is under way."""
    client = site.client()
    client.wait_for(Locked, output=f"relay{lane}")
    client.guard.release(f"relay{lane}", LONG_MS)
    client.wait_for(Released, output=f"relay{lane}")
    site.wait_releasing(lane, True)
    return client


def test_release_reaches_the_board_and_ends_by_itself(site: Any) -> None:
    """Asked for 300 ms, the relay is on for about that long, and both ends are told.

    The board may see the beginning late, on a busy machine, and so the relay on for less.
    """
    site.guard()
    client = site.client()
    client.wait_for(GuardUp)
    client.wait_for(Locked, output="relay1", why=Why.START)
    client.guard.release("relay1", 300)
    client.wait_for(Released, output="relay1")
    client.wait_for(Locked, output="relay1", why=Why.ON_TIME_OVER)
    site.wait_releases(1, 1)
    lane, other = site.control.lanes()
    assert lane["releases"] == 1
    assert other["releases"] == 0
    assert lane["longest_ms"] >= 150


def test_lock_ends_a_release_early(site: Any) -> None:
    """Lock is obeyed at once."""
    site.guard()
    client = released(site)
    client.guard.lock("relay1")
    client.wait_for(Locked, output="relay1", why=Why.ASKED)
    site.wait_releasing(1, False)
    assert site.control.lanes()[0]["longest_ms"] < LONG_MS


def test_client_that_goes_leaves_everything_locked(site: Any) -> None:
    """The line of the gateway closing ends every release, long before its on-time."""
    site.guard()
    released(site).end()
    site.wait_releasing(1, False)
    assert site.control.lanes()[0]["longest_ms"] < LONG_MS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_to_stop_locks_everything(site: Any, number: signal.Signals) -> None:
    """A guard told to stop locks first and ends with success."""
    guard = site.guard()
    released(site)
    guard.send_signal(number)
    assert guard.wait(10) == 0
    site.wait_releasing(1, False)
    assert site.control.lanes()[0]["longest_ms"] < LONG_MS


def test_log_that_nobody_reads_holds_nothing_up(site: Any) -> None:
    """With its log blocked (a full pipe) the guard still serves, locks and ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4_096)
    os.set_blocking(writing, True)
    guard = site.guard(stderr=writing)
    os.close(writing)
    released(site)
    site.control.do("unplug", lane=2, what="relay")
    guard.send_signal(signal.SIGTERM)
    assert guard.wait(10) == 0
    site.wait_releasing(1, False)
    os.close(reading)


def test_killed_guard_leaves_a_latched_lane_that_the_next_start_locks_first(site: Any) -> None:
    """SIGKILL leaves the board as it was told last; the next guard locks it before it even listens."""
    guard = site.guard()
    client = released(site)
    guard.kill()
    guard.wait()
    lost = client.wait_for(GuardLost)
    assert isinstance(lost, GuardLost)
    assert site.releasing(1)
    with pytest.raises(GuardUnavailableError):
        client.guard.release("relay1", 100)
    told = len(client.told)
    site.guard()
    client.wait_for(Locked, after=told, output="relay1", why=Why.START)
    site.wait_releasing(1, False)


def test_spawning_client_replaces_a_killed_guard(site: Any) -> None:
    """Where the gateway spawns its guard, it spawns the next one by itself; at its end the guard has ended too."""
    client = site.client(spawn=True)
    up = client.wait_for(GuardUp)
    client.wait_for(Locked, output="relay1")
    client.guard.release("relay1", LONG_MS)
    site.wait_releasing(1, True)
    told = len(client.told)
    os.kill(up.pid, signal.SIGKILL)
    client.wait_for(GuardLost, after=told)
    client.wait_for(GuardUp, after=told)
    client.wait_for(Locked, after=told, output="relay1")
    site.wait_releasing(1, False)
    client.end()
    assert not (site.folder / "guard.sock").exists()


def test_guard_with_other_outputs_is_replaced(site: Any) -> None:
    """After a change of configuration the gateway does not trust the guard that still holds the old one."""
    old = site.guard()
    with_old_outputs = site.client()
    with_old_outputs.wait_for(Locked)
    with_old_outputs.end()
    site.configure(max_on_ms=900)
    client = site.client(spawn=True)
    up = client.wait_for(GuardUp)
    assert old.wait(10) == 0
    assert up.pid != old.pid


def test_guard_with_other_outputs_is_refused_where_systemd_starts_it(site: Any) -> None:
    """A client that may not spawn says that the guard must be restarted, and releases nothing."""
    guard = site.guard()
    with_old_outputs = site.client()
    with_old_outputs.wait_for(Locked)
    with_old_outputs.end()
    site.configure(max_on_ms=900)
    client = site.client()
    lost = client.wait_for(GuardLost)
    assert "restart the guard" in lost.detail
    with pytest.raises(GuardUnavailableError):
        client.guard.release("relay1", 100)
    assert guard.poll() is None


def test_second_client_is_refused_and_the_first_one_served(site: Any) -> None:
    """One gateway at a time: another one is told so and cannot release."""
    site.guard()
    first = released(site, lane=2)
    second = site.client()
    lost = second.wait_for(GuardLost)
    assert "another gateway process" in lost.detail
    with pytest.raises(GuardUnavailableError):
        second.guard.release("relay1", 100)
    first.guard.release("relay1", 100)
    first.wait_for(Released, output="relay1")


def test_second_guard_does_not_start(site: Any) -> None:
    """One guard per socket: another one ends with its own exit status and touches nothing."""
    site.configure(max_on_ms=20_000)  # longer than a busy machine takes to start a second one
    site.guard()
    released(site).guard.release("relay1", 20_000)
    assert site.guard().wait(10) == 75
    assert site.releasing(1)


def test_unknown_output_is_refused(site: Any) -> None:
    """A release of an output that is not this guard's is told as refused."""
    site.guard()
    client = site.client()
    client.wait_for(GuardUp)
    client.guard.release("relay9", 100)
    refused = client.wait_for(RequestRefused)
    assert "relay9" in refused.detail


@pytest.mark.parametrize("garbage", [b"nonsense\n", b'{"is":"release","output":"relay1","on_ms":-1}\n', b"x" * 10_000])
def test_client_that_talks_nonsense_is_let_go_and_all_locks(site: Any, garbage: bytes) -> None:
    """Bytes that are no request end the session; the guard lives on for the next client."""
    site.guard()
    ready = site.client()
    ready.wait_for(Locked)
    ready.end()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(10)
        line.connect(str(site.folder / "guard.sock"))
        line.sendall(b'{"is":"release","output":"relay1","on_ms":2000}\n')
        site.wait_releasing(1, True)
        line.sendall(garbage)
        site.wait_releasing(1, False)
    released(site, lane=2)


def test_request_of_a_gateway_that_is_gone_is_not_carried_out(site: Any) -> None:
    """A guard that was held up finds a release and the end of its line at once: nobody is there to go through."""
    guard = site.guard()
    ready = site.client()
    ready.wait_for(Locked)
    ready.end()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(10)
        line.connect(str(site.folder / "guard.sock"))
        while b"relay2" not in line.recv(4_096):  # until it is told of both outputs: it is served
            pass
        guard.send_signal(signal.SIGSTOP)
        os.waitpid(guard.pid, os.WUNTRACED)
        line.sendall(b'{"is":"hold","output":"relay1"}\n{"is":"release","output":"relay1","on_ms":2000}\n')
    guard.send_signal(signal.SIGCONT)
    released(site, lane=2)
    assert site.control.lanes()[0]["releases"] == 0


def test_only_its_own_user_reaches_the_guard(site: Any) -> None:
    """Whoever may write to the socket may open doors: nobody else can."""
    site.guard()
    site.client().wait_for(GuardUp)
    assert (site.folder / "guard.sock").stat().st_mode & 0o777 == 0o600


def test_unplugged_board_is_a_fault_and_locked_on_its_return(site: Any) -> None:
    """Unplugging is noticed without any request, told with the path; replugged it is locked and told."""
    site.guard()
    client = site.client()
    client.wait_for(Locked, output="relay1")
    site.control.do("unplug", lane=1, what="relay")
    fault = client.wait_for(OutputFault, output="relay1")
    assert "lane1-relay" in fault.detail
    client.guard.release("relay1", 100)
    told = len(client.told)
    site.control.do("replug", lane=1, what="relay")
    client.wait_for(Locked, after=told, output="relay1", why=Why.RECONNECTED)
    client.guard.release("relay2", 60)
    client.wait_for(Released, output="relay2")
    assert site.control.lanes()[0]["releases"] == 0


def test_board_absent_at_the_start_does_not_keep_the_others_waiting(site: Any) -> None:
    """A guard with one dead board serves the other one, and tells the client of both."""
    site.control.do("unplug", lane=1, what="relay")
    site.guard()
    client = site.client()
    client.wait_for(OutputFault, output="relay1")
    client.wait_for(Locked, output="relay2", why=Why.START)


def test_abandoned_guard_ends(site: Any) -> None:
    """A spawned guard whose gateway never comes back does not live for ever."""
    assert site.guard("--exit-after-idle-s", "0").wait(10) == 0


def test_bad_configuration_is_said_and_not_retried(site: Any) -> None:
    """A guard that cannot know its outputs ends with EX_CONFIG, which systemd does not restart."""
    site.config_path.write_text("[gateway]\n", encoding="utf-8")
    assert site.guard().wait(10) == 78


def test_release_takes_well_under_a_millisecond_or_two(site: Any) -> None:
    """From the request to the relay's bytes in another process: typically a fraction of a millisecond."""
    site.guard()
    client = site.client()
    client.wait_for(Locked, output="relay1")
    took_ms = []
    for attempt in range(1, 41):
        asked_ns = time.monotonic_ns()
        client.guard.release("relay1", 5)
        site.wait_releases(1, attempt)
        events = [e for e in site.control.do("log", last=50)["events"] if e.get("relay") == "releasing"]
        took_ms.append((events[-1]["at_ns"] - asked_ns) / 1e6)
    assert 0 < statistics.median(took_ms) < 2, took_ms
