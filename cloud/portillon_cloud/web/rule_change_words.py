"""What was changed, in words: which rule, whether it is new, other or gone, and which of its keys differ."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portillon_rules.policy import SITE
from portillon_rules.zone_rule import EVERY_ZONE

from portillon_cloud.access.rule_changes import RuleChange
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.locale.words import Words
from portillon_cloud.web.wording import N_

KINDS = {
    RuleKind.HOURS: N_("Hours"),
    RuleKind.HOLIDAYS: N_("Holidays"),
    RuleKind.ZONE: N_("Zone"),
    RuleKind.ZONE_RULE: N_("What holds in the zone"),
    RuleKind.DOOR_PLAN: N_("Plan of the door"),
    RuleKind.DOOR_RULE: N_("Who may pass at the door"),
    RuleKind.POLICY: N_("When in doubt"),
    RuleKind.PLAN: N_("Plan"),
    RuleKind.PRICE: N_("Price of the plan"),
}


@dataclass(frozen=True, slots=True)
class RuleChangeWords:
    """Changes for one reader."""

    words: Words

    def what(self, change: RuleChange) -> str:
        """Which rule it was."""
        kind = self.words.say(KINDS[change.kind])
        named = change.name not in (SITE, EVERY_ZONE)
        return f"{kind}: {change.name}" if named else kind

    def how(self, change: RuleChange) -> str:
        """Whether it is new, other or gone."""
        if change.was is None:
            return self.words.say(N_("new"))
        return self.words.say(N_("removed") if change.becomes is None else N_("changed"))

    def differences(self, change: RuleChange) -> Iterator[tuple[str, str, str]]:
        """The keys whose values differ, as the API names them, with what each was and became."""
        was, becomes = change.was or {}, change.becomes or {}
        for key in sorted({*was, *becomes}):
            if was.get(key) != becomes.get(key):
                yield key, _text(was.get(key)), _text(becomes.get(key))


def _text(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
