"""What systemd is told."""

import socket
from pathlib import Path

from portillon_edge.systemd_notify import SystemdNotify


def test_states_reach_the_socket(tmp_path: Path) -> None:
    """Ready, alive and stopping, in sd_notify's own words."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        notify = SystemdNotify({"NOTIFY_SOCKET": path})
        notify.ready()
        notify.alive()
        notify.stopping()
        assert [systemd.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_systemd_nothing_happens() -> None:
    """On a laptop there is no socket, and no fuss."""
    SystemdNotify({}).ready()
