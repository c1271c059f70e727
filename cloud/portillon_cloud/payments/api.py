"""Payments over HTTP: money at the desk, payment methods, charging again, and what a simulated card does."""

from typing import Annotated, Literal, Protocol, cast

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import RequestKey as RequestKey  # all of payments name a request so
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import account
from portillon_cloud.payments.errors import LiveOrganisationError
from portillon_cloud.payments.operations import (
    ChargeResult,
    DeskPayment,
    add_payment_method,
    cancel_charges,
    charge_soon,
    take_payment,
)
from portillon_cloud.payments.provider import CardBehaviour, CardSimulator, PaymentProvider
from portillon_cloud.payments.tables import SIMULATOR, Means, payment_method

router = APIRouter(tags=["payments"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Cashier = Annotated[Principal, Depends(require(Permission.TAKE_PAYMENT))]
Tester = Annotated[Principal, Depends(require(Permission.TURN_CLOCK))]
PathId = Annotated[int, Path(ge=1, le=ID_MAX)]


class PaymentServices(Services, Protocol):
    """What these routes need beside the ordinary services."""

    @property
    def provider(self) -> PaymentProvider: ...


def _payment_services(request: Request) -> PaymentServices:
    return cast(PaymentServices, request.app.state.services)


PaymentServicesDep = Annotated[PaymentServices, Depends(_payment_services)]


class NewPayment(BaseModel):
    """Money taken at the desk; the invoice due first is paid first."""

    model_config = ConfigDict(extra="forbid")

    amount_minor: int = Field(gt=0, le=1_000_000_000, description="Minor units (cents)")
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["CAD"])
    means: Literal["cash", "cheque", "terminal", "transfer"]
    prepay: bool = Field(default=False, description="Take more than is owed: the rest is credit for the next invoices")


class AllocationOut(BaseModel):
    invoice_id: int
    amount_minor: int


class PaymentOut(BaseModel):
    payment_id: int
    allocations: list[AllocationOut]


class MethodOut(BaseModel):
    id: int
    provider: str
    label: str
    state: str
    scheme: str | None


class SimulatedCardIn(BaseModel):
    """What the new card is. `scheme`: its network, whose rules say how often it is tried again; null: not known."""

    model_config = ConfigDict(extra="forbid")

    scheme: Literal["visa", "mastercard", "amex"] | None = None


class CardBehaviourIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    behaviour: CardBehaviour


class ChargesAsked(BaseModel):
    """How many unpaid invoices are being charged now; the results follow."""

    charges: int


@router.post("/accounts/{account_id}/payments", status_code=201)
def pay(
    account_id: PathId, new: NewPayment, request_key: RequestKey, services: ServicesDep, cashier: Cashier
) -> PaymentOut:
    """Take money at the desk. 422: more than is owed; 503: a charge of the same invoice is under way."""
    with services.db.write() as conn:
        taken = take_payment(
            conn,
            DeskPayment(
                organisation_id=cashier.organisation_id,
                account_id=account_id,
                amount_minor=new.amount_minor,
                currency=new.currency,
                means=Means(new.means),
                request_key=f"{cashier.kind}:{cashier.id}:{request_key}",
                taken_by=cashier.name,
                prepay=new.prepay,
            ),
            now_ms=business_now_ms(conn, cashier.organisation_id, services.clock.real_ms()),
        )
    return PaymentOut(
        payment_id=taken.payment_id,
        allocations=[
            AllocationOut(invoice_id=invoice_id, amount_minor=amount_minor)
            for invoice_id, amount_minor in taken.allocations
        ],
    )


@router.post("/accounts/{account_id}/charges", status_code=202)
def charge_again(account_id: PathId, services: ServicesDep, cashier: Cashier) -> ChargesAsked:
    """Charge everything the account owes now, for instance after its card was replaced."""
    with services.db.write() as conn:
        _require_account(conn, cashier, account_id)
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        asked = charge_soon(conn, organisation_id=cashier.organisation_id, account_id=account_id, now_ms=now_ms)
    return ChargesAsked(charges=asked)


@router.post("/accounts/{account_id}/charges/cancel")
def cancel(account_id: PathId, services: PaymentServicesDep, cashier: Cashier) -> list[ChargeResult]:
    """End the charges that are under way or in doubt, so that the member can pay otherwise; how each ended."""
    with services.db.read() as conn:
        _require_account(conn, cashier, account_id)
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
    return cancel_charges(
        services.db,
        services.provider,
        organisation_id=cashier.organisation_id,
        account_id=account_id,
        now_ms=now_ms,
    )


@router.get("/accounts/{account_id}/payment-methods")
def list_methods(account_id: PathId, services: ServicesDep, reader: Reader) -> list[MethodOut]:
    """The account's payment methods, the newest first: that one is charged."""
    with services.db.read() as conn:
        _require_account(conn, reader, account_id)
        rows = conn.execute(
            select(payment_method)
            .where(payment_method.c.account_id == account_id)
            .order_by(payment_method.c.id.desc())
            .limit(100)
        ).all()
    return [MethodOut.model_validate(row, from_attributes=True) for row in rows]


@router.post("/accounts/{account_id}/payment-methods/simulated", status_code=201)
def add_simulated_card(
    account_id: PathId, services: PaymentServicesDep, tester: Tester, new: SimulatedCardIn | None = None
) -> MethodOut:
    """Give the account a new simulated card that works. Test organisations only."""
    simulator = _simulator(services.provider)
    with services.db.read() as conn:
        _require_account(conn, tester, account_id)
        now_ms = business_now_ms(conn, tester.organisation_id, services.clock.real_ms())
    [token] = simulator.issue_cards(tester.organisation_id, 1)
    label, scheme = f"•••• {token[-4:]}", None if new is None else new.scheme
    with services.db.write() as conn:
        made = add_payment_method(
            conn,
            organisation_id=tester.organisation_id,
            account_id=account_id,
            provider=SIMULATOR,
            token=token,
            label=label,
            scheme=scheme,
            now_ms=now_ms,
        )
    return MethodOut(id=made, provider=SIMULATOR, label=label, state="active", scheme=scheme)


@router.post("/payment-methods/{method_id}/simulate", status_code=204)
def simulate(method_id: PathId, wanted: CardBehaviourIn, services: PaymentServicesDep, tester: Tester) -> None:
    """What this simulated card does when it is charged from now on. Test organisations only."""
    simulator = _simulator(services.provider)
    with services.db.read() as conn:
        token = conn.scalar(
            select(payment_method.c.token).where(
                payment_method.c.id == method_id,
                payment_method.c.organisation_id == tester.organisation_id,
                payment_method.c.provider == SIMULATOR,
            )
        )
    if token is None:
        raise not_found("simulated card")
    simulator.set_card_behaviour(tester.organisation_id, token, wanted.behaviour)


def _simulator(provider: PaymentProvider) -> CardSimulator:
    if not isinstance(provider, CardSimulator):
        raise LiveOrganisationError("this installation charges real cards: there is none to simulate")
    return provider


def _require_account(conn: Connection, principal: Principal, account_id: int) -> None:
    """Raises Problem 404 unless the account is of the caller's organisation."""
    found = conn.execute(
        select(account.c.id).where(account.c.id == account_id, account.c.organisation_id == principal.organisation_id)
    ).one_or_none()
    if found is None:
        raise not_found("account")
