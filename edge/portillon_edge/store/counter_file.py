"""The highest counter used by each key that may command, on disk before anybody acts on the command."""

import json
import logging
from pathlib import Path

from portillon_rules.row_mac import row_mac

from portillon_edge.errors import StoreBusy
from portillon_edge.store.durable_file import replace_file

log = logging.getLogger(__name__)


class CounterFile:
    """`commands.counters`: key ids and counters with their MAC, replaced as a whole."""

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path = path
        self._secret = secret
        self._counters = self._load()

    @property
    def counters(self) -> dict[str, int]:
        """The highest counter used of each key."""
        return dict(self._counters)

    def save(self, kid: str, counter: int) -> None:
        """Write it durably. Raises StoreBusy; then it must not be acted on."""
        counters = {**self._counters, kid: counter}
        body = json.dumps(counters, sort_keys=True)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps({"counters": body, "mac": self._mac(body)}).encode())
        except OSError as error:
            raise StoreBusy(f"the command's counter cannot be saved, so nothing is done: {error}") from error
        self._counters = counters

    def _load(self) -> dict[str, int]:
        try:
            content = json.loads(self._path.read_bytes())
            if content["mac"] != self._mac(content["counters"]):
                raise ValueError("its MAC does not fit")
            return {str(kid): int(counter) for kid, counter in json.loads(content["counters"]).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.error(
                "%s: the saved counters are not used (%s); commands older than 30 s are refused", self._path, error
            )
            return {}

    def _mac(self, body: str) -> str:
        return row_mac("commands", "counters", body.encode(), self._secret).hex()
