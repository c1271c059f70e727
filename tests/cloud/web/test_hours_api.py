"""Schedules and holidays over the API: set, read back, refused with what is wrong, removed."""

from portillon_cloud.identity.roles import Role

HOLIDAYS = "/api/v1/sites/1/holidays/quebec"
SCHEDULE = "/api/v1/sites/1/schedules/off-peak"
WEEK = {
    "windows": [[0, 540, 960], [5, 1320, 1560]],
    "closed_on": [],
    "holidays": [["quebec", []]],
    "dates": {"2026-12-24": [[480, 720]]},
    "first_day": "2026-01-01",
    "last_day": None,
}


def keys(gym, role=Role.OWNER):
    return {"headers": {"Authorization": f"Bearer {gym.keys[role]}"}}


def test_hours_are_set_and_read_back(client, gym):
    """As they were put, by name; gone once they are deleted, the schedule before its calendar."""
    owner = keys(gym)
    assert client.put(HOLIDAYS, json={"days": ["12-25", "01-01"]}, **owner).json() == {"days": ["01-01", "12-25"]}
    assert client.put(SCHEDULE, json=WEEK, **owner).json() == WEEK
    assert client.get("/api/v1/sites/1/schedules", **owner).json()["off-peak"] == WEEK
    assert client.get("/api/v1/sites/1/holidays", **owner).json()["quebec"] == {"days": ["01-01", "12-25"]}
    assert client.delete(HOLIDAYS, **owner).status_code in (403, 409, 422)
    assert client.delete(SCHEDULE, **owner).status_code == 204
    assert client.delete(HOLIDAYS, **owner).status_code == 204
    assert "quebec" not in client.get("/api/v1/sites/1/holidays", **owner).json()


def test_hours_that_make_no_sense_are_refused(client, gym):
    """With the part that is wrong; a calendar that is not there is not found."""
    owner = keys(gym)
    assert client.put(SCHEDULE, json=WEEK, **owner).status_code == 404
    wrong = client.put(SCHEDULE, json={"windows": [[0, 60, 60]]}, **owner)
    assert wrong.status_code == 422 and "60 to 60" in wrong.text
    assert client.put(HOLIDAYS, json={"days": ["Christmas"]}, **owner).status_code == 422
    assert client.put(SCHEDULE, json={"windows": [], "hours": 3}, **owner).status_code == 422


def test_the_desk_reads_hours_and_changes_none(client, gym):
    """Hours decide who gets in: whoever plans doors sets them."""
    assert client.get("/api/v1/sites/1/schedules", **keys(gym, Role.DESK)).status_code == 200
    assert client.put(HOLIDAYS, json={"days": []}, **keys(gym, Role.DESK)).status_code == 403
