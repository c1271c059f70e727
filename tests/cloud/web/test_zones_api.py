"""Zones and forgiveness over the API: set, read back, refused with what is wrong, and by whom."""

from portillon_cloud.identity.roles import Role

ZONES = "/api/v1/sites/1/zones"
FORGIVENESSES = "/api/v1/members/1/forgivenesses"


def keys(gym, role=Role.OWNER):
    return {"headers": {"Authorization": f"Bearer {gym.keys[role]}"}}


def test_zones_and_their_rules_are_set_and_read_back(client, gym):
    """A new zone, its rule with every key said, and both gone again."""
    owner = keys(gym)
    assert client.put(f"{ZONES}/sauna", **owner).status_code == 204
    made = client.put(f"{ZONES}/sauna/rule", json={"within": "gym", "capacity": 40}, **owner).json()
    assert (made["within"], made["capacity"], made["at_capacity"], made["passback"]) == ("gym", 40, "hard", "off")
    assert client.put(f"{ZONES}/*/rule", json={"passback": "soft", "reset_hour": 4}, **owner).status_code == 200
    found = client.get(ZONES, **owner).json()
    assert found["zones"] == ["gym", "sauna"] and set(found["rules"]) == {"*", "sauna"}
    assert client.delete(f"{ZONES}/*/rule", **owner).status_code == 204
    assert client.delete(f"{ZONES}/*/rule", **owner).status_code == 404
    assert client.delete(f"{ZONES}/gym", **owner).status_code == 409
    assert client.delete(f"{ZONES}/sauna", **owner).status_code == 204
    assert client.get(ZONES, **owner).json() == {"zones": ["gym"], "rules": {}}


def test_a_rule_that_makes_no_sense_is_refused_over_the_api(client, gym):
    """With the part that is wrong; a key that nobody reads is a mistake."""
    owner = keys(gym)
    for body in ({"reset_hour": 24}, {"passback": "sometimes"}, {"capacty": 40}, {"capacity": 3, "almost_full": 4}):
        assert client.put(f"{ZONES}/gym/rule", json=body, **owner).status_code == 422, body
    assert client.put(f"{ZONES}/cellar/rule", json={}, **owner).status_code == 404
    assert client.put(f"{ZONES}/the pool", **owner).status_code == 422


def test_the_desk_forgives_and_sets_no_rules(client, gym):
    """Who is where is the desk's to set right, with a word why; what holds is the owner's."""
    desk, technician = keys(gym, Role.DESK), keys(gym, Role.TECHNICIAN)
    assert client.post(FORGIVENESSES, json={"note": "Jumped out"}, **desk).status_code == 204
    (one,) = client.get(FORGIVENESSES, **desk).json()
    assert (one["note"], one["given_by"], one["site"]) == ("Jumped out", "desk key", "Vélo Mile-End")
    for body in ({}, {"note": ""}, {"note": "  "}):
        assert client.post(FORGIVENESSES, json=body, **desk).status_code == 422
    assert client.post(FORGIVENESSES, json={"note": "x", "site_id": 99}, **desk).status_code == 404
    assert client.post("/api/v1/members/999/forgivenesses", json={"note": "x"}, **desk).status_code == 404
    assert client.post(FORGIVENESSES, json={"note": "x"}, **technician).status_code == 403
    for who in (desk, technician):
        assert client.get(ZONES, **who).status_code == 200
        assert client.put(f"{ZONES}/gym/rule", json={}, **who).status_code == 403
        assert client.put(f"{ZONES}/sauna", **who).status_code == 403
