"""Signing what is sold, on both engines: what the preview says is what is invoiced, and coupons are used once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Barrier

import pytest
from cloud.gym import MONTHLY, Gym
from portillon_cloud.audit.operations import look
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.catalogue import Extras, PlanKind, create_plan
from portillon_cloud.billing.contracts import Wish, agree, subscribe
from portillon_cloud.billing.coupons import CouponTerms, coupons_of, end_coupon, look_up, make_coupon, use
from portillon_cloud.billing.errors import CatalogueError, CouponRefusedError, UnlawfulContractError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.gifts import Given, redeem
from portillon_cloud.billing.offer import Gift
from portillon_cloud.billing.operations import create_price, run_invoices
from portillon_cloud.billing.sales_tables import coupon_use
from portillon_cloud.billing.tables import contract, invoice, subscription
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.members.operations import add_account, add_member
from portillon_cloud.payments.owed import unpaid_invoices
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

START = date(2026, 1, 31)
DAY = Interval(IntervalUnit.DAY, 1)
SPRING = CouponTerms(gift=Gift(code="SPRING", share_ppm=250_000), uses_most=2)


def price(gym: Gym, *, plan_id: int | None = None, **terms: object) -> int:
    values: dict[str, object] = {"amount_minor": 60_00, "interval": MONTHLY, "term_months": 12, **terms}
    with gym.db.write() as conn:
        return create_price(conn, plan_id=plan_id or gym.plan_id, **values)  # type: ignore[arg-type]


def wish(gym: Gym, member_id: int, price_id: int, **more: object) -> Wish:
    return Wish(
        organisation_id=gym.organisation_id,
        member_id=member_id,
        price_id=price_id,
        starts_on=START,
        **more,  # type: ignore[arg-type]
    )


def sign(gym: Gym, account_id: int, asked: Wish) -> int:
    with gym.db.write() as conn:
        return subscribe(
            conn,
            organisation_id=gym.organisation_id,
            account_id=account_id,
            member_id=asked.member_id,
            price_id=asked.price_id,
            starts_on=asked.starts_on,
            proof=asked.proof,
            coupon_code=asked.coupon_code,
            now_ms=gym.clock.real_ms(),
        ).subscription_id


def coupon(gym: Gym, terms: CouponTerms) -> int:
    with gym.db.write() as conn:
        return make_coupon(conn, gym.organisation_id, terms, by="Owner", now_ms=gym.clock.real_ms())


def walk_in(gym: Gym, name: str) -> tuple[int, int]:
    """A payer and member who has nothing yet."""
    first_name, _, last_name = name.partition(" ")
    same = {"organisation_id": gym.organisation_id}
    with gym.db.write() as conn:
        account_id = add_account(
            conn, **same, legal_entity_id=gym.legal_entity_id, name=name, email=None, language="en"
        )
        member_id = add_member(
            conn, **same, account_id=account_id, site_id=gym.site_id, first_name=first_name, last_name=last_name,
            joined_on=START,
        )  # fmt: skip
    return account_id, member_id


PASS: dict[str, object] = {"amount_minor": 15_00, "interval": DAY, "term_months": None, "extras": Extras(times=1)}
SOLD: dict[str, dict[str, object]] = {
    "plain": {},
    "trial": {"term_months": 11, "extras": Extras(trial_days=14)},
    "day pass": PASS,
    "student": {"amount_minor": 45_00, "extras": Extras(audience="student")},
    "ten weeks": {"interval": Interval(IntervalUnit.WEEK, 1), "term_months": None, "extras": Extras(times=10)},
    "coupon": {},
    "year in parts": {
        "amount_minor": 420_00,
        "interval": Interval(IntervalUnit.MONTH, 12),
        "extras": Extras(instalments=5, joining_minor=25_00),
    },
}


def test_what_the_preview_says_is_what_is_invoiced(gym: Gym) -> None:
    """Whatever is sold: each payment on its day, with its taxes, and nothing beside; the audit finds nothing."""
    coupon(gym, SPRING)
    said: dict[int, list[tuple[date, int]]] = {}
    for name, terms in SOLD.items():
        account_id, member_id = walk_in(gym, f"{name.title()} X")
        code = "SPRING" if name == "coupon" else None
        asked = wish(gym, member_id, price(gym, **terms), proof="card 12", coupon_code=code)
        with gym.db.read() as conn:
            before = conn.scalar(select(func.count()).select_from(contract))
            agreed = agree(conn, asked, now_ms=gym.clock.real_ms())
            assert conn.scalar(select(func.count()).select_from(contract)) == before
        sign(gym, account_id, asked)
        said[account_id] = [(one.due_on, one.total_minor) for one in agreed.payments]
    for on in sorted({on for due in said.values() for on, _ in due}):
        run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=start_of_day_ms(on, "America/Toronto"))
    with gym.db.read() as conn:
        for account_id, due in said.items():
            assert [(one.due_on, one.owed_minor) for one in unpaid_invoices(conn, account_id)] == due
        assert conn.scalars(select(subscription.c.next_invoice_on).distinct()).all() == [None]
        assert [*look(conn, gym.organisation_id)] == []


def test_law_sees_every_payment(gym: Gym) -> None:
    """Quebec's equal instalments: a fee on top of the first, or a coupon for it alone, is refused; spread it is not."""
    yearly = {"amount_minor": 420_00, "interval": Interval(IntervalUnit.MONTH, 12)}
    _, member_id = walk_in(gym, "A B")
    for terms, clause in (
        ({"extras": Extras(joining_minor=25_00)}, "s. 201"),
        ({"extras": Extras(trial_days=14)}, "s. 200"),
        (yearly, "at least two instalments"),
    ):
        asked = wish(gym, member_id, price(gym, **terms))
        with gym.db.read() as conn, pytest.raises(UnlawfulContractError, match=clause):
            agree(conn, asked, now_ms=gym.clock.real_ms())
    coupon(gym, replace(SPRING, gift=replace(SPRING.gift, cycles=1)))
    asked = wish(gym, member_id, price(gym), coupon_code="SPRING")
    with gym.db.read() as conn, pytest.raises(UnlawfulContractError, match=r"s\. 201"):
        agree(conn, asked, now_ms=gym.clock.real_ms())
    spread = price(gym, **yearly, extras=Extras(joining_minor=25_00, instalments=4))
    with gym.db.read() as conn:
        agreed = agree(conn, wish(gym, member_id, spread), now_ms=gym.clock.real_ms())
    assert [one.total_minor for one in agreed.payments] == [127_91, 127_91, 127_91, 127_91]


def test_a_price_that_is_not_for_everybody_asks_for_proof(gym: Gym) -> None:
    """The field is named; what was seen is kept with the contract."""
    student = price(gym, extras=Extras(audience="student"))
    account_id, member_id = walk_in(gym, "A B")
    with pytest.raises(CatalogueError, match=r"^proof: .*student"):
        sign(gym, account_id, wish(gym, member_id, student))
    sign(gym, account_id, wish(gym, member_id, student, proof="card of Université Laval, until 2026-09"))
    with gym.db.read() as conn:
        assert "Laval" in str(conn.scalar(select(contract.c.proof).order_by(contract.c.id.desc()).limit(1)))


def test_an_add_on_needs_a_membership_and_ends_with_it(gym: Gym) -> None:
    """Without one it is refused; with one it has its contract and its end."""
    with gym.db.write() as conn:
        pool = create_plan(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, code="pool", name="Pool",
            kind=PlanKind.ADDON,
        )  # fmt: skip
    beside = price(gym, plan_id=pool, amount_minor=10_00, term_months=None)
    account_id, member_id = walk_in(gym, "A B")
    with pytest.raises(CatalogueError, match=r"price_id: .*membership"):
        sign(gym, account_id, wish(gym, member_id, beside))
    membership = sign(gym, account_id, wish(gym, member_id, price(gym)))
    asked = replace(wish(gym, member_id, beside), starts_on=date(2026, 2, 10))
    made = sign(gym, account_id, asked)
    with gym.db.read() as conn:
        row = conn.execute(select(subscription).where(subscription.c.id == made)).one()
    assert (row.beside_id, row.ends_on, row.plain) == (membership, date(2027, 1, 31), False)


def test_a_coupon_is_refused_with_its_reason(gym: Gym) -> None:
    """Unknown, past its day, for other plans, ended, used up, used by this member: each says which."""
    ids = {
        code: coupon(gym, CouponTerms(gift=Gift(code=code, share_ppm=100_000), **terms))  # type: ignore[arg-type]
        for code, terms in {
            "LATE": {"valid_until_on": date(2020, 1, 1)},
            "ENDED": {},
            "ONCE": {},
            "FEW": {"uses_most": 1, "member_uses_most": 5},
        }.items()
    }
    with gym.db.write() as conn:
        end_coupon(conn, gym.organisation_id, ids["ENDED"])
        other = create_plan(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, code="o", name="O"
        )
    coupon(gym, CouponTerms(gift=Gift(code="OTHER", amount_minor=5_00), plans=(other,)))
    account_id, member_id = walk_in(gym, "A B")
    monthly = price(gym)
    for code in ("ONCE", "FEW"):
        sign(gym, account_id, wish(gym, member_id, monthly, coupon_code=code))
    for code, why in (
        ("NONE", "no coupon NONE"),
        ("LATE", "valid until 2020-01-01"),
        ("OTHER", "not for this plan"),
        ("ENDED", "no more"),
        ("ONCE", "this member has used ONCE 1 times"),
        ("FEW", "used up"),
    ):
        with pytest.raises(CouponRefusedError, match=f"^coupon_code: .*{why}"):
            sign(gym, account_id, wish(gym, member_id, monthly, coupon_code=code))


@pytest.mark.parametrize(
    "terms",
    [
        CouponTerms(gift=Gift(code="NIL")),
        CouponTerms(gift=Gift(code="MORE", share_ppm=1_000_001)),
        CouponTerms(gift=Gift(code="SPRING", amount_minor=1)),
        CouponTerms(gift=Gift(code="P", amount_minor=1), plans=(999,)),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(gym: Gym, terms: CouponTerms) -> None:
    """Of nothing, of more than all, of a code that is taken, for a plan that is not there."""
    coupon(gym, SPRING)
    with pytest.raises(CatalogueError):
        coupon(gym, terms)


def test_a_coupon_is_used_for_what_runs_already(gym: Gym) -> None:
    """The cycle that runs stays as it is; the next two cost three quarters; it is used like at the signature."""
    coupon(gym, replace(SPRING, gift=replace(SPRING.gift, cycles=2)))
    coupon(gym, CouponTerms(gift=Gift(code="NOFEE", waives_joining=True)))
    joined = gym.join(starts_on=START)
    today_ms = start_of_day_ms(date(2026, 2, 10), "America/Toronto")
    run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=start_of_day_ms(START, "America/Toronto"))

    def use_it(code: str) -> Given:
        with gym.db.write() as conn:
            return redeem(
                conn,
                organisation_id=gym.organisation_id,
                subscription_id=joined.subscription_id,
                code=code,
                author=Author(name="Desk", at_ms=today_ms),
            )

    assert use_it("SPRING") == Given(date(2026, 2, 28), date(2026, 4, 30))
    with pytest.raises(CouponRefusedError, match="this member has used SPRING"):
        use_it("SPRING")
    with pytest.raises(CouponRefusedError, match="joining fee"):
        use_it("NOFEE")
    for on in (date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)):
        run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=start_of_day_ms(on, "America/Toronto"))
    with gym.db.read() as conn:
        nets = conn.scalars(select(invoice.c.net_minor).order_by(invoice.c.id)).all()
    assert nets == [100_00, 75_00, 75_00, 100_00]


def test_the_last_use_of_a_coupon_is_had_once(gym: Gym) -> None:
    """Two who looked while one was left: the second is told, and the database would refuse its number anyway."""
    coupon(gym, replace(SPRING, uses_most=1))
    joined = [gym.join(name, starts_on=START) for name in ("A B", "C D")]
    (one, two), (first, second) = ([who.member_id for who in joined], [who.subscription_id for who in joined])
    with gym.db.read() as conn:
        seen = [
            look_up(conn, gym.organisation_id, "SPRING", plan_id=gym.plan_id, member_id=who, on=START)
            for who in (one, two)
        ]
    now_ms = gym.clock.real_ms()
    with gym.db.write() as conn:
        use(conn, seen[0], member_id=one, subscription_id=first, by="Desk", now_ms=now_ms)
    with pytest.raises(CouponRefusedError), gym.db.write() as conn:
        use(conn, seen[1], member_id=two, subscription_id=second, by="Desk", now_ms=now_ms)
    # The defence behind it: without the check the row itself is refused.
    row = {"organisation_id": gym.organisation_id, "coupon_id": seen[1].id, "number": 1, "member_id": two,
           "member_number": 1, "subscription_id": second, "used_at_ms": now_ms, "used_by": "Desk"}  # fmt: skip
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        conn.execute(insert(coupon_use).values(row))
    with gym.db.read() as conn:
        assert [found.uses for found in coupons_of(conn, gym.organisation_id)] == [1]


def test_of_many_at_once_one_has_the_last_use(gym: Gym) -> None:
    """Four desks sign four members with a coupon for one, at the same moment: one contract, three refusals."""
    coupon(gym, replace(SPRING, uses_most=1))
    monthly = price(gym)
    people = [walk_in(gym, f"{letter} Roy") for letter in "ABCD"]
    together = Barrier(len(people))

    def desk(who: tuple[int, int]) -> bool:
        together.wait(timeout=30)
        try:
            sign(gym, who[0], wish(gym, who[1], monthly, coupon_code="SPRING"))
        except CouponRefusedError:
            return False
        return True

    with ThreadPoolExecutor(len(people)) as desks:
        assert sorted(desks.map(desk, people)) == [False, False, False, True]
    with gym.db.read() as conn:
        assert [found.uses for found in coupons_of(conn, gym.organisation_id)] == [1]
        assert conn.scalar(select(func.count()).select_from(contract)) == 1
