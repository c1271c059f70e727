"""Golden rows: the very bodies that gateways of this version keep on disk, each with what it means.

A body here never changes: a gateway in the field reads it from its own disk after any update, and a digest over it was
signed. New keys come beside them, told only where there is something to tell.
"""

import json

import pytest
from portillon_rules.entitlement import Entitlement, Right, Turn
from portillon_rules.reason import DenyReason

PLAIN = (
    '{"day_pass":false,"member":"42","refusal":null,"schedule":"always","staff":false,'
    '"valid_from_ms":1767225600000,"valid_until_ms":1772535600000,"zones":["gym"]}'
)
VECTORS = {
    PLAIN: {},
    PLAIN.replace('"refusal":null', '"refusal":"frozen"'): {"refusal": DenyReason.FROZEN},
    PLAIN.replace("{", '{"also":[{"schedule":"off-peak","zones":["pool","spa"]}],', 1): {
        "also": (Right(("pool", "spa"), "off-peak"),)
    },
    PLAIN.replace('"member"', '"grace_from_ms":1772449200000,"language":"fr","member"'): {
        "grace_from_ms": 1_772_449_200_000,
        "language": "fr",
    },
    PLAIN.replace('"member"', '"groups":["women"],"member"').replace('"staff":false', '"shared":true,"staff":true'): {
        "groups": ("women",),
        "shared": True,
        "staff": True,
    },
    PLAIN.replace(
        '"valid_from_ms"',
        '"turns":[{"from_ms":1772535600000,"refusal":"dues_unpaid"},'
        '{"from_ms":1772622000000,"grace_from_ms":1772622000000,'
        '"rights":[{"schedule":"always","zones":["office"]}],"staff":true}],"valid_from_ms"',
    ): {
        "turns": (
            Turn(from_ms=1_772_535_600_000, refusal=DenyReason.DUES_UNPAID),
            Turn(
                from_ms=1_772_622_000_000,
                rights=(Right(("office",)),),
                staff=True,
                grace_from_ms=1_772_622_000_000,
            ),
        )
    },
}


@pytest.mark.parametrize(("body", "meaning"), VECTORS.items())
def test_a_golden_row_is_read_and_written_to_the_letter(body: str, meaning: dict[str, object]) -> None:
    """What it means, and the same characters again."""
    plain = Entitlement.from_body("k1.aa", json.loads(PLAIN))
    expected = Entitlement.from_body("k1.aa", json.loads(body))
    assert {name: getattr(expected, name) for name in meaning} == meaning
    others = set(Entitlement.__slots__) - set(meaning)
    assert all(getattr(expected, name) == getattr(plain, name) for name in others)
    assert json.dumps(expected.to_body(), sort_keys=True, separators=(",", ":")) == body
