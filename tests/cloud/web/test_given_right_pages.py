"""Rights given at the desk, the language and the groups of a member: who may give what, and what the page says."""

from cloud.web.test_door_pages import rows
from portillon_cloud.identity.roles import Role


def test_an_owner_gives_a_right_as_staff_and_ends_it(signed_in, gym, csrf):
    """On the page with who gave it and why; ended, it says by whom; a clerk cannot name staff."""
    owner = signed_in(Role.OWNER)
    token = csrf(owner.get("/members/1").text)
    wanted = {"role": "cleaner", "zones": ["gym"], "reason": "cleans at night", "csrf": token}
    answer = owner.post("/members/1/given-rights", data=wanted)
    assert answer.headers["location"] == "/members/1?done=changed"
    html = owner.get("/members/1").text
    assert "Cleaner" in html and "cleans at night" in html
    (right,) = rows(gym, "given_right")
    assert owner.post(f"/members/1/given-rights/{right['id']}/end", data={"csrf": token}).status_code == 303
    assert "ended by" in owner.get("/members/1").text
    desk = signed_in(Role.DESK)
    html = desk.get("/members/1").text
    assert '<option value="complimentary">' in html and '<option value="cleaner">' not in html
    refused = desk.post("/members/1/given-rights", data={**wanted, "csrf": csrf(html)})
    assert refused.status_code == 422 and "an owner says" in refused.text


def test_a_right_without_zone_reason_or_time_is_refused_with_what_to_do(signed_in, gym, csrf):
    """The page again, and nothing in the table."""
    desk = signed_in(Role.DESK)
    token = csrf(desk.get("/members/1").text)
    good = {"role": "complimentary", "zones": ["gym"], "reason": "won it", "csrf": token}
    for wrong in ({"zones": []}, {"zones": ["moon"]}, {"reason": ""}, {"last_day": "2001-01-01"}):
        answer = desk.post("/members/1/given-rights", data={**good, **wrong})
        assert answer.status_code == 422 and "tick a zone" in answer.text
    assert rows(gym, "given_right") == []


def test_language_and_groups_are_set_together(signed_in, gym, csrf):
    """Kept, shown again, and refused where a name is none."""
    desk = signed_in(Role.DESK)
    token = csrf(desk.get("/members/1").text)
    desk.post("/members/1/language-and-groups", data={"language": "fr", "groups": "women, Aînés", "csrf": token})
    html = desk.get("/members/1").text
    assert 'value="Aînés, women"' in html and '<option value="fr" lang="fr" selected>' in html
    answer = desk.post("/members/1/language-and-groups", data={"groups": "<b>", "csrf": token})
    assert answer.status_code == 422 and "commas between" in answer.text
