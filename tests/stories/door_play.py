"""Plays a story on a stage, and says what was not so: the second, what was recorded, what the story says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from portillon_edge.domain.events import EventKind, NewEvent
from portillon_wire.messages import JournalEvent
from stories.door_story import Act, Moment, Story
from stories.process import StoryError

UNTOLD = frozenset({EventKind.CLOUD_LOST, EventKind.CLOUD_RESTORED})
"""No story has a cloud."""
AFTERWARDS_S = 0.3


class Stage(Protocol):
    """Where a story is played."""

    @property
    def exact(self) -> bool:
        """Whether time stands still while somebody looks: then nothing may be recorded early."""

    def go_to(self, second: float) -> None:
        """Let time pass until that second of the story."""

    def edit(self, edits: Mapping[str, Mapping[str, Any]]) -> None:
        """Write these keys into the sections of the site's file; nobody reads it before the next start."""

    def do(self, act: Act) -> None:
        """Do one thing."""

    def recorded(self, at_least: int) -> Sequence[NewEvent | JournalEvent]:
        """Everything that was recorded since the story began; a stage in real time waits a little for so many."""

    def releases(self, output: str, expected: bool) -> bool:
        """Whether the output is in its releasing state, seen from outside; real time waits a little for `expected`."""

    def shows(self, door: str, expected: str) -> Sequence[str]:
        """The words that the status page has for the door; real time waits a little for `expected`."""


@dataclass
class _Journal:
    """What a story was told so far."""

    stage: Stage
    taken: int = 0
    early: list[NewEvent | JournalEvent] = field(default_factory=list)

    def since_last_look(self, expected: int) -> list[NewEvent | JournalEvent]:
        """What is new; real time may show more than was asked for, which counts at the next moment."""
        every = [event for event in self.stage.recorded(self.taken + expected) if event.kind not in UNTOLD]
        new = every[self.taken :] if self.stage.exact else every[self.taken : self.taken + expected]
        self.taken += len(new)
        return new


def play(story: Story, stage: Stage) -> None:
    """From the first moment to the last, and a little longer; raises StoryError at the first thing that is not so."""
    journal = _Journal(stage)
    for moment in story.at:
        stage.go_to(moment.second)
        if moment.edits:
            stage.edit(moment.edits)
        for act in moment.acts:
            stage.do(act)
        _compare(moment.second, journal.since_last_look(len(moment.recorded)), moment.recorded)
        _look(moment, stage)
    stage.go_to(story.lasts + AFTERWARDS_S)
    rest = [event for event in stage.recorded(0) if event.kind not in UNTOLD][journal.taken :]
    _compare(story.lasts + AFTERWARDS_S, rest, ())


def _look(moment: Moment, stage: Stage) -> None:
    for output, releasing in [*((name, True) for name in moment.released), *((name, False) for name in moment.locked)]:
        if stage.releases(output, releasing) is not releasing:
            raise StoryError(
                f"second {moment.second}: {output} is {'locked' if releasing else 'released'}, "
                f"but the story says {'released' if releasing else 'locked'}"
            )
    for door, word in moment.doors.items():
        if word not in (words := stage.shows(door, word)):
            raise StoryError(f"second {moment.second}: {door} is {', '.join(words)}, but the story says {word}")


def _compare(second: float, told: Sequence[NewEvent | JournalEvent], expected: Sequence[str]) -> None:
    waiting = list(expected)
    for event in told:
        found = next((line for line in waiting if says(line, event)), None)
        if found is None:
            break
        waiting.remove(found)
    else:
        if not waiting:
            return
    recorded = "\n  ".join(in_words(event) for event in told) or "nothing"
    raise StoryError(
        f"second {second}: recorded was\n  {recorded}\nbut the story says\n  {chr(10).join(expected) or 'nothing'}"
    )


def says(line: str, event: NewEvent | JournalEvent) -> bool:
    """Whether a line of a story tells this event: all that matters is said, and nothing that is not so."""
    words, _, detail = line.partition(":")
    kind, *said = words.split()
    must = {word for word in (event.door, event.member, event.reason, event.by) if word}
    may = {word for word in (event.way, event.reader, *event.flags) if word}
    return kind == event.kind and must <= set(said) <= must | may and detail.strip() in (event.detail or "")


def in_words(event: NewEvent | JournalEvent) -> str:
    """An event as a story would say it."""
    said = (event.kind, event.door, event.member, event.reason, event.by, event.way, *event.flags)
    return " ".join(word for word in said if word) + (f": {event.detail}" if event.detail else "")
