"""A change as somebody asks for it: the machine's answer and its bills, the law's part of it, and word in writing.

Everything is one transaction with the change itself.
"""

import datetime
from dataclasses import dataclass, replace
from typing import TypedDict

from sqlalchemy import Connection, select

from portillon_cloud.billing import changes, event_store
from portillon_cloud.billing.addons import shown_beside
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.change_request import CancelChange, Change, FreezeChange, KeepChange, RenewChange, ask_of
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.held_changes import require_open
from portillon_cloud.billing.law import WayOut
from portillon_cloud.billing.legal_side import Signed, signed
from portillon_cloud.billing.life import life_on
from portillon_cloud.billing.price_change_timers import with_tax
from portillon_cloud.billing.renewal import decline, replan
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.told import tell_about
from portillon_cloud.billing.withdrawal import LeftByLaw, record_lawful_end
from portillon_cloud.billing.withdrawal_credit import standing, total_minor
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.operations import contract_ended
from portillon_cloud.messages.notices import Cancelled, FreezeAgreed, Notice, RenewalAgreed, Withdrawn


class _Which(TypedDict):
    organisation_id: int
    subscription_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What it leads to. `way_out`: what the law gives who leaves so; None: the contract says what holds.

    `law_credit_minor`: what comes back beside the credit notes, because the law lets no more be kept; with tax.
    `beside`: of its add-ons, which end when it does, as soon as this is done.
    """

    outcome: changes.Outcome
    beside: tuple[changes.Outcome, ...] = ()
    way_out: WayOut | None = None
    law_credit_minor: int = 0

    @property
    def back_minor(self) -> int:
        """What is taken off what was billed, less what is billed now; with tax."""
        every = (self.outcome, *self.beside)
        invoiced = sum(draft.total_minor for outcome in every for draft in outcome.invoices)
        credited = sum(total_minor(outcome.credit_notes) for outcome in every)
        return credited - invoiced + self.law_credit_minor

    @property
    def owed_more_minor(self) -> int:
        """What the payer owes more than before, with taxes; negative: what comes back."""
        own = (one for one in (self.outcome, *self.beside) if one.account_id == self.outcome.account_id)
        return sum(one.owed_more_minor for one in own)


def carry_out(conn: Connection, *, organisation_id: int, subscription_id: int, new: Change, author: Author) -> Agreed:
    """Do it. Raises as changes.change and ask_of, and UnlawfulContractError with each clause."""
    held, today, new = _asked(conn, organisation_id, subscription_id, new, author.at_ms)
    which = _Which(organisation_id=organisation_id, subscription_id=subscription_id)
    if _says_no(held, new):
        outcome = _as_agreed(conn, held, organisation_id, subscription_id)
        decline(conn, subscription_id)
        tell_about(
            conn,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            said=Cancelled(told_on=today, ends_on=held.term_ends_on[-1]),
            purpose=f"change:{author.at_ms}:decline",
            now_ms=author.at_ms,
        )
        return Agreed(outcome=outcome)
    outcome = changes.change(conn, **which, ask=ask_of(conn, new=new, **which), author=author)
    agreed = _agreed(conn, held, subscription_id, new, outcome, today, written=True)
    agreed = replace(agreed, beside=_beside(conn, which, new, outcome, author.at_ms))
    said: Notice | None = None
    if isinstance(new, CancelChange) and outcome.ends_on is not None:
        if outcome.ends_on <= today:
            contract_ended(conn, **which)
        said = _left(conn, held, organisation_id, subscription_id, agreed, outcome.ends_on, today, author, new.by_law)
    if isinstance(new, FreezeChange):
        fee_minor = _freeze_fee_minor(conn, organisation_id, subscription_id, author.at_ms)
        said = FreezeAgreed(on=new.on, until_on=new.until_on, fee_minor=fee_minor)
    if isinstance(new, RenewChange) and outcome.ends_on is not None:
        replan(conn, organisation_id, subscription_id)
        said = RenewalAgreed(agreed_on=today, ends_on=outcome.ends_on)
    if said is not None:
        tell_about(
            conn,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            said=said,
            purpose=f"change:{author.at_ms}:{new.change}",
            now_ms=author.at_ms,
        )
    return agreed


def show(conn: Connection, *, organisation_id: int, subscription_id: int, new: Change, now_ms: int) -> Agreed:
    """What the same would lead to now; nothing is written. Raises as `carry_out`."""
    held, today, new = _asked(conn, organisation_id, subscription_id, new, now_ms)
    which = _Which(organisation_id=organisation_id, subscription_id=subscription_id)
    if _says_no(held, new):
        return Agreed(outcome=_as_agreed(conn, held, organisation_id, subscription_id))
    outcome = changes.preview(conn, **which, ask=ask_of(conn, new=new, **which), now_ms=now_ms)
    agreed = _agreed(conn, held, subscription_id, new, outcome, today, written=False)
    return replace(agreed, beside=_beside(conn, which, new, outcome, now_ms))


def _beside(
    conn: Connection, which: _Which, new: Change, outcome: changes.Outcome, now_ms: int
) -> tuple[changes.Outcome, ...]:
    """What its new end means for the add-ons."""
    if not isinstance(new, CancelChange | KeepChange | RenewChange):
        return ()
    return shown_beside(conn, **which, ends_on=outcome.ends_on, now_ms=now_ms)


def _asked(
    conn: Connection, organisation_id: int, subscription_id: int, new: Change, now_ms: int
) -> tuple[Signed, datetime.date, Change]:
    held = signed(conn, organisation_id, subscription_id)
    require_open(conn, organisation_id, _member(conn, organisation_id, subscription_id), now_ms, new=new)
    today = local_date(now_ms, held.time_zone)
    if isinstance(new, CancelChange) and new.by_law and new.on is None:
        # Whoever leaves before it begins leaves with its first day.
        life = life_on(event_store.recorded(conn, [subscription_id])[subscription_id], today)
        new = new.model_copy(update={"on": max(today, life.starts_on)})
    return held, today, new


def _member(conn: Connection, organisation_id: int, subscription_id: int) -> int:
    ours = (subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
    member_id: int = conn.execute(select(subscription.c.member_id).where(*ours)).scalar_one()
    return member_id


def _freeze_fee_minor(conn: Connection, organisation_id: int, subscription_id: int, now_ms: int) -> int:
    """What each period of a freeze costs by the contract, with tax."""
    contract_id = conn.execute(
        select(subscription.c.contract_id).where(
            subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id
        )
    ).scalar_one()
    terms = agreement_of(conn, contract_id).freeze
    if terms is None or terms.fee is None:
        return 0
    price = price_by_id(conn, organisation_id, terms.fee.price_id)
    return with_tax(conn, replace(price, amount_minor=terms.fee.cycle_minor), now_ms)


def _says_no(held: Signed, new: Change) -> bool:
    """Whether it only shall not go on by itself: cancelled for the very day on which its term is over."""
    return isinstance(new, CancelChange) and held.renews and new.on == held.term_ends_on[-1]


def _as_agreed(conn: Connection, held: Signed, organisation_id: int, subscription_id: int) -> changes.Outcome:
    """Nothing is billed or credited for it: the term was paid for, and ends when it does."""
    row = conn.execute(
        select(subscription.c.account_id, subscription.c.next_invoice_on)
        .where(subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
        .with_for_update()
    ).one()
    return changes.Outcome(
        account_id=row.account_id,
        invoices=(),
        credit_notes=(),
        next_invoice_on=row.next_invoice_on,
        ends_on=held.term_ends_on[-1],
    )


def _agreed(
    conn: Connection,
    held: Signed,
    subscription_id: int,
    new: Change,
    outcome: changes.Outcome,
    today: datetime.date,
    *,
    written: bool,
) -> Agreed:
    if not isinstance(new, CancelChange) or outcome.ends_on is None:
        return Agreed(outcome=outcome)
    way_out = held.way_out(told_on=today, on=outcome.ends_on)
    if way_out is None:
        return Agreed(outcome=outcome)
    since_on, _ = held.term_on(today)
    stands_minor = total_minor(standing(conn, subscription_id, since_on=since_on, on=outcome.ends_on))
    if not written:
        stands_minor += sum(draft.total_minor for draft in outcome.invoices) - total_minor(outcome.credit_notes)
    return Agreed(outcome=outcome, way_out=way_out, law_credit_minor=max(stands_minor - way_out.kept_at_most_minor, 0))


def _left(
    conn: Connection,
    held: Signed,
    organisation_id: int,
    subscription_id: int,
    agreed: Agreed,
    ends_on: datetime.date,
    today: datetime.date,
    author: Author,
    by_law: bool,
) -> Notice:
    """Write down what the law gives, and what the letter says of it."""
    way_out = agreed.way_out
    if way_out is None:
        return Cancelled(told_on=today, ends_on=ends_on)
    since_on, _ = held.term_on(today)
    left = LeftByLaw(
        organisation_id=organisation_id,
        subscription_id=subscription_id,
        told_on=today,
        ends_on=ends_on,
        since_on=since_on,
        way_out=way_out,
        time_zone=held.time_zone,
    )
    back_minor = record_lawful_end(conn, left, author)
    back_by_on = max(way_out.refund_due_on or ends_on, ends_on) if back_minor != 0 else None
    if by_law and way_out.withdrawal:
        return Withdrawn(
            told_on=today,
            ends_on=ends_on,
            back_minor=back_minor or 0,
            back_by_on=way_out.refund_due_on or today,
            clause=way_out.clause,
        )
    return Cancelled(
        told_on=today,
        ends_on=ends_on,
        back_minor=back_minor or 0,
        back_by_on=back_by_on,
        clause=way_out.clause if by_law else None,
    )
