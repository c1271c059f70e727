"""An owner enters, sees and ends the account over the API; nobody else does, and no secret comes back."""

from collections.abc import Iterator

import pytest
from cloud.payments.stripe.conftest import StripeGym
from dues_api import Api, make_api
from portillon_cloud.identity.roles import Role

PATH = "/payment-providers/stripe"


@pytest.fixture
def api(stripe_gym: StripeGym) -> Iterator[Api]:
    yield make_api(stripe_gym.gym)


def keys(there: StripeGym, **more: str) -> dict[str, str]:
    return {"secret_key": there.secret, "publishable_key": "pk_test_shown", "webhook_secret": "whsec_hidden", **more}


def test_entered_shown_ended(api: Api, stripe_gym: StripeGym) -> None:
    """What is shown says which account and the key's last four, never the key; ended, it stays in the list."""
    owner = api.as_role(Role.OWNER)
    entered = owner.put(PATH, json=keys(stripe_gym))
    assert entered.status_code == 200, entered.text
    assert (entered.json()["account"], entered.json()["secret_last4"]) == (
        f"acct_{stripe_gym.service.account}",
        stripe_gym.secret[-4:],
    )
    shown = owner.get(PATH)
    assert shown.json()["webhook_url"].endswith(f"/webhooks/stripe/{stripe_gym.gym.organisation_id}")
    assert shown.json()["accounts"] == [entered.json()]
    for hidden in (stripe_gym.secret, "whsec_hidden"):
        assert hidden not in entered.text + shown.text
    assert owner.delete(PATH).status_code == 204
    assert owner.get(PATH).json()["accounts"][0]["until_ms"] is not None


def test_owners_alone(api: Api, stripe_gym: StripeGym) -> None:
    """Whoever takes payments does not choose where the money goes."""
    desk = api.as_role(Role.DESK)
    assert desk.put(PATH, json=keys(stripe_gym)).status_code == 403
    assert (desk.get(PATH).status_code, desk.delete(PATH).status_code) == (403, 403)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"secret_key": "sk_live_somebody"}, 409), ({"secret_key": "short"}, 422), ({"iban": "x"}, 422)],
)
def test_wrong_keys(api: Api, stripe_gym: StripeGym, wrong: dict[str, str], status: int) -> None:
    """Refused in words that do not repeat what was sent."""
    answer = api.as_role(Role.OWNER).put(PATH, json=keys(stripe_gym, **wrong))
    assert answer.status_code == status
    assert not any(value in answer.text for value in wrong.values() if len(value) > 2)


def test_try_again_while_stripe_is_away(api: Api, stripe_gym: StripeGym) -> None:
    """503, and nothing is kept."""
    stripe_gym.service.simulator("faults", outage=True)
    assert api.as_role(Role.OWNER).put(PATH, json=keys(stripe_gym)).status_code == 503
    assert api.as_role(Role.OWNER).get(PATH).json()["accounts"] == []
