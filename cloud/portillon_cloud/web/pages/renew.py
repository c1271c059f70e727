"""The page on which a member accepts another term in writing: by the signed link of the offer, without a password.

The offer is what the letter said, word for word; it stands for the term that it names, and is accepted once.
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.billing import agreed_change
from portillon_cloud.billing.change_request import RenewChange
from portillon_cloud.billing.errors import SubscriptionRefusedError, UnlawfulContractError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.exit_link import Purpose
from portillon_cloud.billing.renewal import standing_offer
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.messages.notices import RenewalOffered
from portillon_cloud.money import Money
from portillon_cloud.web.pages.leave import MEMBER, LinkHolder, chosen_language, from_our_page, holder_of
from portillon_cloud.web.rendering import bare_page

router = APIRouter()
ACCEPTED = "accepted the offer in writing, by its link"


@router.get("/renew/{token}")
def renew_page(token: str, request: Request, services: ServicesDep) -> Response:
    """The offer; or that none waits."""
    holder = holder_of(request, services, token, Purpose.RENEW)
    with services.db.read() as conn:
        offer = standing_offer(conn, holder.way.organisation_id, holder.way.subscription_id, holder.today)
    return _draw(holder, offer)


@router.post("/renew/{token}")
def renew_form(token: str, request: Request, services: ServicesDep) -> Response:
    """Accept it, and have that in writing too."""
    from_our_page(request)
    holder = holder_of(request, services, token, Purpose.RENEW)
    which = {"organisation_id": holder.way.organisation_id, "subscription_id": holder.way.subscription_id}
    try:
        with services.db.write() as conn:
            offer = standing_offer(conn, **which, today=holder.today)
            if offer is None or holder.expired:
                return _draw(holder, None)
            agreed_change.carry_out(
                conn,
                **which,
                new=RenewChange(change="renew", months=offer.months, reason=ACCEPTED),
                author=Author(name=MEMBER, at_ms=holder.now_ms, reason=ACCEPTED),
            )
    except (SubscriptionRefusedError, UnlawfulContractError):
        return _draw(holder, None, status=409)
    return RedirectResponse(request.url.path + "?" + chosen_language(holder), HTTPStatus.SEE_OTHER)


def _draw(holder: LinkHolder, offer: RenewalOffered | None, *, status: int = 200) -> Response:
    shown: dict[str, Any] = {"holder": holder, "offer": None if holder.expired else offer}
    return bare_page(
        "renew.html",
        holder.words,
        status=status,
        money=lambda minor: holder.words.money(Money(minor, holder.price.currency)),
        token=holder.token,
        **shown,
    )
