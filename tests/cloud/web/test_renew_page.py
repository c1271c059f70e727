"""Accepting another term in writing by the offer's link: what the letter said, once, and only while it stands."""

import re
from datetime import date

from cloud.billing.lawful_gym import open_lawful_gym
from portillon_cloud.billing.change_request import CancelChange
from portillon_cloud.billing.tables import subscription_event
from portillon_cloud.messages.notices import RenewalAgreed, RenewalOffered
from sqlalchemy import select

START, END = date(2026, 1, 2), date(2026, 7, 2)


def offered(services, language="fr"):
    """A Quebec member who had the offer, and the path in its letter."""
    gym = open_lawful_gym(services.db, services.keyring, services.clock, "ca-qc")
    nadia = gym.join(gym.sell(term_months=6), START, language=language)
    gym.turn_to(date(2026, 6, 1))
    [told] = gym.told(nadia)
    assert isinstance(told.notice, RenewalOffered)
    return gym, nadia, re.search(r"https://gym\.example(/renew/\S+)", told.body).group(1)


def test_the_offer_is_accepted_in_writing(client, services):
    """billing.md 62: price and days as in the letter; one button; recorded as the member's own; confirmed; once."""
    gym, nadia, path = offered(services)
    page = client.get(path).text
    assert "6 mois de plus" in page and "J’accepte par écrit" in page and "40,24" in page
    assert gym.ends_on(nadia) == END
    answer = client.post(path)
    assert answer.status_code == 303
    assert "Votre abonnement continue" in client.get(answer.headers["location"]).text
    assert gym.ends_on(nadia) == date(2027, 1, 2)
    client.post(path)
    assert gym.ends_on(nadia) == date(2027, 1, 2)
    assert [type(one.notice) for one in gym.told(nadia)] == [RenewalOffered, RenewalAgreed]
    with services.db.read() as conn:
        [*_, last] = conn.execute(select(subscription_event).order_by(subscription_event.c.id)).all()
    assert (last.recorded_by, last.reason) == ("member, by link", "accepted the offer in writing, by its link")


def test_who_leaves_has_no_offer_any_more(client, services):
    """Cancelled meanwhile: the link says that none waits, in the language that was chosen."""
    gym, nadia, path = offered(services, language="en")
    gym.ask(nadia, CancelChange(change="cancel", on=date(2026, 6, 20)))
    assert "There is no offer that waits for you" in client.get(path).text
    assert "Aucune offre ne vous attend" in client.get(f"{path}?language=fr").text
    assert client.post(path).status_code == 200
    assert gym.ends_on(nadia) == date(2026, 6, 20)


def test_a_form_from_elsewhere_accepts_nothing(client, services):
    """Another site's form, and a link for leaving, renew nothing."""
    gym, nadia, path = offered(services)
    assert client.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get(path.replace("/renew/", "/leave/")).status_code == 404
    assert gym.ends_on(nadia) == END
