"""From the change to the receiver: with the transaction, at least once, as things are when it is sent."""

import base64
import hashlib
import hmac
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cloud.webhooks.conftest import Line, make_line
from dues_gym import TOTAL_MINOR, at, make_gym
from portillon_cloud import webhooks
from portillon_cloud.webhooks import delivering, endpoints
from portillon_cloud.webhooks.backoff import WAITS_MS, wait_ms
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.health import endpoint_of
from portillon_cloud.webhooks.present_state import present_state
from portillon_cloud.webhooks.sending import Answer
from portillon_cloud.webhooks.signing import signed
from portillon_cloud.webhooks.tables import webhook_delivery, webhook_endpoint
from sqlalchemy import select

DAY_MS = 24 * 3_600_000


def tell_invoice(line: Line) -> int:
    payer = line.gym.payer()
    invoice_id = line.gym.owe(payer)
    with line.gym.db.write() as conn:
        webhooks.tell(conn, EventKind.INVOICE_ISSUED, line.gym.organisation_id, [invoice_id], at_ms=at(0))
    return invoice_id


def test_it_says_what_is_so_when_it_is_sent(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invoice that was paid while the event waited is told as paid, never as it was (polar#6134).

    Ablation: with the state of the moment of writing the same event says that it is owed.
    """
    line.endpoint()
    payer = line.gym.payer()
    invoice_id = line.gym.owe(payer)
    with line.gym.db.write() as conn:
        webhooks.tell(conn, EventKind.INVOICE_ISSUED, line.gym.organisation_id, [invoice_id], at_ms=at(0))
        then = present_state(conn, EventKind.INVOICE_ISSUED, line.gym.organisation_id, invoice_id, now_ms=at(0))
    line.gym.pay(payer, TOTAL_MINOR, now_ms=at(0, 7))
    line.drain()
    issued = next(one for one in line.receiver.bodies if one["type"] == "invoice.issued")
    assert issued["timestamp"] == "2026-03-02T11:00:00.000Z"
    assert issued["mode"] == "test"
    assert (issued["data"]["invoice_id"], issued["data"]["owed_minor"]) == (invoice_id, 0)
    monkeypatch.setattr(delivering, "present_state", lambda *_args, **_more: then)
    with line.gym.db.write() as conn:
        webhooks.tell(conn, EventKind.INVOICE_ISSUED, line.gym.organisation_id, [invoice_id], at_ms=at(0))
    line.drain()
    assert line.receiver.bodies[-1]["data"]["owed_minor"] == TOTAL_MINOR


def test_what_did_not_happen_is_not_told(line: Line) -> None:
    """A transaction that rolls back leaves no event; without an endpoint that wants it none is written either."""
    tell_invoice(line)
    assert line.kinds() == []
    line.endpoint("https://example.org/only-payments", EventKind.PAYMENT_SUCCEEDED)
    tell_invoice(line)
    assert line.kinds() == []
    line.endpoint()
    with pytest.raises(ZeroDivisionError), line.gym.db.write() as conn:
        webhooks.tell(conn, EventKind.PING, line.gym.organisation_id, [1], at_ms=at(0))
        raise ZeroDivisionError
    assert line.kinds() == []


def test_signature_of_the_standard() -> None:
    """The message, secret and signature that the standard's own documentation gives."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [secret], real_ms=1_614_265_330_999)
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_sign_while_a_receiver_changes_over(sqlite_line: Line) -> None:
    """For a day after a new secret both sign, then the new one alone; neither lies in the database in clear."""
    line, gym = sqlite_line, sqlite_line.gym
    old = line.endpoint()
    with gym.db.write() as conn:
        new = endpoints.take_new_secret(conn, gym.keyring, old.endpoint_id, by=line.owner, real_ms=gym.clock.real_ms())
    tell_invoice(line)
    line.drain()
    gym.clock.now_ms += endpoints.OLD_SECRET_MS
    tell_invoice(line)
    line.drain()
    assert [expected(one, old.secret, new.secret) for one in line.receiver.came] == [[True, True], [False, True]]
    [raw] = gym.scalars(select(webhook_endpoint.c.secret_sealed))
    assert new.secret.encode() not in raw and base64.b64decode(new.secret[6:]) not in raw


def expected(request: object, *secrets: str) -> list[bool]:
    """Whether each secret's own signature, reckoned by hand, stands in the request."""
    headers, body = request.headers, request.body  # type: ignore[attr-defined]
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = [
        "v1," + base64.b64encode(hmac.new(base64.b64decode(one[6:]), said, hashlib.sha256).digest()).decode()
        for one in secrets
    ]
    return [one in headers["webhook-signature"].split(" ") for one in wanted]


def test_tried_again_for_three_days_then_given_up(sqlite_line: Line) -> None:
    """Each wait is as the table says, at most a tenth longer; only 2xx ends it; the id stays the same."""
    line = sqlite_line
    line.endpoint()
    tell_invoice(line)
    line.receiver.answer = Answer(302)
    for wait in WAITS_MS:
        line.drain()
        line.gym.clock.now_ms += wait - 1
        assert line.post() == 0
        line.gym.clock.now_ms += wait // 10 + 1
    line.drain()
    assert line.states() == ["given_up"]
    assert len(set(line.receiver.ids)) == 1 and len(line.receiver.ids) == len(WAITS_MS) + 1
    assert 3 * DAY_MS < sum(WAITS_MS) < 4 * DAY_MS
    assert wait_ms(len(WAITS_MS) + 1, 7) is None


def test_a_death_between_sending_and_writing_it_down_sends_again(line: Line) -> None:
    """The claim runs out and the event goes once more under its own id; nothing is lost."""
    line.endpoint()
    tell_invoice(line)

    def dies(_request: object) -> Answer:
        raise SystemExit

    line.receiver.answer = dies
    with pytest.raises(SystemExit):
        line.post()
    line.receiver.answer = Answer(200)
    assert line.post() == 0
    line.gym.clock.now_ms += delivering.CLAIM_MS
    line.drain()
    assert line.states() == ["delivered"]
    assert line.receiver.ids[0] == line.receiver.ids[1]


def test_a_stalled_sender_changes_nothing(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever's claim ran out writes nothing: another has delivered it. Ablation: without the fence it waits again."""
    line.endpoint()
    tell_invoice(line)
    late: list[delivering.Claimed] = []
    deliver = line.post._deliver
    line.post._deliver = late.append  # type: ignore[method-assign, assignment]
    line.post()
    line.post._deliver = deliver  # type: ignore[method-assign]
    line.gym.clock.now_ms += delivering.CLAIM_MS
    line.drain()
    with line.gym.db.write() as conn:
        delivering._conclude(conn, late[0], Answer(500), real_ms=line.gym.clock.real_ms())
    assert line.states() == ["delivered"]
    with line.gym.db.write() as conn:
        conn.execute(webhook_delivery.update().values(state="sending", attempts=late[0].attempt))
        delivering._conclude(conn, late[0], Answer(500), real_ms=line.gym.clock.real_ms())
    assert line.states() == ["waiting"]


def test_a_slow_endpoint_holds_up_its_own_organisation_only(sqlite_line: Line) -> None:
    """While one organisation's endpoint hangs, another's event arrives; more than PER_ORGANISATION never hang."""
    slow, release, arrived = sqlite_line, threading.Event(), threading.Event()
    slow.endpoint("https://slow.example.org/")
    for _ in range(delivering.PER_ORGANISATION + 2):
        tell_invoice(slow)
    other = make_line(make_gym(slow.gym.db))
    other.gym.keyring = slow.gym.keyring
    other.endpoint("https://quick.example.org/")
    tell_invoice(other)

    def answer(request: object) -> Answer:
        if "slow" in request.url:  # type: ignore[attr-defined]
            release.wait(20)
        else:
            arrived.set()
        return Answer(200)

    slow.receiver.answer = answer
    with ThreadPoolExecutor(delivering.THREADS) as pool:
        slow.post.pool = pool
        begun = slow.post()
        assert begun == delivering.PER_ORGANISATION + 1
        assert arrived.wait(20)
        assert sum("slow" in one.url for one in list(slow.receiver.came)) <= delivering.PER_ORGANISATION
        release.set()
    slow.post.pool = None
    slow.drain()
    assert set(slow.states()) == {"delivered"}


def test_an_endpoint_that_only_fails_is_turned_off(line: Line) -> None:
    """After five days of failures it is off and the other endpoint is told; what waits is sent once it is on again."""
    bad, good = line.endpoint("https://bad.example.org/"), line.endpoint("https://good.example.org/")
    line.receiver.answer = lambda request: Answer(500 if "bad" in request.url else 200)
    for _ in range(5):
        tell_invoice(line)
    line.drain()
    assert health(line, bad.endpoint_id).state == "active"
    for _ in range(6):
        line.gym.clock.now_ms += DAY_MS
        tell_invoice(line)
        line.drain()
    assert health(line, bad.endpoint_id).state == "failing"
    assert health(line, good.endpoint_id).state == "active"
    told = [one for one in line.receiver.bodies if one["type"] == "endpoint.failing"]
    assert [one["data"] for one in told] == [{"endpoint_id": bad.endpoint_id, "state": "failing"}]
    waiting = health(line, bad.endpoint_id).waiting
    assert waiting > 0
    line.receiver.answer = Answer(200)
    line.drain()
    assert health(line, bad.endpoint_id).waiting == waiting
    with line.gym.db.write() as conn:
        endpoints.turn_on(conn, bad.endpoint_id, by=line.owner, real_ms=line.gym.clock.real_ms())
    line.drain()
    after = health(line, bad.endpoint_id)
    assert (after.waiting, after.state, after.failing_since_real_ms) == (0, "active", None)


def test_gone_is_gone_at_once(sqlite_line: Line) -> None:
    """410 says that the endpoint wants nothing more; a single other failure never turns anything off."""
    line = sqlite_line
    made = line.endpoint()
    line.gym.clock.now_ms += 30 * DAY_MS
    line.receiver.answer = Answer(404)
    tell_invoice(line)
    line.drain()
    assert health(line, made.endpoint_id).state == "active"
    line.receiver.answer = Answer(410)
    tell_invoice(line)
    line.drain()
    assert health(line, made.endpoint_id).state == "gone"


def health(line: Line, endpoint_id: int):  # type: ignore[no-untyped-def]
    with line.gym.db.read() as conn:
        return endpoint_of(conn, line.gym.organisation_id, endpoint_id)
