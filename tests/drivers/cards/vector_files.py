"""Where the standards' bytes are."""

import tomllib
from pathlib import Path
from typing import Any


def vectors(name: str) -> dict[str, Any]:
    """One file of vectors."""
    return tomllib.loads((Path(__file__).parent / "vectors" / f"{name}.toml").read_text("utf-8"))
