"""What was done to readers' keys, when and by whom: one JSON line each, beside the gateway's journal. Never a key."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

FILE = "osdp-commissioning.jsonl"


class CommissioningLog:
    """Lines about one reader, appended and flushed to the disk one by one."""

    def __init__(self, data_dir: Path, *, reader: str, place: str, by: str) -> None:
        self._path = data_dir / FILE
        self._about = {"reader": reader, "place": place, "by": by}

    def write(self, what: str) -> None:
        """Note it, with the time of this machine's clock."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **self._about, "what": what}
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
