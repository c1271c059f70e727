"""A chain whose plans open all of its sites: who may pass, worked out for one; and a block told to every gateway.

A worker's round holds the gateways of that round and nobody else's. So what a block waits for while the tables of all
sites are filled anew is one round: the longest is measured. Of a large chain's fill some rounds are done, not all; the
blocks then are of members whom the tables have.
"""

import time
from collections.abc import Iterator

from bench.cloud_gym import NOW_MS, Engine, build
from bench.report import Row
from cloud.gym import Gym
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import put_block, rows_for_accounts
from portillon_cloud.billing.tables import plan
from portillon_cloud.commands.serving import collect_seldom
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.gateways.sequencer import sequence
from portillon_cloud.gateways.tables import feed_row, feed_state
from portillon_cloud.members.credential_store import NewCredential, add_row
from portillon_cloud.members.operations import create_site
from portillon_cloud.outbox.tables import access_outbox
from portillon_rules.credential import Credential, CredentialKind
from rich.progress import track
from sqlalchemy import delete, func, select, update

SITES = 50
SOME = 2_000
BLOCKS = 10
ROUNDS = 5
WAIT_AIM_S = 1.0
"""A revocation is at a lane that is online within a second (DESIGN §8, 1)."""


def benchmarks(engine: Engine, members: int) -> Iterator[Row]:
    """Standing at one site; the longest round while all sites are filled; a block told to all of them."""
    collect_seldom()
    gym = build(engine.create("many_sites"), members)
    _badges(gym, members)
    _sites(gym)
    where = f"{members:,} members, plans for all of {SITES} sites; {engine.name}"
    yield _standing(gym, members, where)
    yield _fill(gym, where)
    yield _blocks(gym, where)
    gym.db.close()


def _badges(gym: Gym, members: int) -> None:
    with gym.db.write() as conn:
        conn.execute(update(plan).values(sites="all"))
    for first in track(range(1, members + 1, SOME), "cards", transient=True):
        with gym.db.write() as conn:
            for number in range(first, min(first + SOME, members + 1)):
                card = Credential(CredentialKind.EM4100, f"{number:010X}")
                new = NewCredential(member_id=number, presented=card)
                add_row(conn, gym.keyring, gym.organisation_id, new, now_ms=NOW_MS, by=None)


def _sites(gym: Gym) -> None:
    """The first is there, with a gateway; so are then all."""
    with gym.db.write() as conn:
        for number in range(2, SITES + 1):
            site_id = create_site(
                conn, gym.keyring, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id,
                name=f"Site {number}", time_zone="America/Toronto", language="fr",
            )  # fmt: skip
            enrol_gateway(
                conn, organisation_id=gym.organisation_id, site_id=site_id, gateway_id=f"gw-{number}",
                name=f"Gateway {number}", mode="test", now_ms=NOW_MS,
            )  # fmt: skip
        conn.execute(delete(access_outbox))


def _standing(gym: Gym, members: int, where: str) -> Row:
    """Every member's rows for one site, as its sequencer, the desk and the audit ask for them."""
    rows, begin_s = 0, time.perf_counter()
    for first in track(range(1, members + 1, SOME), "standing", transient=True):
        with gym.db.read() as conn:
            some = range(first, min(first + SOME, members + 1))
            found = rows_for_accounts(conn, gym.keyring, site_id=gym.site_id, account_ids=some, now_ms=NOW_MS)
        rows += sum(len(one) for one in found.values())
    spent_s = time.perf_counter() - begin_s
    assert rows == members, "one card each, and all may pass"
    return Row(
        f"standing of everybody at one site; {where}", f"{spent_s:.1f} s, {members / spent_s:,.0f}/s", "", None,
        "", True,
    )  # fmt: skip


def _fill(gym: Gym, where: str) -> Row:
    """Some rounds of the first fill of all tables."""
    with gym.db.write() as conn:
        conn.execute(update(feed_state).values(sweep_after=0))
    longest_s = spent_s = 0.0
    for _ in track(range(ROUNDS), "rounds of a fill", transient=True):
        begin_s = time.perf_counter()
        sequence(gym.db, gym.keyring, real_ms=lambda: NOW_MS)
        longest_s = max(longest_s, time.perf_counter() - begin_s)
        spent_s += time.perf_counter() - begin_s
    with gym.db.read() as conn:
        rows = conn.scalar(select(func.count()).select_from(feed_row)) or 0
    return Row(
        f"the longest that a block waits while every site is filled anew; {where}",
        f"{longest_s:.2f} s a round, {rows / spent_s:,.0f} rows/s", "", None, f"< {WAIT_AIM_S:.0f} s",
        longest_s < WAIT_AIM_S,
    )  # fmt: skip


def _blocks(gym: Gym, where: str) -> Row:
    """One member after the other blocked, until every site's feed says so."""
    with gym.db.write() as conn:
        conn.execute(update(feed_state).values(sweep_after=None, ready=True))
    longest_s = 0.0
    for account_id in range(1, BLOCKS + 1):
        with gym.db.write() as conn:
            put_block(
                conn, organisation_id=gym.organisation_id, account_id=account_id, reason=BlockReason.BANNED,
                source="bench", from_ms=NOW_MS,
            )  # fmt: skip
        begin_s = time.perf_counter()
        while sequence(gym.db, gym.keyring, real_ms=lambda: NOW_MS)[1]:
            pass
        longest_s = max(longest_s, time.perf_counter() - begin_s)
    return Row(
        f"one block in the feed of every site, the longest of {BLOCKS}; {where}", f"{longest_s * 1e3:.0f} ms", "", None,
        f"< {WAIT_AIM_S:.0f} s", longest_s < WAIT_AIM_S,
    )  # fmt: skip
