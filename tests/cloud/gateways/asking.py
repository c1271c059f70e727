"""A visitor of /api/v1 who is somebody already: the routes under test, without keys and sessions."""

import warnings
from types import SimpleNamespace
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from portillon_cloud.http.dependencies import current_principal
from portillon_cloud.http.problem import Problem
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role

with warnings.catch_warnings():  # starlette wants httpx2; the lock holds httpx, which its test client still speaks
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


def ask_as(role: Role, organisation_id: int, router: APIRouter, *, db: Any, clock: Any) -> TestClient:
    """A client of `router` alone, as `role` of one organisation."""
    app = FastAPI()
    app.state.services = SimpleNamespace(db=db, clock=clock)
    app.include_router(router)

    def problem(_request: Request, error: Exception) -> Any:
        assert isinstance(error, Problem)
        return error.response()

    app.add_exception_handler(Problem, problem)
    app.dependency_overrides[current_principal] = lambda: Principal(
        kind=PrincipalKind.API_KEY, id=1, organisation_id=organisation_id, name="test", role=role, language="en"
    )
    return TestClient(app)
