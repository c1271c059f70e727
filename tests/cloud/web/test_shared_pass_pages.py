"""Shared passes at the desk and over the API: the most suspected first, with names for those who may see members."""

from cloud.web.conftest import BUSINESS_MS, MINUTE_MS
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import put_block
from portillon_cloud.attendance.refusing import SOURCE
from portillon_cloud.identity.roles import Role


def share(gym, member, times):
    """The member enters twice within a minute, `times` times, an hour apart."""
    for number in range(times):
        at_ms = BUSINESS_MS - (3 + number) * 60 * MINUTE_MS
        for seconds in (0, 40):
            gym.event("passage", at_ms=at_ms + seconds * 1_000, member=member, door="lane-9")


def test_the_most_suspected_member_is_first(signed_in, gym):
    """By name with a link, how often, and what was seen; once is a remark, three times is more."""
    share(gym, gym.members[0], 1)
    share(gym, gym.members[1], 3)
    html = signed_in(Role.DESK).get("/shared-passes").text
    assert html.index("Olivier Gagnon") < html.index("Amélie Tremblay")
    assert "3 times" in html and "once" in html and "handed back" in html and "lane-9" in html


def test_nobody_is_suspected_in_an_ordinary_day(signed_in, gym):
    """Everybody came once: the page says so, and the list of members leads there."""
    desk = signed_in(Role.DESK)
    assert "Nothing noticed" in desk.get("/shared-passes").text
    assert 'href="/shared-passes"' in desk.get("/members").text


def test_shared_passes_over_the_api(client, gym):
    """The same facts; a technician, who sees no members, sees none of them."""
    share(gym, gym.members[0], 2)
    owner = {"Authorization": f"Bearer {gym.keys[Role.OWNER]}"}
    (one,) = client.get("/api/v1/shared-passes", headers=owner).json()
    assert (one["member_id"], one["times"], one["door"]) == (gym.members[0], {"hand_back": 2}, "lane-9")
    technician = {"Authorization": f"Bearer {gym.keys[Role.TECHNICIAN]}"}
    assert client.get("/api/v1/shared-passes", headers=technician).status_code == 403


def test_another_gyms_sharing_is_not_told(client, gym, other_gym):
    """Neither its members nor their names."""
    share(other_gym, other_gym.members[0], 3)
    owner = {"Authorization": f"Bearer {gym.keys[Role.OWNER]}"}
    assert client.get("/api/v1/shared-passes", headers=owner).json() == []


def test_the_desk_says_when_to_refuse_and_lets_in_again(signed_in, gym, csrf):
    """The policy is kept and told; a refused member is named with a button, and gone from the list after it."""
    desk = signed_in(Role.DESK)
    html = desk.get("/shared-passes").text
    assert "Never: it is only shown here." in html
    token = csrf(html)
    desk.post("/shared-passes/policy", data={"refuse_from": "3", "csrf": token})
    assert "after 3 times in 30 days" in desk.get("/shared-passes").text
    with gym.services.db.write() as conn:
        put_block(
            conn, organisation_id=gym.organisation_id, account_id=gym.accounts[0], member_id=gym.members[0],
            reason=BlockReason.PASS_SHARED, source=SOURCE, from_ms=BUSINESS_MS - MINUTE_MS,
        )  # fmt: skip
    assert "Let in again" in desk.get("/shared-passes").text
    assert "Used in two places at once" in desk.get(f"/members/{gym.members[0]}").text
    answer = desk.post(f"/shared-passes/{gym.members[0]}/let-in", data={"csrf": token})
    assert answer.headers["location"] == "/shared-passes"
    assert "Let in again" not in desk.get("/shared-passes").text
    desk.post("/shared-passes/policy", data={"refuse_from": "0", "csrf": token})
    assert "Never: it is only shown here." in desk.get("/shared-passes").text


def test_refusals_over_the_api(client, gym):
    """Policy put and read; nobody refused is nobody to let in; a bad number and a technician are refused."""
    owner = {"Authorization": f"Bearer {gym.keys[Role.OWNER]}"}
    url = "/api/v1/shared-passes/policy"
    assert client.get(url, headers=owner).json() == {"refuse_from": None}
    assert client.put(url, json={"refuse_from": 5}, headers=owner).status_code == 204
    assert client.get(url, headers=owner).json() == {"refuse_from": 5}
    assert client.put(url, json={"refuse_from": 0}, headers=owner).status_code == 422
    assert client.get("/api/v1/shared-passes/refused", headers=owner).json() == []
    assert client.delete("/api/v1/shared-passes/refused/1", headers=owner).status_code == 404
    technician = {"Authorization": f"Bearer {gym.keys[Role.TECHNICIAN]}"}
    assert client.put(url, json={"refuse_from": 5}, headers=technician).status_code == 403
