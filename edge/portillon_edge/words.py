"""What the gateway says to people, in English and in French. English is the source; French is in `locale/` (gettext).

After changing a text follow `locale/README.md`; a test finds what was forgotten.
"""

import gettext
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Literal

from portillon_rules.decision import TimeQuality
from portillon_rules.reason import DenyReason, GrantFlag

Language = Literal["en", "fr"]
DOMAIN = "portillon_edge"
LOCALES: Mapping[Language, str] = {"en": "en", "fr": "fr_CA"}


def mark(text: str) -> str:
    """Mark a text for translation where it is not said yet."""
    return text


REASONS: Mapping[DenyReason, str] = {
    DenyReason.UNKNOWN_CREDENTIAL: mark(
        "This site does not know the credential. Give it to a member at the front desk."
    ),
    DenyReason.ROW_DAMAGED: mark("The stored row is damaged and is not trusted. It is replaced by the next snapshot."),
    DenyReason.NOT_YET_VALID: mark("The membership has not begun yet."),
    DenyReason.EXPIRED: mark("What was paid for or agreed has run out, as far as this gateway has heard."),
    DenyReason.DUES_UNPAID: mark("Dues are unpaid. Paying them opens the door again at once."),
    DenyReason.FROZEN: mark("The membership is frozen."),
    DenyReason.CONTRACT_ENDED: mark("The contract has ended."),
    DenyReason.BLOCKED: mark("The front desk has blocked this member."),
    DenyReason.NO_MEMBERSHIP: mark("There is no membership for this credential."),
    DenyReason.WRONG_ZONE: mark("The membership does not include this door's zone."),
    DenyReason.OUTSIDE_SCHEDULE: mark("It is outside the hours of this membership."),
    DenyReason.RESERVED_HOURS: mark("These hours are reserved for a group, and this member is not of it."),
    DenyReason.LEASE_OVER: mark("The gateway has not heard from the cloud for longer than the site allows."),
    DenyReason.TIME_UNKNOWN: mark("The gateway does not know what time it is until it hears from the cloud."),
    DenyReason.NEVER_SYNCED: mark(
        "The gateway has never received this site's members. Check its connection to the cloud."
    ),
    DenyReason.LANE_BUSY: mark("Somebody was just let in and has not passed yet."),
    DenyReason.LANE_FAULT: mark("This lane is out of order. Please use another one."),
    DenyReason.INTERLOCKED: mark("The other door is open. Close it first."),
    DenyReason.LOCKDOWN: mark("Lockdown: nobody may enter now."),
    DenyReason.DOOR_BLOCKED: mark("Staff has closed this door."),
    DenyReason.CHARGEBACK: mark("A payment was charged back. The front desk settles it."),
    DenyReason.PASSBACK: mark(
        "This member is inside already, by what was badged. Badge out first, or ask the front desk."
    ),
    DenyReason.NOT_INSIDE: mark("This member never badged in. The front desk sets it right."),
    DenyReason.ZONE_FULL: mark("As many people are inside as may be. Wait until somebody leaves."),
    DenyReason.NO_VISITS_LEFT: mark("No visits are left: the pack or the period's number is used up."),
    DenyReason.VISIT_HELD_ELSEWHERE: mark(
        "The visits of this pack are kept at another entrance. Use that one, or ask the front desk."
    ),
    DenyReason.SECOND_PERSON_NEEDED: mark("This door opens for two people: a second one must badge now."),
    DenyReason.ESCORT_NEEDED: mark("This visitor enters only with an escort, who badges first."),
    DenyReason.SUPERVISOR_ABSENT: mark("This zone opens only while a supervisor is inside."),
    DenyReason.GUARDIAN_ABSENT: mark("A minor enters here only while a guardian is inside."),
    DenyReason.PASS_SHARED: mark("This credential is used in two places at once. Tell the front desk."),
    DenyReason.JOURNAL_UNWRITABLE: mark(
        "Nothing can be written down, and the site wants nobody in unrecorded. Free the disk."
    ),
    DenyReason.OUTPUT_UNAVAILABLE: mark("The lock or turnstile cannot be driven. Check the guard and the relay board."),
    DenyReason.KIND_NOT_ACCEPTED: mark("This reader does not accept credentials of this kind."),
    DenyReason.CREDENTIAL_LOST: mark("The card was reported lost. The front desk gives a new one."),
    DenyReason.CREDENTIAL_STOLEN: mark("The card was reported stolen. Keep it, and tell the front desk."),
    DenyReason.CREDENTIAL_BLOCKED: mark("The front desk has blocked this card."),
    DenyReason.CREDENTIAL_EXPIRED: mark("The card itself has run out. The front desk gives a new one."),
    DenyReason.CREDENTIAL_REPLACED: mark("The card was replaced by a newer one: use that."),
    DenyReason.COUNTER_REPLAYED: mark(
        "The card's message was seen before: it may be a copy. Hold the card itself to the reader again."
    ),
    DenyReason.PASS_FORGED: mark("The pass is not signed by the phone it names."),
    DenyReason.PASS_EXPIRED: mark("The pass is too old, or the phone's clock is wrong. Open the pass again."),
    DenyReason.PASS_REPLAYED: mark("The pass was used a moment ago. Wait until it renews itself."),
    DenyReason.CODE_USED: mark("The code has let somebody in already; it works once."),
    DenyReason.PIN_MISSING: mark("No PIN was entered in time."),
    DenyReason.WRONG_PIN: mark("The PIN is wrong."),
    DenyReason.PIN_LOCKED: mark("Too many wrong PINs. Try again later, or ask the front desk."),
}

LANE_REASONS: Mapping[DenyReason, str] = {
    DenyReason.UNKNOWN_CREDENTIAL: mark("Unknown card\nSee front desk"),
    DenyReason.ROW_DAMAGED: mark("Cannot check\nSee front desk"),
    DenyReason.NOT_YET_VALID: mark("Membership has\nnot begun yet"),
    DenyReason.EXPIRED: mark("Membership over\nSee front desk"),
    DenyReason.DUES_UNPAID: mark("Payment due\nSee front desk"),
    DenyReason.FROZEN: mark("Membership\nis frozen"),
    DenyReason.CONTRACT_ENDED: mark("Contract ended\nSee front desk"),
    DenyReason.BLOCKED: mark("Please see\nthe front desk"),
    DenyReason.NO_MEMBERSHIP: mark("No membership\nSee front desk"),
    DenyReason.WRONG_ZONE: mark("Not in your\nmembership"),
    DenyReason.OUTSIDE_SCHEDULE: mark("Outside your\nhours"),
    DenyReason.RESERVED_HOURS: mark("Reserved hours\nPlease ask staff"),
    DenyReason.LEASE_OVER: mark("Offline too long\nCall staff"),
    DenyReason.TIME_UNKNOWN: mark("Clock not set\nCall staff"),
    DenyReason.NEVER_SYNCED: mark("Not set up yet\nCall staff"),
    DenyReason.LANE_BUSY: mark("Please wait:\nlane in use"),
    DenyReason.LANE_FAULT: mark("Out of order:\ntake another"),
    DenyReason.INTERLOCKED: mark("Please wait:\nother door open"),
    DenyReason.LOCKDOWN: mark("Lockdown:\nno entry"),
    DenyReason.DOOR_BLOCKED: mark("Closed by staff"),
    DenyReason.CHARGEBACK: mark("Payment disputed\nSee front desk"),
    DenyReason.PASSBACK: mark("You are inside\nSee front desk"),
    DenyReason.NOT_INSIDE: mark("No entry found\nSee front desk"),
    DenyReason.ZONE_FULL: mark("Full: wait for\na free place"),
    DenyReason.NO_VISITS_LEFT: mark("No visits left\nSee front desk"),
    DenyReason.VISIT_HELD_ELSEWHERE: mark("Other entrance\nor front desk"),
    DenyReason.SECOND_PERSON_NEEDED: mark("Second person:\nbadge now"),
    DenyReason.ESCORT_NEEDED: mark("Escort first,\nplease"),
    DenyReason.SUPERVISOR_ABSENT: mark("No supervisor\nis inside"),
    DenyReason.GUARDIAN_ABSENT: mark("Only with\na guardian"),
    DenyReason.PASS_SHARED: mark("Please see\nthe front desk"),
    DenyReason.JOURNAL_UNWRITABLE: mark("Out of order\nCall staff"),
    DenyReason.OUTPUT_UNAVAILABLE: mark("Cannot open\nCall staff"),
    DenyReason.KIND_NOT_ACCEPTED: mark("Not accepted\nat this reader"),
    DenyReason.CREDENTIAL_LOST: mark("Card is reported\nlost: front desk"),
    DenyReason.CREDENTIAL_STOLEN: mark("Please see\nthe front desk"),
    DenyReason.CREDENTIAL_BLOCKED: mark("Card blocked\nSee front desk"),
    DenyReason.CREDENTIAL_EXPIRED: mark("Card has run out\nSee front desk"),
    DenyReason.CREDENTIAL_REPLACED: mark("Please use your\nnewer card"),
    DenyReason.COUNTER_REPLAYED: mark("Hold the card\nhere once more"),
    DenyReason.PASS_FORGED: mark("Pass not valid\nSee front desk"),
    DenyReason.PASS_EXPIRED: mark("Pass too old:\nopen it again"),
    DenyReason.PASS_REPLAYED: mark("Pass was used:\nwait for renewal"),
    DenyReason.CODE_USED: mark("Code was used\nalready"),
    DenyReason.PIN_MISSING: mark("No PIN entered:\ntry again"),
    DenyReason.WRONG_PIN: mark("Wrong PIN:\ntry again"),
    DenyReason.PIN_LOCKED: mark("Too many tries:\ncome back later"),
}
"""The same at the lane, for members: two lines of 16. Theft is not said to whoever holds the card."""

LANE_FLAGS: Mapping[GrantFlag, str] = {
    GrantFlag.GRACE: mark("Please pass, and\nsee front desk"),
}
"""What a member who may pass is told at the lane of a grant; of all other flags nothing."""

FLAGS: Mapping[GrantFlag, str] = {
    GrantFlag.AFTER_LEASE: mark("the lease is over, and the site lets members pass nevertheless"),
    GrantFlag.TIME_UNCERTAIN: mark("the time is uncertain since the last power cut"),
    GrantFlag.NOT_JOURNALED: mark("the journal cannot be written, and the site lets members pass nevertheless"),
    GrantFlag.DURESS: mark("under duress"),
    GrantFlag.GRACE: mark("dues are open, and the days of grace run"),
    GrantFlag.PASSBACK: mark("inside already, by what was badged"),
    GrantFlag.ZONE_ALMOST_FULL: mark("the zone is almost full"),
    GrantFlag.ZONE_FULL: mark("the zone is full, and the site lets people in nevertheless"),
    GrantFlag.PRESENCE_STALE: mark("who is inside was not heard from the other entrances for a while"),
    GrantFlag.VISIT_UNCHECKED: mark("the visit could not be counted here"),
    GrantFlag.ESCORTED: mark("with an escort"),
    GrantFlag.SHARED: mark("the credential was used in two places at once"),
}

QUALITIES: Mapping[TimeQuality, str] = {
    TimeQuality.CERTAIN: mark("certain"),
    TimeQuality.UNCERTAIN: mark("uncertain"),
    TimeQuality.UNKNOWN: mark("unknown"),
}


class Words:
    """Says texts in one language: `words("… {name}", name=…)`."""

    def __init__(self, language: Language) -> None:
        with as_file(files("portillon_edge") / "locale") as folder:
            self._catalogue = gettext.translation(DOMAIN, folder, [LOCALES[language]], fallback=language == "en")

    def __call__(self, text: str, **values: object) -> str:
        return self._catalogue.gettext(text).format(**values)

    def reason(self, reason: DenyReason) -> str:
        """Why somebody is refused, and what helps."""
        return self(REASONS[reason])

    def flag(self, flag: GrantFlag) -> str:
        """What is remarkable about a grant."""
        return self(FLAGS[flag])

    def duration(self, ms: int) -> str:
        """A length of time, to the minute; both languages write it alike."""
        minutes = abs(ms) // 60_000
        if minutes < 60:
            return f"{minutes} min" if minutes else f"{abs(ms) // 1000} s"
        return f"{minutes // 60} h {minutes % 60:02} min"
