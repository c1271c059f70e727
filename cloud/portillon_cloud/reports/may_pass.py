"""May this member pass now, and why? The same rows and the same `decide` as at the turnstile, asked at the desk."""

from dataclasses import dataclass, replace

from portillon_rules.decision import DecisionTime, Denied, DoorView, Granted, SiteRules, TimeQuality, decide
from portillon_rules.entitlement import Entitlement
from portillon_rules.evidence import NO_EVIDENCE, Evidence
from portillon_rules.local_facts import LocalFacts
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_wire.rule_rows import RULE_KINDS, read_rule, site_rules
from sqlalchemy import Connection, select

from portillon_cloud.access.entitlement import FOREVER_MS, CredentialFacts, MemberFacts, entitlements
from portillon_cloud.access.operations import member_rows, site_rows
from portillon_cloud.access.standing import AccountFacts, Standing, standing_at
from portillon_cloud.gateways.tables import feed_state, gateway
from portillon_cloud.members.tables import site
from portillon_cloud.secrets import Keyring
from portillon_cloud.visits.rows import use_at_home

COMPANY = "company"
"""The rule that asks who else is there."""
# Stands for the card of somebody who has none yet, to tell what one would do.
_NO_CARD = CredentialFacts(hashes=("none.none",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Yes with the zones and the end of validity, or no with the reason. `until_ms` None: no end is known.

    `evidence`: the rule and the row that it rests on, and the revision of the site's gateway, if it has one alone.
    `flags`: what is remarkable about a yes. `not_alone`: it is no for want of company that the desk cannot see, and
    with it `zones` would open.
    """

    allowed: bool
    has_card: bool
    standing: Standing
    reason: DenyReason | None = None
    zones: tuple[str, ...] = ()
    until_ms: int | None = None
    evidence: Evidence = NO_EVIDENCE
    flags: tuple[GrantFlag, ...] = ()
    not_alone: bool = False


def may_pass(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    member_id: int,
    business_ms: int,
    site_id: int | None = None,
) -> Answer | None:
    """The answer at this instant with an online gateway of a site, or of the member's own.

    None: no such member in the organisation, or nothing of theirs concerns that site: their card is unknown there.
    """
    found = member_rows(
        conn, keyring, organisation_id=organisation_id, member_id=member_id, now_ms=business_ms, site_id=site_id
    )
    if found is None:
        return None
    account, who, at_id = found
    standing = standing_at(account, business_ms)
    usable = [one for one in who.credentials if one.refused_at(business_ms) is None and not one.duress]
    has_card = bool(usable)
    # With nothing that opens, the turnstile says what is wrong with the latest one.
    presented = usable or who.credentials[-1:] or (_NO_CARD,)
    rows = [_row(account, who, one, business_ms) for one in presented]
    rules = _site_rules(conn, at_id)
    # As the gateway that counts their visits would have it; who is where, and with whom, no desk can know.
    local = LocalFacts(visits=use_at_home(conn, member_id))
    zones: list[str] = conn.execute(select(site.c.zones).where(site.c.id == at_id)).scalar_one()
    for row in rows:
        answers = {zone: _decide(row, zone, rules, local, business_ms) for zone in zones}
        granted = {zone: one for zone, one in answers.items() if isinstance(one, Granted)}
        if granted:
            return Answer(
                allowed=has_card,
                has_card=has_card,
                standing=standing,
                zones=tuple(granted),
                until_ms=None if row.valid_until_ms >= FOREVER_MS else row.valid_until_ms,
                evidence=next(iter(granted.values())).evidence,
                flags=tuple(dict.fromkeys(flag for one in granted.values() for flag in one.flags)),
            )
    refused = _decide(rows[0], zones[0] if zones else "", rules, local, business_ms)
    reason = refused.reason if isinstance(refused, Denied) else None
    together = _zones_in_company(rows[0], zones, rules, local, business_ms) if refused.evidence.rule == COMPANY else ()
    return Answer(
        allowed=False,
        has_card=has_card,
        standing=standing,
        reason=reason,
        evidence=refused.evidence,
        zones=together,
        not_alone=bool(together),
    )


def _zones_in_company(
    row: Entitlement, zones: list[str], rules: SiteRules, local: LocalFacts, business_ms: int
) -> tuple[str, ...]:
    alone = replace(row, guardians=(), hosts=(), escorted=False)
    return tuple(zone for zone in zones if isinstance(_decide(alone, zone, rules, local, business_ms), Granted))


def _row(account: AccountFacts, who: MemberFacts, credential: CredentialFacts, business_ms: int) -> Entitlement:
    one = replace(credential, hashes=credential.hashes[:1])
    return entitlements(account, replace(who, credentials=(one,)), business_ms)[0]


def _decide(row: Entitlement, zone: str, rules: SiteRules, local: LocalFacts, business_ms: int) -> Granted | Denied:
    time = DecisionTime(business_ms, TimeQuality.CERTAIN, lease_remaining_ms=1)
    return decide(lookup=row, door=DoorView(name=zone, zone=zone), site=rules, time=time, local=local)


def _site_rules(conn: Connection, site_id: int) -> SiteRules:
    rows = [(row.kind, row.key, row.body) for row in site_rows(conn, site_id) if row.body is not None]
    read = [(kind, key, read_rule(kind, key, body)) for kind, key, body in rows if kind in RULE_KINDS]
    return site_rules(read, revision=_revision(conn, site_id))


def _revision(conn: Connection, site_id: int) -> int | None:
    """The last revision issued to the site's gateway; None: it has none, or several, each with its own count."""
    issued = conn.execute(
        select(feed_state.c.revision)
        .join(gateway, gateway.c.id == feed_state.c.gateway_id)
        .where(gateway.c.site_id == site_id, gateway.c.revoked_at_ms.is_(None))
        .limit(2)
    ).scalars()
    revisions: list[int] = list(issued)
    return revisions[0] if len(revisions) == 1 else None
