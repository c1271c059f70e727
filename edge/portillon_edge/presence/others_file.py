"""Whether the site has other gateways, kept over restarts: after one, what they saw is unknown until they are heard."""

import json
import logging
from pathlib import Path

from portillon_edge.store.durable_file import replace_file

log = logging.getLogger(__name__)

FILE = "other_gateways.json"


class OthersFile:
    """`other_gateways.json` in `data_dir`. Written when a site gets its second gateway, or loses it again."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def load(self) -> bool:
        """Whether there are others. Nobody ever spoke of any: no. It cannot be read: yes, and presence is in doubt
        until the cloud says."""
        try:
            return bool(json.loads(self._path.read_bytes())["others"])
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s: cannot be read (%s); until the cloud is heard there may be other gateways", FILE, error)
            return True

    def save(self, others: bool) -> None:
        """Keep it; a disk that fails is told, and the cloud tells it again after the next start."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps({"others": others}).encode())
        except OSError as error:
            log.error("%s cannot be written (%s); free the disk", self._path, error)
