"""Which keys may be tried with one reader, in which order, and what became of them. Pure."""

from portillon_drivers.osdp import keys
from portillon_drivers.osdp.handshake import DEFAULT_KEY, OfferedKey
from portillon_drivers.osdp.panel_events import KeyUsed, Refusal
from portillon_drivers.osdp.panel_reader import PanelReader


class OfferedKeys:
    """The reader's own key first; SCBK-D only while its commissioning window is open; never a weak key."""

    def __init__(self, reader: PanelReader) -> None:
        self._own: list[OfferedKey] = []
        self.weak: str | None = None
        """Why a configured key is refused; None: none is."""
        for used, key in ((KeyUsed.SCBK, reader.scbk), (KeyUsed.OTHER_SCBK, reader.other_scbk)):
            if key is None:
                continue
            why = keys.weakness(key)
            if why is None:
                self._own.append(OfferedKey(used, key))
            else:
                self.weak = why
        self._until_ns = reader.commissioning_until_ns
        self._failed = 0
        self.refusal: tuple[Refusal, str] | None = None
        """What the first key of this round failed for: the one that says most."""

    def window_open(self, now_ns: int) -> bool:
        """Whether SCBK-D may be used now."""
        return self._until_ns is not None and now_ns < self._until_ns

    def current(self, now_ns: int) -> OfferedKey | None:
        """The key to try next; None: every key there is has failed."""
        offered = [*self._own, *([DEFAULT_KEY] if self.window_open(now_ns) else [])]
        return offered[self._failed] if self._failed < len(offered) else None

    def failed(self, refusal: Refusal, detail: str) -> None:
        """The reader would not have the current key."""
        self.refusal = self.refusal or (refusal, detail)
        self._failed += 1

    def restart(self) -> None:
        """Begin the round of keys anew."""
        self._failed = 0
        self.refusal = None

    def setting(self, new: bytes, used: OfferedKey) -> None:
        """A KEYSET is on its way: until the reader proves one of them, it may have either key."""
        self._own = [OfferedKey(KeyUsed.SCBK, new)]
        if used.used is not KeyUsed.DEFAULT:
            self._own.append(OfferedKey(KeyUsed.OTHER_SCBK, used.key))
        self.restart()

    def settled(self, used: OfferedKey) -> OfferedKey:
        """After a KEYSET the reader has this key and no other; gives it under its new name."""
        self.restart()
        if used.used is KeyUsed.DEFAULT:
            self._own = []
            return used
        self._own = [OfferedKey(KeyUsed.SCBK, used.key)]
        return self._own[0]
