"""What owners do with endpoints; what is kept, and for how long."""

import pytest
from cloud.webhooks.conftest import Line, make_line
from cloud.webhooks.test_delivering import DAY_MS, health, tell_invoice
from dues_gym import at, make_gym
from portillon_cloud.errors import RefusedError
from portillon_cloud.identity.tables import staff
from portillon_cloud.messages.carrier import Letter
from portillon_cloud.messages.errors import CarrierBusyError
from portillon_cloud.webhooks import endpoints
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.endpoints import Wanted
from portillon_cloud.webhooks.errors import EndpointRefusedError, NoSuchEndpointError, TooManyEndpointsError
from portillon_cloud.webhooks.health import sent_to
from portillon_cloud.webhooks.housekeeping import KEPT_MS, forget, shorten
from portillon_cloud.webhooks.owner_notice import OwnerNotice
from portillon_cloud.webhooks.sending import Answer
from portillon_cloud.webhooks.tables import webhook_endpoint, webhook_endpoint_act, webhook_event
from sqlalchemy import func, select, update

NOW = at(0)


def test_sent_again_by_hand(line: Line) -> None:
    """One event, or all since an instant, go again under their ids; what waits already is not sent twice."""
    made = line.endpoint()
    for _ in range(3):
        tell_invoice(line)
    line.drain()
    first = line.receiver.ids[:]
    with line.gym.db.write() as conn:
        rows = sent_to(conn, line.gym.organisation_id, made.endpoint_id, limit=10)
        assert endpoints.send_again(conn, made.endpoint_id, by=line.owner, real_ms=NOW, event_id=rows[-1].event_id) == 1
        assert endpoints.send_again(conn, made.endpoint_id, by=line.owner, real_ms=NOW, event_id=rows[-1].event_id) == 0
    line.drain()
    assert line.receiver.ids[3:] == first[:1]
    with line.gym.db.write() as conn:
        assert endpoints.send_again(conn, made.endpoint_id, by=line.owner, real_ms=NOW, since_ms=at(0)) == 3
        assert endpoints.send_again(conn, made.endpoint_id, by=line.owner, real_ms=NOW, since_ms=at(0) + 1) == 0
    line.drain()
    assert sorted(line.receiver.ids[4:]) == sorted(first)


def test_a_new_endpoint_may_hear_what_is_kept(sqlite_line: Line) -> None:
    """Of the kinds it wants, what others were told before it came."""
    line = sqlite_line
    line.endpoint()
    tell_invoice(line)
    payer = line.gym.payer()
    line.gym.owe(payer)
    line.gym.pay(payer, 100, now_ms=at(0))
    later = line.endpoint("https://later.example.org/", EventKind.PAYMENT_SUCCEEDED)
    with line.gym.db.write() as conn:
        assert endpoints.send_again(conn, later.endpoint_id, by=line.owner, real_ms=NOW, since_ms=0) == 1


def test_paused_ping_changed_removed(sqlite_line: Line) -> None:
    """Paused keeps what happens and cannot be tried; a change of URL takes what waits along; removed is removed."""
    line = sqlite_line
    made = line.endpoint()

    def do(act, **more):  # type: ignore[no-untyped-def]
        with line.gym.db.write() as conn:
            return act(conn, made.endpoint_id, by=line.owner, **more)

    do(endpoints.ping, now_ms=at(0))
    line.drain()
    assert [one["type"] for one in line.receiver.bodies] == ["endpoint.ping"]
    do(endpoints.pause, real_ms=NOW)
    with pytest.raises(RefusedError):
        do(endpoints.ping, now_ms=at(0))
    tell_invoice(line)
    line.drain()
    assert len(line.receiver.came) == 1
    do(endpoints.change_endpoint, wanted=Wanted(url="https://new.example.org/"), real_ms=line.gym.clock.real_ms())
    do(endpoints.turn_on, real_ms=NOW)
    line.drain()
    assert line.receiver.came[-1].url == "https://new.example.org/"
    tell_invoice(line)
    do(endpoints.remove, real_ms=NOW)
    line.drain()
    assert len(line.receiver.came) == 2
    assert line.states()[-1] == "given_up"
    for act in (endpoints.pause, endpoints.remove, endpoints.turn_on):
        with pytest.raises(NoSuchEndpointError):
            do(act, real_ms=NOW)
    assert line.gym.scalars(select(webhook_endpoint.c.secret_sealed)) == [b""]
    column = webhook_endpoint_act.c
    assert line.gym.scalars(select(column.kind).order_by(column.id)) == [
        "added",
        "paused",
        "changed",
        "turned_on",
        "removed",
    ]
    assert line.gym.scalars(select(column.host).order_by(column.id))[2:] == ["new.example.org"] * 3
    assert set(line.gym.scalars(select(column.done_by))) == {line.owner.name}


def test_bounds(sqlite_line: Line) -> None:
    """So many endpoints and no more; plain http is for tests alone."""
    line = sqlite_line
    for number in range(endpoints.ENDPOINTS_MOST):
        line.endpoint(f"http://localhost:{8000 + number}/")
    with pytest.raises(TooManyEndpointsError):
        line.endpoint()
    live = make_line(make_gym(line.gym.db, mode="live"))
    with pytest.raises(EndpointRefusedError, match="https"):
        live.endpoint("http://example.org/")


def test_each_organisation_is_told_of_its_own(line: Line) -> None:
    """What happens in one gym is not written for another's endpoint, nor can one touch the other's."""
    other = make_line(make_gym(line.gym.db))
    theirs = other.endpoint()
    tell_invoice(line)
    assert line.kinds() == []
    with line.gym.db.write() as conn, pytest.raises(NoSuchEndpointError):
        endpoints.pause(conn, theirs.endpoint_id, by=line.owner, real_ms=NOW)
    with line.gym.db.write() as conn, pytest.raises(NoSuchEndpointError):
        endpoints.send_again(conn, theirs.endpoint_id, by=line.owner, real_ms=NOW, since_ms=0)


def test_kept_for_thirty_days(line: Line) -> None:
    """Then an event goes with its deliveries, but for what an endpoint that is on has still to hear."""
    line.endpoint()
    tell_invoice(line)
    line.drain()
    line.receiver.answer = Answer(500)
    tell_invoice(line)
    line.drain()
    with line.gym.db.write() as conn:
        assert forget(conn, line.gym.organisation_id, now_ms=at(0) + KEPT_MS) == 0
        assert forget(conn, line.gym.organisation_id, now_ms=at(0) + KEPT_MS + 1) == 1
        assert conn.scalar(select(func.count()).select_from(webhook_event)) == 1


def test_a_queue_has_an_end(line: Line) -> None:
    """Beyond it the oldest are given up, and may be sent again by hand."""
    made = line.endpoint()
    for _ in range(5):
        tell_invoice(line)
    with line.gym.db.write() as conn:
        assert shorten(conn, line.gym.organisation_id, most=3) == 2
        assert shorten(conn, line.gym.organisation_id, most=3) == 0
    assert line.states() == ["given_up"] * 2 + ["waiting"] * 3
    with line.gym.db.write() as conn:
        assert endpoints.send_again(conn, made.endpoint_id, by=line.owner, real_ms=NOW, since_ms=0) == 2


class Postman:
    """Carries letters, unless it is busy."""

    def __init__(self) -> None:
        self.carried: list[Letter] = []
        self.busy = False

    def carry(self, letter: Letter) -> None:
        if self.busy:
            raise CarrierBusyError("later")
        self.carried.append(letter)


def test_owners_hear_of_an_endpoint_that_was_turned_off(sqlite_line: Line) -> None:
    """Once each, in their language, with what was wrong; a busy carrier is asked again; the desk hears nothing."""
    line, postman = sqlite_line, Postman()
    with line.gym.db.write() as conn:
        for name, role, language in (("Odile", "owner", "fr"), ("Owen", "owner", "en"), ("Denis", "desk", "fr")):
            conn.execute(
                staff.insert().values(
                    organisation_id=line.gym.organisation_id, email=f"{name}@example.org", name=name,
                    password_hash="x", role=role, language=language, created_ms=0,
                )
            )  # fmt: skip
    made = line.endpoint()
    line.receiver.answer = Answer(410)
    tell_invoice(line)
    line.drain()
    notice = OwnerNotice(db=line.gym.db, clock=line.gym.clock, carrier=postman)
    postman.busy = True
    assert notice() == 1
    postman.busy = False
    assert notice() == 0
    line.gym.clock.now_ms += DAY_MS
    assert notice() == 1
    assert notice() == 0
    assert [(one.recipient, one.language) for one in postman.carried] == [
        ("Odile@example.org", "fr"),
        ("Owen@example.org", "en"),
    ]
    assert all("answered 410" in one.body and "https://example.org/hook" in one.body for one in postman.carried)
    with line.gym.db.write() as conn:
        conn.execute(update(webhook_endpoint).values(last_error=None))
    assert health(line, made.endpoint_id).state == "gone"
