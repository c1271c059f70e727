"""The static files, each under a name that changes with its content, so that a browser keeps them for a year."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"


@cache
def asset(name: str) -> str:
    """The address of a static file."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


class Assets(StaticFiles):
    """Static files that may be kept: for a year when asked for by content, for an hour otherwise (fonts)."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, with its Cache-Control."""
        answer = super().file_response(*args, **kwargs)
        scope = args[2] if len(args) > 2 else kwargs["scope"]
        kept = "31536000, immutable" if b"v=" in scope["query_string"] else "3600"
        answer.headers["Cache-Control"] = f"public, max-age={kept}"
        return answer
