"""The pages over HTTP, without a browser: who sees what, and nothing of anybody else."""

import pytest
from portillon_cloud.identity.roles import Role
from sqlalchemy import text

PAGES = (
    "/sites/1",
    "/sites/1/doors",
    "/alarms",
    "/members",
    "/members/1",
    "/members/12",
    "/notices",
    "/unpaid",
    "/invoices/1",
    "/invoices/1/pay",
)
MONEY = ("68.97", "68,97", "59.99", "TEST-20", "unpaid", "Unpaid", "owes", "dues")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_draws_in_both_languages(signed_in, gym, csrf, path, language):
    """An owner opens any page in either language."""
    owner = signed_in(Role.OWNER)
    token = csrf(owner.get("/sites/1").text)
    owner.post("/language", data={"language": language, "csrf": token, "back": path})
    answer = owner.get(path)
    assert answer.status_code == 200, answer.text
    assert f'<html lang="{language}">' in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_is_sent_to_sign_in_and_comes_back(client, gym, path):
    """No page says anything before sign-in; afterwards one lands where one wanted to go."""
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=" + path.replace("/", "%2F")


@pytest.mark.parametrize("path", ["/members", "/members/1", "/notices", "/unpaid", "/invoices/1", "/invoices/1/pay"])
def test_a_technician_opens_no_page_about_people_or_money(signed_in, path):
    """403, in words."""
    answer = signed_in(Role.TECHNICIAN).get(path)
    assert answer.status_code == 403
    assert "Ask an owner" in answer.text


def test_a_technician_sees_the_site_without_money(signed_in, gym):
    """Lanes, gateways and attendance, but not who owes what, not even as the reason of a refusal."""
    html = signed_in(Role.TECHNICIAN).get("/sites/1").text
    assert "Front desk Pi" in html
    assert "Attendance today" in html
    assert "the desk knows why" in html
    assert not [word for word in MONEY if word in html]
    assert "/members" not in html


def test_the_desk_takes_payments_and_does_not_turn_the_clock(signed_in, gym, csrf):
    """The desk has a Pay button and no clock form; asking all the same is refused."""
    desk = signed_in(Role.DESK)
    html = desk.get("/sites/1").text
    assert "/invoices/1/pay" in html
    assert "/clock/advance" not in html
    assert desk.post("/clock/advance", data={"to": "2025-04-01T10:00", "csrf": csrf(html)}).status_code == 403


@pytest.mark.parametrize(
    "path",
    ["/sites/1", "/sites/1/events", "/sites/1/doors", "/members/1", "/accounts/1", "/invoices/1", "/invoices/1/pay"],
)
def test_another_organisations_things_do_not_exist(signed_in, other_gym, path):
    """The same answer as for what never existed."""
    owner = signed_in(Role.OWNER, of=other_gym)
    answer = owner.get(path)
    assert answer.status_code == 404
    assert owner.get(path.replace("1", "999999")).text == answer.text


def test_lists_show_the_own_organisation_only(signed_in, other_gym, gym):
    """Members and debts of another tenant appear nowhere."""
    owner = signed_in(Role.OWNER, of=other_gym)
    for path in ("/members", "/unpaid", f"/sites/{other_gym.site_id}"):
        html = owner.get(path).text
        mine = {f"/members/{one}" for one in other_gym.members} | {f"/invoices/{one}" for one in other_gym.invoices}
        assert any(f'"{one}' in html for one in mine)
        for theirs in (*gym.members, *gym.accounts):
            assert f'/members/{theirs}"' not in html
            assert f'/accounts/{theirs}"' not in html


def test_a_live_organisation_has_no_clock_to_turn(signed_in, other_gym, csrf):
    """No strip, no form, and the form's address refuses."""
    owner = signed_in(Role.OWNER, of=other_gym)
    html = owner.get(f"/sites/{other_gym.site_id}").text
    assert "clock-strip" not in html
    answer = owner.post("/clock/advance", data={"to": "2030-04-01T10:00", "csrf": csrf(html)})
    assert answer.status_code == 409


def test_what_people_type_is_shown_as_text(signed_in, gym):
    """A name that is a script is a name."""
    owner = signed_in(Role.OWNER)
    for path in ("/members", f"/members/{gym.members[10]}", '/members?q="><script>alert(2)</script>'):
        html = owner.get(path).text
        assert "<script>alert" not in html
        assert "&lt;script&gt;" in html


def test_headers_forbid_what_pages_do_not_need(signed_in, client, gym):
    """No inline script or style, no other origin, no frame, no cache, on pages, problems and the API alike."""
    answers = [client.get("/sign-in"), client.get("/nothing"), client.get("/api/v1/members")]
    for answer in (signed_in(Role.OWNER).get("/sites/1"), *answers):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert " style=" not in answer.text
        assert "onclick" not in answer.text


def test_static_files_are_kept_by_content(client):
    """A file asked for by its content is kept for a year; it never changes under that name."""
    html = client.get("/sign-in").text
    path = html.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = client.get(path)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/../app.py").status_code == 404


def test_search_finds_by_name_email_and_card(signed_in, gym):
    """Part of a name, part of an e-mail, or the whole number of a card; wildcards are letters."""
    desk = signed_in(Role.DESK)
    for search, found in (("tremb", "Tremblay"), ("m3@", "Côté"), ("0f00270004", "Bouchard")):
        html = desk.get("/members", params={"q": search}).text
        assert found in html
        assert "1 member " in html or "1 member<" in html
    assert "Nobody fits" in desk.get("/members", params={"q": "%"}).text


def test_a_member_without_a_card_is_told_so(signed_in, gym):
    """May not pass: there is nothing to present yet."""
    html = signed_in(Role.DESK).get(f"/members/{gym.members[11]}").text
    assert "a card has yet to be issued" in html


def test_a_card_number_is_masked(signed_in, gym):
    """The last digits, never the number that opens the door."""
    html = signed_in(Role.OWNER).get(f"/members/{gym.members[4]}").text
    assert "0004" in html
    assert "0F00270004" not in html


def pay(owner, gym, csrf, *, amount="68.97", key="key-number-1", means="cash"):
    token = csrf(owner.get(f"/invoices/{gym.invoices[0]}/pay").text)
    return owner.post(
        f"/invoices/{gym.invoices[0]}/pay",
        data={"amount": amount, "means": means, "request_key": key, "csrf": token},
    )


def test_a_payment_at_the_desk_settles_the_invoice_once(signed_in, gym, csrf, services):
    """Pressing the button twice is one payment; the invoice is paid and leaves the unpaid list."""
    desk = signed_in(Role.DESK)
    assert pay(desk, gym, csrf).headers["location"] == f"/invoices/{gym.invoices[0]}?paid=true"
    assert pay(desk, gym, csrf).status_code == 303
    with services.db.read() as conn:
        assert conn.execute(text("SELECT count(*), sum(amount_minor) FROM payment")).one() == (1, 6897)
    assert "Paid" in desk.get(f"/invoices/{gym.invoices[0]}").text
    assert "TEST-202503-000001" not in desk.get("/unpaid").text


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0", "as a number"), ("ten", "as a number"), ("-5", "as a number"), ("999", "more than is owed")],
)
def test_a_wrong_amount_is_refused_in_words(signed_in, gym, csrf, services, amount, said):
    """The form comes back with what was wrong, and nothing is recorded."""
    answer = pay(signed_in(Role.DESK), gym, csrf, amount=amount)
    assert answer.status_code == 422
    assert said in answer.text
    with services.db.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM payment")).scalar_one() == 0


def test_the_clock_advances_and_never_goes_back(signed_in, gym, csrf, services):
    """An owner starts a turn; the page says where to; back, twice or nonsense is refused in words."""
    owner = signed_in(Role.OWNER)
    token = csrf(owner.get("/sites/1").text)

    def advance(to):
        return owner.post("/clock/advance", data={"to": to, "csrf": token, "back": "/sites/1"})

    assert "never goes back" in advance("2025-03-01T10:00").text
    assert "as on a calendar" in advance("tomorrow").text
    assert advance("2025-04-02T10:00").headers["location"] == "/sites/1"
    assert advance("2025-04-03T10:00").status_code == 409
    assert "on its way to Apr 2, 2025 10:00" in owner.get("/members").text


@pytest.mark.parametrize("path", ["/nothing", "/members/0x1", "/members/999999999999999999999", "/sites/-1"])
def test_an_address_that_leads_nowhere_says_so(signed_in, gym, path):
    """A page in words, never a stack trace."""
    answer = signed_in(Role.OWNER).get(path)
    assert answer.status_code in (404, 422)
    assert "Back to the live page" in answer.text
