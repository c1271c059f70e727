"""Doors' rules, guardians and guests at the desk: who may set them, what the page says, what the API takes."""

from cloud.web.test_door_pages import front, report_doors, rows
from portillon_cloud.identity.roles import Role


def test_a_technician_has_a_door_ask_for_two_people(signed_in, gym, csrf):
    """Ticked is asked, and said on the page; all unticked, the door asks for nothing; the desk may not."""
    report_doors(gym, front())
    technician = signed_in(Role.TECHNICIAN)
    token = csrf(technician.get("/sites/1/doors").text)
    asked = {"two_people": "true", "supervised": "true", "minors_alone": "true", "within_s": "20", "csrf": token}
    answer = technician.post("/sites/1/doors/front/asked", data=asked)
    assert answer.headers["location"] == "/sites/1/doors?done=asked"
    html = technician.get("/sites/1/doors?done=asked").text
    for said in (
        "Noted. Every gateway",
        "badge within 20 s",
        "Only while a supervisor is inside",
        "without a guardian",
    ):
        assert said in html
    (rule,) = rows(gym, "door_rule")
    assert (rule["two_people"], rule["within_s"], rule["pin_schedule"]) == (1, 20, None)
    technician.post("/sites/1/doors/front/asked", data={"within_s": "30", "csrf": token})
    assert rows(gym, "door_rule") == []
    desk = signed_in(Role.DESK)
    html = desk.get("/sites/1/doors").text
    assert 'id="asked-front"' not in html
    assert desk.post("/sites/1/doors/front/asked", data={**asked, "csrf": csrf(html)}).status_code == 403


def test_a_door_asks_over_the_api(client, gym):
    """Put, read with the doors, and deleted; what no gateway could read is refused by its field."""
    report_doors(gym, front())
    owner = {"Authorization": f"Bearer {gym.keys[Role.OWNER]}"}
    url = "/api/v1/sites/1/doors/front/asked"
    assert client.put(url, json={"two_people": True}, headers=owner).status_code == 204
    (door,) = client.get("/api/v1/sites/1/doors", headers=owner).json()
    assert door["asked"] == {
        "pin_schedule": None, "two_people": True, "supervised": False, "minors_alone": False, "within_s": 30,
        "reserved": [],
    }  # fmt: skip
    assert client.put(url, json={"within_s": 601}, headers=owner).status_code == 422
    assert client.put(url, json={"three_people": True}, headers=owner).status_code == 422
    assert client.put(url, json={"pin_schedule": "never heard of"}, headers=owner).status_code == 404
    assert client.delete(url, headers=owner).status_code == 204
    assert client.get("/api/v1/sites/1/doors", headers=owner).json()[0]["asked"] is None


def test_a_guardian_is_named_at_the_desk_and_taken_away(signed_in, gym, csrf):
    """By number, shown by name with a link; company that is none is refused with what to do instead."""
    desk = signed_in(Role.DESK)
    html = desk.get("/members/1").text
    assert "Passes alone" in html
    token = csrf(html)
    answer = desk.post("/members/1/company", data={"with_id": "2", "bond": "guardian", "csrf": token})
    assert answer.headers["location"] == "/members/1?done=changed"
    html = desk.get("/members/1").text
    assert '<a href="/members/2">Olivier Gagnon</a>' in html and "Passes alone" not in html
    for wrong in ("1", "999"):
        answer = desk.post("/members/1/company", data={"with_id": wrong, "bond": "host", "csrf": token})
        assert answer.status_code == 422 and "Nothing was changed" in answer.text
    desk.post("/members/1/company/guardian/2/end", data={"csrf": token})
    assert rows(gym, "member_company") == []
    technician = signed_in(Role.TECHNICIAN)
    assert (
        technician.post("/members/1/company", data={"with_id": "2", "bond": "host", "csrf": token}).status_code == 403
    )


def test_company_over_the_api(client, gym):
    """Put as a whole, read as it was put; a stranger, oneself and another gym's member are refused."""
    owner = {"Authorization": f"Bearer {gym.keys[Role.OWNER]}"}
    url = "/api/v1/members/1/company"
    assert client.get(url, headers=owner).json() == {"guardians": [], "hosts": []}
    assert client.put(url, json={"guardians": [3, 2], "hosts": [4]}, headers=owner).status_code == 204
    assert client.get(url, headers=owner).json() == {"guardians": [2, 3], "hosts": [4]}
    assert client.put(url, json={"guardians": [999]}, headers=owner).status_code == 404
    assert client.put(url, json={"hosts": [1]}, headers=owner).status_code == 422
    assert client.get("/api/v1/members/999/company", headers=owner).status_code == 404
    rights = {"long_access": False, "first_person": False, "lockdown_exempt": False, "supervisor": True}
    assert client.put("/api/v1/members/2/door-rights", json=rights, headers=owner).status_code == 204
    got = client.get("/api/v1/members/2/door-rights", headers=owner).json()
    assert got == {**rights, "escort": False, "escorted": False}
