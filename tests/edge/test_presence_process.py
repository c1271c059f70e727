"""Who is where, in real gateway processes: over a stop and a start, in `status` and in `explain`."""

import re
from pathlib import Path

from edge.gym_process import MEMBER_CARD, Gym, gym, until
from portillon_edge.cli import app
from portillon_rules.zone_rule import Strictness, ZoneRule
from portillon_wire.rows import RowChange, RowKind
from typer.testing import CliRunner

GYM = ZoneRule(zone="gym", passback=Strictness.HARD, capacity=20)
RULE = RowChange(kind=RowKind.ZONE_RULE, key="gym", body=GYM.to_body())


def said(*words: str, gateway: Gym) -> str:
    result = CliRunner().invoke(app, [*words, "--config", str(gateway.config_path)])
    return re.sub(r"\s+", " ", result.output)


def refusals(gateway: Gym) -> list[tuple[str | None, str | None]]:
    return [(event.reason, event.detail) for event in gateway.journal() if event.kind == "denied"]


def test_whoever_is_inside_is_inside_after_a_restart(tmp_path: Path) -> None:
    """In by lane 2 and refused at lane 1, by this process and the next; journal, status and explain agree."""
    evidence = "passback zone_rule/gym @1"
    with gym(tmp_path) as (gateway, site):
        gateway.seed(RULE)
        gateway.start()
        assert site.badge(2, MEMBER_CARD, push=True)["passed"]
        until(lambda: "passage" in gateway.kinds(), "the passage is on the disk")
        assert site.badge(1, MEMBER_CARD)["relay_ns"] is None
        until(lambda: refusals(gateway) == [("passback", evidence)], "the refusal is on the disk")
        assert gateway.stop() == 0
        explained = said("explain", f"em4100:{MEMBER_CARD}", gateway=gateway)
        assert explained.startswith("lane1 (zone gym): REFUSED, passback.") and f"rests on: {evidence}." in explained
        gateway.start()
        assert site.badge(1, MEMBER_CARD)["relay_ns"] is None
        until(lambda: len(refusals(gateway)) == 2, "the second refusal is on the disk")
        until(lambda: getattr(gateway.report(), "occupancy", None) == {"gym": 1}, "the count is reported")
        assert "inside gym 1" in said("status", gateway=gateway)


def test_without_a_rule_for_the_zone_nothing_is_kept(tmp_path: Path) -> None:
    """Sites as they are: in twice, and no file of anybody's whereabouts."""
    with gym(tmp_path) as (gateway, site):
        gateway.seed()
        gateway.start()
        for lane in (2, 1):
            assert site.badge(lane, MEMBER_CARD, push=True)["passed"]
            until(lambda lane=lane: gateway.kinds().count("passage") == 3 - lane, "the passage is on the disk")  # type: ignore[misc]
        assert gateway.stop() == 0
        assert not list(gateway.data_dir.glob("presence*"))
        assert "GRANTED" in said("explain", f"em4100:{MEMBER_CARD}", gateway=gateway)
