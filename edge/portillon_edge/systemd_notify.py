"""Tells systemd that the gateway is ready and alive (sd_notify(3)); without systemd it does nothing."""

import os
import socket
from collections.abc import Mapping


class SystemdNotify:
    """Sends to `$NOTIFY_SOCKET`, which systemd sets for a unit with Type=notify."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """The doors are attended."""
        self._send("READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The end was asked for."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if self._address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.sendto(state.encode(), self._address)
