"""Import members with accounts, cards, contracts and payment tokens: all of a good file, nothing of a bad one.

Memberships come in the middle of their periods as csv_running.py reads them. A line with an `external_id` that was
brought before brings nothing; changed since, it is named, and a person decides.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from portillon_cloud import webhooks
from portillon_cloud.billing.catalogue import Price, prices_by_plan_code
from portillon_cloud.billing.contracts import subscribe
from portillon_cloud.billing.errors import CatalogueError, UnlawfulContractError
from portillon_cloud.billing.tables import subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.csv_line import COLUMNS, MemberRow, Problem
from portillon_cloud.members.csv_reading import read_members
from portillon_cloud.members.csv_running import RunningError, bring_over
from portillon_cloud.members.duplicates import alike
from portillon_cloud.members.entry import EntryRefusedError
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.operations import add_account, add_credential, add_member, member_with
from portillon_cloud.members.profile import MemberProfile, read_member
from portillon_cloud.members.profiles import change_member
from portillon_cloud.members.tables import import_mark, legal_entity, member, organisation, site
from portillon_cloud.money import Money
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.tables import payment_method
from portillon_cloud.secrets import Keyring

IMPORT = "import-members"
"""Stands where a person's name would in the history of what a file brought."""

_IDS_PER_READ = 5_000

_Person = tuple[str, str, str | None]
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


@dataclass(slots=True)
class _Import:
    """What one import knows and has seen so far."""

    conn: Connection
    keyring: Keyring
    organisation_id: int
    site_id: int
    legal_entity_id: int
    language: str
    today: datetime.date
    now_ms: int
    country: str
    provider: str
    currency: str
    prices: Mapping[str, Price]
    accounts: dict[str, int]
    cards: dict[str, int]
    tokens: dict[str, int]
    people: dict[_Person, int]  # of this file, by line
    members: Mapping[_Person, int]  # there already, by id
    profiles: dict[int, MemberProfile]  # of this file, by line
    remarks: list[Problem]
    brought: Mapping[str, tuple[int, str]]  # by external id: the member, and the line's digest
    external_ids: dict[str, int]  # of this file, by line
    subscriptions: list[int] = field(default_factory=list)
    credit_minor: int = 0


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
    context = _context(conn, keyring, organisation_id, site_id, now_ms, provider)
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
        refused = _write(context, row)
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


def _due(context: _Import) -> dict[datetime.date | None, int]:
    """When what came in is billed next."""
    found: Counter[datetime.date | None] = Counter()
    ids = context.subscriptions
    for start in range(0, len(ids), _IDS_PER_READ):
        some = ids[start : start + _IDS_PER_READ]
        column = subscription.c
        found.update(context.conn.execute(select(column.next_invoice_on).where(column.id.in_(some))).scalars())
    return dict(found)


def _credit(context: _Import) -> Money | None:
    return Money(context.credit_minor, context.currency) if context.credit_minor else None


def _is_known(context: _Import, row: MemberRow) -> bool:
    """Whether just this line was brought before."""
    return (
        row.external_id is not None and context.brought.get(_mark(context, row.external_id), (0, ""))[1] == row.sha256
    )


def _mark(context: _Import, external_id: str) -> str:
    """What is kept of an external id, which may be an e-mail: enough to know it again, and nothing of the person."""
    return context.keyring.blind_index(external_id, purpose=f"external-id:{context.organisation_id}")


def _context(
    conn: Connection, keyring: Keyring, organisation_id: int, site_id: int, now_ms: int, provider: str
) -> _Import:
    found = conn.execute(
        select(
            site.c.legal_entity_id, site.c.language, site.c.time_zone, organisation.c.country, legal_entity.c.currency
        )
        .join(organisation, organisation.c.id == site.c.organisation_id)
        .join(legal_entity, legal_entity.c.id == site.c.legal_entity_id)
        .where(site.c.id == site_id, organisation.c.id == organisation_id)
    ).one_or_none()
    if found is None:
        raise UnknownMemberError(f"site {site_id} does not exist in organisation {organisation_id}")
    return _Import(
        conn=conn,
        keyring=keyring,
        organisation_id=organisation_id,
        site_id=site_id,
        legal_entity_id=found.legal_entity_id,
        language=found.language,
        today=local_date(now_ms, found.time_zone),
        now_ms=now_ms,
        country=found.country,
        provider=provider,
        currency=found.currency,
        prices=prices_by_plan_code(conn, organisation_id),
        accounts={},
        cards={},
        tokens={},
        people={},
        members=_members(conn, site_id),
        profiles={},
        remarks=[],
        brought={
            row.external_id: (row.member_id, row.sha256)
            for row in conn.execute(select(import_mark).where(import_mark.c.organisation_id == organisation_id))
        },
        external_ids={},
    )


def _check(context: _Import, row: MemberRow) -> list[Problem]:
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
        elif (before := context.brought.get(_mark(context, row.external_id))) is not None:
            wrong("external_id", f"was brought as member {before[0]}, with other content: change that member by hand")
            return found
    person = _person(row.first_name, row.last_name, row.email)
    if (above := context.people.setdefault(person, row.line)) != row.line:
        wrong("", f"{row.first_name} {row.last_name} <{row.email or 'no e-mail'}> is on line {above} already")
    elif (member_id := context.members.get(person)) is not None:
        wrong("", f"{row.first_name} {row.last_name} <{row.email or 'no e-mail'}> is member {member_id} already")
    for card in row.cards:
        if (above := context.cards.setdefault(str(card), row.line)) != row.line:
            wrong("card", f"{card} is on line {above} already")
        elif (holder := member_with(context.conn, context.keyring, context.organisation_id, card)) is not None:
            wrong("card", f"{card} belongs to member {holder} already")
    if row.payment_token is not None:
        if (above := context.tokens.setdefault(row.payment_token, row.line)) != row.line:
            wrong("payment_token", f"is on line {above} already; for one payer of several members use 'account'")
        elif _token_taken(context, row.payment_token):
            wrong("payment_token", "belongs to an account already")
    return found


def _write(context: _Import, row: MemberRow) -> Problem | None:
    """Write one line whole, or nothing of it."""
    price = context.prices[row.plan]
    try:
        with context.conn.begin_nested():
            account_id = _account(context, row)
            member_id = add_member(
                context.conn,
                organisation_id=context.organisation_id,
                account_id=account_id,
                site_id=context.site_id,
                first_name=row.first_name,
                last_name=row.last_name,
                email=row.email,
                language=row.language,
                joined_on=min(row.contract_start, context.today),
            )
            created = webhooks.EventKind.MEMBER_CREATED
            webhooks.tell(context.conn, created, context.organisation_id, [member_id], at_ms=context.now_ms)
            _write_profile(context, row, member_id)
            for card in row.cards:
                add_credential(
                    context.conn,
                    context.keyring,
                    organisation_id=context.organisation_id,
                    member_id=member_id,
                    presented=card,
                    now_ms=context.now_ms,
                    by=IMPORT,
                )
            made = subscribe(
                context.conn,
                organisation_id=context.organisation_id,
                account_id=account_id,
                member_id=member_id,
                price_id=price.id,
                starts_on=row.contract_start,
                now_ms=context.now_ms,
                billed_from_on=_billed_from(context, row),
                # Who is a student was seen where they signed.
                proof=IMPORT,
                by=IMPORT,
            )
            credit_minor = bring_over(
                context.conn,
                row.elsewhere,
                organisation_id=context.organisation_id,
                legal_entity_id=price.legal_entity_id,
                account_id=account_id,
                subscription_id=made.subscription_id,
                currency=price.currency,
                list_minor=price.amount_minor,
                starts_on=row.contract_start,
                today=context.today,
                by=IMPORT,
                now_ms=context.now_ms,
            )
            if row.payment_token is not None:
                add_payment_method(
                    context.conn,
                    organisation_id=context.organisation_id,
                    account_id=account_id,
                    provider=context.provider,
                    token=row.payment_token,
                    label=row.payment_label or f"…{row.payment_token[-4:]}",
                    now_ms=context.now_ms,
                )
            if row.external_id is not None:
                insert_one(
                    context.conn,
                    import_mark,
                    organisation_id=context.organisation_id,
                    external_id=_mark(context, row.external_id),
                    member_id=member_id,
                    sha256=row.sha256,
                )
    except RunningError as error:
        return Problem(row.line, error.column, str(error))
    except (UnlawfulContractError, CatalogueError) as error:
        return Problem(row.line, "contract_start" if isinstance(error, CatalogueError) else "plan", str(error))
    if row.account is not None:
        context.accounts[row.account] = account_id
    context.subscriptions.append(made.subscription_id)
    context.credit_minor += credit_minor
    return None


def _billed_from(context: _Import, row: MemberRow) -> datetime.date:
    """A contract that runs already was billed up to now by whoever had it before."""
    elsewhere = row.elsewhere
    paid_from = None if elsewhere.paid_until is None else elsewhere.paid_until + datetime.timedelta(days=1)
    return row.billed_from or paid_from or elsewhere.next_due or max(context.today, row.contract_start)


def _write_profile(context: _Import, row: MemberRow, member_id: int) -> None:
    """What the file knows of the member; who seems to be there already is told, and stays."""
    known = context.profiles[row.line]
    for other in alike(context.conn, context.keyring, context.organisation_id, known, besides=member_id):
        shared = ", ".join(same.replace("_", " ") for same in other.same)
        told = f"may be member {other.member_id}, {other.name}: same {shared}. Look, and keep one"
        context.remarks.append(Problem(row.line, "", told))
    change_member(
        context.conn,
        context.keyring,
        organisation_id=context.organisation_id,
        member_id=member_id,
        new=known,
        at_ms=context.now_ms,
        by=IMPORT,
    )


def _account(context: _Import, row: MemberRow) -> int:
    """The payer's account: of an earlier line with the same `account`, or a new one."""
    if row.account is not None and row.account in context.accounts:
        return context.accounts[row.account]
    return add_account(
        context.conn,
        organisation_id=context.organisation_id,
        legal_entity_id=context.legal_entity_id,
        name=row.account or f"{row.first_name} {row.last_name}",
        email=row.email,
        language=row.language or context.language,
    )


def _members(conn: Connection, site_id: int) -> dict[_Person, int]:
    column = member.c
    rows = conn.execute(
        select(column.id, column.first_name, column.last_name, column.email).where(column.site_id == site_id)
    )
    return {_person(row.first_name, row.last_name, row.email): row.id for row in rows}


def _person(first_name: str, last_name: str, email: str | None) -> _Person:
    return (first_name.casefold(), last_name.casefold(), email and email.casefold())


def _token_taken(context: _Import, token: str) -> bool:
    column = payment_method.c
    query = select(column.id).where(column.provider == context.provider, column.token == token)
    return context.conn.execute(query).one_or_none() is not None
