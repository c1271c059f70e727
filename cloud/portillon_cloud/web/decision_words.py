"""Why a door let somebody in or did not, in the owner's words: the rule that spoke, what it rests on, what helps."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from portillon_rules.reason import DenyReason

from portillon_cloud.locale.words import Words
from portillon_cloud.reports.member_decisions import Ground
from portillon_cloud.web.wording import MONEY_REASONS, N_

RULES: Mapping[str, str] = {
    "table": N_("what the gateway has heard from us"),
    "entitlement": N_("the membership, its dates and the card"),
    "zone": N_("the zones of the membership"),
    "schedule": N_("the hours of the membership"),
    "reserved": N_("hours of one group"),
    "door": N_("how the door stands"),
    "door_rule": N_("what the door asks"),
    "visits": N_("visits and quotas"),
    "passback": N_("where the member was"),
    "occupancy": N_("how many are in"),
    "basis": N_("what the gateway itself lacks"),
    "company": N_("who comes along"),
    "lane": N_("who else is passing"),
    "reader": N_("what the reader takes"),
    "once": N_("what counts once"),
}
"""By the rule's name in evidence, as docs/rules.md explains each."""

HELPS: Mapping[DenyReason, str] = {
    DenyReason.NEVER_SYNCED: N_("connect the gateway to the cloud"),
    DenyReason.UNKNOWN_CREDENTIAL: N_("give the card to a member at the desk"),
    DenyReason.ROW_DAMAGED: N_("nothing to do: the row is fetched again; if it stays, look at the gateway's disk"),
    DenyReason.CREDENTIAL_LOST: N_("a new card"),
    DenyReason.CREDENTIAL_STOLEN: N_("keep the card; see the desk"),
    DenyReason.CREDENTIAL_BLOCKED: N_("the desk unblocks it"),
    DenyReason.CREDENTIAL_EXPIRED: N_("a new card"),
    DenyReason.CREDENTIAL_REPLACED: N_("use the newer card"),
    DenyReason.NOT_YET_VALID: N_("wait for the first day"),
    DenyReason.EXPIRED: N_("renew, or let the gateway hear that it was"),
    DenyReason.DUES_UNPAID: N_("pay: it opens at once"),
    DenyReason.CHARGEBACK: N_("settle it with the desk"),
    DenyReason.FROZEN: N_("wait for the end, or end the freeze"),
    DenyReason.CONTRACT_ENDED: N_("a new contract"),
    DenyReason.BLOCKED: N_("speak to the desk"),
    DenyReason.NO_MEMBERSHIP: N_("join"),
    DenyReason.PASS_SHARED: N_("speak to the desk: one pass was used as two"),
    DenyReason.WRONG_ZONE: N_("a membership that includes it"),
    DenyReason.OUTSIDE_SCHEDULE: N_("come at its hours"),
    DenyReason.RESERVED_HOURS: N_("come at other hours; the desk says who is of the group"),
    DenyReason.TIME_UNKNOWN: N_("the gateway must hear the time from the cloud"),
    DenyReason.LOCKDOWN: N_("wait for its end"),
    DenyReason.DOOR_BLOCKED: N_("staff puts the door back to its plan"),
    DenyReason.LANE_FAULT: N_("another lane; call the technician"),
    DenyReason.INTERLOCKED: N_("shut the other door"),
    DenyReason.PIN_MISSING: N_("card again, then its PIN"),
    DenyReason.NO_VISITS_LEFT: N_("a new pack, or the next day, week, month"),
    DenyReason.VISIT_HELD_ELSEWHERE: N_("the usual entrance; the desk can move the pack"),
    DenyReason.PASSBACK: N_("leave first; the desk forgives"),
    DenyReason.NOT_INSIDE: N_("the desk forgives; leave by the exit button"),
    DenyReason.ZONE_FULL: N_("wait until somebody leaves"),
    DenyReason.LEASE_OVER: N_("bring the gateway back on line"),
    DenyReason.JOURNAL_UNWRITABLE: N_("free the disk"),
    DenyReason.OUTPUT_UNAVAILABLE: N_("look at relay board and guard"),
    DenyReason.SECOND_PERSON_NEEDED: N_("the second badges within the door's seconds"),
    DenyReason.SUPERVISOR_ABSENT: N_("one of the door's supervisors enters first"),
    DenyReason.GUARDIAN_ABSENT: N_("a guardian enters first"),
    DenyReason.ESCORT_NEEDED: N_("the host or an escort badges first"),
    DenyReason.LANE_BUSY: N_("badge again after the one who passes"),
    DenyReason.KIND_NOT_ACCEPTED: N_("another card, or the desk"),
    DenyReason.PASS_FORGED: N_("enrol the phone again"),
    DenyReason.WRONG_PIN: N_("try again"),
    DenyReason.PIN_LOCKED: N_("wait for the end of the lock-out"),
    DenyReason.PASS_EXPIRED: N_("open the pass again; set the phone's clock"),
    DenyReason.PASS_REPLAYED: N_("wait until the pass renews itself"),
    DenyReason.COUNTER_REPLAYED: N_("hold the card itself to the reader again"),
    DenyReason.CODE_USED: N_("a new code"),
}
"""What docs/rules.md says, word for word: a test holds them together."""

ROWS: Mapping[str, tuple[str, str]] = {
    "schedule": (N_("the hours “%(name)s”"), "hours/schedule/"),
    "holidays": (N_("the holidays “%(name)s”"), "hours/calendar/"),
    "zone_rule": (N_("the rule of the zone %(name)s"), "zones#zone-"),
    "door_rule": (N_("the rule of the door %(name)s"), "doors#door-"),
    "door_order": (N_("an order for the door %(name)s"), "doors#door-"),
    "policy": (N_("what the site does in doubt"), "policy"),
    "visits": (N_("the member’s visits"), ""),
}
"""By kind of feed row: its words, and the part of the site's pages on which it is set; empty: the member's page."""


@dataclass(frozen=True, slots=True)
class DecisionWords:
    """For one reader."""

    words: Words
    sees_money: bool

    def rule(self, ground: Ground) -> str:
        """The rule that spoke; a newer gateway's own name is shown as it is."""
        return self.words.say(RULES[ground.rule]) if ground.rule in RULES else ground.rule

    def row(self, ground: Ground) -> str:
        """What the rule rests on; empty: on the gateway or the door itself."""
        if ground.kind is None:
            return ""
        return self.words.say(ROWS[ground.kind][0], name=ground.name) if ground.kind in ROWS else ground.kind

    def path(self, ground: Ground) -> str:
        """Where it is set, within the site's pages; empty: nowhere there."""
        path = "" if ground.kind is None else ROWS.get(ground.kind, ("", ""))[1]
        if not path.endswith(("/", "-")):
            return path
        return path + ("all" if ground.name == "*" else quote(ground.name))

    def helps(self, reason: DenyReason) -> str:
        """What helps against it; empty for a reader who may not know the reason."""
        if reason in MONEY_REASONS and not self.sees_money:
            return ""
        said = self.words.say(HELPS[reason])
        return said[:1].upper() + said[1:] + "."
