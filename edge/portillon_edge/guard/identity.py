"""Under which configuration a guard runs, so that a gateway never trusts one that still holds yesterday's outputs."""

import hashlib
import json
from collections.abc import Sequence

from portillon_drivers.options import OutputOptions


def outputs_digest(outputs: Sequence[OutputOptions]) -> str:
    """SHA-256 over the sections of the outputs."""
    sections = [output.model_dump(mode="json") for output in outputs]
    return hashlib.sha256(json.dumps(sections, sort_keys=True).encode()).hexdigest()
