"""The story, chapter by chapter: what a gym sees in three months, and what happens when things are pulled out of it.

Each chapter raises StoryError at the first thing that is not so, and returns its lines of the closing table.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from stories.gym import OWNER, Gym
from stories.members import Person, as_csv
from stories.process import StoryError, until

ZONE = ZoneInfo("America/Toronto")
PRICE_MINOR, TPS_MINOR, TVQ_MINOR = 49_00, 2_45, 4_89
"""49.00 $: TPS 5 % is 2.45; TVQ 9.975 % of the same 49.00 is 4.88775, so 4.89 (Revenu Québec: each on the price)."""
TOTAL_MINOR = PRICE_MINOR + TPS_MINOR + TVQ_MINOR
WITHIN_S = 1.0
STRANGER = "0FFFFFFFFF"

Say = Callable[[str], None]
Lines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the long chapters is played."""

    outage_badges: int = 500
    kill_rounds: int = 5


def instant_ms(*local: int) -> int:
    """Local Montreal time as milliseconds since the epoch."""
    return int(datetime(*local, tzinfo=ZONE).timestamp() * 1000)  # type: ignore[arg-type, misc]


def require(so: object, what: str) -> None:
    """Raise StoryError unless it is so."""
    if not so:
        raise StoryError(f"not so: {what}")


def law(gym: Gym, say: Say) -> None:
    """0, before anything runs: an open-ended contract is refused in Quebec, and a bad file imports nobody."""
    elsewhere = ["--data-dir", str(gym.folder / "elsewhere")]
    gym.cloud_command(*elsewhere, "migrate")
    gym.cloud_command(
        *elsewhere, "open-gym", "--name", "For Ever", "--owner-email", OWNER, "--term-months", "0",
        env={"PORTILLON_OWNER_PASSWORD": gym.password},
    )  # fmt: skip
    file = gym.folder / "refused.csv"
    file.write_text(as_csv(gym.people[:2], plan="gym", contract_start="2026-03-01", billed_from="2026-10-01"))
    refused = gym.refusal_of(*elsewhere, "import-members", str(file))
    require(
        "nothing was imported" in refused and "not lawful in Quebec" in refused,
        f"an open-ended contract is refused: {refused}",
    )
    file.write_text(as_csv(gym.people[:2], plan="gold", contract_start="2026-03-01", billed_from="2026-10-01"))
    refused = gym.refusal_of(*elsewhere, "import-members", str(file))
    require("line 2" in refused and "gold" in refused and "nothing was imported" in refused, f"line by line: {refused}")
    say("Quebec: 12 months in monthly instalments; an open-ended contract is refused, and a bad file imports nobody")


def first_badges(gym: Gym, say: Say) -> Lines:
    """1. 200 members; a badge opens the lane and becomes attendance; an unknown card is refused with its reason."""
    require(gym.cloud.get("/clock")["mode"] == "test", "the organisation is a test organisation")
    require(len(list(gym.cloud.every("/members"))) == len(gym.people), "200 members are there")
    for lane, person in zip((1, 2), gym.people, strict=False):
        done = gym.badge(lane, person.card)
        require(done["relay_ns"] is not None and done["passed"], f"{person.name} passes lane {lane}")
    require(gym.badge(1, STRANGER)["relay_ns"] is None, "an unknown card does not open the lane")
    arrives(gym, kind="denied", reason="unknown_credential")
    until("two passages are attendance in the cloud", lambda: gym.passages() == 2, within_s=10)
    require("REFUSED, unknown_credential" in gym.explain(STRANGER), "`explain` says that it is unknown")
    say(f"{len(gym.people)} members; two passed and are attendance in the cloud; an unknown card was refused as such")
    return []


def billing_day(gym: Gym, say: Say) -> Lines:
    """2. The clock passes a billing date: an invoice each, gapless, taxed, posted, charged; three cards decline."""
    for person in _decliners(gym):
        gym.let_decline(person)
    gym.cloud.advance_to(instant_ms(2026, 10, 1, 8))
    invoices = list(gym.cloud.every("/invoices"))
    count = len(invoices)
    require(count == len(gym.people), f"{len(gym.people)} invoices, not {count}")
    require(all(invoice["total_minor"] == TOTAL_MINOR for invoice in invoices), "each comes to 56.34 $")
    numbers = [number for (number,) in gym.ledger.rows("SELECT number FROM invoice ORDER BY number")]
    require(numbers == list(range(1, count + 1)), "numbered from 1 without a gap")
    whole = gym.cloud.get(f"/invoices/{invoices[0]['id']}")
    taxes = {tax["tax"]: tax["amount_minor"] for tax in whole["taxes"]}
    require(taxes == {"TPS": TPS_MINOR, "TVQ": TVQ_MINOR}, f"TPS 2.45 and TVQ 4.89, not {taxes}")
    unpaid = until("three are unpaid", lambda: _unpaid(gym, 3), within_s=10)
    require({row["who"] for row in unpaid} == {one.name for one in _decliners(gym)}, "the three whose cards declined")
    require(_receivable_minor(gym) == 3 * TOTAL_MINOR, "the ledger says that three invoices are receivable")
    say(f"1 October: {count} invoices of 56.34 $ (2.45 TPS, 4.89 TVQ), numbered 1 to {count}; three cards declined")
    return [("invoices, gapless, posted, charged", f"{count}")]


def dunning(gym: Gym, say: Say) -> Lines:
    """3. Reminders, retries, grace (still enters, on the offline list too), then suspension within a second."""
    person = _decliners(gym)[0]
    gym.cloud.advance_to(instant_ms(2026, 10, 8, 9))
    gym.wait_in_force()
    require(gym.badge(1, person.card)["relay_ns"] is not None, "in grace the member still enters")
    answer = gym.explain(person.card)
    require("REFUSED" not in answer and "lane1" in answer, f"and is on the gateway's own list: {answer}")
    letters = gym.ledger.number("SELECT count(*) FROM message WHERE account_id = ?", gym.account_of(person))
    tries = gym.ledger.number(
        "SELECT count(*) FROM payment_attempt a JOIN payment_intent i ON i.id = a.intent_id WHERE i.account_id = ?",
        gym.account_of(person),
    )
    require(letters >= 2 and tries >= 2, f"reminded ({letters} letters) and retried ({tries} charges)")
    # Up to the day of the restriction, then let it fall due while somebody badges.
    blocked_ms = _valid_until_ms(gym, person)
    gym.cloud.advance_to(blocked_ms - 1_000)
    gym.wait_in_force()
    until("the block is in the cloud", lambda: _blocked(gym, person), within_s=10, every_s=0.005)
    refused_s = until_answer(gym, 1, person, released=False)
    require(refused_s <= WITHIN_S, f"refused within a second of the block, not {refused_s:.2f} s")
    arrives(gym, kind="denied", reason="dues_unpaid")
    ms = refused_s * 1_000
    say(f"{letters} letters, {tries} charges, ten days' grace, then suspended: refused {ms:.0f} ms after the block")
    return [("block in the cloud → refused at the lane", f"{ms:.0f} ms")]


def payment(gym: Gym, say: Say) -> Lines:
    """4. One pays and enters within a second; with the broker dead a right lapses by itself, with nobody told."""
    person, late = _decliners(gym)[0], gym.people[40]
    gym.wait_in_force()
    gym.pay(person, TOTAL_MINOR)
    entered_s = until_answer(gym, 1, person, released=True)
    require(entered_s <= WITHIN_S, f"enters within a second of paying, not {entered_s:.2f} s")
    gym.let_decline(late)
    gym.cloud.advance_to(instant_ms(2026, 11, 2, 9))
    gym.wait_in_force()
    lapses_ms = _valid_until_ms(gym, late)
    gym.cloud.advance_to(lapses_ms - 3_000)
    gym.wait_in_force()
    gym.network.pull()
    pulled = time.monotonic()
    require(gym.badge(2, gym.people[5].card)["relay_ns"] is not None, "a paid-up member enters with the broker dead")
    require(gym.cloud.business_ms() < lapses_ms + 60_000, "the clock only runs")
    time.sleep(max(0, 5 - (time.monotonic() - pulled)))  # real time is the subject: the right lapses by itself
    require(gym.badge(2, late.card)["relay_ns"] is None, "5 s later the late payer is refused, with nobody told")
    require(gym.badge(2, gym.people[6].card)["relay_ns"] is not None, "and a paid-up member still enters")
    gym.network.restore()
    arrives(gym, kind="denied", reason="dues_unpaid")
    ms = entered_s * 1_000
    say(f"Paid: entered {ms:.0f} ms later. With the broker dead one right lapsed by itself; the others hold")
    return [("payment → enters again", f"{ms:.0f} ms")]


def outage(gym: Gym, say: Say, size: Size) -> Lines:
    """6. The broker is killed and its state deleted; hundreds badge; every passage is in the cloud exactly once."""
    gym.wait_in_force()
    gym.wait_journal_empty()
    before = gym.passages()
    gym.network.pull(forget=True)
    with ThreadPoolExecutor(2) as lanes:
        both = lanes.map(lambda lane: _many_badges(gym, lane, size.outage_badges // 2), (1, 2))
        latencies_ns = sorted(one for found in both for one in found)
    passed = len(latencies_ns)
    require(gym.passages() == before, "none of it is in the cloud yet")
    began = time.monotonic()
    gym.network.restore()
    until(f"{passed} more passages", lambda: gym.passages() >= before + passed, within_s=90, every_s=0.1)
    caught_up_s = time.monotonic() - began
    gym.wait_journal_empty()
    require(gym.passages() == before + passed, f"{passed} passages once each, not {gym.passages() - before}")
    p50_ms, p99_ms = (latencies_ns[int(passed * share)] / 1e6 for share in (0.5, 0.99))
    say(f"{passed} badges with the broker dead and forgotten: each passage is in the cloud exactly once")
    return [
        ("badges without a broker, all in the cloud once", f"{passed}"),
        ("badge → relay, p50 / p99", f"{p50_ms:.2f} / {p99_ms:.2f} ms"),
        ("in the cloud after the broker's return", f"{caught_up_s:.1f} s"),
    ]


def kills(gym: Gym, say: Say, size: Size) -> Lines:
    """7. SIGKILL to gateway and guard, apart and together, at any moment: nothing lost, doubled or left open."""
    source = random.Random(6)
    acts = (("gateway", gym.kill_gateway), ("guard", gym.kill_guard), ("both", gym.kill_both))
    gym.wait_journal_empty()
    before, orphaned_ms = gym.journal_rows(), 0.0
    for number in range(size.kill_rounds * len(acts)):
        name, kill = acts[number % len(acts)]
        gym.wait_attended()
        gym.devices.do("reset_longest")
        with ThreadPoolExecutor(1) as hand:
            person = gym.people[60 + number]
            badge = hand.submit(gym.badge, 1 + number % 2, person.card, wait_ms=3_000, push_after_ms=400)
            time.sleep(source.uniform(0.05, 0.7))  # real time is the subject: between card, relay, passage and upload
            kill()
            badge.result()
        gym.wait_attended()
        until("every lane is locked", lambda: not any(lane["releasing"] for lane in gym.devices.lanes()), within_s=5)
        longest_ms = gym.longest_release_ms()
        if name == "both":
            orphaned_ms = max(orphaned_ms, longest_ms)
        else:
            require(longest_ms <= gym.bound_ms, f"no lane past its bound: {longest_ms:.0f} ms after killing the {name}")
    gym.wait_journal_empty()
    rows, stored = gym.journal_rows(), gym.stored_events()
    require(rows == stored, f"every committed event is in the cloud once: {rows} committed, {stored} stored")
    require(rows > before + 2 * size.kill_rounds, "something happened meanwhile")
    count = size.kill_rounds * len(acts)
    say(f"{count} kills: {rows - before} events committed, each in the cloud once; no lane past its bound")
    return [
        ("SIGKILLs survived", f"{count}"),
        ("events committed on the gateway = in the cloud", f"{rows} = {stored}"),
        ("longest open with gateway and guard both dead", f"{orphaned_ms / 1e3:.2f} s"),
    ]


def _decliners(gym: Gym) -> list[Person]:
    return [gym.people[number] for number in (10, 20, 30)]


def _unpaid(gym: Gym, count: int) -> list[dict[str, object]] | None:
    found = list(gym.cloud.every("/unpaid"))
    return found if len(found) == count else None


def _receivable_minor(gym: Gym) -> int:
    def turnover(side: str) -> int:
        account = f"SELECT id FROM ledger_account WHERE code = 'receivable' AND id = posting.{side}_account_id"
        return gym.ledger.number(f"SELECT sum(amount_minor) FROM posting WHERE EXISTS ({account})")

    return turnover("debit") - turnover("credit")


def _valid_until_ms(gym: Gym, person: Person) -> int:
    return int(gym.cloud.get(f"/members/{_member_of(gym, person)}/access")["until_ms"])


def _member_of(gym: Gym, person: Person) -> int:
    return gym.ledger.number("SELECT id FROM member WHERE account_id = ?", gym.account_of(person))


def _blocked(gym: Gym, person: Person) -> bool:
    return bool(gym.ledger.number("SELECT count(*) FROM block WHERE account_id = ?", gym.account_of(person)))


def arrives(gym: Gym, **wanted: str) -> None:
    """Wait until the cloud has such an event."""
    until(f"an event {wanted} in the cloud", lambda: gym.events(**wanted) > 0, within_s=30)


def until_answer(gym: Gym, lane: int, person: Person, *, released: bool) -> float:
    """Seconds from now to the badge of this person that is answered so; they try again and again.

    Who is to enter waits for the lane: a second badge at a lane that has just released would release nothing.
    """
    wait_ms = 1_000 if released else 100
    begin = time.monotonic()
    until(
        f"{person.name} {'enters' if released else 'is refused'}",
        lambda: (gym.badge(lane, person.card, wait_ms=wait_ms)["relay_ns"] is not None) is released,
        within_s=5,
        every_s=0,
    )
    return time.monotonic() - begin


def _many_badges(gym: Gym, lane: int, count: int) -> list[int]:
    """Badges at one lane, each of another member than the one before; latencies in ns."""
    regulars = [one for one in gym.people if one not in (*_decliners(gym), gym.people[40])]
    found = []
    with gym.person_at() as person_at:
        for number in range(count):
            person = regulars[(2 * number + lane) % len(regulars)]
            # Nobody follows closer than this: the contact must be seen open in between.
            done = person_at.badge(lane, person.card, push=True, push_after_ms=120)
            require(done["relay_ns"] is not None and done["passed"], f"{person.name} passes lane {lane}: {done}")
            found.append(int(done["relay_ns"]))
    return found
