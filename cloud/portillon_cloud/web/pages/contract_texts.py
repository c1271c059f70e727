"""What contracts say of the seller, and the wording they are written by: an owner's page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from portillon_cloud.documents import wordings
from portillon_cloud.documents.errors import WordingError
from portillon_cloud.documents.template import CHARACTERS_MAX, PLACES, REQUIRED
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import legal_entity, organisation
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Owner = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
Line = Annotated[str, Form(max_length=300)]
DONE = {
    "seller": N_("Contracts that are prepared from now on say so."),
    "wording": N_("Contracts are worded so from now on. What was prepared stays as it is."),
}
NEEDED = N_("Nothing was changed: an address and a way to reach you are needed.")


@router.get("/contract-texts")
def texts_page(services: ServicesDep, owner: Owner, language: str = "fr", done: str = "") -> Response:
    """Both, with what the law wants in a contract."""
    notice = Notice("ok", owner.words.say(DONE[done])) if done in DONE else None
    return _draw(services, owner, "en" if language == "en" else "fr", notice=notice)


@router.post("/contract-texts/sellers/{legal_entity_id}", dependencies=[Depends(genuine_form)])
def seller_form(
    legal_entity_id: PathId,
    services: ServicesDep,
    owner: Owner,
    address: Line = "",
    contact: Line = "",
    permit: Line = "",
    mediator: Line = "",
) -> Response:
    """Say so of this seller."""
    organisation_id = owner.principal.organisation_id
    if not address.strip() or not contact.strip():
        return _draw(services, owner, "fr", notice=Notice("bad", owner.words.say(NEEDED)), status=422)
    with services.db.write() as conn:
        its = (legal_entity.c.id == legal_entity_id, legal_entity.c.organisation_id == organisation_id)
        if conn.scalar(select(legal_entity.c.id).where(*its)) is None:
            raise not_found("legal entity")
        had = wordings.particulars_of(conn, organisation_id, legal_entity_id)
        wordings.save_particulars(
            conn,
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            said=wordings.Particulars(
                address=address.strip(),
                contact=contact.strip(),
                permit=permit.strip() or None,
                mediator=mediator.strip() or None,
                places={} if had is None else had.places,
            ),
        )
    return RedirectResponse("/contract-texts?done=seller", 303)


@router.post("/contract-texts/{language}", dependencies=[Depends(genuine_form)])
def wording_form(
    language: str, services: ServicesDep, owner: Owner, body: Annotated[str, Form(max_length=CHARACTERS_MAX)] = ""
) -> Response:
    """A new version, if it says all that the law wants."""
    speaks = "en" if language == "en" else "fr"
    try:
        with services.db.write() as conn:
            wordings.save_wording(
                conn,
                organisation_id=owner.principal.organisation_id,
                law=_law(services, owner),
                language=speaks,
                body=body.replace("\r\n", "\n"),
                by=owner.principal.name,
                now_ms=owner.organisation.clock.business_ms,
            )
    except WordingError as error:
        wrong = Notice("bad", error.said(owner.words))
        return _draw(services, owner, speaks, notice=wrong, status=422, typed=body)
    return RedirectResponse(f"/contract-texts?done=wording&language={speaks}", 303)


def _law(services: Services, owner: Visit) -> str:
    """Whose law the house's contracts are under."""
    with services.db.read() as conn:
        country, province = conn.execute(
            select(organisation.c.country, organisation.c.province).where(
                organisation.c.id == owner.principal.organisation_id
            )
        ).one()
    return {("CA", "QC"): "ca-qc"}.get((country, province), "fr" if country == "FR" else "none")


def _draw(
    services: Services,
    owner: Visit,
    language: str,
    *,
    notice: Notice | None = None,
    status: int = 200,
    typed: str | None = None,
) -> Response:
    organisation_id, law = owner.principal.organisation_id, _law(services, owner)
    with services.db.read() as conn:
        wording = wordings.wording_of(conn, organisation_id, law, language)
        sellers = [
            (entity_id, name, wordings.particulars_of(conn, organisation_id, entity_id))
            for entity_id, name in conn.execute(
                select(legal_entity.c.id, legal_entity.c.name)
                .where(legal_entity.c.organisation_id == organisation_id)
                .order_by(legal_entity.c.id)
            ).all()
        ]
    return page(
        "contracts/texts.html",
        owner,
        notice=notice,
        status=status,
        sellers=sellers,
        law=law,
        language=language,
        name=wording.name,
        body=wording.body if typed is None else typed,
        required=REQUIRED[law],
        free=sorted(PLACES - set(REQUIRED[law])),
        characters_max=CHARACTERS_MAX,
    )
