"""While a block holds changes off nothing new is agreed, and whoever wants to leave leaves: on both engines."""

from datetime import date

import pytest
from cloud.gym import Gym, Joined
from portillon_cloud.access.blocks import BlockReason, Switch
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.billing.agreed_change import carry_out, show
from portillon_cloud.billing.change_request import (
    CancelChange,
    Change,
    DiscountChange,
    FreezeChange,
    KeepChange,
    PlanChange,
    RenewChange,
)
from portillon_cloud.billing.contracts import subscribe
from portillon_cloud.billing.errors import SubscriptionRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.subscription import Why

STARTS_ON = date(2026, 1, 1)
DAY = date(2026, 2, 1)


@pytest.fixture
def held(gym: Gym) -> Joined:
    """Somebody whose account may change nothing, from now on."""
    joined = gym.join(starts_on=STARTS_ON)
    hold(gym, joined)
    return joined


def hold(gym: Gym, joined: Joined, member_id: int | None = None) -> None:
    with gym.db.write() as conn:
        put_block(
            conn,
            organisation_id=gym.organisation_id,
            account_id=joined.account_id,
            member_id=member_id,
            reason=BlockReason.BANNED,
            source="desk",
            from_ms=gym.clock.real_ms(),
        )


def asked(gym: Gym, joined: Joined, new: Change, *, only_show: bool = False) -> None:
    own = {"organisation_id": gym.organisation_id, "subscription_id": joined.subscription_id}
    with gym.db.write() as conn:
        if only_show:
            show(conn, **own, new=new, now_ms=gym.clock.real_ms())
        else:
            carry_out(conn, **own, new=new, author=Author(name="desk", at_ms=gym.clock.real_ms()))


NEW: list[Change] = [
    FreezeChange(change="freeze", on=DAY, until_on=date(2026, 3, 1)),
    PlanChange(change="plan", price_id=1),
    DiscountChange(change="discount", code="KIND", on=DAY, share_percent=10),
    RenewChange(change="renew", months=6),
    KeepChange(change="keep"),
]


@pytest.mark.parametrize("new", NEW, ids=lambda new: new.change)
@pytest.mark.parametrize("only_show", [True, False], ids=["shown", "done"])
def test_nothing_new_is_agreed(gym: Gym, held: Joined, new: Change, only_show: bool) -> None:
    """Each is refused with the reason, in the preview as in the deed."""
    with pytest.raises(SubscriptionRefusedError) as refused:
        asked(gym, held, new, only_show=only_show)
    assert refused.value.why == Why.CHANGES_HELD


def test_no_new_contract(gym: Gym, held: Joined) -> None:
    """Whoever may change nothing signs nothing, until the block has ended."""
    sign = {
        "organisation_id": gym.organisation_id,
        "account_id": held.account_id,
        "member_id": held.member_id,
        "price_id": gym.price_id,
        "starts_on": DAY,
        "now_ms": gym.clock.real_ms(),
    }
    with pytest.raises(SubscriptionRefusedError), gym.db.write() as conn:
        subscribe(conn, **sign)
    with gym.db.write() as conn:
        end_block(
            conn, organisation_id=gym.organisation_id, account_id=held.account_id, reason=BlockReason.BANNED,
            source="desk", at_ms=gym.clock.real_ms(),
        )  # fmt: skip
        assert subscribe(conn, **sign).subscription_id > held.subscription_id


def test_leaving_is_never_held(gym: Gym, held: Joined) -> None:
    """modrinth/code#3795: cannot cancel a failing plan for 30 days. Here it can be left on the day, in any standing."""
    asked(gym, held, CancelChange(change="cancel", on=DAY), only_show=True)
    asked(gym, held, CancelChange(change="cancel", on=DAY))


def test_a_members_own_block_holds_their_changes(gym: Gym) -> None:
    """Held for one of a household, changes are held for that one."""
    joined = gym.join(starts_on=STARTS_ON)
    hold(gym, joined, member_id=joined.member_id)
    with pytest.raises(SubscriptionRefusedError):
        asked(gym, joined, FreezeChange(change="freeze", on=DAY, until_on=date(2026, 3, 1)))


def test_ablation_of_the_switch(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ban that does not switch changes off lets a discount be agreed: the refusals above are the switch's doing."""
    joined = gym.join(starts_on=STARTS_ON)
    with gym.db.write() as conn:
        put_block(
            conn,
            organisation_id=gym.organisation_id,
            account_id=joined.account_id,
            reason=BlockReason.BANNED,
            switches=frozenset({Switch.ACCESS}),
            source="desk",
            from_ms=gym.clock.real_ms(),
        )
    asked(gym, joined, DiscountChange(change="discount", code="KIND", on=DAY, share_percent=10))
