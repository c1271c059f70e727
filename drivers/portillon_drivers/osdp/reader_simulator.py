"""A faithful OSDP reader at the far side of the wire: its state machine, its secure channel, what a person sees on it.

Pure but for the clock of its output timers: bytes in, bytes out. Not modelled: the time it takes to answer, LED and
buzzer timers (the last command is what shows), smart-card and biometric commands.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest

from portillon_drivers.osdp import commands, replies
from portillon_drivers.osdp.card_replies import RawFormat
from portillon_drivers.osdp.commands import MalformedCommand, WireCommand, decode_command
from portillon_drivers.osdp.errors import ChannelError
from portillon_drivers.osdp.frame import BROADCAST, Frame, SecurityBlock, encode
from portillon_drivers.osdp.frame_parser import FrameParser
from portillon_drivers.osdp.handshake import ACCEPTED, SCS_CHALLENGE, SCS_CLIENT, SCS_RMAC, SCS_SERVER
from portillon_drivers.osdp.identity import Capabilities, Capability, Function, Identity
from portillon_drivers.osdp.keys import SCBK_D
from portillon_drivers.osdp.received_file import ReceivedFile
from portillon_drivers.osdp.replies import Nak, NakReason, Reply, encode_reply
from portillon_drivers.osdp.secure_channel import SecureChannel, SessionKeys, session_keys
from portillon_drivers.osdp.simulated_outputs import OutputTerminals

NONCE_BYTES = 8
DEFAULT_KEY, OWN_KEY = b"\x00", b"\x01"
"""The byte in the security blocks of a handshake: which key is meant."""
DONE_MAX = 1_000
WAITING_MAX = 64
FREE_WITHOUT_CHANNEL = (commands.IdRequest, commands.CapabilitiesRequest, commands.Challenge, commands.ServerCryptogram)
"""What a reader answers to anybody even where it insists on a secure channel."""

IDENTITY = Identity(vendor=0x00A1B2, model=3, version=1, serial=0x01020304, firmware=(2, 1, 0))
CAPABILITIES = Capabilities(
    (
        Capability(Function.CONTACTS, 1, 2),
        Capability(Function.OUTPUTS, 1, 2),
        Capability(Function.CARD_FORMAT, 1, 0),
        Capability(Function.LEDS, 4, 1),
        Capability(Function.BUZZER, 1, 1),
        Capability(Function.TEXT, 1, 1),
        Capability(Function.CHECK_CHARACTER, 1, 0),
        Capability(Function.SECURITY, 1, 1),
        Capability(Function.RECEIVE_BUFFER, 0, 2),
        Capability(Function.READERS, 0, 1),
        Capability(Function.VERSION, 2, 0),
    )
)


@dataclass(slots=True)
class Misbehaviour:
    """What this reader does wrong; all off, it is a good one."""

    silent: bool = False
    busy_for: int = 0
    """So many commands are answered with BUSY first."""
    nak: NakReason | None = None
    """Every command but those of the handshake is refused like this."""
    refuses_keys: bool = False
    """It takes no new key."""
    clear_text: bool = False
    """It answers in clear inside the secure channel."""
    denies_encryption: bool = False
    """Its capabilities leave out the secure channel, as after a downgrade on the wire."""


@dataclass(slots=True)
class Display:
    """What a person at the reader sees and hears: the last command of each kind."""

    leds: dict[int, commands.Led] = field(default_factory=dict)
    buzzer: commands.Buzzer | None = None
    text: commands.Text | None = None
    outputs: dict[int, commands.Output] = field(default_factory=dict)


@dataclass(slots=True)
class OsdpReaderSimulator:
    """One reader. `scbk` None: it has no key of its own yet, so it takes SCBK-D, as `install_mode` does."""

    address: int
    scbk: bytes | None = field(default=None, repr=False)
    install_mode: bool = False
    insists_on_channel: bool = True
    """Without a secure channel it says who it is and nothing else."""
    baud: int = 9_600
    identity: Identity = IDENTITY
    capabilities: Capabilities = CAPABILITIES
    random: Callable[[int], bytes] = os.urandom
    clock_ns: Callable[[], int] = time.monotonic_ns
    misbehaviour: Misbehaviour = field(default_factory=Misbehaviour)
    display: Display = field(default_factory=Display)
    done: deque[WireCommand] = field(default_factory=lambda: deque(maxlen=DONE_MAX))
    """Every command carried out, newest last; polls are left out."""
    file: ReceivedFile = field(default_factory=ReceivedFile)
    tampered: bool = False
    power_failed: bool = False
    inputs: list[int] = field(init=False)
    """Per terminal 0 at rest, 1 active; anything else is no state of the standard."""
    outputs: OutputTerminals = field(init=False)
    _waiting: deque[Reply] = field(default_factory=lambda: deque(maxlen=WAITING_MAX))
    _parser: FrameParser = field(default_factory=FrameParser)
    _sequence: int | None = None
    _answered: bytes = b""
    _keys: SessionKeys | None = None
    _nonces: tuple[bytes, bytes] = (b"", b"")
    _channel: SecureChannel | None = None

    def __post_init__(self) -> None:
        self.inputs = [0] * self.capabilities.count(Function.CONTACTS)
        self.outputs = OutputTerminals(self.capabilities.count(Function.OUTPUTS), self.clock_ns)

    @property
    def secure(self) -> bool:
        """Whether a secure channel is open."""
        return self._channel is not None

    def card(self, bits: str) -> None:
        """A card was held to it: its bits, first bit first."""
        self._waiting.append(replies.RawCard(bits, RawFormat.WIEGAND))

    def formatted_card(self, text: str) -> None:
        """The same at a reader that sends characters."""
        self._waiting.append(replies.FormattedCard(text.encode("ascii")))

    def keys(self, keys: str) -> None:
        """Keys were pressed: digits, * and #."""
        self._waiting.append(replies.KeypadData(keys.replace("*", "\x7f").replace("#", "\r").encode("ascii")))

    def status(self, *, tampered: bool | None = None, power_failed: bool | None = None) -> None:
        """Somebody opened it or closed it, or its supply failed or returned."""
        self.tampered = self.tampered if tampered is None else tampered
        self.power_failed = self.power_failed if power_failed is None else power_failed
        self._waiting.append(replies.LocalStatus(self.tampered, self.power_failed))

    def set_input(self, number: int, state: int) -> None:
        """What is wired to that input changed; it is told with the next poll."""
        self.inputs[number] = state
        self._waiting.append(replies.InputStatus(tuple(self.inputs)))

    def lose_power(self) -> None:
        """It starts anew: what was not told is forgotten, outputs drop, and the channel is gone; the key stays."""
        self._waiting.clear()
        self.outputs.lose_power()
        self._reset(None)
        self._parser = FrameParser()

    def receive(self, data: bytes) -> bytes:
        """Bytes from the wire; returns the answers they call for."""
        return b"".join(self._answer(found) for found in self._parser.feed(data) if isinstance(found, Frame))

    def _answer(self, frame: Frame) -> bytes:
        if frame.reply or frame.address not in (self.address, BROADCAST) or self.misbehaviour.silent:
            return b""
        if frame.sequence == 0:
            self._reset(0)
        elif frame.sequence == self._sequence and self._answered:
            return self._answered  # asked again: the panel did not hear the answer
        elif self._sequence is None or frame.sequence != self._sequence % 3 + 1:
            return self._sent(frame, Nak(NakReason.SEQUENCE))
        if self.misbehaviour.busy_for > 0:
            self.misbehaviour.busy_for -= 1
            return encode(Frame(frame.address, True, 0, encode_reply(replies.Busy()), frame.crc))
        self._sequence = frame.sequence
        address = self.address
        answer = self._answered = self._carried_out(frame)
        if self.address != address:
            self._reset(None)  # a new address takes effect after the answer
        return answer

    def _carried_out(self, frame: Frame) -> bytes:
        kind = frame.block.kind if frame.block else None
        if kind in (SCS_CHALLENGE, SCS_SERVER):
            return self._handshake(frame)
        channel = self._channel
        if channel is None or kind is None:
            self._channel = None
            command = decode_command(frame.body)
            refused = self.insists_on_channel and not isinstance(command, FREE_WITHOUT_CHANNEL)
            if kind is not None or refused or (channel is not None and not isinstance(command, FREE_WITHOUT_CHANNEL)):
                return self._sent(frame, Nak(NakReason.SECURITY_CONDITIONS))
            return self._sent(frame, self._reply(command, secure=False))
        try:
            command = decode_command(channel.open(frame))
        except ChannelError:
            self._channel = None
            return self._sent(frame, Nak(NakReason.SECURITY_CONDITIONS))
        answer = self._sent(frame, self._reply(command, secure=True), channel)
        if isinstance(command, commands.KeySet):
            self._channel = None  # the next handshake proves the new key
        return answer

    def _handshake(self, frame: Frame) -> bytes:
        command, marker = decode_command(frame.body), frame.block.data[:1] if frame.block else b""
        self._channel = None
        if self.misbehaviour.denies_encryption:
            return self._sent(frame, Nak(NakReason.NO_SECURE_CHANNEL))
        if isinstance(command, commands.Challenge):
            if marker == DEFAULT_KEY and (self.install_mode or self.scbk is None):
                key = SCBK_D
            elif self.scbk is not None:
                key, marker = self.scbk, OWN_KEY  # whatever it was asked for, as libosdp's readers do
            else:
                return self._sent(frame, Nak(NakReason.SECURITY_CONDITIONS))
            self._nonces = (command.nonce, self.random(NONCE_BYTES))
            self._keys = session_keys(key, command.nonce)
            proof = self._keys.client_cryptogram(*self._nonces)
            reply = replies.ClientCryptogram(self.client_uid, self._nonces[1], proof)
            return self._sent(frame, reply, block=SecurityBlock(SCS_CLIENT, marker))
        if isinstance(command, commands.ServerCryptogram) and self._keys is not None:
            keys, self._keys = self._keys, None
            if compare_digest(keys.server_cryptogram(*self._nonces), command.cryptogram):
                rmac = keys.initial_rmac(command.cryptogram)
                self._channel = SecureChannel(keys, rmac)
                return self._sent(frame, replies.InitialRmac(rmac), block=SecurityBlock(SCS_RMAC, ACCEPTED))
        return self._sent(frame, Nak(NakReason.NO_SECURE_CHANNEL))

    @property
    def client_uid(self) -> bytes:
        """The eight bytes under which it joins a handshake: vendor, model, version, three of the serial number."""
        who = self.identity
        return who.vendor.to_bytes(3, "big") + bytes([who.model, who.version]) + who.serial.to_bytes(4, "little")[:3]

    def _reply(self, command: WireCommand | MalformedCommand, *, secure: bool) -> Reply:
        if isinstance(command, MalformedCommand):
            return Nak(NakReason.COMMAND_LENGTH if command.known else NakReason.UNKNOWN_COMMAND)
        if self.misbehaviour.nak is not None:
            return Nak(self.misbehaviour.nak)
        if not isinstance(command, commands.Poll):
            self.done.append(command)
        match command:
            case commands.Poll():
                return self._waiting.popleft() if self._waiting else replies.Ack()
            case commands.IdRequest():
                return replies.PdId(self.identity)
            case commands.CapabilitiesRequest():
                return replies.PdCapabilities(self._told_capabilities())
            case commands.LocalStatusRequest():
                return replies.LocalStatus(self.tampered, self.power_failed)
            case commands.InputStatusRequest():
                return replies.InputStatus(tuple(self.inputs))
            case commands.OutputStatusRequest():
                return replies.OutputStatus(self.outputs.states())
            case commands.ReaderStatusRequest():
                return replies.ReaderStatus((0,))
            case commands.Led():
                self.display.leds[command.number] = command
            case commands.Buzzer():
                self.display.buzzer = command
            case commands.Text():
                self.display.text = command
            case commands.Output():
                if not self.outputs.take(command):
                    return Nak(NakReason.UNABLE)
                self.display.outputs[command.number] = command
                return replies.OutputStatus(self.outputs.states())
            case commands.ComSet():
                self.address, self.baud = command.address, command.baud
                return replies.Com(command.address, command.baud)
            case commands.KeySet():
                if not secure or self.misbehaviour.refuses_keys:
                    return Nak(NakReason.SECURITY_CONDITIONS)
                self.scbk, self.install_mode = command.scbk, False
            case commands.FileFragment():
                return self.file.take(command)
            case commands.Abort():
                self.file.forget()
            case commands.KeepActive():
                pass
            case _:
                return Nak(NakReason.UNKNOWN_COMMAND)
        return replies.Ack()

    def _told_capabilities(self) -> Capabilities:
        if not self.misbehaviour.denies_encryption:
            return self.capabilities
        return Capabilities(tuple(item for item in self.capabilities.items if item.function != Function.SECURITY))

    def _sent(
        self, frame: Frame, reply: Reply, channel: SecureChannel | None = None, block: SecurityBlock | None = None
    ) -> bytes:
        answer = Frame(frame.address, True, frame.sequence, encode_reply(reply), frame.crc, block)
        if channel is not None and not self.misbehaviour.clear_text:
            answer = channel.seal(answer)
        return encode(answer)

    def _reset(self, sequence: int | None) -> None:
        self._sequence, self._answered, self._channel, self._keys = sequence, b"", None, None
