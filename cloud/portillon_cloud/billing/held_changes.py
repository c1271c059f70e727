"""Whether anything new may be agreed with a member now: blocks may hold changes off, the fourth switch of a standing.

1. While one does, there is no new contract, no taking over of somebody's, and no freeze, other price, discount, part
   of an employer or longer term.
2. What ends something is never held: leaving, ending a freeze or an employer's part. Nobody is kept because they owe.
"""

from sqlalchemy import Connection, select

from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.operations import switched_off_now
from portillon_cloud.billing.change_request import CancelChange, Change, EndShareChange, ResumeChange
from portillon_cloud.billing.errors import SubscriptionRefusedError
from portillon_cloud.billing.subscription import Why
from portillon_cloud.members.tables import member


def require_open(
    conn: Connection, organisation_id: int, member_id: int, now_ms: int, *, new: Change | None = None
) -> None:
    """That this change, or a new contract (None), may be agreed now. Raises SubscriptionRefusedError."""
    if isinstance(new, CancelChange | ResumeChange | EndShareChange):
        return
    ours = (member.c.id == member_id, member.c.organisation_id == organisation_id)
    account_id = conn.scalar(select(member.c.account_id).where(*ours))
    if account_id is not None and Switch.CHANGES in switched_off_now(conn, account_id, now_ms, member_id=member_id):
        raise SubscriptionRefusedError(Why.CHANGES_HELD, None)
