"""What each kind of event means to whoever watches over a site: which alarm it raises, and which it ends. Pure.

1. A standing alarm is raised by one kind of event and ended by another of the same gateway and subject.
2. A momentary alarm is over as soon as it is told; a person only has to take note of it. A passage (an event with a
   way) is always over: nobody closes a turnstile behind himself.
3. A gateway that starts anew has forgotten what its doors, lanes and devices had to complain about, and tells it again
   if it is still so: its start ends those alarms. What is latched or watched for (fire, lockdown, tamper, power) it
   does not end: that ends by its own event, or by a person's word.
4. An acknowledgement given at the gateway is about what was raised before it there: of one kind and one door, or all.
5. Duress is no alarm here: it is silent, and has a page of its own.

The kinds in `STANDARD_NAMES` are those that IEC 60839-11-1:2013 wants logged (Table 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from portillon_wire.messages import EventKind, JournalEvent

DURESS = "duress"
"""The reason of the one ALARM event that must not be seen by whoever stands at a lane or looks over a shoulder."""
ORDERED = ("order", "local_order")
"""The reasons of a lockdown that somebody ordered, from the cloud or at the gateway; a door has one of each."""


class AlarmClass(StrEnum):
    """What is at stake; the most urgent first."""

    LIFE = "life"
    """People may be in danger: look at once, with your own eyes."""
    INTRUSION = "intrusion"
    """Somebody may be where they should not be."""
    ACCESS = "access"
    """A door or lane does not do what it is for."""
    TECHNICAL = "technical"
    """A device, the power or the line needs somebody who knows it."""


class Alarm(StrEnum):
    """What can be the matter; together with gateway and subject it names one alarm."""

    FIRE = "fire"
    EMERGENCY_RELEASE = "emergency_release"
    LOCKDOWN = "lockdown"
    FORCED = "forced"
    TAMPER = "tamper"
    WRONG_WAY = "wrong_way"
    INTERLOCK = "interlock"
    HELD = "held"
    LANE = "lane"
    OBSTACLE = "obstacle"
    READER = "reader"
    INPUT = "input"
    OUTPUT = "output"
    MAINS = "mains"
    BATTERY = "battery"
    CLOUD = "cloud"
    MESSAGE = "message"
    """The gateway refused a message: forged, repeated, not for it."""
    SYSTEM = "system"
    """The gateway itself: its table, its journal, its clock."""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """What raises an alarm, what ends it (empty: it is momentary), and its class."""

    alarm_class: AlarmClass
    raised_by: EventKind
    ended_by: frozenset[EventKind] = frozenset()


def _standing(alarm_class: AlarmClass, raised_by: EventKind, *ended_by: EventKind) -> AlarmRule:
    return AlarmRule(alarm_class, raised_by, frozenset(ended_by))


_START = EventKind.GATEWAY_STARTED
_LIFE, _INTRUSION, _ACCESS, _TECHNICAL = AlarmClass

RULES: Mapping[Alarm, AlarmRule] = {
    Alarm.FIRE: _standing(_LIFE, EventKind.FIRE, EventKind.FIRE_RESET),
    Alarm.EMERGENCY_RELEASE: _standing(_LIFE, EventKind.EMERGENCY_RELEASE, EventKind.EMERGENCY_RESTORED),
    Alarm.LOCKDOWN: _standing(_LIFE, EventKind.LOCKDOWN_BEGAN, EventKind.LOCKDOWN_ENDED),
    Alarm.FORCED: _standing(_INTRUSION, EventKind.DOOR_FORCED, EventKind.DOOR_CLOSED, _START),
    Alarm.TAMPER: _standing(_INTRUSION, EventKind.TAMPER, EventKind.TAMPER_RESTORED),
    Alarm.WRONG_WAY: AlarmRule(_INTRUSION, EventKind.WRONG_WAY),
    Alarm.INTERLOCK: _standing(_INTRUSION, EventKind.INTERLOCK_BROKEN, EventKind.INTERLOCK_RESTORED, _START),
    Alarm.HELD: _standing(_ACCESS, EventKind.DOOR_HELD, EventKind.DOOR_CLOSED, _START),
    Alarm.LANE: _standing(_ACCESS, EventKind.LANE_FAULT, EventKind.LANE_RESTORED, _START),
    Alarm.OBSTACLE: _standing(_ACCESS, EventKind.OBSTACLE, EventKind.OBSTACLE_GONE, _START),
    Alarm.READER: _standing(_TECHNICAL, EventKind.READER_FAULT, EventKind.READER_RESTORED, _START),
    Alarm.INPUT: _standing(_TECHNICAL, EventKind.INPUT_FAULT, EventKind.INPUT_RESTORED, _START),
    Alarm.OUTPUT: _standing(_TECHNICAL, EventKind.OUTPUT_FAULT, EventKind.OUTPUT_RESTORED, _START),
    Alarm.MAINS: _standing(_TECHNICAL, EventKind.MAINS_LOST, EventKind.MAINS_RESTORED),
    Alarm.BATTERY: _standing(_TECHNICAL, EventKind.BATTERY_LOW, EventKind.BATTERY_RESTORED),
    Alarm.CLOUD: _standing(_TECHNICAL, EventKind.CLOUD_LOST, EventKind.CLOUD_RESTORED),
    Alarm.MESSAGE: AlarmRule(_TECHNICAL, EventKind.REFUSED_MESSAGE),
    Alarm.SYSTEM: AlarmRule(_TECHNICAL, EventKind.ALARM),
}

NO_ALARM = frozenset(
    {
        EventKind.GRANTED,
        EventKind.DENIED,
        EventKind.PASSAGE,
        EventKind.GRANT_NOT_USED,
        EventKind.EXIT_REQUEST,
        EventKind.DOOR_HELD_SOON,
        EventKind.DOOR_FREED,
        EventKind.DOOR_SECURED,
        EventKind.FIRST_PERSON,
        EventKind.REBADGED,
        EventKind.PASSAGE_REFUSED,
        EventKind.FIRE_INPUT_RESTORED,
        EventKind.ORDER_REFUSED,
        EventKind.COMMAND_DONE,
    }
)
"""Kinds that say nothing of alarms, on purpose: every other kind is in RULES, or is ALARM_ACKNOWLEDGED."""

STANDARD_NAMES: Mapping[EventKind, str] = {
    EventKind.DENIED: "access denied",
    EventKind.GRANT_NOT_USED: "access granted, portal not opened",
    EventKind.DOOR_FORCED: "portal forced",
    EventKind.TAMPER: "tamper",
    EventKind.MAINS_LOST: "primary power failure",
    EventKind.MAINS_RESTORED: "primary power restored",
    EventKind.BATTERY_LOW: "standby power trouble",
    EventKind.CLOUD_LOST: "loss of communication with the console",
    EventKind.ALARM: "duress (reason `duress`)",
}

_RAISED: Mapping[EventKind, Alarm] = {rule.raised_by: alarm for alarm, rule in RULES.items()}
_ENDED: Mapping[EventKind, frozenset[Alarm]] = {
    kind: frozenset(alarm for alarm, rule in RULES.items() if kind in rule.ended_by)
    for kind in EventKind
    if any(kind in rule.ended_by for rule in RULES.values())
}
TELLING_KINDS = frozenset({kind.value for kind in (*_RAISED, *_ENDED, EventKind.ALARM_ACKNOWLEDGED)})
"""Every kind that raises, ends or acknowledges an alarm, as it is spelled in a journal."""

_OF_THE_SITE = frozenset({Alarm.FIRE, Alarm.CLOUD})
_BY_REASON = frozenset({Alarm.MESSAGE, Alarm.SYSTEM})
_BY_DEVICE = frozenset(
    {
        Alarm.EMERGENCY_RELEASE,
        Alarm.READER,
        Alarm.OUTPUT,
        Alarm.TAMPER,
        Alarm.MAINS,
        Alarm.BATTERY,
    }
)


@dataclass(frozen=True, slots=True)
class Raised:
    """This alarm begins, for this subject. `over`: it is momentary."""

    alarm: Alarm
    subject: str
    over: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """This alarm is over, for this subject; None: for every subject of the gateway."""

    alarm: Alarm
    subject: str | None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody on site took note of what this gateway raised so far. `alarm`, `door` None: whatever, wherever."""

    alarm: Alarm | None
    door: str | None


Meaning = Raised | Ended | Acknowledged


def meanings(event: JournalEvent) -> tuple[Meaning, ...]:
    """What an event says of alarms; empty for one that says nothing, or that this version does not know."""
    if event.kind not in TELLING_KINDS or event.reason == DURESS:
        return ()
    kind = EventKind(event.kind)
    if kind is EventKind.ALARM_ACKNOWLEDGED:
        return _acknowledged(event)
    alarm = _RAISED.get(kind)
    if alarm is not None:
        over = not RULES[alarm].ended_by or event.way is not None
        return (Raised(alarm, subject_of(alarm, event), over),)
    if kind is EventKind.GATEWAY_STARTED:
        return tuple(Ended(one, None) for one in sorted(_ENDED[kind]))
    ended = [Ended(one, subject_of(one, event)) for one in sorted(_ENDED[kind])]
    if kind is EventKind.OUTPUT_RESTORED and event.by and event.door:
        # A door whose release failed does not know which device it was.
        ended.append(Ended(Alarm.OUTPUT, event.door))
    return tuple(ended)


def _acknowledged(event: JournalEvent) -> tuple[Meaning, ...]:
    if event.reason is not None and event.reason not in set(Alarm):
        return ()
    return (Acknowledged(None if event.reason is None else Alarm(event.reason), event.door),)


def subject_of(alarm: Alarm, event: JournalEvent) -> str:
    """What the alarm is about, so that raising and ending meet: a door, a device, a reason, or "" for the site.

    A stuck exit button and a stuck contact of one door are two. So are two lockdowns with two causes; who began one
    need not be who ends it, but a switch is the same both times.
    """
    if alarm in _OF_THE_SITE:
        return ""
    if alarm in _BY_REASON:
        return event.reason or ""
    if alarm in _BY_DEVICE:
        return event.reader or event.by or event.door or ""
    if alarm is Alarm.INPUT:
        return _together(event.door, event.by)
    if alarm is Alarm.LOCKDOWN:
        return _together(event.reason, event.door, None if event.reason in ORDERED else event.by)
    return event.door or ""


def _together(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
