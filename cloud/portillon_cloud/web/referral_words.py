"""Who brought whom in words: what it brings, where it stands, and why it cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_cloud.billing.referrals import ReferralState, ReferralWhy, Reward
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.web.wording import N_

STATES: Mapping[ReferralState, tuple[str, str]] = {
    ReferralState.UNPAID: ("idle", N_("First invoice not paid yet")),
    ReferralState.WAITING: ("warn", N_("Earned, not given")),
    ReferralState.REWARDED: ("ok", N_("Rewarded")),
}

WHYS: Mapping[ReferralWhy, str] = {
    ReferralWhy.ONESELF: N_("Nothing was noted: nobody brings themselves. Choose two members."),
    ReferralWhy.HOUSEHOLD: N_("Nothing was noted: one account pays for both, and a household brings nobody to itself."),
    ReferralWhy.PAID_BEFORE: N_("Nothing was noted: this member has paid here before. Only somebody new is brought."),
    ReferralWhy.BROUGHT_ALREADY: N_("Nothing was noted: it is written down already who brought this member."),
    ReferralWhy.NOT_DUE: N_("Nothing was given: the first invoice is not paid, or the reward was given already."),
    ReferralWhy.NO_REWARD: N_("Nothing was given: say first what a referral brings."),
    ReferralWhy.NO_MEMBERSHIP: N_("Nothing was given: whoever brought them has no membership that could cost less."),
}


@dataclass(frozen=True, slots=True)
class ReferralWords:
    """In the reader's language, of amounts in one currency."""

    words: Words
    currency: str

    def state(self, state: ReferralState) -> tuple[str, str]:
        """Kind of mark and word for where a referral is."""
        kind, text = STATES[state]
        return kind, self.words.say(text)

    def reward(self, reward: Reward | None) -> str:
        """What a referral brings whoever brought somebody."""
        if reward is None:
            return self.words.say(N_("Nothing."))
        less = [self.words.rate(reward.share_ppm)] if reward.share_ppm else []
        if reward.amount_minor:
            less.append(self.words.money(Money(reward.amount_minor, self.currency)))
        return self.words.count(
            "%(less)s off the next period of their membership.",
            "%(less)s off each of the next %(n)s periods of their membership.",
            reward.cycles,
            less=" + ".join(less),
        )
