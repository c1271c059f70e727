"""The page of suspicions: an account that is held is shown, somebody says what they found, limits are chosen."""

import pytest
from cloud.web.conftest import csrf_of
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.fraud.guarding import Asked, admit
from portillon_cloud.payments.fraud.limits import Act
from portillon_cloud.web.pages.suspicions import ADVICE, WHY, Suspicion


def try_cards(services, gym, account_id: int, *, count: int = 6) -> bool:
    """Whether the last of so many new cards was let through."""
    asked = Asked(organisation_id=gym.organisation_id, account_id=account_id, act=Act.CARD_ASKED, address="203.0.113.9")
    real_ms = services.clock.real_ms()
    return [admit(services.db, services.keyring, asked, real_ms=real_ms) for _ in range(count)][-1] is None


def send(client, path, **values):
    return client.post(path, data={"csrf": csrf_of(client.get("/suspicions").text), **values})


def test_somebody_looks(signed_in, services, gym) -> None:
    """Held is shown with what to do; without a word nothing is freed; with one it is, once, and stays on record."""
    desk, account_id = signed_in(Role.DESK), gym.accounts[0]
    assert "nothing to look at" in desk.get("/suspicions").text
    assert not try_cards(services, gym, account_id)
    shown = desk.get("/suspicions").text
    assert "Many cards were entered for one account" in shown and "Ask the member" in shown
    assert f'href="/accounts/{account_id}"' in shown and "203.0.113.9" not in shown
    assert send(desk, "/suspicions/1/clear", note=" ").status_code == 422
    assert send(desk, "/suspicions/1/clear", note="lost her purse twice").status_code == 303
    assert send(desk, "/suspicions/1/clear", note="again").status_code == 409
    after = desk.get("/suspicions").text
    assert "lost her purse twice" in after and "nothing to look at" in after
    assert try_cards(services, gym, account_id, count=1)


def test_limits_are_an_owners(signed_in, services, gym) -> None:
    """An owner's new limit holds at once; nonsense changes nothing; the desk sees no form and may not send one."""
    owner, desk = signed_in(Role.OWNER), signed_in(Role.DESK)
    chosen = {
        "tries_per_hour": "9", "cards_per_day": "1", "refusals_per_day": "8", "address_tries_per_hour": "30",
        "organisation_refusals_per_hour": "40",
    }  # fmt: skip
    assert send(owner, "/suspicions/limits", **{**chosen, "cards_per_day": "0"}).status_code == 422
    assert send(owner, "/suspicions/limits", **chosen).status_code == 303
    assert not try_cards(services, gym, gym.accounts[0], count=2)
    assert "/suspicions/limits" not in desk.get("/suspicions").text
    assert send(desk, "/suspicions/limits", **chosen).status_code == 403
    assert signed_in(Role.TECHNICIAN).get("/suspicions").status_code == 403
    assert set(WHY) == set(ADVICE) == set(Suspicion)


@pytest.mark.parametrize("path", ["/suspicions/limits", "/suspicions/1/clear"])
def test_the_language_may_be_changed_after_a_refusal(signed_in, path: str) -> None:
    """Whoever comes back to the address of a form is on the page again."""
    assert signed_in(Role.OWNER).get(path).headers["location"] == "/suspicions"
