"""`standing.json`: how the site stood by order, apart from the table of which a damage must end no lockdown."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from portillon_rules.row_mac import row_mac

from portillon_edge.errors import StandingUnwritable
from portillon_edge.store.durable_file import replace_file

logger = logging.getLogger(__name__)

FILE = "standing.json"


class StandingFile:
    """One JSON body with its MAC in `data_dir`, replaced as a whole; used by the door loop's thread only."""

    def __init__(self, data_dir: Path, secrets: Sequence[bytes]) -> None:
        """It is written with the first of the secrets, and believed with any: a change of keys ends no lockdown."""
        self._path = data_dir / FILE
        self._secrets = tuple(secrets)

    def load(self) -> Mapping[str, Any] | None:
        """What was saved last; None (and a log line) if there is none that can be believed."""
        try:
            content = json.loads(self._path.read_bytes())
            standing: str = content["standing"]
            if content["mac"] not in [_mac(standing, secret) for secret in self._secrets]:
                raise ValueError("its MAC does not fit")
            body: Mapping[str, Any] = json.loads(standing)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            logger.error("%s is not used (%s): only the table says which orders stand", self._path, error)
            return None
        return body

    def save(self, body: Mapping[str, Any]) -> None:
        """Write it down; raises StandingUnwritable, then what was saved before is still there."""
        standing = json.dumps(body, sort_keys=True)
        content = {"standing": standing, "mac": _mac(standing, self._secrets[0])}
        try:
            replace_file(self._path, json.dumps(content).encode())
        except OSError as error:
            raise StandingUnwritable(
                f"{self._path} could not be written ({error.strerror}): free the disk; it is tried again and "
                "again, and until then no order outlasts a damage of the table that carries it"
            ) from error


def _mac(standing: str, secret: bytes) -> str:
    return row_mac("standing", "kept", standing.encode(), secret).hex()
