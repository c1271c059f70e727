"""A contract's pages: staff prepare it and have it accepted; whoever has the link reads, accepts and keeps it."""

import re

import pytest
from cloud.web.browser_window import visitor  # noqa: F401 - a fixture
from cloud.web.test_documents_api import PARTICULARS, PROFILE, keys
from portillon_cloud.documents.link import LINK_DAYS, link_for
from portillon_cloud.identity.roles import Role
from portillon_cloud.messages.tables import message
from sqlalchemy import select

PAGE = "/subscriptions/1/contract"
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def desk(client, gym, signed_in):
    """The desk, signed in; what contracts say of seller and member is known."""
    client.put(f"/api/v1/legal-entities/{gym.legal_entity_id}/particulars", json=PARTICULARS, **keys(gym))
    client.put("/api/v1/members/1/profile", json=PROFILE, **keys(gym))
    return signed_in(Role.DESK)


@pytest.fixture
def prepared(desk, csrf):
    """Its first document waits."""
    empty = desk.get(PAGE)
    assert "Nothing is on paper yet" in empty.text
    done = desk.post(PAGE, data={"csrf": csrf(empty.text), "language": "fr"})
    assert done.headers["location"] == f"{PAGE}?done=prepared"
    return desk.get(PAGE).text


def digest(html):
    return re.search(r'name="sha256" value="([0-9a-f]{64})"', html)[1]


def test_accepted_at_the_desk(desk, csrf, prepared):
    """Prepared, read, accepted on the screen, checked, and sent: the page says so each time."""
    assert "Waits to be accepted" in prepared
    form = {"csrf": csrf(prepared), "name": "Nadia Roy", "sha256": digest(prepared)}
    refused = desk.post("/contract-documents/1/accept", data=form)
    assert refused.status_code == 409 and "tick that you agree" in refused.text
    for drawn in ("[[[1,", "[[[2000, 1]]]"):
        wrong = desk.post("/contract-documents/1/accept", data={**form, "agreed": "true", "strokes": drawn})
        assert wrong.status_code == 409 and "signature" in wrong.text.lower()
    yes = {**form, "agreed": "true", "strokes": "[[[1, 2], [300, 40]]]"}
    assert desk.post("/contract-documents/1/accept", data=yes).headers["location"] == f"{PAGE}?done=accepted"
    shown = desk.get(f"{PAGE}?done=accepted").text
    assert "Accepted and sealed" in shown and "at the desk, before" in shown
    for act, then in (("verify", "genuine"), ("send", "sent")):
        done = desk.post(f"/contract-documents/1/{act}", data={"csrf": csrf(shown)})
        assert done.headers["location"] == f"{PAGE}?done={then}"
    assert desk.get("/contract-documents/1/file").content.startswith(b"%PDF")


def test_accepted_by_the_link(client, gym, desk, csrf, prepared):
    """The letter's link opens the contract without a password; accepted there, it is kept there."""
    desk.post("/contract-documents/1/send", data={"csrf": csrf(prepared)})
    with gym.services.db.read() as conn:
        body = conn.scalar(select(message.c.body).where(message.c.kind == "contract"))
    path = re.search(r"/contract/\S+", body)[0]
    html = client.get(path).text
    assert "<p>Vélo</p>" in html and "J&#39;ai lu ce contrat" in html and "Accepter le contrat" in html
    assert client.get(f"{path}/file").headers["content-type"] == "application/pdf"
    yes = {"name": "Nadia Roy", "sha256": digest(html), "agreed": "true"}
    assert client.post(path, data={**yes, "sha256": "0" * 64}).status_code == 409
    done = client.post(path, data=yes, follow_redirects=False)
    assert done.status_code == 303 and "Vous l" in client.get(path).text
    assert "by the link in the letter" in desk.get(PAGE).text


def test_a_link_that_is_none_opens_nothing(client, gym, prepared):
    """Made up, or over: not found, in words, and the contract stays shut."""
    over = link_for(
        gym.services.keyring,
        organisation_id=gym.organisation_id,
        document_id=1,
        real_ms=gym.services.clock.real_ms() - LINK_DAYS * DAY_MS,
    )
    for link in (over, "made-up", f"{gym.organisation_id}-1-99999999999999-{'0' * 64}"):
        for path in (f"/contract/{link}", f"/contract/{link}/file"):
            answer = client.get(path)
            assert answer.status_code == 404 and "Ask the gym for a new one" in answer.text


def test_what_is_missing_is_said_on_the_page(signed_in, csrf):
    """Without a permit nothing is prepared, and the clause is named; technicians see no contracts."""
    page = signed_in(Role.DESK)
    answer = page.post(PAGE, data={"csrf": csrf(page.get(PAGE).text), "language": "fr"})
    assert answer.status_code == 409 and "P-40.1, s. 199 (a)" in answer.text
    assert signed_in(Role.TECHNICIAN).get(PAGE).status_code == 403


def test_the_page_by_keyboard_and_for_everybody(visitor, gym, desk, prepared, axe):  # noqa: F811
    """The member draws, ticks and accepts in a browser; axe-core finds nothing, on a phone too."""
    link = link_for(
        gym.services.keyring,
        organisation_id=gym.organisation_id,
        document_id=1,
        real_ms=gym.services.clock.real_ms(),
    )
    visitor.go(f"/contract/{link}")
    page = visitor.page
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(found => found.violations.map(one => one.id))") == []
    page.get_by_label("Prénom et nom").fill("Nadia Roy")
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 20)
    page.mouse.up()
    assert page.locator("input[name=strokes]").input_value().startswith("[[[")
    page.locator("input[name=agreed]").check()
    page.get_by_role("button", name="Accepter le contrat").click()
    assert page.get_by_text("Vous l’avez accepté").count() == 1


def test_owners_word_their_contracts(signed_in, csrf):
    """What contracts say of the gym is typed once; a wording that leaves out what the law wants is not saved."""
    owner = signed_in(Role.OWNER)
    html = owner.get("/contract-texts").text
    assert "P-40.1, s. 199 (a)" in html and "Contrat d&#39;abonnement" in html
    entity = re.search(r"/contract-texts/sellers/(\d+)", html)[1]
    form = {"csrf": csrf(html), "address": "1, avenue du Mont-Royal", "contact": "514 555-0100", "permit": "123456"}
    done = owner.post(f"/contract-texts/sellers/{entity}", data=form)
    assert done.headers["location"] == "/contract-texts?done=seller"
    assert owner.post(f"/contract-texts/sellers/{entity}", data={**form, "address": " "}).status_code == 422
    assert owner.post("/contract-texts/sellers/999", data=form).status_code == 404
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", html, re.S)[1].replace("&#39;", "'")
    assert "{total}" in text
    wrong = owner.post("/contract-texts/fr", data={"csrf": csrf(html), "body": text.replace("{total}", "")})
    assert wrong.status_code == 422 and "{total} is missing (P-40.1, s. 199 (f))" in wrong.text
    saved = owner.post("/contract-texts/fr", data={"csrf": csrf(html), "body": text})
    assert saved.headers["location"] == "/contract-texts?done=wording&language=fr"
    assert "ca-qc fr own 1" in owner.get("/contract-texts").text
    assert signed_in(Role.DESK).get("/contract-texts").status_code == 403
