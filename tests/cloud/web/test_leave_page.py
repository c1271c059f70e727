"""Leaving by a link: at most three clicks, no password, nothing done by looking, confirmed in writing."""

from datetime import date, timedelta

import pytest
from cloud.billing.lawful_gym import LawfulGym, open_lawful_gym
from cloud.web.leaver import Leaver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.exit_link import DAY_MS, ExitLinks, Purpose, UnknownLinkError
from portillon_cloud.billing.law import online_exit
from portillon_cloud.messages.notices import Cancelled, RenewalComes, WayToLeave, Withdrawn
from portillon_cloud.messages.tables import message
from sqlalchemy import select

START = date(2026, 1, 2)
OVER = {
    "Votre abonnement est résilié",
    "Votre abonnement est terminé",
    "Your membership is cancelled",
    "Your membership is over",
}


def reach(client, services, law="fr", **contract) -> Leaver:
    gym: LawfulGym = open_lawful_gym(services.db, services.keyring, services.clock, law)
    price_id = gym.sell(term_months=contract.pop("term_months", 12))
    return Leaver(client, gym, gym.join(price_id, START, **{"language": "fr", **contract}))


def test_three_clicks_from_the_letter_to_the_end(client, services):
    """billing.md 63: the page's buttons are those of the law's steps, and the letter comes by itself."""
    nadia = reach(client, services)
    nadia.gym.turn_to(date(2026, 3, 1))
    nadia.open(nadia.link())
    assert not nadia.asks_for_password
    nadia.press()
    nadia.press()
    assert nadia.heading == "Votre abonnement est résilié"
    assert nadia.clicks == [step.button for step in online_exit.STEPS]
    [told] = nadia.gym.told(nadia.joined)
    assert isinstance(told.notice, Cancelled)
    assert nadia.gym.ends_on(nadia.joined) == told.notice.ends_on == date(2026, 3, 1)
    with services.db.read() as conn:
        [letter] = conn.execute(select(message).where(message.c.kind == "cancelled")).all()
    assert (letter.recipient, letter.subject) == ("nadia@example.org", "Votre résiliation est confirmée")


@given(
    law=st.sampled_from(["fr", "ca-qc", "none"]),
    term_months=st.sampled_from([1, 3, 12]),
    at_distance=st.booleans(),
    renews=st.booleans(),
    day=st.integers(-20, 80),
    language=st.sampled_from(["en", "fr"]),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_never_more_than_three_clicks(client, services, law, term_months, at_distance, renews, day, language):
    """Whatever the law, the contract and the day: the fields as they stand lead to the end, or it is over by itself."""
    nadia = reach(
        client,
        services,
        law,
        term_months=term_months,
        at_distance=at_distance,
        renews=renews and law != "ca-qc",
        language=language,
    )
    if day > 0:
        nadia.gym.turn_to(START + timedelta(days=day))
    nadia.open(nadia.link())
    while nadia.heading not in OVER:
        assert (len(nadia.clicks), nadia.status) < (online_exit.CLICKS_MOST, 400), nadia.page
        nadia.press()
    assert not nadia.asks_for_password
    said = [one.notice for one in nadia.gym.told(nadia.joined) if isinstance(one.notice, Cancelled | Withdrawn)]
    assert len(said) == (len(nadia.clicks) > 1)


def test_looking_changes_nothing(client, services):
    """A mail program opens the link and even the summary; nobody's membership ends by that."""
    nadia = reach(client, services)
    nadia.gym.turn_to(date(2026, 3, 1))
    ends_on = nadia.gym.ends_on(nadia.joined)
    nadia.open(nadia.link())
    nadia.press()
    assert nadia.heading == "Vérifier et notifier"
    assert nadia.gym.ends_on(nadia.joined) == ends_on
    assert nadia.gym.told(nadia.joined) == []


def test_pressed_twice_is_left_once(client, services):
    """The second notification finds it cancelled and says so; one letter."""
    nadia = reach(client, services)
    nadia.gym.turn_to(date(2026, 3, 1))
    nadia.open(nadia.link())
    nadia.press()
    summary = nadia.page
    nadia.press()
    nadia.page = summary
    nadia.press()
    assert nadia.heading == "Votre abonnement est résilié"
    assert len(nadia.gym.told(nadia.joined)) == 1


def test_a_link_that_ran_out_can_be_had_anew(client, services):
    """It changes nothing; one press sends another to the address on file, once a day."""
    nadia = reach(client, services)
    path = nadia.link(days=7)
    nadia.gym.turn_to(START + timedelta(days=20))
    nadia.open(path)
    assert nadia.heading == "Ce lien a expiré"
    page = nadia.page
    nadia.press()
    nadia.page = page
    nadia.press()
    [told] = nadia.gym.told(nadia.joined)
    assert isinstance(told.notice, WayToLeave)
    assert "/leave/" in told.body
    answer = client.post(path, data={"on": "2026-02-01", "confirmed": "true"})
    assert "Ce lien a expiré" in answer.text
    assert nadia.gym.ends_on(nadia.joined) == date(2027, 1, 2)


def test_no_to_a_renewal(client, services):
    """On the term's last day it only does not go on: nothing is credited, the letter confirms it, no renewal comes."""
    nadia = reach(client, services, renews=True, term_months=3)
    nadia.gym.turn_to(date(2026, 3, 10))
    nadia.open(nadia.link())
    nadia.press()
    nadia.press()
    nadia.gym.turn_to(date(2026, 4, 10))
    assert nadia.gym.ends_on(nadia.joined) == date(2026, 4, 2)
    assert [type(one.notice) for one in nadia.gym.told(nadia.joined)] == [RenewalComes, Cancelled]


def test_withdrawing_says_what_comes_back(client, services):
    """Within fourteen days of a contract at a distance: the clause and the amount before, the same amount after."""
    gym = open_lawful_gym(services.db, services.keyring, services.clock, "fr")
    yearly = gym.sell(420_00, interval=Interval(IntervalUnit.MONTH, 12))
    nadia = Leaver(client, gym, gym.join(yearly, START, at_distance=True, language="fr"))
    gym.turn_to(date(2026, 1, 10))
    nadia.open(nadia.link())
    nadia.press()
    assert "L221-18" in nadia.page
    nadia.press()
    [told] = gym.told(nadia.joined)
    assert isinstance(told.notice, Withdrawn)


@pytest.mark.parametrize(("typed", "status"), [({"on": ""}, 422), ({"on": "2025-12-01"}, 409), ({"on": "soon"}, 422)])
def test_a_day_that_cannot_be_is_said(client, services, typed, status):
    """The form again with what is wrong; the reason typed is kept."""
    nadia = reach(client, services)
    nadia.gym.turn_to(date(2026, 3, 1))
    nadia.open(nadia.link())
    nadia.press({**typed, "reason": "je déménage"})
    assert nadia.status == status
    assert 'role="alert"' in nadia.page and "je déménage" in nadia.page


def test_what_is_no_link_of_ours_opens_nothing(client, services):
    """Cut off, changed by a letter, made under another key, or for another page."""
    nadia = reach(client, services)
    path = nadia.link()
    wrong = path[:-1] + ("A" if path[-1] != "A" else "B")
    other = ExitLinks(b"another key", "").link(1, nadia.joined.subscription_id, Purpose.LEAVE, now_ms=0)
    renew = nadia.gym.links.link(1, 1, Purpose.RENEW, now_ms=0).rpartition("/")[2]
    for one in (path[:-3], wrong, other, f"/leave/{renew}", "/leave/x", "/leave/é"):
        assert client.get(one).status_code == 404, one
    forged = client.post(path, data={"on": "2026-03-01"}, headers={"sec-fetch-site": "cross-site"})
    assert forged.status_code == 403


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1), st.sampled_from(Purpose), st.binary(max_size=60))
def test_a_token_says_what_was_put_in(organisation_id, subscription_id, purpose, noise):
    """And nothing that anybody else writes is believed."""
    links = ExitLinks(b"k" * 32, "https://gym.example")
    token = links.link(organisation_id, subscription_id, purpose, now_ms=5, days=2).rpartition("/")[2]
    read = links.read(token, purpose)
    assert (read.organisation_id, read.subscription_id, read.until_ms) == (
        organisation_id,
        subscription_id,
        5 + 2 * DAY_MS,
    )
    with pytest.raises(UnknownLinkError):
        links.read(noise.hex(), purpose)
