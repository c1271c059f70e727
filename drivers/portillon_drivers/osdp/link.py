"""One reader's numbering of messages, its check and its secure channel. Pure.

The sequence begins with 0, which makes a reader forget any session, and goes on 1, 2, 3, 1, 2, 3 (v2.2, clause 5.9). An
answer bears the number of its question; one that does not is an old one that came late, and means nothing any more.
"""

from dataclasses import dataclass, field

from portillon_drivers.osdp.commands import WireCommand, encode_command
from portillon_drivers.osdp.errors import ChannelError
from portillon_drivers.osdp.frame import MARK, Frame, SecurityBlock, encode
from portillon_drivers.osdp.replies import Busy, Nak, NakReason
from portillon_drivers.osdp.secure_channel import SecureChannel


class ClearTextError(ChannelError):
    """Something other than a refusal came in clear while the channel stands."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader said. `authentic`: its MAC was right."""

    frame: Frame
    body: bytes = field(repr=False)
    authentic: bool = False
    busy: bool = False


class Link:
    """Makes frames for a reader and tells which frames are its answers."""

    def __init__(self, address: int, *, crc: bool) -> None:
        self._address = address
        self.crc = crc
        self.channel: SecureChannel | None = None
        self._sequence: int | None = None

    def restart(self) -> None:
        """The next frame has sequence number 0, and there is no channel."""
        self.channel = None
        self._sequence = None

    def frame(self, command: WireCommand, block: SecurityBlock | None = None) -> bytes:
        """The bytes of a new message; a message sent again is sent as the same bytes."""
        self._sequence = 0 if self._sequence is None else self._sequence % 3 + 1
        frame = Frame(self._address, False, self._sequence, encode_command(command), self.crc, block)
        if self.channel is not None:
            frame = self.channel.seal(frame)
        return bytes([MARK]) + encode(frame)

    def read(self, frame: Frame) -> Answer | None:
        """The answer to the last message; None: it is none. Raises `ChannelError`."""
        plain = frame.block is None
        current = frame.sequence == self._sequence
        if plain and frame.body == bytes([Busy.CODE]) and (current or frame.sequence == 0):
            return Answer(frame, frame.body, busy=True)  # clause 7.19: in clear and numbered 0, even in a channel
        if plain and frame.body[0] == Nak.CODE:
            # A reader that lost count cannot number its refusal as we expect it.
            lost_count = frame.body[1:2] == bytes([NakReason.SEQUENCE])
            return Answer(frame, frame.body) if current or lost_count else None
        if not current:
            return None
        if self.channel is None:
            return Answer(frame, frame.body)
        if plain:
            raise ClearTextError("it answered in clear text inside the secure channel")
        return Answer(frame, self.channel.open(frame), authentic=True)
