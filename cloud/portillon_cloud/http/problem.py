"""RFC 9457 problem details: one exception for every refusal that leaves over HTTP, and its JSON."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One field that is not as it must be."""

    pointer: str = Field(description="Where, e.g. /body/email")
    detail: str = Field(description="What is wrong with it")


class ProblemDetails(BaseModel):
    """The body of every error answer (RFC 9457)."""

    type: str = Field(description="Stable name of the kind of problem", examples=["urn:portillon:problem:not-found"])
    title: str
    status: int
    detail: str = Field(description="What went wrong here and what to do")
    errors: list[FieldError] | None = None


class Problem(Exception):
    """An answer that says no. `kind` is stable-with-dashes; `detail` says what, where, and what to do."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = HTTPStatus(status).phrase
        self.kind = kind or self.title.lower().replace(" ", "-")
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The members that RFC 9457 names, and `errors` if there are any."""
        details = ProblemDetails(
            type=f"urn:portillon:problem:{self.kind}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            errors=list(self.errors) or None,
        )
        return details.model_dump(exclude_none=True)

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        return JSONResponse(self.body(), self.status, headers=self.headers, media_type=MEDIA_TYPE)


def not_found(what: str) -> Problem:
    """404: there is no such thing in the caller's organisation (another organisation's things look the same)."""
    return Problem(HTTPStatus.NOT_FOUND, f"There is no such {what} in your organisation.", kind="not-found")


def conflict(detail: str, *, kind: str = "conflict") -> Problem:
    """409: well-formed, allowed, but not in this state."""
    return Problem(HTTPStatus.CONFLICT, detail, kind=kind)


def unprocessable(detail: str, *, pointer: str, kind: str = "invalid") -> Problem:
    """422: understood, but a value cannot be right. `pointer` names the field, e.g. /body/amount_minor."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        detail,
        kind=kind,
        errors=[FieldError(pointer=pointer, detail=detail)],
    )


def invalid_request(error: RequestValidationError) -> Problem:
    """422 (or 400 when the body is no JSON at all), naming each field; values are not echoed."""
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(HTTPStatus.BAD_REQUEST, "The body is not valid JSON.", kind="not-json")
    errors = [FieldError(pointer="/" + "/".join(str(part) for part in one["loc"]), detail=one["msg"]) for one in found]
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Some values are missing or wrong; see errors.", kind="invalid", errors=errors
    )


_DESCRIPTIONS = {
    400: "The body is not valid JSON",
    401: "No valid API key",
    403: "The key's role does not carry this permission",
    404: "No such thing in this organisation",
    409: "Not possible in the present state",
    422: "A value is missing or wrong",
    503: "Busy with the same thing, or with too much: try again after the seconds in Retry-After",
}

# For OpenAPI: every operation of /api/v1 may answer so.
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}}
    for status, text in _DESCRIPTIONS.items()
}
