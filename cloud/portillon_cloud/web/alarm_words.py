"""Every alarm in words, and what whoever watches over the site should do about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_wire.alarm_classes import RULES, Alarm, AlarmClass

from portillon_cloud.locale.words import Words
from portillon_cloud.web.wording import N_

CLASSES: Mapping[AlarmClass, tuple[str, str]] = {
    AlarmClass.LIFE: ("bad", N_("Danger")),
    AlarmClass.INTRUSION: ("bad", N_("Intrusion")),
    AlarmClass.ACCESS: ("warn", N_("Access")),
    AlarmClass.TECHNICAL: ("warn", N_("Technical")),
}

ALARMS: Mapping[Alarm, tuple[str, str]] = {
    Alarm.FIRE: (
        N_("Fire alarm"),
        N_(
            "All doors are free. Follow the evacuation plan; reset only once the fire service has cleared the building."
        ),
    ),
    Alarm.EMERGENCY_RELEASE: (
        N_("Emergency release"),
        N_("Somebody broke a call point: the door is free. Go there, help, then put in a new glass or key."),
    ),
    Alarm.LOCKDOWN: (
        N_("Lockdown"),
        N_("Only exempt cards open; everybody can leave. Call the police if you have not, and stay where you are."),
    ),
    Alarm.FORCED: (
        N_("Opened without a grant"),
        N_("Look at the camera, then go and see who came in. Check that the door closes and locks."),
    ),
    Alarm.TAMPER: (
        N_("Tampering"),
        N_("A housing is open or torn off. Go and look before anybody uses this reader or box again."),
    ),
    Alarm.WRONG_WAY: (
        N_("Passage the wrong way"),
        N_("Somebody went through against the direction of the lane. See who came in without a badge."),
    ),
    Alarm.INTERLOCK: (
        N_("Both doors of an interlock open"),
        N_("Close one of the two doors. If somebody left by the exit button, see why."),
    ),
    Alarm.HELD: (N_("Held open"), N_("Close the door. If something blocks it, take that away.")),
    Alarm.LANE: (
        N_("Lane out of order"),
        N_("Open another lane. Switch the turnstile off and on; if the fault stays, call its service."),
    ),
    Alarm.OBSTACLE: (
        N_("Something under the barrier"),
        N_("The barrier waits and does not close. Ask whoever stands there to drive on."),
    ),
    Alarm.READER: (
        N_("Reader fault"),
        N_("Let members in by another lane or by hand. Check the reader’s cable and power."),
    ),
    Alarm.INPUT: (
        N_("Input fault"),
        N_("A contact, button or loop is stuck, cut or short. Until it is mended the door tells less than the truth."),
    ),
    Alarm.OUTPUT: (
        N_("Output fault"),
        N_("The lock’s board does not answer. The door stays as its wiring says; use the key and call the technician."),
    ),
    Alarm.MAINS: (
        N_("Mains power lost"),
        N_("The gateway runs on its battery. Check the breaker; plan for the doors before it is empty."),
    ),
    Alarm.BATTERY: (N_("Battery low"), N_("It will not last through a power cut. Have it replaced.")),
    Alarm.CLOUD: (
        N_("Connection to the cloud lost"),
        N_("The gateway decides alone and forgets nothing. Check its network if it does not come back."),
    ),
    Alarm.MESSAGE: (
        N_("A message was refused"),
        N_("It was forged, repeated or not for this gateway, and did nothing. If it goes on, tell your technician."),
    ),
    Alarm.SYSTEM: (
        N_("The gateway needs attention"),
        N_("It goes on by itself. Tell your technician what is written here."),
    ),
}

_OF_EVENTS: Mapping[str, Alarm] = {rule.raised_by.value: alarm for alarm, rule in RULES.items()}


@dataclass(frozen=True, slots=True)
class AlarmWords:
    """The tables above for one reader."""

    words: Words

    def title(self, alarm: Alarm) -> str:
        """What is the matter."""
        return self.words.say(ALARMS[alarm][0])

    def advice(self, alarm: Alarm) -> str:
        """What to do."""
        return self.words.say(ALARMS[alarm][1])

    def alarm_class(self, one: AlarmClass) -> str:
        """What is at stake."""
        return self.words.say(CLASSES[one][1])

    def kind(self, one: AlarmClass) -> str:
        """Kind of mark."""
        return CLASSES[one][0]

    def trouble(self, kind: str) -> str:
        """A door's trouble, told as the kind of event that began it; a newer gateway's own is shown as it is."""
        return self.title(_OF_EVENTS[kind]) if kind in _OF_EVENTS else kind
