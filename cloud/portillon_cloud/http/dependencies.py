"""What a route of /api/v1 asks for: the services, who is asking, and a permission.

Programs show an API key on every request and never a cookie, so /api/v1 needs no CSRF token.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from portillon_cloud.http.problem import Problem
from portillon_cloud.http.services import Services
from portillon_cloud.identity.operations import who_has_key
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="Authorization: Bearer plk_…")


def services(request: Request) -> Services:
    """What `create_app` was given."""
    return cast(Services, request.app.state.services)


def current_principal(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    provided: Annotated[Services, Depends(services)],
) -> Principal:
    """The program behind the API key. Raises Problem 401."""
    found = None if given is None else who_has_key(provided.db, given.credentials)
    if found is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "Send a valid API key as 'Authorization: Bearer plk_…'. An owner makes one with 'portillon-cloud api-key'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return found


def require(permission: Permission) -> Callable[[Principal], Principal]:
    """A dependency that gives the principal, or raises Problem 403 if its role lacks the permission."""

    def check(principal: Annotated[Principal, Depends(current_principal)]) -> Principal:
        if not principal.may(permission):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"The role '{principal.role}' may not do this; it needs the permission '{permission}'.",
            )
        return principal

    return check


ServicesDep = Annotated[Services, Depends(services)]
