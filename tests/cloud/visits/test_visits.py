"""Packs and quotas: on the feed at once, spent once by the journal, moved without a visit given twice."""

from collections.abc import Callable

import pytest
from cloud.visits.conftest import Desk
from portillon_cloud.access.entitlement import FOREVER_MS
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.visits import moving, spending
from portillon_cloud.visits.errors import AllowanceError, UnknownAllowanceError, UnknownHomeError
from portillon_cloud.visits.moving import WINDOW_MS, move
from portillon_cloud.visits.operations import change, close, give
from portillon_cloud.visits.rows import use_at_home
from portillon_rules.policy import SitePolicy
from portillon_rules.reason import DenyReason
from portillon_rules.visits import ALLOWANCES_MAX, QUOTAS_MAX, UNCHECKED, Allowance, Per, Visit, VisitRow, judge
from portillon_wire.messages import EventKind, Way

DAY_MS = 86_400_000


def ask_to_move(desk: Desk, to: str, *, at_once: bool = False) -> None:
    with desk.gym.db.write() as conn:
        move(
            conn, organisation_id=desk.gym.organisation_id, member_id=desk.member_id, to=to, now_ms=desk.now_ms,
            at_once=at_once,
        )  # fmt: skip
    desk.talk()


def test_a_pack_is_at_its_gateway_at_once(desk: Desk) -> None:
    """Signed and numbered like any right; the row says who counts it and how much there is, and names nobody."""
    made = desk.give(10)
    pack = Allowance(name=str(made), most=10, from_ms=desk.now_ms, until_ms=FOREVER_MS)
    member = str(desk.member_id)
    assert desk.row() == VisitRow(member=member, home="front", turn=1, since_ms=desk.now_ms, allowances=(pack,))
    view = desk.view()
    assert (view.home, view.moving_to, view.gateways) == ("front", None, ("front",))
    assert [(one.id, one.left, one.until_ms, one.given_by) for one in view.allowances] == [(made, 10, None, "Ana")]


def test_a_passage_spends_one_visit_once(desk: Desk) -> None:
    """Delivered again, in another batch or out of order, it is the same passage; the gateway's row stays as it is."""
    made = desk.give(10)
    before = desk.row()
    first, second = desk.event(Visit(str(made), 1)), desk.event(Visit(str(made), 1))
    desk.deliver(second)
    desk.deliver(first, second)
    desk.deliver(first)
    assert desk.left() == [8] and desk.row() == before


def test_only_a_passage_inwards_spends(desk: Desk) -> None:
    """A grant that nobody used costs nothing, and nobody pays for going home."""
    visit = Visit(str(desk.give(10)), 1)
    for kind in (EventKind.GRANTED, EventKind.GRANT_NOT_USED, EventKind.DENIED, EventKind.REBADGED):
        desk.deliver(desk.event(visit, kind=kind))
    desk.passes(visit, way=Way.EXIT)
    assert desk.left() == [10]
    desk.passes(visit, way=Way.ENTRY)
    assert desk.left() == [9]


def test_a_quota_begins_anew_with_its_period(desk: Desk) -> None:
    """Twice a week is twice in each week, and what a pack has left is told beside it."""
    quota = desk.give(2, Per.WEEK)
    period = Allowance(name="1", most=2, per=Per.WEEK, until_ms=FOREVER_MS).period_at(desk.now_ms, "America/Toronto")
    pack = desk.give(10)
    desk.passes(Visit(str(quota), 1, period), Visit(str(pack), 1))
    assert desk.left() == [9, 1]
    desk.gym.clock.forward(ms=7 * DAY_MS)
    assert desk.left() == [9, 2]


def test_marks_of_others_spend_nothing(desk: Desk) -> None:
    """Another member's pack, one that does not exist, and what is no mark: the event is stored, and that is all."""
    made = str(desk.give(10))
    desk.deliver(desk.event(Visit(made, 1), member=str(desk.gym.members[1])))
    desk.deliver(desk.event(Visit("987654", 1)))
    desk.deliver(desk.event(flags=("visit:x.1.", "grace", "visit:²²²²²²²²²²²²²²²²².1."[:32])))
    desk.deliver(desk.event(Visit(made, 1), member=None))
    assert desk.left() == [10]


def test_a_mark_told_twice_in_one_event_counts_once(desk: Desk) -> None:
    """One person went through."""
    visit = Visit(str(desk.give(10)), 1)
    desk.passes(visit, visit)
    assert desk.left() == [9]


def test_changed_and_closed_reach_the_gateway(desk: Desk) -> None:
    """Two more visits as a gift; closed, the pack is no row and no limit."""
    made = desk.give(10)
    of = {"organisation_id": desk.gym.organisation_id, "member_id": desk.member_id, "allowance_id": made}
    with desk.gym.db.write() as conn:
        change(conn, **of, most=12)
    desk.talk()
    row = desk.row()
    assert row is not None and row.allowances[0].most == 12
    with desk.gym.db.write() as conn:
        close(conn, **of, now_ms=desk.now_ms)
    desk.talk()
    assert desk.row() is None and desk.left() == []
    with desk.gym.db.write() as conn, pytest.raises(UnknownAllowanceError):
        close(conn, **of, now_ms=desk.now_ms)


def test_what_cannot_be_given_says_why(desk: Desk) -> None:
    """No visits, no time, too many packs, nobody of ours, nothing to move, nowhere to move it to."""
    with pytest.raises(AllowanceError, match="1 to"):
        desk.give(0)
    with pytest.raises(AllowanceError, match="ends before"):
        desk.give(1, until_ms=desk.now_ms)
    with pytest.raises(UnknownHomeError, match="no visits"):
        ask_to_move(desk, "front")
    desk.give(1)
    with pytest.raises(UnknownHomeError, match="no gateway"):
        ask_to_move(desk, "back")
    for _ in range(QUOTAS_MAX):
        desk.give(1, Per.DAY)
    with pytest.raises(AllowanceError, match="of them quotas"):
        desk.give(1, Per.WEEK)
    for _ in range(ALLOWANCES_MAX - QUOTAS_MAX - 1):
        desk.give(1)
    with pytest.raises(AllowanceError, match="at most"):
        desk.give(1)
    with desk.gym.db.write() as conn, pytest.raises(UnknownMemberError):
        give(
            conn, organisation_id=desk.gym.organisation_id + 1, member_id=desk.member_id, most=1, per=None,
            from_ms=0, until_ms=None, by="Eve", now_ms=0,
        )  # fmt: skip


def test_the_desk_counts_as_the_home_does(desk: Desk) -> None:
    """Once the journal has come, the live answer is the turnstile's: nine left, then none."""
    visit = Visit(str(desk.give(2)), 1)
    policy = SitePolicy(time_zone="America/Toronto")
    for reason in (None, None, DenyReason.NO_VISITS_LEFT):
        with desk.gym.db.read() as conn:
            use = use_at_home(conn, desk.member_id)
        assert judge(use, policy=policy, business_ms=desk.now_ms).reason is reason
        desk.passes(visit)
    with desk.gym.db.read() as conn:
        assert use_at_home(conn, desk.gym.members[1]).row is None


def test_a_site_without_a_gateway_waits_for_its_first(make_desk: Callable[[], Desk]) -> None:
    """A pack sold before the lanes were built is counted by the first gateway that speaks."""
    desk = make_desk()
    desk.give(10)
    assert desk.view().home is None
    desk.enrol("front")
    desk.reports()
    row = desk.row()
    assert row is not None and (row.home, row.turn) == ("front", 2)


def test_a_move_waits_for_all_that_the_old_home_gave(desk: Desk) -> None:
    """Nobody gives visits until the old home has stopped and told everything; then the new one has what is left."""
    visit = Visit(str(desk.give(10)), 1)
    desk.enrol("back")
    desk.passes(visit)
    late = desk.event(visit)
    ask_to_move(desk, "back")
    for at in ("front", "back"):
        row = desk.row(at)
        assert row is not None and row.home is None
    desk.reports()  # it has stopped
    desk.gym.clock.forward(ms=WINDOW_MS - 1)
    desk.reports()
    assert desk.view().moving_to == "back", "somebody may be walking through"
    desk.gym.clock.forward(ms=1)
    desk.reports(pending=1)
    desk.reports(writable=False)
    assert desk.view().moving_to == "back", "it has not told everything"
    desk.deliver(late)
    desk.reports()
    row = desk.row("back")
    assert row is not None and (row.home, row.turn, row.allowances[0].before) == ("back", 2, 2)
    desk.passes(Visit(visit.name, 2), at="back")
    assert desk.left() == [7] and desk.row("back") == row


def test_a_move_waits_for_a_home_that_does_not_hear(desk: Desk) -> None:
    """It may be letting people in on them: reports alone, without its word for that revision, move nothing."""
    desk.give(10)
    front = desk.gateways.pop("front")
    desk.enrol("back")
    ask_to_move(desk, "back")
    for _ in range(3):
        desk.reports("front")
        desk.gym.clock.forward(ms=WINDOW_MS)
    assert desk.view().home == "front"
    desk.gateways["front"] = front
    desk.talk(front.report())
    desk.reports("front")
    desk.gym.clock.forward(ms=WINDOW_MS)
    desk.reports("front")
    assert desk.view().home == "back"


def test_a_move_asked_back_before_anybody_knew_did_not_happen(desk: Desk) -> None:
    """The same turn goes on; what the gateway counted in it still counts."""
    desk.give(10)
    desk.enrol("back")
    before = desk.row()
    ask_to_move(desk, "back")
    ask_to_move(desk, "front")
    assert desk.row() == before


def test_a_lost_home_is_left_at_once_and_heard_of_later(desk: Desk) -> None:
    """Staff say that it will not come back; what it gave unheard shortens the pack when its journal turns up."""
    visit = Visit(str(desk.give(3)), 1)
    desk.enrol("back")
    unheard = desk.event(visit)
    ask_to_move(desk, "back", at_once=True)
    row = desk.row("back")
    assert row is not None and (row.home, row.turn, row.allowances[0].before) == ("back", 2, 0)
    desk.deliver(unheard)
    row = desk.row("back")
    assert row is not None and row.allowances[0].before == 1 and desk.left() == [2]


def test_visits_given_unchecked_shorten_what_the_home_may_give(desk: Desk) -> None:
    """A site that passes and flags elsewhere is told of it; the home knows within a second of the cloud."""
    made = desk.give(3)
    desk.enrol("back")
    desk.passes(Visit(str(made), UNCHECKED), at="back")
    row = desk.row()
    assert row is not None and (row.home, row.turn, row.allowances[0].before) == ("front", 1, 1)
    assert desk.left() == [2] and desk.view().moving_to is None


@pytest.mark.parametrize("refused", [True, False])
def test_a_home_that_lost_its_count_gets_a_new_turn(desk: Desk, refused: bool) -> None:
    """It told so by refusing its own visits, or by giving them unchecked; the journal says what was spent before."""
    made = str(desk.give(3))
    desk.passes(Visit(made, 1))
    if refused:
        desk.deliver(desk.event(kind=EventKind.DENIED, reason=DenyReason.VISIT_HELD_ELSEWHERE))
    else:
        desk.passes(Visit(made, UNCHECKED))
    assert desk.view().moving_to == "front"
    desk.reports()
    desk.gym.clock.forward(ms=WINDOW_MS)
    desk.reports()
    row = desk.row()
    assert row is not None and (row.home, row.turn, row.allowances[0].before) == ("front", 2, 1 if refused else 2)


def test_an_old_refusal_starts_no_new_turn(desk: Desk) -> None:
    """Written down before the turn began, by another gateway, or for another reason, it says nothing of this count."""
    old = desk.event(kind=EventKind.DENIED, reason=DenyReason.VISIT_HELD_ELSEWHERE)
    desk.gym.clock.forward(ms=1)
    desk.give(3)
    desk.enrol("back")
    desk.deliver(old)
    desk.deliver(desk.event(at="back", kind=EventKind.DENIED, reason=DenyReason.VISIT_HELD_ELSEWHERE), at="back")
    desk.deliver(desk.event(kind=EventKind.DENIED, reason=DenyReason.NO_VISITS_LEFT))
    assert desk.view().moving_to is None


@pytest.mark.parametrize(
    ("where", "name", "instead"),
    [
        (moving, "_has_told_all", lambda report, *, since_ms: True),
        (spending, "_tells", lambda event: False),
    ],
)
def test_without_waiting_or_counting_a_move_gives_visits_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: object, name: str, instead: Callable[..., bool]
) -> None:
    """The ablation: what proves the move fails without the wait, and without the count."""
    monkeypatch.setattr(where, name, instead)
    with pytest.raises(AssertionError):
        test_a_move_waits_for_all_that_the_old_home_gave(desk)
