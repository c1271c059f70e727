"""From 'this account changed' to a gateway that has confirmed it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cloud.gateways.conftest import Gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.gateways import differences, sequencer, store
from portillon_cloud.gateways.alarms import AlarmKind, alarms
from portillon_cloud.gateways.operations import gateways, revoke_gateway
from portillon_cloud.gateways.session import RESEND_AFTER_MS, WINDOW
from portillon_cloud.gateways.tables import feed_entry, feed_row
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.members.operations import add_credential, change_state, create_site
from portillon_cloud.members.tables import credential, member
from portillon_cloud.outbox.tables import access_outbox
from portillon_rules.credential import Credential
from portillon_wire.digest import Digest
from sqlalchemy import Connection, func, select, update


def same(gym: Gym, gateway: PretendGateway) -> bool:
    state = gym.state(gateway.id)
    return (gateway.epoch, gateway.revision, gateway.root) == (state.epoch, state.revision, state.root)


def _say(conn: Connection, gym: Gym, member_id: int, to: CredentialState) -> None:
    (only,) = conn.execute(select(credential.c.id).where(credential.c.member_id == member_id)).scalars()
    change_state(
        conn,
        gym.keyring,
        organisation_id=gym.organisation_id,
        credential_id=only,
        to=to,
        now_ms=gym.clock.real_ms(),
        by="desk",
    )


def test_a_new_gateway_gets_the_whole_table_and_a_lease(gym: Gym, front: PretendGateway) -> None:
    """Enrolled, connected: a snapshot with every row of its site, and a lease for it."""
    assert same(gym, front)
    assert len(front.rows) == 4  # the policy and three cards
    assert [lease.revision for lease in front.leases] == [front.revision]
    assert front.entries == []


def test_a_change_reaches_it_as_one_signed_difference(gym: Gym, front: PretendGateway) -> None:
    """Only the row that changed travels, numbered next, with the root after it; the outbox is empty then."""
    gym.block(gym.accounts[1])
    messages = gym.link.tick()
    gym.talk(front.receive(messages), front)
    assert [len(entry.changes) for entry in front.entries] == [1]
    assert same(gym, front)
    with gym.db.read() as conn:
        assert conn.execute(select(func.count()).select_from(access_outbox)).scalar() == 0


def test_what_changes_nothing_is_not_numbered(gym: Gym, front: PretendGateway) -> None:
    """An account that looks as before costs no revision."""
    before = gym.state().revision
    gym.block(gym.accounts[0])
    gym.unblock(gym.accounts[0])
    gym.talk([], front)
    assert gym.state().revision == before


def test_what_was_committed_while_a_round_waited_is_seen_in_it(gym: Gym, front: PretendGateway) -> None:
    """The clock is read after the outbox: a block that began while the round waited for its lock is in force in it."""
    asked_at_ms = gym.clock.real_ms()
    gym.clock.forward(ms=5)
    gym.block(gym.accounts[0])
    instants = iter([asked_at_ms, gym.clock.real_ms()])
    messages, _ = sequencer.sequence(gym.db, gym.keyring, real_ms=lambda: next(instants))
    assert len(messages) == 1
    with gym.db.read() as conn:
        assert conn.execute(select(func.count()).select_from(access_outbox)).scalar() == 0


def test_a_change_does_not_wait_for_a_chain_that_is_being_filled(
    gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three new sites read their first rows: a change is out before they are done, and no round sweeps two of them."""
    monkeypatch.setattr(sequencer, "ACCOUNTS_PER_TURN", 1)
    others = ("east", "north", "west")
    for name in others:
        with gym.db.write() as conn:
            site_id = create_site(
                conn,
                gym.keyring,
                organisation_id=gym.organisation_id,
                legal_entity_id=gym.entity_id,
                name=name,
                time_zone="America/Toronto",
                language="fr",
            )
        replace(gym, site_id=site_id).enrol(name)
        sequencer.sequence(gym.db, gym.keyring, real_ms=gym.clock.real_ms)
    gym.block(gym.accounts[1])
    told = []
    for _ in range(1 + len(others)):  # each site is asked about the account once, its home and those it might visit
        before = [gym.state(name).sweep_after for name in others]
        messages, more = sequencer.sequence(gym.db, gym.keyring, real_ms=gym.clock.real_ms)
        assert more
        told += messages
        moved = [gym.state(name).sweep_after for name in others]
        assert sum(was != now for was, now in zip(before, moved, strict=True)) <= 1
    assert [message.topic.split("/")[-1] for message in told] == ["feed"]


def test_a_card_that_changes_hands_is_one_change(gym: Gym, front: PretendGateway) -> None:
    """Lost by one member and given to another: the row is replaced, and belongs to the other account from then on."""
    card = Credential.parse("em4100:0000000001")
    with gym.db.write() as conn:
        _say(conn, gym, gym.members[0], CredentialState.LOST)
        add_credential(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            member_id=gym.members[1],
            presented=card,
        )
    gym.talk([], front)
    assert same(gym, front)
    assert len(front.rows) == 4
    with gym.db.read() as conn:
        owners = conn.execute(select(feed_row.c.account_id).where(feed_row.c.kind == "entitlement")).scalars().all()
    assert sorted(owners) == sorted([gym.accounts[1], gym.accounts[1], gym.accounts[2]])


def test_a_card_that_changes_hands_and_site_leaves_no_row_behind(gym: Gym, front: PretendGateway) -> None:
    """Lost here, given to a member of another site: here it is unknown, and the gateway is told."""
    card = Credential.parse("em4100:0000000001")
    with gym.db.write() as conn:
        other = create_site(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.entity_id,
            name="Other",
            time_zone="America/Toronto",
            language="fr",
        )
        conn.execute(update(member).where(member.c.id == gym.members[1]).values(site_id=other))
        _say(conn, gym, gym.members[0], CredentialState.LOST)
    gym.talk([], front)
    assert len(front.rows) == 3  # the policy, the lost card, the third member's
    with gym.db.write() as conn:
        add_credential(conn, gym.keyring, organisation_id=gym.organisation_id, member_id=gym.members[1], presented=card)
    gym.talk([], front)
    assert same(gym, front)
    assert len(front.rows) == 2


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (CredentialState.LOST, "credential_lost"),
        (CredentialState.STOLEN, "credential_stolen"),
        (CredentialState.BLOCKED, "credential_blocked"),
    ],
)
def test_what_became_of_a_card_is_one_change_with_its_reason(
    gym: Gym, front: PretendGateway, state: CredentialState, refusal: str
) -> None:
    """The row stays, and says why, in the next entry."""
    with gym.db.write() as conn:
        _say(conn, gym, gym.members[0], state)
    gym.talk([], front)
    [change] = front.entries[-1].changes
    assert change.body is not None and change.body["refusal"] == refusal
    assert same(gym, front)


def test_nothing_is_published_before_it_is_committed(
    gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sequencer that dies before its commit has told nobody and keeps the outbox row."""
    gym.block(gym.accounts[0])

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_entry", die)
        with pytest.raises(KeyboardInterrupt):
            gym.link.tick()
    assert gym.state().revision == front.revision
    gym.talk([], front)
    assert same(gym, front)
    assert len(front.entries) == 1


def test_a_lost_entry_is_sent_again_on_its_ladder(gym: Gym, front: PretendGateway) -> None:
    """Not confirmed: again after 0.3, 1 and 5 s; then with each lease interval."""
    gym.block(gym.accounts[0])
    assert len(gym.link.tick()) == 1  # lost
    for delay_ms in (*RESEND_AFTER_MS, 30_000):
        gym.clock.forward(ms=delay_ms - 1)
        assert [one for one in gym.link.tick() if one.topic.endswith("feed")] == []
        gym.clock.forward(ms=1)
        again = [one for one in gym.link.tick() if one.topic.endswith("feed")]
        assert len(again) == 1
    gym.talk(front.receive(again), front)
    assert same(gym, front)
    gym.clock.forward(ms=60_000)
    assert [one for one in gym.link.tick() if one.topic.endswith("feed")] == []


def test_a_gateway_that_is_away_gets_it_when_it_returns(gym: Gym, front: PretendGateway) -> None:
    """Offline nothing is repeated; the first report of the new connection is answered at once with what is missing."""
    gym.hand_over([front.will()])
    gym.clock.forward(ms=100_000)
    gym.block(gym.accounts[0])
    gym.link.tick()
    gym.clock.forward(ms=60_000)
    assert gym.link.tick() == []
    said = gym.hand_over(front.birth())
    assert len(said) == 1
    gym.talk(front.receive(said), front)
    assert same(gym, front)
    assert front.leases[-1].revision == front.revision


def test_more_than_a_window_arrives_in_windows(gym: Gym, front: PretendGateway) -> None:
    """A long backlog travels in bounded steps, each begun when the one before is confirmed."""
    for round_number in range(WINDOW + 20):
        (gym.block if round_number % 2 == 0 else gym.unblock)(gym.accounts[0])
        gym.link.tick()
    said = gym.hand_over([front.report(want_from=front.revision + 1)])
    assert len(said) == WINDOW
    gym.talk(front.receive(said), front)
    assert same(gym, front)


def test_a_gap_is_answered_with_the_range(gym: Gym, front: PretendGateway) -> None:
    """The gateway names what it lacks and gets exactly that."""
    for account_id in gym.accounts:
        gym.block(account_id)
        gym.link.tick()
    lacking = front.revision + 2
    said = gym.hand_over([front.report(want_from=lacking, want_to=lacking)])
    front.receive(said)
    assert [entry.revision for entry in front.entries] == [lacking]


def test_too_far_behind_means_a_snapshot(gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the entries are not kept any more, the table comes whole, in the same epoch."""
    monkeypatch.setattr(store, "KEPT_ENTRIES", 2)
    monkeypatch.setattr(sequencer, "PRUNE_EVERY", 1)
    for round_number in range(4):
        (gym.block if round_number % 2 == 0 else gym.unblock)(gym.accounts[0])
        gym.link.tick()
    with gym.db.read() as conn:
        assert conn.execute(select(func.count()).select_from(feed_entry)).scalar() == 2
    offers, epoch = len(front.offers), front.epoch
    gym.talk([front.report()], front)
    assert (len(front.offers), front.epoch) == (offers + 1, epoch)
    assert same(gym, front)


def test_many_changes_are_split(make_gym: Callable[..., Gym], monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry never has more rows than its bound, and each carries the root after itself."""
    monkeypatch.setattr(differences, "ENTRY_CHANGES", 2)
    gym = make_gym()
    gateway = gym.enrol()
    gym.talk(gateway.birth(), gateway)
    gym.add_members(5)
    gym.talk(gateway.receive(gym.link.tick()), gateway)
    assert [len(entry.changes) for entry in gateway.entries] == [2, 2, 1]
    assert same(gym, gateway)


def test_a_sweep_over_many_accounts_goes_in_turns(
    make_gym: Callable[..., Gym], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at every account is bounded work per turn; the table is offered when all were looked at."""
    monkeypatch.setattr(sequencer, "ACCOUNTS_PER_TURN", 3)
    monkeypatch.setattr("portillon_cloud.gateways.link.ROUNDS_PER_TICK", 1)
    gym = make_gym()
    gym.add_members(7)
    gateway = gym.enrol()
    gym.hand_over(gateway.birth())
    assert gym.link.tick() == []
    assert not gym.state().ready
    gym.talk([], gateway)
    assert gym.state().ready
    assert len(gateway.rows) == 8
    assert same(gym, gateway)


def test_one_gateway_that_fails_does_not_hold_up_another(
    gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows cannot be computed: an alarm, a later try, and everybody else goes on."""
    back = gym.enrol("back")
    gym.talk(back.birth(), front, back)
    working = sequencer.differences

    def failing(conn: object, state: object, *rest: object, **more: object) -> object:
        if state.gateway_id == "front":  # type: ignore[attr-defined]
            raise ValueError("a row that cannot be")
        return working(conn, state, *rest, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(sequencer, "differences", failing)
        gym.block(gym.accounts[0])
        gym.talk([], front, back)
    assert same(gym, back)
    assert gym.state("front").revision == front.revision
    with gym.db.read() as conn:
        assert [one.kind for one in alarms(conn, gym.organisation_id)] == [AlarmKind.SEQUENCER_FAILED]
    gym.clock.forward(ms=sequencer.RETRY_MS)
    gym.talk([], front, back)
    assert same(gym, front)
    assert front.revision > 1


def test_a_restored_gateway_opens_an_epoch(gym: Gym, front: PretendGateway) -> None:
    """Another root at a revision that was issued: no position of before means anything, the table comes whole."""
    front.root = "0" * 32
    gym.talk([front.report()], front)
    assert front.epoch == 2
    assert same(gym, front)
    with gym.db.read() as conn:
        assert [one.kind for one in alarms(conn, gym.organisation_id)] == [AlarmKind.NEW_EPOCH]


@pytest.mark.parametrize(("epoch", "revision", "then"), [(1, 99, 2), (7, 3, 8)])
def test_a_restored_cloud_opens_an_epoch(gym: Gym, front: PretendGateway, epoch: int, revision: int, then: int) -> None:
    """A position that the cloud never issued shows that the cloud was restored; the new epoch lies above both."""
    front.epoch, front.revision = epoch, revision
    gym.talk([front.report()], front)
    assert front.epoch == then
    assert same(gym, front)


def test_a_late_report_of_before_harms_nothing(gym: Gym, front: PretendGateway) -> None:
    """An old position with the right root is answered, and the gateway's next word puts it right."""
    old = front.report()
    gym.block(gym.accounts[0])
    gym.talk([], front)
    gym.clock.forward(ms=1_000)
    gym.talk([old], front)
    assert same(gym, front)
    assert gym.state().acked_revision == front.revision


def test_an_emptied_gateway_is_filled_again(gym: Gym, front: PretendGateway) -> None:
    """A gateway that lost its table gets the same snapshot again, without a new epoch."""
    front.epoch, front.revision, front.root, front.rows, front.digest = 0, 0, "", {}, Digest.empty()
    gym.talk([front.report()], front)
    assert front.epoch == 1
    assert same(gym, front)
    assert front.offers[0].url == front.offers[1].url


def test_a_digest_that_is_not_the_rows_is_found_and_repaired(gym: Gym, front: PretendGateway) -> None:
    """A row changed on the cloud's own disk: the next snapshot counts the rows themselves, and goes on from them."""
    with gym.db.write() as conn:
        conn.execute(update(feed_row).where(feed_row.c.kind == "entitlement").values(body=b'{"bit":"rot"}'))
    gym.clock.forward(ms=3_600_000)
    gym.talk([front.report(want_snapshot=True)], front)
    assert front.epoch == 2
    assert same(gym, front)
    with gym.db.read() as conn:
        assert AlarmKind.DIGEST_REPAIRED in [one.kind for one in alarms(conn, gym.organisation_id)]


def test_two_gateways_are_in_force_apart(gym: Gym, front: PretendGateway) -> None:
    """The owner sees which gateways have confirmed a change and which have not."""
    back = gym.enrol("back")
    gym.talk(back.birth(), front, back)
    gym.block(gym.accounts[0])
    gym.talk(front.receive(gym.link.tick()), front)
    with gym.db.read() as conn:
        facts = gateways(conn, gym.organisation_id, now_ms=gym.clock.real_ms())
    assert {one.id: one.in_force for one in facts} == {"front": True, "back": False}


def test_a_revoked_gateway_gets_nothing_more(gym: Gym, front: PretendGateway) -> None:
    """No entry, no lease, and what it says is refused with an alarm; its outbox does not grow for ever."""
    with gym.db.write() as conn:
        revoke_gateway(conn, organisation_id=gym.organisation_id, gateway_id="front", now_ms=gym.clock.real_ms())
    gym.block(gym.accounts[0])
    gym.clock.forward(ms=60_000)
    assert gym.link.tick() == []
    assert gym.hand_over([front.report()]) == []
    with gym.db.read() as conn:
        assert conn.execute(select(func.count()).select_from(access_outbox)).scalar() == 0
        assert [one.kind for one in alarms(conn, gym.organisation_id)] == [AlarmKind.REVOKED_GATEWAY]
