"""Write one line of an import: account, member, cards, contract, what was paid elsewhere, and the payment token."""

import datetime

from portillon_cloud import webhooks
from portillon_cloud.billing.contracts import subscribe
from portillon_cloud.billing.errors import CatalogueError, UnlawfulContractError
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.csv_gym import Import, mark
from portillon_cloud.members.csv_line import MemberRow, Problem
from portillon_cloud.members.csv_running import RunningError, bring_over
from portillon_cloud.members.duplicates import alike
from portillon_cloud.members.operations import add_account, add_credential, add_member
from portillon_cloud.members.profiles import change_member
from portillon_cloud.members.tables import import_mark
from portillon_cloud.payments.operations import add_payment_method

IMPORT = "import-members"
"""Stands where a person's name would in the history of what a file brought."""


def write_line(context: Import, row: MemberRow) -> Problem | None:
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
                    external_id=mark(context, row.external_id),
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


def _billed_from(context: Import, row: MemberRow) -> datetime.date:
    """A contract that runs already was billed up to now by whoever had it before."""
    elsewhere = row.elsewhere
    paid_from = None if elsewhere.paid_until is None else elsewhere.paid_until + datetime.timedelta(days=1)
    return row.billed_from or paid_from or elsewhere.next_due or max(context.today, row.contract_start)


def _write_profile(context: Import, row: MemberRow, member_id: int) -> None:
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


def _account(context: Import, row: MemberRow) -> int:
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
