"""The owner's page of webhooks: a program is told, tried, paused, given a new secret, sent again, removed."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from cloud.web.conftest import csrf_of
from cloud.web.test_suspicion_pages import try_cards
from cloud.web.test_webhooks_api import Away
from portillon_cloud.identity.roles import Role
from portillon_cloud.web.webhook_words import KINDS
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.delivering import WebhookPost

URL = "https://hooks.example.org/a"


@pytest.fixture
def owner(signed_in):
    return signed_in(Role.OWNER)


def send(client, path, **values):
    csrf = csrf_of(client.get("/webhooks").text)
    return client.post(path, data={"csrf": csrf, **values})


def fail_all(services) -> None:
    post = WebhookPost(db=services.db, clock=services.clock, keyring=services.keyring, sender=Away())
    while post():
        pass


def test_every_kind_has_words() -> None:
    """Each kind of the catalogue is said in words."""
    assert set(KINDS) == set(EventKind)


def test_a_program_is_told(owner, gym, services) -> None:
    """Its secret is shown once; a trial that fails says why; everything can be sent again; removed it is gone."""
    made = send(owner, "/webhooks", url=URL, description="Bookkeeper", kinds=["invoice.issued", "payment.succeeded"])
    assert made.status_code == 200 and "whsec_" in made.text
    listed = owner.get("/webhooks").text
    assert "whsec_" not in listed and "An invoice was issued, Money came in" in listed
    assert send(owner, "/webhooks/1/ping").headers["location"] == "/webhooks/1?done=tried"
    fail_all(services)
    found = owner.get("/webhooks/1").text
    assert "no such host" in found and "On, but failing" in found and "A trial" in found
    assert send(owner, "/webhooks/1", url=URL, description="Books").headers["location"] == "/webhooks/1?done=changed"
    assert "Everything" in owner.get("/webhooks").text
    assert "whsec_" in send(owner, "/webhooks/1/secret").text
    assert "Old secret signs until" in owner.get("/webhooks/1").text
    assert send(owner, "/webhooks/1/pause").status_code == 303
    refused = send(owner, "/webhooks/1/ping")
    assert refused.status_code == 409 and "turned off" in refused.text
    assert send(owner, "/webhooks/1/turn-on").status_code == 303
    assert send(owner, "/webhooks/1/send-again", since_on="2025-01-01").status_code == 303
    assert send(owner, "/webhooks/1/send-again", since_on="soon").status_code == 422
    assert owner.get("/webhooks/1/ping").headers["location"] == "/webhooks/1"
    assert send(owner, "/webhooks/1/remove").headers["location"] == "/webhooks?done=removed"
    assert owner.get("/webhooks/1").status_code == 404


def test_what_is_wrong_is_said_and_nothing_done(owner, signed_in, gym) -> None:
    """A URL that is none comes back with what was typed; the desk may not look; a forged form does nothing."""
    refused = send(owner, "/webhooks", url="ftp://example.org/", description="Shop")
    assert refused.status_code == 422 and 'value="Shop"' in refused.text and "https://" in refused.text
    assert send(owner, "/webhooks", url=URL, kinds="no.such").status_code == 422
    for _ in range(10):
        assert send(owner, "/webhooks", url=URL).status_code == 200
    assert "as many endpoints" in send(owner, "/webhooks", url=URL).text
    assert owner.post("/webhooks", data={"csrf": "x", "url": URL}).status_code == 403
    desk = signed_in(Role.DESK)
    assert desk.get("/webhooks").status_code == 403
    assert 'href="/webhooks"' not in desk.get("/members").text


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_in_a_browser(visitor, axe, services, gym) -> None:
    """With the keyboard a program is told and tried; axe finds nothing, at desk and phone width, in both languages.

    Nor on the page of suspicions.
    """
    try_cards(services, gym, gym.accounts[0])
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.get_by_role("link", name="Books", exact=True).press("Enter")
    page.get_by_role("link", name="Webhooks", exact=True).press("Enter")
    page.get_by_label("Address").fill(URL)
    page.get_by_label("Whose it is").fill("Bookkeeper")
    page.get_by_label("Money came in").press("Space")
    page.get_by_role("button", name="Tell it from now on").press("Enter")
    assert page.locator("#secret").inner_text().startswith("whsec_")
    assert violations(page, axe) == []
    page.get_by_role("button", name="Try it").press("Enter")
    page.get_by_text("A trial is on its way").wait_for()
    fail_all(services)
    for language in ("English", "Français"):
        visitor.go("/webhooks")
        if language == "Français":
            page.get_by_role("button", name=language).click()
        for viewport, scheme in ((DESK, "light"), (PHONE, "dark")):
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            for path in ("/webhooks", "/webhooks/1", "/suspicions"):
                visitor.go(path)
                page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
                assert violations(page, axe) == [], path
                assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
