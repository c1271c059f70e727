"""One reader under the panel: met, in service, silent, refused. Pure.

    greeting --all proved--> serving --channel or answers lost--> greeting (still in service for 8 s)
        |                       |
        +---- security ---------+--> resting (out of service), then greeting again

Nothing here leads from a secure reader to clear text: what cannot be proved leads to resting.
"""

from collections.abc import Callable
from dataclasses import replace

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.osdp.commands import Command
from portillon_drivers.osdp.errands import Errands
from portillon_drivers.osdp.errors import ChannelError
from portillon_drivers.osdp.exchange import Exchange, Purpose
from portillon_drivers.osdp.frame import Frame
from portillon_drivers.osdp.greeting import Greeted, Greeting, Refused
from portillon_drivers.osdp.link import Answer, ClearTextError, Link
from portillon_drivers.osdp.offered_keys import OfferedKeys
from portillon_drivers.osdp.panel_events import (
    ChannelLost,
    DefaultKeyUsed,
    KeyUsed,
    Outcome,
    PanelEvent,
    ReaderFound,
    Refusal,
)
from portillon_drivers.osdp.panel_reader import PanelReader, Security
from portillon_drivers.osdp.replies import Ack, Busy, MalformedReply, Nak, NakReason, Reply, decode_reply
from portillon_drivers.osdp.secure_channel import UnencryptedError
from portillon_drivers.osdp.set_up import NONCE_BYTES
from portillon_drivers.osdp.silence import Silence
from portillon_drivers.osdp.standing import Standing
from portillon_drivers.osdp.timing import (
    BUSY_NS,
    BUSY_NS_MAX,
    OFFLINE_NS,
    PROBE_ANSWER_BYTES,
    PROBE_NS,
    RESEND_NS,
    REST_NS,
    TRIES_MAX,
    wire_ns,
)

NEVER_NS = 1 << 62
SECURITY_NAKS = (NakReason.NO_SECURE_CHANNEL, NakReason.SECURITY_CONDITIONS)
SCAN_TRIES = 2
"""Once with the CRC, once with the checksum."""


class ReaderSession:
    """Everything that is between the panel and one reader; the panel decides only whose turn it is."""

    def __init__(self, reader: PanelReader, *, baud: int, random: Callable[[int], bytes]) -> None:
        self.reader = reader
        self.silence = Silence()
        self.served = self.hurried = 0
        """The number of the panel's exchange in which this reader last had the bus."""
        self.events: list[PanelEvent] = []
        """What the panel has yet to tell."""
        self._baud = baud
        self._random = random
        self._link = Link(reader.address, crc=reader.crc)
        self._keys = OfferedKeys(reader)
        self._errands = Errands(reader.address, self._keys, self.events)
        self._greeting: Greeting | None = None
        self._standing = Standing(reader.address, self.events)
        self._serving = False
        self._fresh = False
        """Set from its entry into service to its first exchange there."""
        self._exchange: Exchange | None = None
        self._not_before_ns = 0
        self._heard_ns: int | None = None
        """When it last said something that counts; at first, when it was first asked."""
        self._lost_ns = -PROBE_NS
        self._scans = 0
        self._ended = False

    @property
    def greeting(self) -> bool:
        """Whether it is being met just now: the next step, up to its first poll, should not wait."""
        return not self.silence.probing and (not self._serving or self._fresh)

    @property
    def urgent(self) -> bool:
        """Whether an output of it waits."""
        return self._serving and self._exchange is None and self._errands.agenda.urgent

    def due_ns(self) -> int:
        """When it next wants the bus; in the past: as soon as may be."""
        if self._ended:
            return NEVER_NS
        if self._serving and self._exchange is None:
            return max(self._not_before_ns, self._errands.agenda.due_ns())
        return self._not_before_ns

    def deadline_ns(self) -> int:
        """When `tick` has something to do even if nothing happens."""
        if self._ended or self._heard_ns is None or self._standing.offline_told:
            return NEVER_NS
        return self._heard_ns + OFFLINE_NS

    def tick(self, now_ns: int) -> None:
        """Time passed."""
        if self._ended:
            return
        offered = self._standing.offered
        if offered is not None and offered.used is KeyUsed.DEFAULT and not self._keys.window_open(now_ns):
            self._refuse(Refusal.WINDOW_ENDED, "the commissioning window ended before it had a key of its own", now_ns)
        if self.reader.security is Security.REQUIRED and self._keys.weak is not None:
            self._refuse(Refusal.WEAK_KEY, f"its configured key is refused: {self._keys.weak}", now_ns)
            self._ended = True
        elif self.due_ns() <= now_ns and not self._serving and self._greeting is None:
            self._pick_key(now_ns)
        if now_ns >= self.deadline_ns():
            self._leave(f"no valid answer for {OFFLINE_NS // 1_000_000_000} s", now_ns)
        self._errands.expire(now_ns)

    def transmit(self, now_ns: int) -> bytes:
        """It has the bus: the bytes to send. `tick` was called for this instant and `due_ns` has come."""
        exchange = self._exchange
        if self._heard_ns is None:
            self._heard_ns = now_ns
        if exchange is not None:
            exchange.tries += 1
            exchange.sent_ns = now_ns
            return exchange.raw
        if self._serving:
            self._fresh = False
            secure = self._link.channel is not None
            purpose, command, queued = self._errands.agenda.next(now_ns, secure=secure)
            exchange = Exchange(purpose, self._link.frame(command), now_ns, now_ns, queued)
            self._errands.began(exchange, self._standing.offered)
        else:
            if self._greeting is None:
                self._link.restart()
                secured = self.reader.security is Security.REQUIRED
                offered = self._keys.current(now_ns) if secured else None
                self._greeting = Greeting(self.reader, offered, self._random(NONCE_BYTES))
            exchange = Exchange(Purpose.GREETING, self._link.frame(*self._greeting.message()), now_ns, now_ns)
        self._exchange = exchange
        return exchange.raw

    def wait_ns(self) -> int:
        """How long to wait for the answer to begin, once the question has left."""
        question_bytes = len(self._exchange.raw) if self._exchange else 0
        return self.silence.wait_ns(wire_ns(question_bytes, self._baud), wire_ns(PROBE_ANSWER_BYTES, self._baud))

    def received(self, frame: Frame, now_ns: int, turn_round_ns: int) -> bool:
        """A frame with this reader's address; whether it was the answer that the bus waits for."""
        exchange = self._exchange
        if exchange is None:
            return False
        try:
            answer = self._link.read(frame)
        except (ClearTextError, UnencryptedError) as error:
            self._refuse(Refusal.CLEAR_TEXT, str(error), now_ns)
            return True
        except ChannelError as error:
            self._standing.fault(ReaderFaultKind.NOT_GENUINE, f"a reply of a secure reader was refused: {error}")
            self._lose(str(error), now_ns)
            return True
        if answer is None:
            return False
        self.silence.heard(turn_round_ns)
        if answer.busy:
            self._busy(exchange, now_ns)
            return True
        reply = decode_reply(answer.body)
        if isinstance(reply, Nak) and reply.reason is NakReason.CHECK_CHARACTER:
            self._check_refused(exchange, now_ns)
        elif self._link.channel is not None and not answer.authentic:
            self._lose("the reader no longer knows the session", now_ns)
        elif isinstance(reply, Nak) and reply.reason is NakReason.SEQUENCE:
            self._lose("the reader lost count of the messages", now_ns)
        else:
            self._exchange = None
            self._answered(exchange, answer, reply, now_ns)
        return True

    def failed(self, now_ns: int, *, corrupt: bool) -> None:
        """No answer came in time, or what came was damaged."""
        exchange = self._exchange
        if exchange is None:
            return
        if not corrupt:
            self.silence.count += 1
        if self.reader.security is Security.IDENTIFY_ONLY:
            self._scan_failed(now_ns)
        elif exchange.tries < TRIES_MAX if corrupt else self.silence.count == 1:
            self._not_before_ns = now_ns
        elif exchange.purpose is Purpose.POLL and now_ns - exchange.first_ns < RESEND_NS:
            self._not_before_ns = exchange.sent_ns + PROBE_NS
        else:
            self._lose("no answer" if not corrupt else "no undamaged answer", now_ns)

    def line_lost(self, now_ns: int) -> None:
        """The port is gone."""
        if not self._ended:
            self._leave("the line is lost", now_ns)
            self._reset(now_ns)

    def command(self, handle: int, command: Command, now_ns: int) -> None:
        """Take a request; a reader out of service takes none."""
        greeted = self._standing.greeted
        if greeted is None:
            self._errands.refuse(handle, Outcome.READER_OFFLINE)
            return
        secure = self.reader.security is Security.REQUIRED
        buffer = greeted.capabilities.receive_buffer_bytes
        self._errands.add(handle, command, now_ns, secure=secure, baud=self._baud, buffer=buffer)

    def cancel(self, handle: int, now_ns: int) -> None:
        """Take a request back."""
        self._errands.cancel(handle, now_ns)

    def probe_now(self, now_ns: int) -> None:
        """The line shows life again after every reader was silent: ask at once."""
        if not self._ended and self.silence.probing and self._standing.refused is None:
            self._not_before_ns = now_ns

    def _answered(self, exchange: Exchange, answer: Answer, reply: Reply | MalformedReply, now_ns: int) -> None:
        if exchange.purpose is Purpose.GREETING:
            self._greeting_answered(answer, reply, now_ns)
            return
        self._heard_ns = now_ns
        if isinstance(reply, MalformedReply):
            self._standing.fault(ReaderFaultKind.MALFORMED, f"an answer could not be read: {reply.detail}")
            self._errands.unreadable(exchange)
            if self._errands.key_pending:
                self._reset(now_ns)
        elif isinstance(reply, Nak):
            self._nak(exchange, reply, now_ns)
        elif isinstance(reply, Busy):
            self._errands.put_back(exchange)
            self._not_before_ns = now_ns + BUSY_NS
        else:
            self._news(exchange, reply)
            if exchange.purpose not in (Purpose.POLL, Purpose.STATUS) and self._errands.answered(
                exchange, reply, now_ns
            ):
                self._reset(now_ns)  # it has a new key now, and must prove it

    def _news(self, exchange: Exchange, reply: Reply) -> None:
        if self._standing.news(reply):
            self._errands.agenda.poll_soon()
        elif exchange.purpose is Purpose.POLL and not isinstance(reply, Ack):
            self._standing.fault(ReaderFaultKind.MALFORMED, f"a poll was answered with {type(reply).__name__}")

    def _nak(self, exchange: Exchange, nak: Nak, now_ns: int) -> None:
        if exchange.purpose is not Purpose.POLL:
            self._errands.refused(exchange, nak, self._standing.offered)
        elif nak.reason not in SECURITY_NAKS:
            self._standing.fault(ReaderFaultKind.MALFORMED, f"it refuses to be polled (NAK {nak.reason.name.lower()})")
        elif self._link.channel is not None:
            self._lose("the reader no longer accepts the session", now_ns)
        else:
            self._refuse(Refusal.SECURITY_DEMANDED, "it no longer speaks in clear text", now_ns)

    def _busy(self, exchange: Exchange, now_ns: int) -> None:
        if exchange.busy_since_ns is None:
            exchange.busy_since_ns = now_ns
        if now_ns - exchange.busy_since_ns >= BUSY_NS_MAX:
            self._lose("busy for too long", now_ns)
        else:
            self._not_before_ns = now_ns + BUSY_NS

    def _check_refused(self, exchange: Exchange, now_ns: int) -> None:
        """NAK 1: the reader could not read our message, or knows no CRC."""
        if exchange.purpose is Purpose.GREETING and self._greeting is not None and self._greeting.first:
            self._link.crc = not self._link.crc
            self._reset(now_ns)
            self._not_before_ns = now_ns + BUSY_NS
        elif exchange.tries < TRIES_MAX:
            self._not_before_ns = now_ns
        else:
            self._lose("it cannot read our messages", now_ns)

    def _greeting_answered(self, answer: Answer, reply: Reply | MalformedReply, now_ns: int) -> None:
        greeting, channel = self._greeting, self._link.channel
        if greeting is None or isinstance(reply, MalformedReply | Busy):
            self._lose("an answer to the greeting could not be read", now_ns)
            return
        try:
            verdict = greeting.answered(answer, reply, self._link)
        except ChannelError as error:
            self._standing.fault(ReaderFaultKind.NOT_GENUINE, str(error))
            self._lose(str(error), now_ns)
            return
        if isinstance(verdict, Refused):
            if verdict.another_key:
                self._keys.failed(verdict.refusal, verdict.detail)
                self._greeting = None
                self._not_before_ns = now_ns
            else:
                self._refuse(verdict.refusal, verdict.detail, now_ns)
            return
        self._heard_ns = self._not_before_ns = now_ns
        if channel is None and self._link.channel is not None and greeting.used is KeyUsed.DEFAULT:
            self.events.append(DefaultKeyUsed(self.reader.address))
        if isinstance(verdict, Greeted):
            self._enter(verdict, answer)

    def _enter(self, greeted: Greeted, answer: Answer) -> None:
        self._greeting = None
        if self.reader.security is Security.IDENTIFY_ONLY:
            self._ended = True
            self.events.append(ReaderFound(answer.frame.address, greeted.identity, greeted.capabilities))
            return
        self._standing.enter(replace(greeted, offered=self._errands.proved(greeted.offered)))
        self._serving = self._fresh = True
        self._errands.agenda.begin(greeted.capabilities)

    def _pick_key(self, now_ns: int) -> None:
        if self.reader.security is not Security.REQUIRED or self._keys.current(now_ns) is not None:
            return
        no_key = (Refusal.NO_KEY, "there is no key for it, and no commissioning window is open")
        self._refuse(*(self._keys.refusal or no_key), now_ns)

    def _scan_failed(self, now_ns: int) -> None:
        self._scans += 1
        if self._scans >= SCAN_TRIES:
            self._ended = True
            self._standing.leave("no answer")
            return
        self._link.crc = not self._link.crc
        self._reset(now_ns)

    def _lose(self, why: str, now_ns: int) -> None:
        """Begin anew with a greeting; what was in flight has no verdict."""
        if self._link.channel is not None:
            self.events.append(ChannelLost(self.reader.address, why))
        if self._serving:
            self._errands.interrupted(self._exchange)
        sent_ns = self._exchange.sent_ns if self._exchange is not None and self.silence.probing else self._lost_ns
        self._lost_ns = now_ns
        self._reset(now_ns)
        self._keys.restart()
        self._not_before_ns = max(now_ns, sent_ns + PROBE_NS)

    def _refuse(self, refusal: Refusal, detail: str, now_ns: int) -> None:
        """Out of service for its security; asked again after a rest."""
        self._standing.refuse(refusal, detail)
        if self.reader.security is Security.IDENTIFY_ONLY:
            self._ended = True
            self._standing.leave(f"somebody is there, but {detail}")
            return
        self._leave(f"refused: {detail}", now_ns)
        self._reset(now_ns)
        self._keys.restart()
        self._not_before_ns = now_ns + REST_NS

    def _leave(self, why: str, now_ns: int) -> None:
        """Out of service; a greeting that is under way goes on."""
        self._standing.leave(why)
        self._errands.drop_all(self._exchange)
        if self._serving:
            self._reset(now_ns)

    def _reset(self, now_ns: int) -> None:
        self._serving = False
        self._greeting = None
        self._exchange = None
        self._link.restart()
        self._not_before_ns = now_ns
