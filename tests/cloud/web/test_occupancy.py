"""How many are inside now: from the gateways' counts to the live page and the API."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from cloud.web.test_api import headers, is_problem
from playwright.sync_api import expect
from portillon_cloud.gateways.tables import gateway, gateway_status
from portillon_cloud.identity.roles import Role
from portillon_cloud.presence.occupancy import occupancy_of
from portillon_cloud.zones.operations import put_zone_rule
from sqlalchemy import insert, select, update


def counts(gym, zones):
    """The site's gateway says how many are in each zone."""
    with gym.services.db.write() as conn:
        reported = conn.execute(select(gateway_status.c.reported)).scalars().first()
        values = {"reported": {**reported, "occupancy": zones}, "reported_at_ms": gateway_status.c.reported_at_ms + 1}
        conn.execute(update(gateway_status).values(**values))


def rule(gym, zone="gym", **body):
    with gym.services.db.write() as conn:
        put_zone_rule(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, zone=zone, body=body)


def occupancy(gym):
    with gym.services.db.read() as conn:
        return occupancy_of(conn, gym.site_id, now_ms=gym.services.clock.real_ms())


def test_a_site_without_rules_shows_no_count(signed_in, gym, client):
    """Nothing is counted, so nothing is said; an older gateway's report says nothing either."""
    assert occupancy(gym) == ()
    assert "Inside now" not in signed_in(Role.OWNER).get("/sites/1").text
    assert client.get("/api/v1/sites/1/occupancy", headers=headers(gym)).json() == []


@pytest.mark.parametrize(
    ("inside", "says", "not_yet"),
    [(12, "12 of 40", "Almost full"), (35, "Almost full", "Full<"), (41, "Full<", "Almost")],
)
def test_the_live_page_says_how_many_are_inside(signed_in, gym, inside, says, not_yet):
    """With what the zone holds, and in words when it is nearly full or full."""
    rule(gym, capacity=40, almost_full=35)
    counts(gym, {"gym": inside})
    html = signed_in(Role.TECHNICIAN).get("/sites/1").text
    assert "Inside now" in html and says in html and not_yet not in html


def test_the_api_says_the_same(client, gym):
    """To everybody who may see the site, and to nobody of another organisation."""
    counts(gym, {"gym": 3, "pool": 1})
    found = client.get("/api/v1/sites/1/occupancy", headers=headers(gym, Role.TECHNICIAN)).json()
    assert [(one["zone"], one["inside"], one["capacity"], one["live"]) for one in found] == [
        ("gym", 3, None, True),
        ("pool", 1, None, True),
    ]
    is_problem(client.get("/api/v1/sites/99/occupancy", headers=headers(gym)), 404)


def test_who_is_online_counts_more_than_who_spoke_last(gym, signed_in):
    """A gateway that is not heard any more counted yesterday's people; alone, it is said so."""
    counts(gym, {"gym": 3})
    with gym.services.db.write() as conn:
        first = conn.execute(select(gateway)).mappings().first()
        conn.execute(insert(gateway).values({**first, "id": "gw-2", "name": "Garage"}))
        status = conn.execute(select(gateway_status)).mappings().first()
        later = {"gateway_id": "gw-2", "reported_at_ms": status["reported_at_ms"] + 1}
        reported = {**status["reported"], "occupancy": {"gym": 5}}
        conn.execute(insert(gateway_status).values({**status, **later, "reported": reported}))
    assert [(one.inside, one.live) for one in occupancy(gym)] == [(5, True)]
    with gym.services.db.write() as conn:
        conn.execute(update(gateway_status).where(gateway_status.c.gateway_id == "gw-2").values(online=False))
    assert [(one.inside, one.live) for one in occupancy(gym)] == [(3, True)]
    with gym.services.db.write() as conn:
        conn.execute(update(gateway_status).values(online=False))
    assert [(one.inside, one.live) for one in occupancy(gym)] == [(5, False)]
    assert "as last heard" in signed_in(Role.OWNER).get("/sites/1").text
    with gym.services.db.write() as conn:
        conn.execute(update(gateway).where(gateway.c.id == "gw-2").values(revoked_at_ms=1))
    assert [one.inside for one in occupancy(gym)] == [3]


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_the_count_changes_by_itself_and_reads_well(visitor, gym, axe):
    """Somebody passes, and the open page says so; axe finds nothing, on a phone too."""
    rule(gym, capacity=40, almost_full=35)
    counts(gym, {"gym": 34})
    visitor.sign_in()
    panel = visitor.page.locator("#panel-occupancy")
    expect(panel).to_contain_text("34 of 40")
    counts(gym, {"gym": 35})
    expect(panel).to_contain_text("35 of 40")
    expect(panel).to_contain_text("Almost full")
    for size in (DESK, PHONE):
        visitor.page.set_viewport_size(size)
        assert violations(visitor.page, axe) == []
