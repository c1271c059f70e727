"""Packs and quotas at the desk and over the API: given, shown with what is left, closed, moved; and the live answer."""

import pytest
from portillon_cloud.identity.roles import Role

ALLOWANCES = "/api/v1/members/1/visit-allowances"


@pytest.fixture
def desk(client, gym):
    """The desk's own calls: method, address, body, and what must come of it."""

    def call(method, url, body=None, *, status, role=Role.DESK):
        answer = client.request(method, url, json=body, headers={"authorization": f"Bearer {gym.keys[role]}"})
        assert answer.status_code == status, answer.text
        return answer

    return call


def give(signed_in, csrf, **typed):
    page = signed_in(Role.DESK)
    form = {"most": "10", "kind": "pack", "last_day": "", "csrf": csrf(page.get("/members/1").text), **typed}
    return page, page.post("/members/1/visits", data=form)


def test_a_pack_is_given_at_the_desk_and_shown_with_what_is_left(signed_in, csrf):
    """Until then the page says that nothing limits them; afterwards how many are left and which gateway counts."""
    page = signed_in(Role.DESK)
    assert "As many as the membership allows." in page.get("/members/1").text
    page, answer = give(signed_in, csrf, last_day="2025-04-12")
    assert answer.headers["location"] == "/members/1?done=changed"
    html = page.get("/members/1").text
    assert "10 of 10 visits left" in html and "Counted by gw-1." in html and "Apr 13, 2025" in html
    assert "Count at another gateway" not in html, "there is no other one"


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_quota_says_its_period(signed_in, csrf, period):
    """Left today, this week, this month."""
    page, _ = give(signed_in, csrf, most="2", kind=period)
    said = "today" if period == "day" else f"this {period}"
    assert f"2 of 2 visits left {said}" in page.get("/members/1").text


@pytest.mark.parametrize("last_day", ["2025-03-11", "2025-02-30", "9999-12-31"])
def test_a_pack_for_no_time_is_refused_with_what_is_wrong(signed_in, csrf, last_day):
    """The page comes again and says that nothing was given."""
    _, answer = give(signed_in, csrf, last_day=last_day)
    assert answer.status_code == 422 and "Nothing was given" in answer.text


def test_a_closed_pack_limits_nobody(signed_in, csrf):
    """With one click, and a technician may not."""
    page, _ = give(signed_in, csrf)
    token = csrf(page.get("/members/1").text)
    assert page.post("/members/1/visits/1/close", data={"csrf": token}).status_code == 303
    assert "As many as the membership allows." in page.get("/members/1").text
    technician = signed_in(Role.TECHNICIAN)
    assert technician.post("/members/1/visits", data={"most": "1", "kind": "pack"}).status_code == 403


def test_a_form_from_elsewhere_gives_nothing(signed_in):
    """Without the page's own token it is refused."""
    answer = signed_in(Role.DESK).post("/members/1/visits", data={"most": "1", "kind": "pack"})
    assert answer.status_code == 403


def test_packs_over_the_api(desk):
    """Given, changed, listed and closed; what cannot be is refused by its field or its name."""
    made = desk("POST", ALLOWANCES, {"most": 10}, status=201).json()["id"]
    desk("PATCH", f"{ALLOWANCES}/{made}", {"most": 12}, status=204)
    found = desk("GET", ALLOWANCES, status=200).json()
    (one,) = found["allowances"]
    assert (one["most"], one["spent"], one["left"], one["per"], one["until_ms"]) == (12, 0, 12, None, None)
    assert (found["home"], found["moving_to"]) == ("gw-1", None)
    desk("POST", ALLOWANCES, {"most": 0}, status=422)
    desk("POST", ALLOWANCES, {"most": 1, "until_ms": 1}, status=422)
    desk("POST", ALLOWANCES, {"most": 1, "per": "year"}, status=422)
    desk("POST", ALLOWANCES, {"most": 1}, status=403, role=Role.TECHNICIAN)
    desk("PUT", "/api/v1/members/1/visit-home", {"gateway_id": "elsewhere"}, status=404)
    desk("PUT", "/api/v1/members/1/visit-home", {"gateway_id": "gw-1", "at_once": True}, status=202)
    desk("DELETE", f"{ALLOWANCES}/{made}", status=204)
    desk("DELETE", f"{ALLOWANCES}/{made}", status=404)
    desk("GET", "/api/v1/members/999/visit-allowances", status=404)


def test_the_live_answer_counts_visits(signed_in, desk):
    """A pack that is used up says so at the desk, with the row that it rests on; another one opens again."""
    page, allowances = signed_in(Role.DESK), "/api/v1/members/2/visit-allowances"
    made = desk("POST", allowances, {"most": 1}, status=201).json()["id"]
    assert "<strong>Yes</strong>" in page.get("/members/2").text
    desk("PATCH", f"{allowances}/{made}", {"most": 0}, status=204)
    html = page.get("/members/2").text
    assert "<strong>No</strong>" in html and "<code>visits visits/2 @214</code>" in html
    desk("POST", allowances, {"most": 1}, status=201)
    assert "<strong>Yes</strong>" in page.get("/members/2").text
