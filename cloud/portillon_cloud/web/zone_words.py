"""What holds in a zone, as an owner chooses it and as the page says it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portillon_rules.zone_rule import EVERY_ZONE, Strictness, ZoneRule

from portillon_cloud.locale.words import Words
from portillon_cloud.web.settings import Choice, Number, Option, ReservedHours, Setting, Tick
from portillon_cloud.web.wording import N_

_STRICTNESS = (
    Option(Strictness.OFF, N_("let in")),
    Option(Strictness.SOFT, N_("let in and mark it")),
    Option(Strictness.HARD, N_("refuse")),
)
WITHIN = "within"
"""The one choice whose options are the site's own zones."""
_OF_A_ZONE = (WITHIN, "capacity", "almost_full", "at_capacity", "above_capacity")
DAY_MINUTES, PEOPLE_MOST = 24 * 60, 100_000

ZONE_SETTINGS: Mapping[str, Setting] = {
    WITHIN: Choice(
        label=N_("Lies in"),
        options=(),
        example=N_("The sauna lies in the wet area: who goes into the sauna still counts in the wet area."),
    ),
    "passback": Choice(
        label=N_("Who enters and is in already"),
        options=_STRICTNESS,
        example=N_("They hand the card back over the turnstile for a friend: the second try is refused."),
    ),
    "passback_minutes": Number(
        label=N_("Only for so long after they passed"),
        unit=N_("minutes"),
        least=1,
        most=31 * DAY_MINUTES,
        example=N_("120: two hours later it counts no more, should they have left by the staff door. Empty: always."),
    ),
    "passback_after": Choice(
        label=N_("After that time"),
        options=_STRICTNESS,
        example=N_("Marked entries are in the list of decisions, and nobody stands at a closed gate."),
    ),
    "not_inside": Choice(
        label=N_("Who leaves and never came in"),
        options=_STRICTNESS,
        example=N_("They slipped in behind somebody. Refused, they leave by the exit button or past the desk."),
    ),
    "stale": Choice(
        label=N_("While the other entrances are not heard"),
        options=(
            Option(Strictness.OFF, N_("hold nothing against anybody")),
            Option(Strictness.SOFT, N_("mark it at most")),
            Option(Strictness.HARD, N_("refuse as always")),
        ),
        example=N_("The line between two entrances is cut: who left by the other one would be refused here."),
    ),
    "reset_hour": Number(
        label=N_("Everybody counts as gone at this hour"),
        unit=N_("o’clock"),
        least=0,
        most=23,
        example=N_("4: whoever left yesterday without badging comes in today. Empty: never."),
    ),
    "stay_minutes": Number(
        label=N_("So does who stays for longer than"),
        unit=N_("minutes"),
        least=1,
        most=366 * DAY_MINUTES,
        example=N_("300: nobody trains for five hours. Empty: however long."),
    ),
    "capacity": Number(
        label=N_("How many may be in it"),
        unit=N_("people"),
        least=1,
        most=PEOPLE_MOST,
        example=N_("40 in the sauna: number 41 waits until somebody leaves. Empty: nobody counts."),
    ),
    "almost_full": Number(
        label=N_("Almost full from"),
        unit=N_("people"),
        least=1,
        most=PEOPLE_MOST,
        example=N_("36: entries from then on are marked, so that the desk can look."),
    ),
    "at_capacity": Choice(
        label=N_("The first one too many"),
        options=_STRICTNESS,
        example=N_("Marked: one more than planned gets in, and you can see it afterwards."),
    ),
    "above_capacity": Choice(
        label=N_("Everybody after that"),
        options=_STRICTNESS,
        example=N_("Refused: with 41 in the sauna, nobody else."),
    ),
    "reserved": ReservedHours(
        label=N_("Hours of one group"),
        example=N_("The hours women-only of the group women: while they are open, only members of that group enter."),
    ),
    "staff_exempt": Tick(
        label=N_("Staff pass in any case"),
        example=N_("They are counted all the same."),
    ),
}


def settings_of(zone: str, zones: Sequence[str], schedules: Sequence[str]) -> dict[str, Setting]:
    """What can be chosen for this zone of a site with these; site-wide, less."""
    outside = Option("", N_("nowhere: one comes in from outside"))
    others = tuple(Option(one, one) for one in zones if one != zone)
    found = dict(ZONE_SETTINGS)
    found[WITHIN] = Choice(
        label=ZONE_SETTINGS[WITHIN].label, options=(outside, *others), example=ZONE_SETTINGS[WITHIN].example
    )
    found["reserved"] = reserved_hours(schedules)
    return {name: one for name, one in found.items() if zone != EVERY_ZONE or name not in _OF_A_ZONE}


def reserved_hours(schedules: Sequence[str]) -> ReservedHours:
    """Hours of one group among a site's schedules, in a zone or at a door."""
    reserved = ZONE_SETTINGS["reserved"]
    return ReservedHours(label=reserved.label, example=reserved.example, schedules=tuple(schedules))


@dataclass(frozen=True, slots=True)
class ZoneWords:
    """What holds, for one reader."""

    words: Words

    def name(self, zone: str) -> str:
        """A zone's name, or all of them."""
        return self.words.say(N_("The whole site")) if zone == EVERY_ZONE else zone

    def says(self, rule: ZoneRule) -> list[str]:
        """The rule in sentences."""
        say = self.words.say
        lines = [] if rule.within is None else [say(N_("Lies in %(zone)s."), zone=rule.within)]
        if rule.passback is not Strictness.OFF:
            lines.append(self._passback(rule))
        if rule.not_inside is Strictness.HARD:
            lines.append(say(N_("Who leaves and never came in is refused.")))
        elif rule.not_inside is Strictness.SOFT:
            lines.append(say(N_("Who leaves and never came in is let out, and it is marked.")))
        if rule.reset_hour is not None:
            lines.append(say(N_("At %(hour)s everybody counts as gone."), hour=self.words.hour(rule.reset_hour)))
        if rule.stay_minutes is not None:
            lines.append(say(N_("So does who stays for more than %(time)s."), time=self._time(rule.stay_minutes)))
        if rule.capacity is not None:
            lines.append(self._capacity(rule, rule.capacity))
        if rule.almost_full is not None:
            lines.append(say(N_("Marked as almost full from %(count)s on."), count=self.words.number(rule.almost_full)))
        lines += [
            say(N_("During %(schedule)s only the group %(group)s enters."), schedule=one.schedule, group=one.group)
            for one in rule.reserved
        ]
        if Strictness.OFF not in (rule.passback, rule.stale) and rule.stale.rank < rule.passback.rank:
            lines.append(say(N_("While the other entrances are not heard, it is only marked.")))
        return lines

    def _passback(self, rule: ZoneRule) -> str:
        say = self.words.say
        hard = rule.passback is Strictness.HARD
        if rule.passback_minutes is None or rule.passback_after is rule.passback:
            return say(
                N_("Who enters and is in already is refused.")
                if hard
                else N_("Who enters and is in already is let in, and it is marked.")
            )
        time = self._time(rule.passback_minutes)
        if hard:
            marked = rule.passback_after is Strictness.SOFT
            return say(
                N_("Who enters and is in already is refused for %(time)s, then let in and marked.")
                if marked
                else N_("Who enters and is in already is refused for %(time)s."),
                time=time,
            )
        return say(N_("Who enters and is in already within %(time)s is let in, and it is marked."), time=time)

    def _capacity(self, rule: ZoneRule, capacity: int) -> str:
        count = self.words.number(capacity)
        if rule.at_capacity is Strictness.HARD:
            return self.words.say(N_("%(count)s may be in it; the next is refused."), count=count)
        if rule.above_capacity is Strictness.HARD:
            return self.words.say(
                N_("%(count)s may be in it; one more is let in, and whoever comes then is refused."), count=count
            )
        return self.words.say(N_("%(count)s may be in it; whoever comes then is let in nevertheless."), count=count)

    def _time(self, minutes: int) -> str:
        if minutes % 60 == 0:
            return self.words.count("%(n)s hour", "%(n)s hours", minutes // 60)
        return self.words.count("%(n)s minute", "%(n)s minutes", minutes)
