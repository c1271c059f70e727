"""Every enum member that a page shows, in words, and the kind of mark (ok, warn, bad, idle) it gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portillon_rules.credential import CredentialKind
from portillon_rules.reason import DenyReason, GrantFlag

from portillon_cloud.access.standing import Standing
from portillon_cloud.attendance.sharing import Sharing
from portillon_cloud.billing.calendar import IntervalUnit
from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.payments.tables import Means
from portillon_cloud.reports.site_view import BadgeView, LaneCondition, Outcome


def N_(text: str) -> str:
    """Marks a text for the catalogue and translates nothing; the name is gettext's."""
    return text


ROLES: Mapping[Role, str] = {
    Role.OWNER: N_("Owner"),
    Role.DESK: N_("Front desk"),
    Role.TECHNICIAN: N_("Technician"),
}

LANES: Mapping[LaneCondition, tuple[str, str]] = {
    LaneCondition.READY: ("ok", N_("Ready")),
    LaneCondition.FAULT: ("bad", N_("Fault")),
    LaneCondition.FORCED: ("bad", N_("Forced open")),
    LaneCondition.HELD: ("warn", N_("Held open")),
    LaneCondition.FIRE: ("bad", N_("Free because of fire")),
    LaneCondition.LOCKDOWN: ("bad", N_("Lockdown")),
    LaneCondition.BLOCKED: ("warn", N_("Blocked")),
    LaneCondition.FREE: ("warn", N_("Free")),
    LaneCondition.OFFLINE: ("warn", N_("Cut off, deciding alone")),
}

OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.PASSED: ("ok", N_("Went through")),
    Outcome.OPENED: ("ok", N_("May pass")),
    Outcome.NOT_USED: ("idle", N_("Opened, nobody went through")),
    Outcome.DENIED: ("bad", N_("Refused")),
}

REASONS: Mapping[DenyReason, str] = {
    DenyReason.UNKNOWN_CREDENTIAL: N_("this card is not known here"),
    DenyReason.ROW_DAMAGED: N_("the gateway's record is damaged and is being repaired"),
    DenyReason.NOT_YET_VALID: N_("the membership has not begun"),
    DenyReason.EXPIRED: N_("the paid time is over"),
    DenyReason.DUES_UNPAID: N_("dues are unpaid"),
    DenyReason.FROZEN: N_("the membership is frozen"),
    DenyReason.CONTRACT_ENDED: N_("the contract has ended"),
    DenyReason.BLOCKED: N_("blocked by the desk"),
    DenyReason.NO_MEMBERSHIP: N_("no membership"),
    DenyReason.WRONG_ZONE: N_("the plan does not open this zone"),
    DenyReason.OUTSIDE_SCHEDULE: N_("outside the hours of the plan"),
    DenyReason.RESERVED_HOURS: N_("these hours are reserved for a group"),
    DenyReason.LEASE_OVER: N_("the gateway was cut off for too long"),
    DenyReason.TIME_UNKNOWN: N_("the gateway does not know what time it is"),
    DenyReason.NEVER_SYNCED: N_("the gateway has never heard from us"),
    DenyReason.LANE_BUSY: N_("somebody else was passing"),
    DenyReason.LANE_FAULT: N_("the lane is out of order"),
    DenyReason.INTERLOCKED: N_("the other door of the interlock is open"),
    DenyReason.LOCKDOWN: N_("lockdown"),
    DenyReason.DOOR_BLOCKED: N_("staff has blocked the door"),
    DenyReason.CHARGEBACK: N_("a payment was charged back"),
    DenyReason.PASSBACK: N_("already inside"),
    DenyReason.NOT_INSIDE: N_("never badged in"),
    DenyReason.ZONE_FULL: N_("full"),
    DenyReason.NO_VISITS_LEFT: N_("no visits left"),
    DenyReason.VISIT_HELD_ELSEWHERE: N_("visits are kept at another gateway"),
    DenyReason.SECOND_PERSON_NEEDED: N_("a second person must badge"),
    DenyReason.ESCORT_NEEDED: N_("an escort must badge first"),
    DenyReason.SUPERVISOR_ABSENT: N_("no supervisor is inside"),
    DenyReason.GUARDIAN_ABSENT: N_("no guardian is inside"),
    DenyReason.PASS_SHARED: N_("used in two places at once"),
    DenyReason.JOURNAL_UNWRITABLE: N_("the gateway cannot write its journal"),
    DenyReason.OUTPUT_UNAVAILABLE: N_("the lane's relay does not answer"),
    DenyReason.KIND_NOT_ACCEPTED: N_("the reader does not accept this kind of credential"),
    DenyReason.CREDENTIAL_LOST: N_("the card was reported lost"),
    DenyReason.CREDENTIAL_STOLEN: N_("the card was reported stolen"),
    DenyReason.CREDENTIAL_BLOCKED: N_("the card is blocked"),
    DenyReason.CREDENTIAL_EXPIRED: N_("the card itself has run out"),
    DenyReason.CREDENTIAL_REPLACED: N_("the card was replaced by a newer one"),
    DenyReason.COUNTER_REPLAYED: N_("the card's message was seen before: perhaps a copy"),
    DenyReason.PASS_FORGED: N_("the pass is forged"),
    DenyReason.PASS_EXPIRED: N_("the pass was too old"),
    DenyReason.PASS_REPLAYED: N_("the pass was used twice"),
    DenyReason.CODE_USED: N_("the code had been used"),
    DenyReason.PIN_MISSING: N_("no PIN was entered in time"),
    DenyReason.WRONG_PIN: N_("wrong PIN"),
    DenyReason.PIN_LOCKED: N_("too many wrong PINs"),
}

# What somebody reads who may not see money.
REASON_WITHOUT_MONEY = N_("access is suspended; the desk knows why")
MONEY_REASONS = frozenset({DenyReason.DUES_UNPAID, DenyReason.EXPIRED})

FLAGS: Mapping[GrantFlag, str] = {
    GrantFlag.AFTER_LEASE: N_("gateway cut off, let in by the site's policy"),
    GrantFlag.TIME_UNCERTAIN: N_("time uncertain"),
    GrantFlag.NOT_JOURNALED: N_("not in the journal"),
    GrantFlag.DURESS: N_("under duress"),
    GrantFlag.GRACE: N_("dues are open, and the days of grace run"),
    GrantFlag.PASSBACK: N_("inside already, by what was badged"),
    GrantFlag.ZONE_ALMOST_FULL: N_("the zone is almost full"),
    GrantFlag.ZONE_FULL: N_("the zone is full, and the site lets people in nevertheless"),
    GrantFlag.PRESENCE_STALE: N_("who is inside was not heard from the other entrances for a while"),
    GrantFlag.VISIT_UNCHECKED: N_("the visit could not be counted here"),
    GrantFlag.ESCORTED: N_("with an escort"),
    GrantFlag.SHARED: N_("the credential was used in two places at once"),
}

KINDS: Mapping[CredentialKind, str] = {
    CredentialKind.EM4100: N_("125 kHz tag"),
    CredentialKind.WIEGAND: N_("Wiegand card"),
    CredentialKind.NFCA: N_("NFC card"),
    CredentialKind.NFCB: N_("NFC card, type B"),
    CredentialKind.FELICA: N_("FeliCa card"),
    CredentialKind.BARCODE: N_("Barcode"),
    CredentialKind.NUMBER: N_("Card number"),
    CredentialKind.NTAG424: N_("NTAG 424 tag"),
    CredentialKind.DESFIRE: N_("DESFire card"),
    CredentialKind.PHONE: N_("Phone"),
    CredentialKind.DAY_CODE: N_("Day code"),
    CredentialKind.PIN: N_("PIN"),
    CredentialKind.CARD_AND_PIN: N_("PIN for a card"),
}

CREDENTIAL_STATES: Mapping[CredentialState, tuple[str, str]] = {
    CredentialState.ACTIVE: ("ok", N_("Active")),
    CredentialState.BLOCKED: ("warn", N_("Blocked")),
    CredentialState.LOST: ("bad", N_("Lost")),
    CredentialState.STOLEN: ("bad", N_("Stolen")),
    CredentialState.EXPIRED: ("idle", N_("Expired")),
    CredentialState.REPLACED: ("idle", N_("Replaced")),
}

COPYABLE = "copyable:"
"""How a gateway begins the remark that a reader lets pass a kind of credential which can be copied."""

REMARKS: Mapping[str, str] = {
    "insecure_clear_text": N_("%(device)s talks in clear text: whoever reaches the cable can read and replay cards"),
    "uid_only": N_("%(device)s reads serial numbers only: cards that could prove themselves are not asked to"),
}

STEPS: Mapping[StepKind, tuple[str, str]] = {
    StepKind.RETRY: ("warn", N_("Charge tried again")),
    StepKind.REMINDER: ("warn", N_("Reminded")),
    StepKind.RESTRICTION: ("bad", N_("Access suspended")),
    StepKind.PROMISE: ("warn", N_("Promise not kept")),
    StepKind.HAND_OVER: ("bad", N_("With the collectors")),
    StepKind.CANCELLATION: ("bad", N_("Membership ended")),
    StepKind.WRITE_OFF: ("idle", N_("Written off")),
}

NEXT_STEPS: Mapping[StepKind, str] = {
    StepKind.RETRY: N_("Charge again"),
    StepKind.REMINDER: N_("Reminder"),
    StepKind.RESTRICTION: N_("Suspension"),
    StepKind.PROMISE: N_("Promised to be paid by then"),
    StepKind.HAND_OVER: N_("To the collectors"),
    StepKind.CANCELLATION: N_("End of the membership"),
    StepKind.WRITE_OFF: N_("Write-off"),
}

WAITS: Mapping[WaitsFor, str] = {
    WaitsFor.ANSWER: N_("waits for an answer"),
    WaitsFor.GRACE: N_("waits: grace was given"),
    WaitsFor.BLOCK: N_("waits: a dispute or a doubt"),
}


MEANS: Mapping[Means, str] = {
    Means.PROVIDER: N_("Card on file"),
    Means.CASH: N_("Cash"),
    Means.CHEQUE: N_("Cheque"),
    Means.TERMINAL: N_("Card at the terminal"),
    Means.TRANSFER: N_("Transfer"),
    Means.BROUGHT: N_("Brought from the older system"),
}

LAWS: Mapping[str, str] = {
    "ca-qc": N_("Quebec Consumer Protection Act"),
    "fr": N_("French Consumer Code"),
    "none": N_("no consumer law on record"),
}

# In Quebec the two taxes have a name in each language.
TAXES: Mapping[str, str] = {"TPS": N_("GST"), "TVQ": N_("QST"), "TVA": N_("VAT")}


STANDINGS: Mapping[Standing, tuple[str, str]] = {
    Standing.CLEAR: ("ok", N_("All clear")),
    Standing.GRACE: ("warn", N_("Unpaid, in grace")),
    Standing.SUSPENDED: ("bad", N_("Suspended")),
    Standing.FROZEN: ("idle", N_("Frozen")),
    Standing.PARKED: ("idle", N_("Parked")),
    Standing.CHARGEBACK: ("bad", N_("Payment disputed")),
    Standing.BLOCKED: ("bad", N_("Blocked")),
}


SHARING: Mapping[Sharing, str] = {
    Sharing.IMPOSSIBLE_TRAVEL: N_("at two sites within a few minutes"),
    Sharing.HAND_BACK: N_("came in twice by the same door without going out: the card was handed back"),
    Sharing.TWO_PHONES: N_("the code that let them in was shown again outside: a second phone"),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """The tables above for one reader."""

    words: Words
    sees_money: bool

    def sharing(self, kind: Sharing) -> str:
        """What somebody who shares a pass was seen doing."""
        return self.words.say(SHARING[kind])

    def role(self, role: Role) -> str:
        """Name of a role."""
        return self.words.say(ROLES[role])

    def lane(self, condition: LaneCondition) -> str:
        """State of a lane."""
        return self.words.say(LANES[condition][1])

    def lane_kind(self, condition: LaneCondition) -> str:
        """Kind of mark of a lane."""
        return LANES[condition][0]

    def outcome(self, badge: BadgeView) -> str:
        """What came of a badge, with its reason."""
        text = self.words.say(OUTCOMES[badge.outcome][1])
        if badge.reason is None:
            return text
        return self.words.say("%(outcome)s: %(reason)s", outcome=text, reason=self.reason(badge.reason))

    def outcome_kind(self, outcome: Outcome) -> str:
        """Kind of mark of an outcome."""
        return OUTCOMES[outcome][0]

    def reason(self, reason: DenyReason) -> str:
        """Why somebody may not pass."""
        if reason in MONEY_REASONS and not self.sees_money:
            return self.words.say(REASON_WITHOUT_MONEY)
        return self.words.say(REASONS[reason])

    def flag(self, flag: GrantFlag) -> str:
        """What was special about a grant."""
        return self.words.say(FLAGS[flag])

    def kind(self, kind: CredentialKind) -> str:
        """Family of a credential."""
        return self.words.say(KINDS[kind])

    def credential_state(self, state: CredentialState) -> str:
        """What became of a credential."""
        return self.words.say(CREDENTIAL_STATES[state][1])

    def credential_state_kind(self, state: CredentialState) -> str:
        """Kind of mark of a credential's state."""
        return CREDENTIAL_STATES[state][0]

    def remarks(self, device: str, remarks: Sequence[str]) -> list[str]:
        """What should be known of a device that is well; a newer gateway's own remarks are shown as they are."""
        kinds = [one.removeprefix(COPYABLE) for one in remarks if one.startswith(COPYABLE)]
        said = []
        if kinds:
            known = [self.kind(CredentialKind(one)) if one in set(CredentialKind) else one for one in kinds]
            lets_pass = N_("%(device)s lets pass what can be copied: %(kinds)s")
            said.append(self.words.say(lets_pass, device=device, kinds=", ".join(known)))
        for one in remarks:
            if one in REMARKS:
                said.append(self.words.say(REMARKS[one], device=device))
            elif not one.startswith(COPYABLE):
                said.append(f"{device}: {one}")
        return said

    def step(self, step: StepKind | None) -> str:
        """The last step taken on the ladder."""
        return self.words.say(N_("Waiting")) if step is None else self.words.say(STEPS[step][1])

    def step_kind(self, step: StepKind | None) -> str:
        """Kind of mark of a step."""
        return "idle" if step is None else STEPS[step][0]

    def next_step(self, step: StepKind) -> str:
        """What comes next on the ladder."""
        return self.words.say(NEXT_STEPS[step])

    def waits(self, waits_for: WaitsFor) -> str:
        """What the next step waits for."""
        return self.words.say(WAITS[waits_for])

    def standing(self, standing: Standing) -> str:
        """How an account stands."""
        return self.words.say(STANDINGS[standing][1])

    def standing_kind(self, standing: Standing) -> str:
        """Kind of mark of a standing."""
        return STANDINGS[standing][0]

    def means(self, means: Means) -> str:
        """How money came in."""
        return self.words.say(MEANS[means])

    def law(self, law: str) -> str:
        """Whose consumer law a contract follows."""
        return self.words.say(LAWS[law])

    def interval(self, unit: IntervalUnit, count: int) -> str:
        """How often a price recurs."""
        match unit:
            case IntervalUnit.MONTH:
                return self.words.count("per month", "every %(n)s months", count)
            case IntervalUnit.WEEK:
                return self.words.count("per week", "every %(n)s weeks", count)
            case IntervalUnit.DAY:
                return self.words.count("per day", "every %(n)s days", count)

    def tax(self, tax: str) -> str:
        """A tax's name; one this version does not know keeps its own."""
        return self.words.say(TAXES[tax]) if tax in TAXES else tax
