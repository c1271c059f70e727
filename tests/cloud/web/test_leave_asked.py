"""The way out for whoever has no link: an e-mail, the same answer to everybody, a letter to the address on file."""

from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
from cloud.billing.lawful_gym import BASE_URL, open_lawful_gym
from cloud.web.leaver import Leaver
from portillon_cloud.identity import strangers, throttle
from portillon_cloud.members.tables import account
from portillon_cloud.messages.notices import WayToLeave
from portillon_cloud.messages.tables import message
from sqlalchemy import func, select, update

START = date(2026, 1, 2)


@pytest.fixture
def nadia(client, services):
    """Who joined a French gym by telephone and has lost every letter."""
    gym = open_lawful_gym(services.db, services.keyring, services.clock, "fr")
    return Leaver(client, gym, gym.join(gym.sell(), START, language="fr", at_distance=True))


def ask(nadia, email: str, **headers: str):
    path = f"/gym/{nadia.gym.gym.organisation_id}/leave"
    answer = nadia.client.post(path, data={"email": email}, headers=headers)
    nadia.gym.worker.run_until_idle()
    return answer


def letters(nadia) -> int:
    with nadia.gym.gym.db.read() as conn:
        return conn.scalar(select(func.count()).select_from(message).where(message.c.kind == "way_to_leave")) or 0


def test_a_letter_goes_to_the_address_on_file(nadia):
    """In whatever letters it is typed, once a day; its link is ours, whatever host the asker named, and it works."""
    nadia.gym.turn_to(date(2026, 3, 1))
    for typed in ("Nadia@Example.ORG", " nadia@example.org "):
        assert ask(nadia, typed, host="evil.example").status_code == 200
    [told] = nadia.gym.told(nadia.joined)
    assert isinstance(told.notice, WayToLeave) and "evil" not in told.body
    link = next(word for word in told.body.split() if word.startswith(BASE_URL))
    nadia.open(urlsplit(link).path)
    nadia.press()
    nadia.press()
    assert nadia.heading == "Votre abonnement est résilié"
    nadia.gym.turn_to(date(2026, 4, 2))
    ask(nadia, "nadia@example.org")
    assert letters(nadia) == 1  # what is over needs no way out


def test_nobody_learns_who_is_known(nadia):
    """The page for a stranger's e-mail is the page for a member's, but for the e-mail; a stranger has no letter."""
    known, unknown = ask(nadia, "nadia@example.org"), ask(nadia, "nobody@example.org")
    assert (known.status_code, known.text) == (200, unknown.text.replace("nobody@", "nadia@"))
    assert letters(nadia) == 1
    with nadia.gym.gym.db.write() as conn:
        conn.execute(update(account).values(email=None))
    nadia.gym.turn_to(START + timedelta(days=1))
    assert ask(nadia, "nadia@example.org").text == known.text


def test_asked_too_often_is_to_wait(nadia, services, monkeypatch):
    """By e-mail and by address, known or not; without the throttle it would go on for ever (ablation)."""
    answers = [ask(nadia, "nobody@example.org").status_code for _ in range(throttle.FREE_FAILURES_PER_EMAIL + 3)]
    assert answers == [200] * (throttle.FREE_FAILURES_PER_EMAIL + 1) + [429] * 2
    late = ask(nadia, "nobody@example.org")
    assert late.headers["retry-after"] == "2" and "Réessayez dans 2 secondes" in late.text
    others = [ask(nadia, f"{n}@example.org").status_code for n in range(throttle.FREE_FAILURES_PER_ADDRESS)]
    assert others[-1] == 429 and 200 in others
    services.clock.forward(ms=throttle.WINDOW_MS)
    assert ask(nadia, "nobody@example.org").status_code == 200
    monkeypatch.setattr(strangers.throttle, "wait_ms", lambda *_, **__: 0)
    assert all(ask(nadia, "nobody@example.org").status_code == 200 for _ in range(9))


def test_what_is_no_address_is_said(nadia):
    """Kept as it was typed; a form from elsewhere and a gym that is none are refused."""
    for wrong in ("", "nadia", "a b@example.org", "nadia@"):
        refused = ask(nadia, wrong)
        assert refused.status_code == 422 and 'role="alert"' in refused.text
    assert ask(nadia, "nadia@example.org", **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert nadia.client.get("/gym/999999/leave").status_code == 404
    assert "Cancel your membership" in nadia.client.get("/gym/1/leave?language=en").text
    assert letters(nadia) == 0
