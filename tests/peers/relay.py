"""The relays of a reader whose OSDP is libosdp's: what its maker's own code would do with osdp_OUT. No product code.

libosdp reads the command off the wire and leaves the rest to the reader: number, control code, tenths of a second. A
temporary state (codes 5 and 6) runs on the reader's clock and falls back to the permanent one (SIA OSDP v2.2).
"""

from dataclasses import dataclass

TENTH_NS = 100_000_000
OFF_FOR_GOOD, ON_FOR_GOOD, OFF_AFTER, ON_AFTER, ON_FOR, OFF_FOR = range(1, 7)


@dataclass
class Relay:
    """One relay; off without power."""

    permanent: bool = False
    temporary: bool | None = None
    until_ns: int | None = None
    """None beside a temporary state: it has no end."""
    shown: bool = False

    def take(self, code: int, tenths: int, now_ns: int) -> None:
        """One osdp_OUT."""
        if code in (OFF_FOR_GOOD, ON_FOR_GOOD):
            self.permanent, self.temporary = code == ON_FOR_GOOD, None
        elif code in (OFF_AFTER, ON_AFTER):
            self.permanent = code == ON_AFTER
        elif code in (ON_FOR, OFF_FOR):
            self.temporary = code == ON_FOR
            self.until_ns = now_ns + tenths * TENTH_NS if tenths else None

    def changed(self, now_ns: int) -> bool | None:
        """What the coil turned to since the last look; None: it stands as it stood."""
        if self.temporary is not None and self.until_ns is not None and now_ns >= self.until_ns:
            self.temporary = None
        on = self.permanent if self.temporary is None else self.temporary
        if on is self.shown:
            return None
        self.shown = on
        return on

    def wait_s(self, now_ns: int) -> float | None:
        """How long until its timer is over; None: no timer runs."""
        if self.temporary is None or self.until_ns is None:
            return None
        return max(0, self.until_ns - now_ns) / 1e9
