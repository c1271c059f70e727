"""`fire_latch.json`: which fire loops alarmed and were not reset yet, so that a restart locks no door again."""

import json
import logging
from pathlib import Path

from portillon_edge.errors import LatchUnwritable
from portillon_edge.store.durable_file import replace_file

logger = logging.getLogger(__name__)

FILE = "fire_latch.json"


class FireLatchFile:
    """The file in `data_dir`; used by the door loop's thread only."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def load(self) -> frozenset[str]:
        """The names of the watches that were latched; none if there is no file, or none that can be read."""
        try:
            names = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError) as error:
            logger.error("%s cannot be read (%s): a fire from before this start is forgotten", self._path, error)
            return frozenset()
        return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()

    def save(self, latched: frozenset[str]) -> None:
        """Write them down; raises LatchUnwritable."""
        try:
            replace_file(self._path, json.dumps(sorted(latched)).encode())
        except OSError as error:
            raise LatchUnwritable(
                f"{self._path} could not be written ({error.strerror}): free the disk; until it is written, which is "
                "tried again and again, or the fire is reset, do not restart the gateway"
            ) from error
