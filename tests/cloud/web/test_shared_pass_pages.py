"""Shared passes at the desk and over the API: the most suspected first, with names for those who may see members."""

from cloud.web.conftest import BUSINESS_MS, MINUTE_MS
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
