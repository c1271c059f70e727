"""What becomes of a command that came over the wire. Pure: inputs, the boot clock and the time in, effects out.

1. Only what came live, rightly signed for this gateway by a key listed for commands, is a command at all.
2. Its counter must be higher than any before under its key; whatever becomes of it then, it is used up.
3. This gateway must be certain of the time, and the command neither over nor from the future.
4. The counter is on the disk before anybody acts; then the doors get the command; then the cloud is told.
5. What is refused is recorded. The cloud is answered only for a command of its own that is new: an answer to a repeated
   one would contradict the answer that was true.

A lost memory of counters (a new disk) remembers nothing older than a command lives anyway: LIFE_MS_MAX.
"""

from collections.abc import Mapping

from portillon_rules.decision import TimeQuality
from portillon_wire.commands import Command, CommandResult
from portillon_wire.errors import WireError
from portillon_wire.messages import EventKind
from portillon_wire.signature import PublicKeys, kid_of, verify

from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.sync.effects import CommandEffect, HandOver, SaveCounter, SendResult
from portillon_edge.sync.inputs import CommandInput, HandedOver, Received
from portillon_edge.sync.refusals import Refusal, RefusalMeter, refusal_of

AHEAD_MS_MAX = 5_000
"""The gateway's real time comes from leases and lags by their way here; a command further ahead is from the future."""

Effects = list[CommandEffect]


class CommandDesk:
    """Judges what arrives on down/command. `counters`: the highest one used of each key, as it was saved."""

    def __init__(self, *, gateway: str, keys: PublicKeys, keeper: TimeKeeper, counters: Mapping[str, int]) -> None:
        self._gateway = gateway
        self._keys = keys
        self._keeper = keeper
        self._used = dict(counters)
        self._meter = RefusalMeter()

    def handle(self, event: CommandInput, now_ns: int) -> Effects:
        """Take one input; returns what to do, in order."""
        match event:
            case Received(name, payload, retained):
                if retained:
                    return self._record(Refusal.RETAINED, f"a retained message on {name}", now_ns)
                return self._on_command(payload, now_ns)
            case HandedOver(kid, counter, refused):
                if refused is None:
                    return [SendResult(CommandResult(kid=kid, counter=counter, outcome="taken"))]
                return [SendResult(CommandResult(kid=kid, counter=counter, outcome="refused", reason=refused))]

    def _on_command(self, payload: bytes, now_ns: int) -> Effects:
        try:
            command = verify(Command, payload, keys=self._keys, gateway=self._gateway)
            kid = kid_of(payload)
        except WireError as error:
            return self._record(refusal_of(error), f"command: {error}", now_ns)
        said = f"{command.action} {command.door or ''} by {command.by}, counter {command.counter} of {kid}"
        if command.counter <= self._used.get(kid, -1):
            return self._record(Refusal.REPEATED, said, now_ns)
        self._used[kid] = command.counter
        refusal = self._late(command, now_ns)
        if refusal is not None:
            answer = CommandResult(kid=kid, counter=command.counter, outcome="refused", reason=refusal.value)
            return [*self._record(refusal, said, now_ns), SendResult(answer)]
        return [SaveCounter(kid, command.counter), HandOver(kid, command)]

    def _late(self, command: Command, now_ns: int) -> Refusal | None:
        real_ms = self._keeper.real_ms(now_ns)
        if real_ms is None or self._keeper.at(now_ns).quality is not TimeQuality.CERTAIN:
            return Refusal.TIME_UNCERTAIN
        if real_ms >= command.expires_ms:
            return Refusal.EXPIRED
        return Refusal.FROM_THE_FUTURE if command.issued_ms > real_ms + AHEAD_MS_MAX else None

    def _record(self, reason: Refusal, detail: str, now_ns: int) -> Effects:
        return list(self._meter.record(EventKind.REFUSED_MESSAGE, reason.value, detail, now_ns))
