"""The application of the tests: its routes and their document are made once in a process, for they cost a second."""

from functools import cache
from typing import Any

from fastapi import FastAPI
from portillon_cloud.web.app import create_app, put_over


@cache
def _made() -> FastAPI:
    return create_app(None)  # type: ignore[arg-type]  # whoever asks before it is put over something is told so


def app_over(services: Any, *, live_every_s: float = 0.05) -> FastAPI:
    """The one application, over these services from now on: the last to ask has it."""
    app = _made()
    app.dependency_overrides.clear()
    put_over(app, services, live_every_s=live_every_s)
    return app
