"""Credentials on the member's page: what the desk does there, in words, in both languages."""

import re
from datetime import date

import pytest
from portillon_cloud.gateways.tables import gateway_status
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.credential_store import credentials_of
from portillon_wire.day_code import read_day_code
from portillon_wire.qr_pass_issuer import DeviceKey
from sqlalchemy import update

DIGITS = re.compile(r'class="secret number">(\d+)<')


@pytest.fixture
def desk(signed_in, gym, csrf):
    """Somebody at the desk; `send(path, **fields)` posts a form of the page of member 5."""
    client = signed_in(Role.DESK)
    member_id = gym.members[4]
    token = csrf(client.get(f"/members/{member_id}").text)

    class Desk:
        def page(self):
            return client.get(f"/members/{member_id}").text

        def send(self, path, **fields):
            return client.post(f"/members/{member_id}/{path}", data={"csrf": token, **fields})

        def known(self):
            with gym.services.db.read() as conn:
                return credentials_of(conn, gym.services.keyring, gym.organisation_id, member_id)

        def followed(self, answer):
            assert answer.status_code == 303, answer.text
            return client.get(answer.headers["location"]).text

        def french(self):
            client.post("/language", data={"language": "fr", "csrf": token, "back": "/members"})

    return Desk()


def test_a_card_is_added_by_the_number_on_it(desk):
    """Its kind in words, its last digits, who gave it; the page says that it opens."""
    html = desk.followed(desk.send("credentials", card="h10301:67-1000"))
    assert "Added. It opens at every turnstile" in html
    assert "Wiegand card" in html
    assert "07D1" in html and "28607D1" not in html
    assert "by Camille desk" in html
    assert [str(one.presented) for one in desk.known()] == ["em4100:0F00270004", "wiegand:26.28607D1"]


@pytest.mark.parametrize(
    ("card", "status", "said"),
    [
        ("67-1000", 422, "h10301:67-1000 or nfca:04DE5F1EACC040"),
        ("pin:4917", 422, "This is no card number"),
        ("0F00270003", 409, "somebody’s already"),
    ],
)
def test_a_card_that_cannot_be_added_is_refused_in_words(desk, card, status, said):
    """The page comes back with what to write or do; nothing changed."""
    answer = desk.send("credentials", card=card)
    assert answer.status_code == status
    assert said in answer.text
    assert len(desk.known()) == 1


def test_a_card_is_blocked_unblocked_and_lost(desk):
    """Each time the page says what the turnstile would; what is lost stays in the history, and cannot be undone."""
    [card] = desk.known()
    path = f"credentials/{card.id}/state"
    html = desk.followed(desk.send(path, to="blocked"))
    assert "The card is blocked" in html and "Unblock" in html
    html = desk.followed(desk.send(path, to="active"))
    assert "Unblock" not in html and "Blocked: " in html
    html = desk.followed(desk.send(path, to="lost"))
    assert "The card was reported lost" in html and "1 earlier one" in html
    assert "cannot be done any more" in desk.send(path, to="active").text
    assert desk.send(path, to="replaced").status_code == 422


def test_a_lost_card_is_replaced(desk):
    """The new one opens; the old one is linked and cannot be replaced twice."""
    [card] = desk.known()
    desk.send(f"credentials/{card.id}/state", to="stolen")
    path = f"credentials/{card.id}/replacement"
    assert "no card number" in desk.send(path, card="???").text
    assert "the same card" in desk.send(path, card="0F00270004").text
    assert "somebody’s already" in desk.send(path, card="0F00270003").text
    assert "Replaced. The old one" in desk.followed(desk.send(path, card="nfca:04DE5F1EACC040"))
    assert "cannot be done any more" in desk.send(path, card="em4100:01").text
    old, new = desk.known()
    assert old.replaced_by_id == new.id


def test_a_pin_is_shown_on_one_page_only(desk):
    """Drawn, shown, gone: neither the member's page nor its address has the digits."""
    [card] = desk.known()
    alone = DIGITS.findall(desk.send("pins").text)
    both = DIGITS.findall(desk.send("pins", card_id=card.id, duress="true").text)
    assert (len(alone), len(both)) == (1, 2)
    html = desk.page()
    assert "PIN for a card" in html and "(duress)" in html and "confirms 125 kHz tag" in html
    values = {one.presented.value.rpartition("+")[2] for one in desk.known()[1:]}
    assert values == {*alone, *both}
    words = set(re.findall(r"\d+", re.sub(r"<[^>]+>", " ", html)))
    assert not values & words
    assert "A PIN stands alone, or confirms" in desk.send("pins", card_id=card.id + 1).text


def test_a_day_code_is_shown_on_one_page_only(desk, gym):
    """The text for a QR code and the same to type, with its days; a day that is over is refused."""
    answer = desk.send("day-codes", day="2025-03-12", days="2", opens="site")
    text = re.search(r"PDAY1[0-9A-Z]+", answer.text)
    assert answer.status_code == 200 and text is not None
    assert "from Mar 12, 2025 to Mar 13, 2025" in answer.text
    code = desk.known()[-1]
    assert code.presented == read_day_code(text.group()).credential
    assert code.zones == frozenset({"gym"})
    html = desk.page()
    assert "Day code" in html and "opens as a visitor’s" in html and text.group() not in html
    assert "not over yet" in desk.send("day-codes", day="2025-03-11").text
    assert desk.send("day-codes", day="2025-03-12", days="32").status_code == 422


def test_a_phone_is_added_by_its_key(desk):
    """64 hex digits; anything else is refused in words."""
    assert "64 hex digits" in desk.send("phones", public_key="12").text
    assert "Phone" in desk.followed(desk.send("phones", public_key=DeviceKey.generate().public.hex()))


def test_in_french_too(desk):
    """Kinds, states and refusals."""
    desk.french()
    [card] = desk.known()
    html = desk.followed(desk.send(f"credentials/{card.id}/state", to="stolen"))
    assert "Jeton 125 kHz" in html and "Volée" in html and "C’est noté." in html
    assert "Ce n’est pas un numéro de carte" in desk.send("credentials", card="??").text
    assert "NIP de Léa Bouchard" in desk.send("pins").text


FORMS = ("credentials", "phones", "pins", "day-codes", "credentials/{card}/state", "credentials/{card}/replacement")


@pytest.mark.parametrize("form", FORMS)
def test_only_the_desk_and_its_own_forms_change_anything(signed_in, gym, other_gym, csrf, form):
    """A technician, a forged form, another organisation, or another member's card: nothing happens."""
    with gym.services.db.read() as conn:
        [card] = credentials_of(conn, gym.services.keyring, gym.organisation_id, gym.members[4])
    fields = {"card": "em4100:01", "public_key": "0A" * 32, "to": "lost", "day": date(2025, 3, 12).isoformat()}
    path = form.format(card=card.id)

    def sent(client, member_id, token):
        return client.post(f"/members/{member_id}/{path}", data={**fields, "csrf": token}).status_code

    technician, owner, stranger = (
        signed_in(Role.TECHNICIAN),
        signed_in(Role.OWNER),
        signed_in(Role.OWNER, of=other_gym),
    )
    assert sent(technician, gym.members[4], csrf(technician.get("/sites/1").text)) == 403
    assert sent(owner, gym.members[4], "forged") == 403
    assert sent(stranger, gym.members[4], csrf(stranger.get("/members").text)) == 404
    if "{card}" in form:
        assert sent(owner, gym.members[3], csrf(owner.get("/members").text)) == 404
    with gym.services.db.read() as conn:
        assert credentials_of(conn, gym.services.keyring, gym.organisation_id, gym.members[4]) == [card]


def test_search_finds_whose_any_card_is_or_was(signed_in, desk, gym):
    """By the number on it, a lost one too; never by a PIN."""
    client = signed_in(Role.DESK)
    desk.send("credentials", card="h10301:67-1000")
    desk.send(f"credentials/{desk.known()[0].id}/state", to="lost")
    [digits] = DIGITS.findall(desk.send("pins").text)
    for search in ("h10301:67-1000", "wiegand:26.28607d1", "0F00270004"):
        assert "Bouchard" in client.get("/members", params={"q": search}).text
    assert "Nobody fits" in client.get("/members", params={"q": f"pin:{digits}"}).text


def test_notices_are_counted_for_the_desk_and_told_nowhere_else(signed_in, gym, csrf):
    """The live page says a number; what it is about is a page further; a technician sees neither."""
    gym.event("granted", at_ms=1_741_819_330_000, member=gym.members[4])
    gym.event("alarm", at_ms=1_741_819_330_000, member=gym.members[4], reason="duress")
    desk, technician = signed_in(Role.DESK), signed_in(Role.TECHNICIAN)
    live = desk.get("/sites/1").text
    assert 'class="count">1' in live
    assert "duress" not in live and "Under" not in live
    assert "otices" not in technician.get("/sites/1").text
    assert technician.get("/notices").status_code == 403
    html = desk.get("/notices").text
    assert "Under duress" in html and "Léa Bouchard" in html and "18:42" in html
    alarm = re.search(r"/notices/(\d+)/seen", html)
    assert alarm is not None
    assert desk.post(alarm.group(), data={"csrf": csrf(html)}).headers["location"] == "/notices"
    assert "Seen by Camille desk" in desk.get("/notices").text
    assert 'class="count"' not in desk.get("/sites/1").text


def test_remarks_on_readers_are_for_who_looks_after_them(signed_in, gym):
    """Owner and technician read which readers take what can be copied; the desk's screen does not tell everybody."""

    reader = {"name": "lane-1-reader", "kind": "rdm6300", "state": "up", "remarks": ["copyable:em4100"]}
    with gym.services.db.write() as conn:
        conn.execute(update(gateway_status).values(reported={"doors": [], "devices": [reader], "journal_pending": 0}))
    said = "lane-1-reader lets pass what can be copied: 125 kHz tag"
    for role in (Role.OWNER, Role.TECHNICIAN):
        assert said in signed_in(role).get("/sites/1").text
    assert said not in signed_in(Role.DESK).get("/sites/1").text
