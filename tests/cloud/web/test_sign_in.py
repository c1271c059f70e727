"""Signing in and out, forged forms, and the language."""

from unittest.mock import patch

import pytest
from portillon_cloud.identity.roles import Role
from portillon_cloud.web import csrf as csrf_module

PASSWORD = "correct horse battery"


def post(client, csrf, *, password=PASSWORD, next_="/", **headers):
    token = csrf(client.get("/sign-in").text)
    data = {"email": "owner@1.example", "password": password, "csrf": token, "next": next_}
    return client.post("/sign-in", data=data, headers=headers)


@pytest.mark.usefixtures("gym")
def test_the_right_password_opens_the_live_page(client, csrf):
    """Signed in, one is at the first site; the cookie is out of reach of scripts and of other sites."""
    answer = post(client, csrf)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("portillon_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/").headers["location"] == "/sites/1"


@pytest.mark.usefixtures("gym")
def test_a_wrong_password_says_so_and_keeps_the_email(client, csrf):
    """The form comes back, without the password."""
    answer = post(client, csrf, password="not the one")
    assert answer.status_code == 401
    assert "The e-mail or the password is wrong." in answer.text
    assert 'value="owner@1.example"' in answer.text
    assert "not the one" not in answer.text


@pytest.mark.usefixtures("gym")
def test_too_many_failures_answer_429(client, csrf):
    """With how long to wait, for people and for programs."""
    for _ in range(5):
        post(client, csrf, password="not the one")
    answer = post(client, csrf)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"
    assert "Try again in 2 seconds" in answer.text


@pytest.mark.usefixtures("gym")
@pytest.mark.parametrize("next_", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/\nx"])
def test_nobody_is_sent_to_another_site(client, csrf, next_):
    """`next` is a path of ours or it is the start page."""
    assert post(client, csrf, next_=next_).headers["location"] == "/"


def test_signing_out_ends_the_session(signed_in, csrf):
    """In the database too: the old cookie is worth nothing."""
    owner = signed_in(Role.OWNER)
    session = owner.cookies["portillon_session"]
    token = csrf(owner.get("/sites/1").text)
    assert owner.post("/sign-out", data={"csrf": token}).status_code == 303
    owner.cookies.set("portillon_session", session)
    assert owner.get("/sites/1").status_code == 303


FORMS = ("/sign-out", "/language", "/clock/advance", "/invoices/1/pay")


@pytest.mark.parametrize("path", FORMS)
def test_a_forged_form_is_refused(signed_in, path):
    """Without the page's token, or with another one, nothing happens."""
    owner = signed_in(Role.OWNER)
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        answer = owner.post(path, data={"language": "fr", "to": "2025-04-01", "amount": "1", "means": "cash", **token})
        assert answer.status_code in (403, 422)
    assert owner.get("/sites/1").status_code == 200
    assert '<html lang="en">' in owner.get("/sites/1").text


def test_a_form_sent_from_another_site_is_refused(signed_in, csrf):
    """Even with a right token: the browser says where it comes from."""
    owner = signed_in(Role.OWNER)
    token = csrf(owner.get("/sites/1").text)
    for said in ("cross-site", "same-site"):
        answer = owner.post("/language", data={"language": "fr", "csrf": token}, headers={"sec-fetch-site": said})
        assert answer.status_code == 403


def test_another_persons_token_does_not_fit(signed_in, csrf):
    """A token belongs to one session."""
    owner, desk = signed_in(Role.OWNER), signed_in(Role.DESK)
    token = csrf(desk.get("/sites/1").text)
    assert owner.post("/language", data={"language": "fr", "csrf": token}).status_code == 403


def test_without_the_check_a_forged_form_works(signed_in):
    """Ablation: the token is what stops it."""
    owner = signed_in(Role.OWNER)
    with patch.object(csrf_module.hmac, "compare_digest", return_value=True):
        assert owner.post("/language", data={"language": "fr", "csrf": "x"}).status_code == 303


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en-CA", "en"),
        ("de, fr;q=0.1", "fr"),
        ("fr;q=0, en;q=0.1", "en"),
        ("*", "en"),
        (";;q=,,", "en"),
        ("fr;q=high, en", "en"),
    ],
)
def test_before_sign_in_the_browser_chooses_the_language(client, header, language):
    """By Accept-Language, however broken."""
    assert f'<html lang="{language}">' in client.get("/sign-in", headers={"accept-language": header}).text


def test_a_language_chosen_before_sign_in_stays(client):
    """The link on the sign-in page outlasts the visit."""
    client.get("/sign-in?language=fr")
    html = client.get("/sign-in", headers={"accept-language": "en"}).text
    assert '<html lang="fr">' in html
    assert "Mot de passe" in html


def test_a_language_belongs_to_the_person(signed_in, csrf):
    """Chosen once, it follows them to every machine; a colleague keeps theirs."""
    owner, desk = signed_in(Role.OWNER), signed_in(Role.DESK)
    owner.post("/language", data={"language": "fr", "csrf": csrf(owner.get("/sites/1").text)})
    assert "Derniers badges" in signed_in(Role.OWNER).get("/sites/1").text
    assert "Last badges" in desk.get("/sites/1").text
