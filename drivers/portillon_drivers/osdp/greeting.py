"""How a reader is met: the secure channel first, then who it is and what it can do. One attempt. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from portillon_drivers.osdp.commands import CapabilitiesRequest, IdRequest, LocalStatusRequest, WireCommand
from portillon_drivers.osdp.errors import ChannelError
from portillon_drivers.osdp.frame import SecurityBlock
from portillon_drivers.osdp.handshake import Handshake, OfferedKey, OtherKeyError, WrongKeyError
from portillon_drivers.osdp.identity import Capabilities, Identity
from portillon_drivers.osdp.link import Answer, Link
from portillon_drivers.osdp.panel_events import KeyUsed, Refusal
from portillon_drivers.osdp.panel_reader import PanelReader, Security
from portillon_drivers.osdp.replies import ClientCryptogram, InitialRmac, Nak, NakReason, PdCapabilities, PdId, Reply


class Step(StrEnum):
    """What is asked next."""

    CHALLENGE = "challenge"
    PROOF = "proof"
    IDENTITY = "identity"
    CAPABILITIES = "capabilities"
    STATUS = "status"
    """In clear text only: many readers that insist on a channel tell anybody who they are, and nothing more."""


@dataclass(frozen=True, slots=True)
class Greeted:
    """The reader may go into service."""

    identity: Identity
    capabilities: Capabilities
    offered: OfferedKey | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The reader is not taken; `another_key`: it may still take another of our keys."""

    refusal: Refusal
    detail: str
    another_key: bool = False


class Greeting:
    """One attempt with one key (or, where the settings say so, none)."""

    def __init__(self, reader: PanelReader, offered: OfferedKey | None, nonce: bytes) -> None:
        self._reader = reader
        self._offered = offered
        self._handshake = Handshake(offered, nonce) if offered else None
        self._identity: Identity | None = None
        self._greeted: Greeted | None = None
        self.step = Step.CHALLENGE if offered else Step.IDENTITY
        self._message: tuple[WireCommand, SecurityBlock | None] = (
            self._handshake.challenge() if self._handshake else (IdRequest(), None)
        )

    @property
    def first(self) -> bool:
        """Whether nothing was answered yet."""
        return self.step is (Step.CHALLENGE if self._offered else Step.IDENTITY)

    @property
    def used(self) -> KeyUsed:
        """The key of this attempt."""
        return self._offered.used if self._offered else KeyUsed.NONE

    def message(self) -> tuple[WireCommand, SecurityBlock | None]:
        """What to send."""
        return self._message

    def answered(self, answer: Answer, reply: Reply, link: Link) -> Greeted | Refused | None:
        """The reader's answer; None: go on with the next message. Raises `ChannelError`: begin anew."""
        match self.step, reply:
            case Step.STATUS, _ if self._greeted is not None and not _insists(reply):
                return self._greeted
            case _, Nak():
                return self._refusal(reply)
            case Step.CHALLENGE, ClientCryptogram():
                return self._prove(answer, reply)
            case Step.PROOF, InitialRmac():
                return self._establish(answer, reply, link)
            case Step.IDENTITY, PdId():
                self._identity = reply.identity
                self._go(Step.CAPABILITIES, CapabilitiesRequest())
                return None
            case Step.CAPABILITIES, PdCapabilities() if self._identity is not None:
                verdict = self._judge(self._identity, reply.capabilities)
                if self._reader.security is not Security.INSECURE_CLEAR_TEXT or isinstance(verdict, Refused):
                    return verdict
                self._greeted = verdict
                self._go(Step.STATUS, LocalStatusRequest())
                return None
        raise ChannelError(f"it answered the {self.step} with something else")

    def _go(self, step: Step, command: WireCommand, block: SecurityBlock | None = None) -> None:
        self.step = step
        self._message = (command, block)

    def _prove(self, answer: Answer, reply: ClientCryptogram) -> Refused | None:
        if self._handshake is None or self._offered is None:
            raise ChannelError("a cryptogram nobody asked for")
        try:
            self._go(Step.PROOF, *self._handshake.prove(answer.frame, reply))
        except WrongKeyError as error:
            return Refused(Refusal.WRONG_KEY, str(error), another_key=True)
        except OtherKeyError as error:
            default = self._offered.used is KeyUsed.DEFAULT
            refusal = Refusal.KEY_REFUSED if default else Refusal.DEFAULT_KEY_ANSWERED
            return Refused(refusal, str(error), another_key=True)
        return None

    def _establish(self, answer: Answer, reply: InitialRmac, link: Link) -> Refused | None:
        if self._handshake is None:
            raise ChannelError("a MAC nobody asked for")
        try:
            link.channel = self._handshake.finish(answer.frame, reply)
        except WrongKeyError as error:
            return Refused(Refusal.KEY_REFUSED, str(error), another_key=True)
        self._go(Step.IDENTITY, IdRequest())
        return None

    def _refusal(self, nak: Nak) -> Refused:
        why = f"NAK {nak.reason.name.lower()}"
        if self.step in (Step.CHALLENGE, Step.PROOF):
            if nak.reason in (NakReason.NO_SECURE_CHANNEL, NakReason.UNKNOWN_COMMAND):
                return Refused(Refusal.NO_SECURE_CHANNEL, f"it says that it cannot encrypt ({why})")
            return Refused(Refusal.KEY_REFUSED, f"it refuses this key ({why})", another_key=True)
        if _insists(nak) and self._offered is None:
            return Refused(Refusal.SECURITY_DEMANDED, f"it speaks only through a secure channel ({why})")
        return Refused(Refusal.OTHER_DEVICE, f"it does not say what it is ({why})")

    def _judge(self, identity: Identity, capabilities: Capabilities) -> Greeted | Refused:
        expected = self._reader.identity
        if expected is not None and not identity.same_device(expected):
            return Refused(
                Refusal.OTHER_DEVICE,
                f"it is serial number {identity.serial:08X} of vendor {identity.vendor:06X}, model {identity.model}; "
                f"commissioned was {expected.serial:08X} of {expected.vendor:06X}, model {expected.model}",
            )
        before = self._reader.capabilities
        less = capabilities.less_than(before.items) if before else ()
        if less:
            which = ", ".join(str(function) for function in less)
            return Refused(Refusal.DOWNGRADED, f"it can do less than when it was commissioned (functions {which})")
        return Greeted(identity, capabilities, self._offered)


def _insists(reply: Reply) -> bool:
    return isinstance(reply, Nak) and reply.reason in (NakReason.NO_SECURE_CHANNEL, NakReason.SECURITY_CONDITIONS)
