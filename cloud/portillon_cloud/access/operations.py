"""Place and end blocks; say who may pass; give the gateways their rows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from portillon_rules.credential import CredentialKind, SiteKey, credential_hash
from portillon_rules.policy import SITE, SitePolicy
from portillon_wire.rows import RowChange, RowKind
from sqlalchemy import Connection, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud import outbox, timers, webhooks
from portillon_cloud.access import store
from portillon_cloud.access.blocks import SWITCHES_OF, BlockReason, Switch, switched_off
from portillon_cloud.access.entitlement import CredentialFacts, MemberFacts, Membership, entitlements
from portillon_cloud.access.errors import SitePolicyInvalidError, UnknownSiteError
from portillon_cloud.access.given import rights_given
from portillon_cloud.access.grace import LEASE_HOURS, check_grace
from portillon_cloud.access.grace_given import spared_until
from portillon_cloud.access.review import ACCESS_REVIEW, review_at
from portillon_cloud.access.rule_changes import Changer, note_change
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.access.sites import holds_at
from portillon_cloud.access.standing import AccountFacts
from portillon_cloud.access.tables import block, holiday_calendar, schedule
from portillon_cloud.billing.planning import plan_held_invoices
from portillon_cloud.doors.rows import door_rows
from portillon_cloud.dunning.ladder import DunningPolicy
from portillon_cloud.members.company import NOBODY_NEEDED, company_of
from portillon_cloud.members.credential_state import REFUSAL
from portillon_cloud.members.credential_store import KnownCredential, credentials_on_feed
from portillon_cloud.members.credentials import lapse_credentials
from portillon_cloud.members.operations import site_keys
from portillon_cloud.members.tables import account as payer
from portillon_cloud.members.tables import member, site
from portillon_cloud.secrets import Keyring
from portillon_cloud.visits.from_plans import keep_plan_visits
from portillon_cloud.visits.rows import visit_rows
from portillon_cloud.zones.rows import zone_rows

__all__ = [
    "ACCESS_REVIEW",
    "check_policy",
    "end_block",
    "member_rows",
    "plan_block",
    "put_block",
    "review",
    "rows_for_accounts",
    "set_site_policy",
    "site_policy",
    "site_rows",
    "switched_off_now",
]

MS_PER_HOUR = 3_600_000
ACCOUNTS_PER_READ = 2_000  # bounded queries: SQLite takes 32,766 values, PostgreSQL 65,535


def put_block(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    reason: BlockReason,
    source: str,
    from_ms: int,
    until_ms: int | None = None,
    member_id: int | None = None,
    switches: frozenset[Switch] | None = None,
) -> None:
    """Place a block that begins now; an open one of the same account, reason and source is left as it is."""
    placing = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(
        placing(block)
        .values(
            organisation_id=organisation_id,
            account_id=account_id,
            member_id=member_id,
            reason=reason,
            source=source,
            from_ms=from_ms,
            until_ms=until_ms,
            switches=sorted(SWITCHES_OF[reason] if switches is None else switches),
        )
        .on_conflict_do_nothing()
    )
    if until_ms is not None:
        review_at(conn, organisation_id, account_id, until_ms)
    _standing_changed(conn, organisation_id, account_id, at_ms=from_ms)


def plan_block(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    reason: BlockReason,
    source: str,
    from_ms: int,
    until_ms: int | None = None,
    member_id: int | None = None,
    switches: frozenset[Switch] | None = None,
) -> None:
    """Place a block that begins later: the gateways hear of it now, and again when it begins."""
    put_block(
        conn,
        organisation_id=organisation_id,
        account_id=account_id,
        reason=reason,
        source=source,
        from_ms=from_ms,
        until_ms=until_ms,
        member_id=member_id,
        switches=switches,
    )
    review_at(conn, organisation_id, account_id, from_ms)


def end_block(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    reason: BlockReason,
    source: str,
    at_ms: int,
    member_id: int | None = None,
) -> bool:
    """End the block of this reason and source, begun or planned, and no other; True if there was one."""
    ended = conn.execute(
        update(block)
        .where(
            block.c.organisation_id == organisation_id,
            block.c.account_id == account_id,
            block.c.member_id.is_not_distinct_from(member_id),
            block.c.reason == reason,
            block.c.source == source,
            or_(block.c.until_ms.is_(None), block.c.until_ms > at_ms),
        )
        .values(until_ms=case((block.c.from_ms > at_ms, block.c.from_ms), else_=at_ms))
    )
    if not ended.rowcount:
        return False
    plan_held_invoices(conn, organisation_id=organisation_id, account_id=account_id, now_ms=at_ms)
    _standing_changed(conn, organisation_id, account_id, at_ms=at_ms)
    return True


def _standing_changed(conn: Connection, organisation_id: int, account_id: int, *, at_ms: int) -> None:
    """Tell of the account, and of others whose invoices wait with its own."""
    account_ids = [account_id, *store.billed_with(conn, account_id)]
    outbox.accounts_changed(conn, organisation_id, account_ids)
    webhooks.tell(conn, webhooks.EventKind.STANDING_CHANGED, organisation_id, account_ids, at_ms=at_ms)


def switched_off_now(
    conn: Connection, account_id: int, now_ms: int, *, member_id: int | None = None
) -> frozenset[Switch]:
    """The switches that blocks hold off now for the whole account, and for this member of it."""
    found = store.blocks(conn, [account_id], now_ms)
    held = [block for whom in {None, member_id} for block in found.get((account_id, whom), ())]
    return switched_off(held, now_ms)


def rows_for_accounts(
    conn: Connection, keyring: Keyring, *, site_id: int, account_ids: Sequence[int], now_ms: int
) -> dict[int, list[RowChange]]:
    """What these accounts' members may do at one site, by account: entitlements, and what limits their visits.

    An empty list: nobody to let in there. Seventeen queries for each 2,000 accounts, whatever the number of members.
    Raises UnknownSiteError.
    """
    organisation_id = _organisation_of(conn, site_id)
    rows: dict[int, list[RowChange]] = {account_id: [] for account_id in account_ids}
    for start in range(0, len(account_ids), ACCOUNTS_PER_READ):
        some = account_ids[start : start + ACCOUNTS_PER_READ]
        people = list(_people(conn, keyring, organisation_id, site_id, some, now_ms))
        visits = visit_rows(conn, [int(who.member) for _, _, who in people])
        for account_id, account, who in people:
            rows[account_id] += [
                RowChange(kind=RowKind.ENTITLEMENT, key=entitlement.credential, body=entitlement.to_body())
                for entitlement in entitlements(account, who, now_ms)
            ]
            if int(who.member) in visits:
                rows[account_id].append(visits[int(who.member)])
    return rows


def member_rows(
    conn: Connection, keyring: Keyring, *, organisation_id: int, member_id: int, now_ms: int, site_id: int | None = None
) -> tuple[AccountFacts, MemberFacts, int] | None:
    """The facts of one member with their account at a site, or at their own; None: no such member, or not of there."""
    row = conn.execute(
        select(member.c.account_id, member.c.site_id).where(
            member.c.organisation_id == organisation_id, member.c.id == member_id
        )
    ).one_or_none()
    if row is None:
        return None
    at_id = row.site_id if site_id is None else site_id
    people = _people(conn, keyring, organisation_id, at_id, [row.account_id], now_ms)
    found = next(((account, who) for _, account, who in people if who.member == str(member_id)), None)
    return None if found is None else (*found, at_id)


def site_rows(conn: Connection, site_id: int) -> list[RowChange]:
    """The site's policy, holidays, schedules, zones, doors' plans and orders as feed rows.

    Raises UnknownSiteError, SitePolicyInvalidError.
    """
    policy = RowChange(kind=RowKind.POLICY, key=SITE, body=site_policy(conn, site_id).to_body())
    named = conn.execute(
        select(schedule.c.name, schedule.c.body).where(schedule.c.site_id == site_id).order_by(schedule.c.name)
    )
    schedules = [RowChange(kind=RowKind.SCHEDULE, key=row.name, body=row.body) for row in named]
    calendars = conn.execute(
        select(holiday_calendar.c.name, holiday_calendar.c.body)
        .where(holiday_calendar.c.site_id == site_id)
        .order_by(holiday_calendar.c.name)
    )
    # Before the schedules that name them: one that names what is not there yet is closed.
    holidays = [RowChange(kind=RowKind.HOLIDAYS, key=row.name, body=row.body) for row in calendars]
    return [policy, *holidays, *schedules, *zone_rows(conn, site_id), *door_rows(conn, site_id)]


def site_policy(conn: Connection, site_id: int) -> SitePolicy:
    """The site's policy. Raises UnknownSiteError, SitePolicyInvalidError."""
    row = conn.execute(select(site.c.time_zone, site.c.policy).where(site.c.id == site_id)).one_or_none()
    if row is None:
        raise UnknownSiteError(f"site {site_id} does not exist")
    return _policy(site_id, row.time_zone, row.policy)


def set_site_policy(conn: Connection, site_id: int, policy: SitePolicy, *, by: Changer | None = None) -> None:
    """Change what a site does when the basis of a decision is missing. Raises GraceTooShortError, UnknownSiteError."""
    organisation_id = _organisation_of(conn, site_id)
    check_grace(store.collection(conn, organisation_id).policy, [policy], LEASE_HOURS)
    body = {name: value for name, value in policy.to_body().items() if name != "time_zone"}
    was = {name: value for name, value in site_policy(conn, site_id).to_body().items() if name != "time_zone"}
    its = {"organisation_id": organisation_id, "site_id": site_id}
    note_change(conn, by, RuleKind.POLICY, SITE, **its, was=was, becomes=body)
    conn.execute(update(site).where(site.c.id == site_id).values(policy=body))
    outbox.everything_changed(conn, organisation_id)


def check_policy(conn: Connection, organisation_id: int, policy: DunningPolicy) -> None:
    """Raises GraceTooShortError if a dead link at one of the organisation's sites could shut out who has paid."""
    check_grace(policy, _site_policies(conn, organisation_id), LEASE_HOURS)


def _site_policies(conn: Connection, organisation_id: int) -> list[SitePolicy]:
    rows = conn.execute(
        select(site.c.id, site.c.time_zone, site.c.policy).where(site.c.organisation_id == organisation_id)
    )
    return [_policy(row.id, row.time_zone, row.policy) for row in rows]


def review(work: timers.Work, claimed: timers.Timer) -> None:
    """Timer handler: a block, a credential or a plan begins or ends by itself; the gateways are told."""
    with work.db.write() as conn:
        lapse_credentials(conn, claimed.organisation_id, claimed.subject_id, work.now_ms)
        plan_held_invoices(
            conn, organisation_id=claimed.organisation_id, account_id=claimed.subject_id, now_ms=work.now_ms
        )
        keep_plan_visits(conn, claimed.organisation_id, [claimed.subject_id], work.now_ms)
        _standing_changed(conn, claimed.organisation_id, claimed.subject_id, at_ms=work.now_ms)
        timers.finish(conn, claimed)


def _people(
    conn: Connection, keyring: Keyring, organisation_id: int, site_id: int, account_ids: Sequence[int], now_ms: int
) -> Iterator[tuple[int, AccountFacts, MemberFacts]]:
    """Who under these accounts is of this site, or has a right that holds there; with everything the rules ask."""
    members = conn.execute(
        select(
            member.c.id,
            member.c.account_id,
            member.c.long_access,
            member.c.first_person,
            member.c.lockdown_exempt,
            member.c.escort,
            member.c.escorted,
            member.c.site_id,
            member.c.groups,
            func.coalesce(member.c.language, payer.c.language).label("language"),
        )
        .join_from(member, payer, payer.c.id == member.c.account_id)
        .where(member.c.account_id.in_(account_ids))
        .order_by(member.c.id)
    ).all()
    if not members:
        return
    going_by = store.collection(conn, organisation_id)
    terms = store.terms(conn, account_ids, going_by.zone)
    blocks = store.blocks_around(conn, account_ids, terms, going_by.zone, now_ms)
    debts, spared = store.debts(conn, account_ids, going_by.policy.household), spared_until(conn, account_ids)
    facts = store.build_facts(account_ids, going_by, blocks=blocks, debts=debts, terms=terms, spared=spared)
    homes = {row.id: row.site_id for row in members}
    memberships: defaultdict[int, list[Membership]] = defaultdict(list)
    for one in terms:
        home_id = homes.get(one.member_id)
        if home_id is not None and holds_at(one.sites, site_id=site_id, home_id=home_id):
            memberships[one.member_id].append(one.membership)
    for member_id, given in rights_given(conn, list(homes)).items():
        here = (one for one in given if holds_at(one.sites, site_id=site_id, home_id=homes[member_id]))
        memberships[member_id] += [one.membership() for one in here]
    # At home everybody has a row, to be told why not; elsewhere those whom something there concerns.
    members = [row for row in members if row.site_id == site_id or row.id in memberships]
    if not members:
        return
    policy = site_policy(conn, site_id)
    lenient_ms = {reason: hours * MS_PER_HOUR for reason, hours in policy.lenient_hours.items()}
    company = company_of(conn, [row.id for row in members])
    keys = site_keys(conn, keyring, site_id)
    credentials = credentials_on_feed(conn, keyring, organisation_id, [row.id for row in members], now_ms)
    for row in members:
        who = MemberFacts(
            member=str(row.id),
            credentials=tuple(_facts(one, keys) for one in credentials.get(row.id, ())),
            memberships=tuple(memberships.get(row.id, ())),
            blocks=tuple(blocks.get((row.account_id, row.id), ())),
            lenient_ms=lenient_ms,
            long_access=row.long_access,
            first_person=row.first_person,
            lockdown_exempt=row.lockdown_exempt,
            escort=row.escort,
            escorted=row.escorted,
            guardians=tuple(map(str, company.get(row.id, NOBODY_NEEDED).guardians)),
            hosts=tuple(map(str, company.get(row.id, NOBODY_NEEDED).hosts)),
            groups=tuple(row.groups),
            language=row.language,
        )
        yield row.account_id, facts[row.account_id], who


def _facts(one: KnownCredential, keys: Sequence[SiteKey]) -> CredentialFacts:
    once = one.kind is CredentialKind.DAY_CODE
    return CredentialFacts(
        # While two keys overlap a row goes out under each: gateways change over one by one.
        hashes=tuple(credential_hash(one.presented, key) for key in keys),
        refusal=REFUSAL[one.state],
        from_ms=one.valid_from_ms,
        until_ms=one.valid_until_ms,
        zones=one.zones,
        single_use=once,
        day_pass=once,
        duress=one.duress,
    )


def _organisation_of(conn: Connection, site_id: int) -> int:
    found: int | None = conn.scalar(select(site.c.organisation_id).where(site.c.id == site_id))
    if found is None:
        raise UnknownSiteError(f"site {site_id} does not exist")
    return found


def _policy(site_id: int, time_zone: str, stored: dict[str, object]) -> SitePolicy:
    defaults = SitePolicy(time_zone=time_zone).to_body()
    unknown = stored.keys() - defaults.keys()
    if unknown:
        raise SitePolicyInvalidError(f"the policy of site {site_id} has unknown keys: {', '.join(sorted(unknown))}")
    try:
        return SitePolicy.from_body({**defaults, **stored, "time_zone": time_zone})
    except ValueError as error:
        raise SitePolicyInvalidError(f"the policy of site {site_id} cannot be read: {error}") from error
