"""Carries out what the command desk asks for: the counter to the disk, the command to the doors, the answer up."""

from collections.abc import Callable

from portillon_wire.commands import Command, CommandResult
from portillon_wire.messages import encode
from portillon_wire.topics import Up

from portillon_edge.store.counter_file import CounterFile
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.commands import CommandDesk
from portillon_edge.sync.effects import CommandEffect, HandOver, Record, SaveCounter, SendResult
from portillon_edge.sync.inputs import CommandInput, HandedOver, Received

TakeCommand = Callable[[Command], str | None]
"""Gives a command to the doors without waiting for them; returns in one word why they do not take it, or None."""


class CommandRunner:
    """One thread's shell around the desk."""

    def __init__(
        self,
        desk: CommandDesk,
        *,
        counters: CounterFile,
        take: TakeCommand,
        publish: Callable[[Up, bytes], None],
        record: Callable[[Record], None],
        clock_ns: Callable[[], int],
    ) -> None:
        self._desk = desk
        self._counters = counters
        self._take = take
        self._publish = publish
        self._record = record
        self._clock_ns = clock_ns

    def receive(self, event: Received) -> None:
        """Take what came on down/command; whatever it is, it harms nothing."""
        carry_out(self._ask(event), perform=self._perform, handle=self._ask)

    def _ask(self, event: CommandInput) -> list[CommandEffect]:
        return self._desk.handle(event, self._clock_ns())

    def _perform(self, effect: CommandEffect) -> list[CommandInput]:
        match effect:
            case SaveCounter(kid, counter):
                self._counters.save(kid, counter)
            case HandOver(kid, command):
                return [HandedOver(kid, command.counter, self._take(command))]
            case SendResult(result):
                self._send(result)
            case Record():
                self._record(effect)
        return []

    def _send(self, result: CommandResult) -> None:
        self._publish(Up.RESULT, encode(result))
