"""Forged forms: a page's form carries a token that only somebody who holds the visitor's cookie could have made.

The token is an HMAC under the cookie's own value, so nothing is stored and a new session has new tokens. Cookies are
also SameSite=Lax, and a browser that says the request comes from another site is refused before anything is read.
"""

import hashlib
import hmac
from http import HTTPStatus

from fastapi import Request

from portillon_cloud.http.problem import Problem

_LABEL = b"portillon form"


def form_token(cookie: str) -> str:
    """The token for the forms of whoever holds this cookie."""
    return hmac.new(cookie.encode(), _LABEL, hashlib.sha256).hexdigest()


def check_form(request: Request, *, cookie: str | None, token: str) -> None:
    """Raises Problem 403 unless the form came from a page that we gave to the holder of this cookie."""
    fetched_from = request.headers.get("sec-fetch-site", "same-origin")
    if fetched_from not in ("same-origin", "none"):
        raise _forged()
    if not cookie or not hmac.compare_digest(form_token(cookie), token):
        raise _forged()


def _forged() -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN,
        "This form is out of date or came from elsewhere. Open the page again.",
        kind="forged-form",
    )
