"""What the desk may do without an owner: so much grace, so much waived, so many instalments. Pure but for two queries.

Whoever keeps the books is not bound by it, only by what nobody may pass.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.desk.errors import DeskPolicyInvalidError
from portillon_cloud.desk.tables import desk_policy

GRACE_DAYS_MAX = 92
"""Nobody gives more at once: a gateway without news lets in as long."""
INSTALMENTS_MAX = 12
PLAN_DAYS_MAX = 366
TOLERANCE_DAYS_MAX = 30
WAIVED_MINOR_MAX = 1_000_000_00


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPolicy:
    """The desk's limits. `waived_minor_most`: of one account in thirty days, in the minor units of the book.

    `tolerance_days`: how late an instalment may be before the plan is broken.
    """

    grace_days_most: int = 14
    waived_minor_most: int = 0
    instalments_most: int = 4
    plan_days_most: int = 124
    tolerance_days: int = 3

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            least = 2 if name == "instalments_most" else 0
            if not least <= value <= most:
                raise DeskPolicyInvalidError(f"{name} {value}: choose {least} to {most}")

    def to_body(self) -> dict[str, int]:
        """The JSON-ready form that is stored."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: Mapping[str, int]) -> "DeskPolicy":
        """Rebuild a stored policy; what an older one did not know has its default."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in body.items() if name in known})


_MOST = {
    "grace_days_most": GRACE_DAYS_MAX,
    "waived_minor_most": WAIVED_MINOR_MAX,
    "instalments_most": INSTALMENTS_MAX,
    "plan_days_most": PLAN_DAYS_MAX,
    "tolerance_days": TOLERANCE_DAYS_MAX,
}
OWNER = DeskPolicy(
    grace_days_most=GRACE_DAYS_MAX,
    waived_minor_most=WAIVED_MINOR_MAX,
    instalments_most=INSTALMENTS_MAX,
    plan_days_most=PLAN_DAYS_MAX,
)
"""What nobody may pass."""


def policy_of(conn: Connection, organisation_id: int) -> DeskPolicy:
    """The organisation's limits; the default ones, unless it chose its own."""
    body = conn.scalar(select(desk_policy.c.body).where(desk_policy.c.organisation_id == organisation_id))
    return DeskPolicy() if body is None else DeskPolicy.from_body(body)


def limits(conn: Connection, organisation_id: int, *, owner: bool) -> DeskPolicy:
    """What this person may do: an owner up to what nobody may pass."""
    return OWNER if owner else policy_of(conn, organisation_id)


def set_policy(conn: Connection, organisation_id: int, policy: DeskPolicy) -> None:
    """Choose the desk's limits."""
    writing = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(desk_policy)
    conn.execute(
        writing.values(organisation_id=organisation_id, body=policy.to_body()).on_conflict_do_update(
            index_elements=["organisation_id"], set_={"body": writing.excluded.body}
        )
    )
