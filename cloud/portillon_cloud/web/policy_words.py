"""What a site does when it knows too little, in the owner's words: one entry for each key of the site's policy."""

from collections.abc import Mapping

from portillon_rules.policy import (
    LENIENT_HOURS_MAX,
    AfterLease,
    JournalUnwritable,
    TimeUncertain,
    VisitsElsewhere,
)
from portillon_rules.reason import DenyReason

from portillon_cloud.web.settings import Choice, HoursFor, Number, Option, Setting
from portillon_cloud.web.wording import N_

HOURS_MOST = 31 * 24

POLICY_SETTINGS: Mapping[str, Setting] = {
    "after_lease": Choice(
        label=N_("The line has been down for three days"),
        example=N_("Until then everything goes on as always. Staff get in whatever you choose; day passes end there."),
        options=(
            Option(
                AfterLease.DENY,
                N_("Refuse members"),
                N_("Cut off since Friday noon: from Monday noon members see “gateway offline” and find a closed gate."),
            ),
            Option(
                AfterLease.PASS_AND_FLAG,
                N_("Let members in, and mark it"),
                N_("Members train as always. A card that you blocked meanwhile opens too; each such entry is marked."),
            ),
            Option(
                AfterLease.PASS_FOR_HOURS,
                N_("Let members in for some hours more, and mark it"),
                N_("With 24 hours: members get in until Tuesday noon, and are refused from then on."),
            ),
        ),
    ),
    "after_lease_hours": Number(
        label=N_("For so many hours more"),
        unit=N_("hours"),
        least=0,
        most=HOURS_MOST,
        none=0,
        example=N_("Counts for the last of the three answers only."),
    ),
    "journal_unwritable": Choice(
        label=N_("The gateway’s memory card is full or broken"),
        example=N_("It tells you by an alarm. Until somebody has been there, it cannot write down who came."),
        options=(
            Option(
                JournalUnwritable.PASS_AND_FLAG,
                N_("Let members in, and send the entries at once"),
                N_("The gym runs on. What happens while the line is down as well may never be known."),
            ),
            Option(
                JournalUnwritable.DENY,
                N_("Refuse everybody until it can"),
                N_("Nobody enters unseen: for a site that must account for each person."),
            ),
        ),
    ),
    "time_uncertain": Choice(
        label=N_("After a power cut the gateway is not sure what time it is"),
        example=N_("It knows within a few hours, until the line is back and tells it."),
        options=(
            Option(
                TimeUncertain.FOLLOW,
                N_("Go by its clock"),
                N_("Off-peak members get in when the gateway believes that it is off-peak; it may be an hour out."),
            ),
            Option(
                TimeUncertain.DENY,
                N_("Refuse whoever depends on hours"),
                N_("Who may come at all hours gets in. Off-peak members wait for the line; doors ask for the PIN."),
            ),
        ),
    ),
    "visits_elsewhere": Choice(
        label=N_("A visit pack is counted at another gateway"),
        example=N_("Each member’s visits are counted at one gateway, so that the last one is not spent at two doors."),
        options=(
            Option(
                VisitsElsewhere.DENY,
                N_("Send them to their usual entrance"),
                N_("At the side door the ten-visit pack reads “visits kept elsewhere”; at the front it opens."),
            ),
            Option(
                VisitsElsewhere.PASS_AND_FLAG,
                N_("Let them in, and count it afterwards"),
                N_("The side door opens. Should the pack have been empty, it stands at minus one, and you see it."),
            ),
        ),
    ),
    "lenient_hours": HoursFor(
        label=N_("For how many hours this site overlooks it"),
        example=N_(
            "48 for unpaid dues: whose card would shut on Monday gets in until Wednesday, with a kind word and a mark."
            " Empty: refused at once."
        ),
        options=(
            Option(DenyReason.DUES_UNPAID, N_("Dues are unpaid, after the days of grace")),
            Option(DenyReason.CHARGEBACK, N_("A payment was charged back")),
            Option(DenyReason.FROZEN, N_("The membership is frozen")),
            Option(DenyReason.CONTRACT_ENDED, N_("The contract has ended")),
            Option(DenyReason.PASS_SHARED, N_("The pass looks shared")),
        ),
        most=LENIENT_HOURS_MAX,
    ),
}
"""By key of SitePolicy. Its time zone is the site's own, and is not chosen here."""
