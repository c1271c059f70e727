"""Where in its life a subscription is, by the events recorded of it. Derived at a day, never stored. Pure."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from portillon_cloud.billing.errors import TimelineError
from portillon_cloud.billing.span import Moment, Span
from portillon_cloud.billing.timeline import Course, Ended, Event, Frozen, Resumed, Started, Tariff, TariffChanged


class Condition(StrEnum):
    """Where in its life a subscription is."""

    COMING = "coming"
    TRIAL = "trial"
    RUNNING = "running"
    FROZEN = "frozen"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of the subscription that nobody withdrew."""

    id: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The subscription as seen on a day; `anchor_on` and `tariff` are those in force then.

    `ends_on`: the first day without it; None: no end is known. `freeze` is in force.
    """

    condition: Condition
    starts_on: datetime.date
    tariff: Tariff
    anchor_on: datetime.date
    ends_on: datetime.date | None = None
    freeze: Frozen | None = None


def life_on(recorded: Sequence[Recorded], day: datetime.date) -> Life:
    """The subscription on `day`, by what is known now. Raises TimelineError if it never started."""
    now = Moment(day)
    ordered = sorted(recorded, key=lambda one: one.event.at)
    if not ordered or not isinstance(ordered[0].event, Started):
        raise TimelineError("a subscription begins with its start; record that first")
    start, later = ordered[0].event, ordered[1:]
    ending = next((one for one in later if isinstance(one.event, Ended)), None)
    course = Course.begun(start)
    for event in (one.event for one in later if one.event.at <= now):
        course = course.at(event.at)
        match event:
            case TariffChanged():
                course = course.changed(event)
            case Frozen():
                course = course.stopped(event)
            case Resumed(at=at):
                course = course.gone_on(at)
    course = course.at(now)
    return Life(
        condition=_condition(start, ending, course.freeze, now),
        starts_on=start.at.day,
        tariff=course.tariff,
        anchor_on=course.anchor_on,
        ends_on=None if ending is None else ending.event.at.day,
        freeze=course.freeze,
    )


def tariffs(recorded: Sequence[Recorded]) -> tuple[tuple[datetime.date, Tariff], ...]:
    """Every tariff it has had, has, and will have by what is known now, with the day from which it holds."""
    events = sorted((one.event for one in recorded), key=lambda event: event.at)
    return tuple((event.at.day, event.tariff) for event in events if isinstance(event, Started | TariffChanged))


def frozen_spans(recorded: Iterable[Recorded]) -> tuple[Span, ...]:
    """When it was or will be frozen, in order; a freeze without an end is left out until somebody resumes."""
    events = [one.event for one in recorded]
    resumed = [event.at for event in events if isinstance(event, Resumed)]
    spans = []
    for event in events:
        if isinstance(event, Frozen):
            ends = [at for at in (*resumed, event.until) if at is not None and at > event.at]
            spans += [Span(event.at, min(ends))] if ends else []
    return tuple(sorted(spans))


def _condition(start: Started, ending: Recorded | None, freeze: Frozen | None, now: Moment) -> Condition:
    if ending is not None and ending.event.at <= now:
        return Condition.ENDED
    if start.at > now:
        return Condition.COMING
    if freeze is not None:
        return Condition.FROZEN
    in_trial = start.charged_from is not None and start.charged_from > now and not start.paid_elsewhere
    return Condition.TRIAL if in_trial else Condition.RUNNING
