"""A letter about money carries a link by which the payer helps themselves; the link is kept nowhere."""

import re
from dataclasses import dataclass, field

import pytest
from dues_gym import DuesGym, at
from portillon_cloud.dunning.ladder import LetterKind
from portillon_cloud.messages.carrier import Letter
from portillon_cloud.messages.operations import Leaving, deliver
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.pay_footer import KINDS, pay_footer
from portillon_cloud.payments.pay_link import DAY_MS, LINK_DAYS, PayLinks
from portillon_cloud.payments.provider import CardBehaviour
from sqlalchemy import select


@dataclass
class Postman:
    """Keeps what he carries."""

    carried: list[Letter] = field(default_factory=list)

    def carry(self, letter: Letter) -> None:
        self.carried.append(letter)


@pytest.mark.parametrize(("language", "said"), [("en", "Pay now, give us another card"), ("fr", "Payez, donnez")])
def test_below_a_letter_that_leaves(gym: DuesGym, language: str, said: str) -> None:
    """It opens this account's page for fourteen days; the letter that is kept, and staff see, has no link in it."""
    links = PayLinks.of(gym.keyring, "https://gym.example")
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS, language=language)
    gym.owe(payer)
    gym.run_until(at(0))
    postman = Postman()
    assert deliver(gym.db, postman, real_ms=gym.clock.real_ms(), below=pay_footer(links)) == 1
    [letter] = postman.carried
    assert said in letter.body
    found = re.search(r"https://gym\.example/pay/(\S+)", letter.body)
    assert found is not None
    opened = links.read(found[1])
    assert (opened.organisation_id, opened.account_id) == (gym.organisation_id, payer.account_id)
    assert opened.until_ms == at(0) + LINK_DAYS * DAY_MS
    [kept] = gym.scalars(select(message.c.body))
    assert "/pay/" not in kept
    assert letter.body.startswith(kept.rstrip())


def test_only_where_the_payer_can_help_themselves(gym: DuesGym) -> None:
    """A thank-you, a contract, or a debt that is with an agency has none."""
    below = pay_footer(PayLinks.of(gym.keyring, ""))
    for kind in (*LetterKind, "contract", "pay_link"):
        letter = Leaving(organisation_id=1, account_id=1, kind=kind, language="de", written_at_ms=0)
        assert bool(below(letter)) is (kind in KINDS)
    assert {LetterKind.ACTION_REQUIRED, LetterKind.PAYMENT_FAILED} < KINDS
    assert LetterKind.HANDED_OVER not in KINDS
