"""Doors and alarms at the desk: who may order what, what a page says of it, and how the badge counts."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cloud.web.alarm_maker import raise_alarm
from portillon_cloud.doors.operations import orders_in_force
from portillon_cloud.gateways.tables import gateway_status
from portillon_cloud.identity.roles import Role
from portillon_cloud.web import alarm_words, door_words
from portillon_rules.door_plan import Standing
from portillon_wire.alarm_classes import Alarm, AlarmClass
from portillon_wire.commands import Action
from sqlalchemy import select, text, update


def report_doors(gym, *doors):
    with gym.services.db.write() as conn:
        reported = conn.execute(select(gateway_status.c.reported)).scalars().first()
        now_ms = gym.services.clock.real_ms()
        values = {"reported": {**reported, "doors": list(doors)}, "online": True, "seen_at_ms": now_ms}
        conn.execute(
            update(gateway_status)
            .where(gateway_status.c.organisation_id == gym.organisation_id)
            .values(**values, reported_at_ms=now_ms)
        )


def front(**more):
    return {"name": "front", "kind": "door", "state": "locked", **more}


def rows(gym, table):
    with gym.services.db.read() as conn:
        return [dict(row._mapping) for row in conn.execute(text(f"SELECT * FROM {table} ORDER BY id"))]


def test_every_alarm_standing_and_action_has_words():
    """A new member of an enum without words, or without what to do, fails here and not on a screen."""
    assert set(alarm_words.ALARMS) == set(Alarm)
    assert set(alarm_words.CLASSES) == set(AlarmClass)
    assert set(door_words.ORDERS) == set(Standing)
    assert set(door_words.ACTIONS) == {action.value for action in Action}


def test_an_alarm_is_seen_on_every_page_until_somebody_takes_note(signed_in, gym, csrf):
    """The badge counts it, the page says what to do, and the word on it is kept with the name."""
    raise_alarm(gym, "door_forced", door="front", detail="opened without a grant")
    technician = signed_in(Role.TECHNICIAN)
    assert '<span class="count">1' in technician.get("/sites/1").text
    html = technician.get("/alarms").text
    assert "Opened without a grant" in html and "see who came in" in html
    alarm_id = rows(gym, "alarm")[0]["id"]
    answer = technician.post(
        f"/alarms/{alarm_id}/acknowledge", data={"note": " a <b>delivery</b> ", "csrf": csrf(html)}
    )
    assert answer.headers["location"] == "/alarms"
    html = technician.get("/alarms").text
    assert "a &lt;b&gt;delivery&lt;/b&gt;" in html and "Stands" in html
    assert '<span class="count">' not in technician.get("/members").text + html.split("<main")[0]
    (word,) = rows(gym, "alarm_acknowledgement")
    assert (word["note"], word["is_over"]) == ("a <b>delivery</b>", 0)


def test_a_silent_alarm_is_on_no_page_of_alarms(signed_in, gym):
    """Whoever forces somebody may look at the screen: it stays among the notices."""
    raise_alarm(gym, "alarm", reason="duress", door="front")
    assert "Nothing is the matter" in signed_in(Role.OWNER).get("/alarms").text


def test_the_desk_orders_doors_and_everybody_sees_by_whom(signed_in, gym, csrf):
    """Lockdown and back; the order is in force, on the page and in the record."""
    report_doors(gym, front(standing="lockdown", open=True, troubles=["door_held"]))
    desk = signed_in(Role.DESK)
    html = desk.get("/sites/1/doors").text
    token = csrf(html)
    assert "Held open" in html and "Reset the fire alarm" not in html
    for door, standing in (("*", "lockdown"), ("front", "blocked"), ("front", "plan")):
        answer = desk.post(f"/sites/1/doors/{door}/order", data={"standing": standing, "csrf": token})
        assert answer.headers["location"] == "/sites/1/doors?done=ordered"
    assert [(row["door"], row["standing"]) for row in rows(gym, "door_order")] == [("*", "lockdown")]
    assert [row["standing"] for row in rows(gym, "door_order_change")] == ["lockdown", "blocked", None]
    assert "since" in desk.get("/sites/1/doors").text


def test_a_door_is_opened_from_the_desk_if_its_gateway_is_there(signed_in, gym, csrf):
    """Sent with the clerk's id; with the gateway away nothing is kept for later, and the page says so."""
    report_doors(gym, front())
    desk = signed_in(Role.DESK)
    token = csrf(desk.get("/sites/1/doors").text)
    assert desk.post("/sites/1/doors/front/open", data={"csrf": token}).status_code == 303
    assert "on its way" in desk.get("/sites/1/doors").text
    with gym.services.db.write() as conn:
        conn.execute(update(gateway_status).values(online=False))
    answer = desk.post("/sites/1/doors/front/open", data={"csrf": token})
    assert answer.status_code == 409 and "nothing was done" in answer.text
    assert len(rows(gym, "command")) == 1


def test_nobody_orders_beyond_their_role(signed_in, gym, csrf):
    """A technician plans and orders nothing; the desk resets no fire; nobody does anything with a forged form."""
    report_doors(gym, front())
    technician, desk = signed_in(Role.TECHNICIAN), signed_in(Role.DESK)
    token = csrf(technician.get("/sites/1/doors").text)
    order = {"standing": "free", "csrf": token}
    assert technician.post("/sites/1/doors/front/order", data=order).status_code == 403
    assert technician.post("/sites/1/doors/front/open", data={"csrf": token}).status_code == 403
    desk_token = csrf(desk.get("/sites/1/doors").text)
    assert desk.post("/sites/1/fire/reset", data={"csrf": desk_token}).status_code == 403
    assert desk.post("/sites/1/doors/front/plan", data={"unlock": "", "csrf": desk_token}).status_code == 403
    assert desk.post("/sites/1/doors/front/order", data={"standing": "free", "csrf": "x"}).status_code == 403
    assert rows(gym, "door_order") == [] and rows(gym, "command") == []


def test_the_live_page_shows_how_doors_stand(signed_in, gym):
    """Fire before everything, a trouble in words, open or closed; an older gateway's report still shows."""
    report_doors(
        gym,
        front(standing="fire", open=True),
        {"name": "back", "kind": "door", "state": "locked", "standing": "plan", "troubles": ["door_forced"]},
        {"name": "lane-9", "kind": "turnstile_lane", "state": "idle"},
        {"name": "side", "kind": "door", "state": "locked", "standing": "lockdown", "open": False},
    )
    html = signed_in(Role.OWNER).get("/sites/1").text
    for said in ("Free because of fire", "Forced open", "Lockdown", "Open", "Closed"):
        assert said in html


def test_what_doors_do_for_a_member_is_set_at_the_desk(signed_in, gym, csrf):
    """Ticked is given, not ticked is taken away; a technician may not."""
    desk = signed_in(Role.DESK)
    token = csrf(desk.get("/members/1").text)
    for ticked in ({"long_access": "true", "lockdown_exempt": "true"}, {}):
        answer = desk.post("/members/1/door-rights", data={**ticked, "csrf": token})
        assert answer.headers["location"] == "/members/1?done=changed"
        (row,) = [row for row in rows(gym, "member") if row["id"] == 1]
        assert bool(row["long_access"]) is ("long_access" in ticked) and not row["first_person"]
    assert signed_in(Role.TECHNICIAN).post("/members/1/door-rights", data={"csrf": token}).status_code == 403


def test_who_ended_an_alarm_is_told_by_name(signed_in, gym):
    """The gateway knows a staff id only; whoever reads the page knows people."""
    raise_alarm(gym, "fire", 1, by="fire-loop")
    with gym.services.db.read() as conn:
        name, one = conn.execute(text("SELECT name, id FROM staff WHERE role = 'owner' ORDER BY id")).first()
    raise_alarm(gym, "fire_reset", 2, by=f"staff:{one}")
    desk = signed_in(Role.DESK)
    html = desk.get("/alarms").text
    assert "fire-loop" in html and "Follow the evacuation plan" in html
    alarm_id = rows(gym, "alarm")[0]["id"]
    desk.post(f"/alarms/{alarm_id}/acknowledge", data={"csrf": html.split('name="csrf" value="')[1].split('"')[0]})
    assert f"Ended by {name}" in desk.get("/alarms").text


def test_an_order_may_have_an_end(signed_in, gym, csrf):
    """The day and time are the site's; the page says until when; over, it is in the record and no longer in force."""
    report_doors(gym, front())
    desk = signed_in(Role.DESK)
    token = csrf(desk.get("/sites/1/doors").text)
    now_ms = gym.services.clock.real_ms()
    end = (datetime.fromtimestamp(now_ms / 1000, ZoneInfo("America/Toronto")) + timedelta(hours=2)).replace(
        second=0, microsecond=0, tzinfo=None
    )
    answer = desk.post(
        "/sites/1/doors/front/order",
        data={"standing": "blocked", "until": end.isoformat("T", "minutes"), "csrf": token},
    )
    assert answer.status_code == 303
    (ordered,) = rows(gym, "door_order")
    assert ordered["until_ms"] == int(end.replace(tzinfo=ZoneInfo("America/Toronto")).timestamp() * 1000)
    html = desk.get("/sites/1/doors").text
    assert html.count("until ") >= 2 and "Blocked by order" in html
    with gym.services.db.read() as conn:
        assert orders_in_force(conn, 1, now_ms=ordered["until_ms"] - 1)
        assert not orders_in_force(conn, 1, now_ms=ordered["until_ms"])


@pytest.mark.parametrize("until", ["2020-01-01T00:00", "tomorrow"])
def test_an_end_that_is_over_orders_nothing(signed_in, gym, csrf, until):
    """The page says so, and everything stands as before."""
    report_doors(gym, front())
    desk = signed_in(Role.DESK)
    token = csrf(desk.get("/sites/1/doors").text)
    answer = desk.post("/sites/1/doors/*/order", data={"standing": "lockdown", "until": until, "csrf": token})
    assert answer.status_code == 422 and "choose an end that is still to come" in answer.text
    assert rows(gym, "door_order") == []


def test_who_changed_what_doors_do_for_a_member_is_on_their_page(signed_in, gym, csrf):
    """Whoever looks why somebody passes in a lockdown finds who allowed it."""
    desk = signed_in(Role.DESK)
    html = desk.get("/members/1").text
    assert "Who changed this" not in html
    desk.post("/members/1/door-rights", data={"lockdown_exempt": "true", "csrf": csrf(html)})
    desk.post("/members/1/door-rights", data={"csrf": csrf(html)})
    html = desk.get("/members/1").text
    assert "Who changed this" in html and "Nothing of this any more" in html
    (first, second) = rows(gym, "door_rights_change")
    assert '["lockdown_exempt"]' in first["rights"] and second["rights"] == "[]" and first["given_by"]
