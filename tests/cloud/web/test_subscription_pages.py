"""A subscription's page: its life in words, each change shown with what it costs, then done, or refused in words."""

import pytest
from portillon_cloud.billing.subscription import Why
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.members.operations import add_account
from portillon_cloud.web.subscription_words import WHYS, SubscriptionWords

PAGE = "/subscriptions/1"


@pytest.fixture
def send(signed_in, csrf):
    page = signed_in(Role.DESK)

    def call(change, **typed):
        form = {"csrf": csrf(page.get(PAGE).text), "change": change, **typed}
        return page.post(PAGE, data=form)

    return call


def test_its_life_is_told(signed_in):
    """The member's page leads to it: plan, price, last day, what befell it and what comes."""
    page = signed_in(Role.DESK)
    assert 'href="/subscriptions/1"' in page.get("/members/1").text
    html = page.get(PAGE).text
    for said in ("Tout accès", "$59.99", "In force", "Begins with Tout accès", "First day after its term"):
        assert said in html


def test_a_freeze_is_shown_before_it_is_done(send, signed_in):
    """First what it leads to, with nothing written; confirmed, it stands in the subscription's life."""
    freeze = {"on": "2025-04-01", "until_on": "2025-05-01", "reason": "a broken ankle"}
    shown = send("freeze", **freeze)
    assert shown.status_code == 200 and "What it would lead to" in shown.text
    assert "Frozen, back on" not in signed_in(Role.DESK).get(PAGE).text
    assert send("freeze", **freeze, confirmed="true").headers["location"] == f"{PAGE}?done=true"
    assert "Frozen, back on May 1, 2025" in signed_in(Role.DESK).get(PAGE).text


def test_a_cancellation_can_be_taken_back(send, signed_in):
    """Cancelled for May and kept: the term's own end stands again."""
    send("cancel", on="2025-05-01", by_law="true", confirmed="true")
    assert "First day without it: cancelled" in signed_in(Role.DESK).get(PAGE).text
    send("keep", confirmed="true")
    html = signed_in(Role.DESK).get(PAGE).text
    assert "cancelled" not in html and "Jan 31, 2026" in html


def test_the_laws_part_is_shown_and_the_letter_kept(send, signed_in):
    """A cancellation by law shows clause, most and day before it is done; its letter stands on the page after."""
    shown = send("cancel", by_law="true").text
    for said in ("C.c.Q., art. 2125, 2129", "Kept at most, taxes included", "at once"):
        assert said in shown
    send("cancel", by_law="true", confirmed="true")
    html = signed_in(Role.DESK).get(PAGE).text
    assert "What they were told in writing" in html and "Votre résiliation est confirmée" in html


def test_the_desk_opens_the_members_own_page(signed_in, csrf):
    """By a link that needs no session; the technician makes none."""
    page = signed_in(Role.DESK)
    answer = page.post(f"{PAGE}/way-to-leave", data={"csrf": csrf(page.get(PAGE).text)})
    assert answer.status_code == 303
    page.cookies.clear()
    assert "Résilier votre contrat" in page.get(answer.headers["location"]).text
    other = signed_in(Role.TECHNICIAN)
    assert other.post(f"{PAGE}/way-to-leave", data={"csrf": csrf(other.get("/sites/1").text)}).status_code == 403


def test_what_cannot_be_is_said_in_words(send):
    """Why it cannot be; and what is no day or no number is said too."""
    refused = send("resume", on="2025-03-12")
    assert refused.status_code == 409 and "It is not frozen, and no freeze is planned." in refused.text
    for typed in ({"on": "soon", "until_on": "2025-05-01"}, {"on": "2025-04-01"}):
        wrong = send("freeze", **typed)
        assert wrong.status_code == 422 and "Nothing was changed" in wrong.text
    assert send("pause").status_code == 422


def test_who_may_see_and_change_it(signed_in, csrf):
    """Technicians see no money; another organisation's subscription is not there; a forged form does nothing."""
    assert signed_in(Role.TECHNICIAN).get(PAGE).status_code == 403
    page = signed_in(Role.DESK)
    assert page.get("/subscriptions/999").status_code == 404
    assert page.post(PAGE, data={"change": "keep", "csrf": "forged"}).status_code == 403


def test_every_refusal_has_words_in_both_languages():
    """A new reason cannot be added without saying what helps, in English and in French."""
    assert set(WHYS) == set(Why)
    for why in Why:
        said = [SubscriptionWords(Words(language, "CA", "America/Toronto")).why(why) for language in ("en", "fr")]
        assert said[0] != said[1] and all(text.endswith(".") for text in said)


def test_a_company_pays_a_part(send, signed_in, gym, services):
    """Chosen from the companies of the gym: both payers' documents are shown first, then it is told, then ended."""
    assert 'value="share"' not in signed_in(Role.DESK).get(PAGE).text
    with services.db.write() as conn:
        company = add_account(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=1,
            name="ACME & fils",
            language="fr",
            kind="company",
        )
    part = {"payer_account_id": company, "share_percent": "50", "on": "2025-04-01"}
    assert send("share", **part).status_code == 200
    assert send("share", **part, confirmed="true").status_code == 303
    html = signed_in(Role.DESK).get(PAGE).text
    assert "ACME &amp; fils pays a part" in html and 'value="end_share"' in html
    send("end_share", payer_account_id=company, on="2025-04-01", confirmed="true")
    assert "pays a part" not in signed_in(Role.DESK).get(PAGE).text.replace("A company pays a part", "")
