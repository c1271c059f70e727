"""Import members with accounts, cards, contracts and payment tokens: all of a good file, nothing of a bad one.

Memberships come in the middle of their periods as csv_running.py reads them. A line with an `external_id` that was
brought before brings nothing; changed since, it is named, and a person decides.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from portillon_cloud.billing.tables import subscription
from portillon_cloud.members.csv_gym import Import, import_into, mark, person, token_taken
from portillon_cloud.members.csv_line import COLUMNS, MemberRow, Problem
from portillon_cloud.members.csv_reading import read_members
from portillon_cloud.members.csv_writing import write_line
from portillon_cloud.members.entry import EntryRefusedError
from portillon_cloud.members.operations import member_with
from portillon_cloud.members.profile import read_member
from portillon_cloud.money import Money
from portillon_cloud.secrets import Keyring

_IDS_PER_READ = 5_000

Progress = Callable[[int, int], None]
"""Told after each line: lines done, lines in all."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How many members came in, every line that did not, with its reason, and who may be there twice now.

    `known`: lines that were brought before, unchanged. `due`: by day, how many memberships are next billed then (None:
    never); `credit`: what accounts have brought along. Of a dry run all of it is what would be.
    """

    imported: int
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...] = ()
    known: int = 0
    due: Mapping[datetime.date | None, int] = field(default_factory=dict, compare=False)
    credit: Money | None = None


def import_members(
    conn: Connection,
    keyring: Keyring,
    data: bytes,
    *,
    organisation_id: int,
    site_id: int,
    now_ms: int,
    provider: str,
    allow_partial: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda _done, _all: None,
) -> ImportReport:
    """Import a CSV into one site in the caller's transaction. With a bad line nothing is written, or `allow_partial`.

    `provider` is whose payment tokens the file holds. A file imported twice is refused line by line: already there;
    lines with an external id are skipped instead. A `dry_run` does all of it, and takes it back.
    """
    parsed = read_members(data)
    problems = list(parsed.problems)
    context = import_into(conn, keyring, organisation_id, site_id, now_ms, provider)
    good, known = [], 0
    for row in parsed.rows:
        if _is_known(context, row):
            known += 1
            continue
        wrong = _check(context, row)
        problems.extend(wrong)
        if not wrong:
            good.append(row)
    if problems and not allow_partial:
        return _report(0, problems, known=known)
    all_or_nothing = conn.begin_nested()
    imported = 0
    for index, row in enumerate(good, start=1):
        refused = write_line(context, row)
        if refused is not None:
            problems.append(refused)
        else:
            imported += 1
        progress(index, len(good))
    if problems and not allow_partial:
        all_or_nothing.rollback()
        return _report(0, problems, known=known)
    done = _report(imported, problems, context.remarks, known=known)
    done = replace(done, due=_due(context), credit=_credit(context))
    if dry_run:
        all_or_nothing.rollback()
    else:
        all_or_nothing.commit()
    return done


def _report(imported: int, problems: list[Problem], remarks: Sequence[Problem] = (), *, known: int) -> ImportReport:
    in_order = tuple(sorted(problems, key=lambda problem: problem.line))
    return ImportReport(imported, in_order, tuple(remarks), known)


def _due(context: Import) -> dict[datetime.date | None, int]:
    """When what came in is billed next."""
    found: Counter[datetime.date | None] = Counter()
    ids = context.subscriptions
    for start in range(0, len(ids), _IDS_PER_READ):
        some = ids[start : start + _IDS_PER_READ]
        column = subscription.c
        found.update(context.conn.execute(select(column.next_invoice_on).where(column.id.in_(some))).scalars())
    return dict(found)


def _credit(context: Import) -> Money | None:
    return Money(context.credit_minor, context.currency) if context.credit_minor else None


def _is_known(context: Import, row: MemberRow) -> bool:
    """Whether just this line was brought before."""
    return row.external_id is not None and context.brought.get(mark(context, row.external_id), (0, ""))[1] == row.sha256


def _check(context: Import, row: MemberRow) -> list[Problem]:
    """Everything wrong with a readable line, given the gym and the lines above it."""
    found: list[Problem] = []

    def wrong(column: str, message: str) -> None:
        found.append(Problem(row.line, column, message))

    price = context.prices.get(row.plan)
    if price is None:
        known = ", ".join(sorted(context.prices)) or "none; make one first"
        wrong("plan", f"no plan has the code {row.plan!r}; known ones: {known}")
    try:
        context.profiles[row.line] = read_member(row.known, country=context.country, today=context.today)
    except EntryRefusedError as error:
        for one in error.wrong:
            wrong(COLUMNS.get(one.field, one.field), one.said())
    if row.external_id is not None:
        if (above := context.external_ids.setdefault(row.external_id, row.line)) != row.line:
            wrong("external_id", f"{row.external_id} is on line {above} already")
        elif (before := context.brought.get(mark(context, row.external_id))) is not None:
            wrong("external_id", f"was brought as member {before[0]}, with other content: change that member by hand")
            return found
    who = person(row.first_name, row.last_name, row.email)
    if (above := context.people.setdefault(who, row.line)) != row.line:
        wrong("", f"{row.first_name} {row.last_name} <{row.email or 'no e-mail'}> is on line {above} already")
    elif (member_id := context.members.get(who)) is not None:
        wrong("", f"{row.first_name} {row.last_name} <{row.email or 'no e-mail'}> is member {member_id} already")
    for card in row.cards:
        if (above := context.cards.setdefault(str(card), row.line)) != row.line:
            wrong("card", f"{card} is on line {above} already")
        elif (holder := member_with(context.conn, context.keyring, context.organisation_id, card)) is not None:
            wrong("card", f"{card} belongs to member {holder} already")
    if row.payment_token is not None:
        if (above := context.tokens.setdefault(row.payment_token, row.line)) != row.line:
            wrong("payment_token", f"is on line {above} already; for one payer of several members use 'account'")
        elif token_taken(context, row.payment_token):
            wrong("payment_token", "belongs to an account already")
    return found
