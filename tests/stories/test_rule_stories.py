"""Every story of a rule: the cloud's own facts become rows, the rows the gateway's answers, at the story's times."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from portillon_cloud.database import Database, metadata
from portillon_cloud.main import all_tables
from portillon_cloud.members.operations import site_keys
from portillon_rules.decision import Denied
from portillon_rules.reason import DenyReason
from sqlalchemy import create_engine
from stories.rule_cloud import RuleCloud, ms
from stories.rule_desk import Doing
from stories.rule_gateway import RuleGateway
from stories.rule_story import RuleStory, load_rule_story, read_badge, reasons_told, story_files

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
REASONS = dict(
    re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.split("## Every reason")[1].split("## Every flag")[0], re.MULTILINE)
)
BESIDE = {"reader", "once"}
"""Rules beside the decision, which the stories and tests of credentials tell."""
NO_CARD = 0
FILES = pytest.mark.parametrize("file", [pytest.param(path, id=path.stem) for path in story_files()])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the schema in it, made once and copied for each story."""
    all_tables()
    path = tmp_path_factory.mktemp("schema") / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
def db(template: Path, tmp_path: Path) -> Iterator[Database]:
    """A database of one story."""
    path = tmp_path / "story.db"
    shutil.copy(template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def play(story: RuleStory, db: Database) -> list[str]:
    """What was answered otherwise than the story says, line by line."""
    cloud = RuleCloud(db, story)
    gateway = RuleGateway(cloud.doors)
    doing = Doing(cloud, gateway)
    with db.read() as conn:
        key = site_keys(conn, cloud.keyring, cloud.site_id)[0]
    wrong = []
    for moment in story.at:
        doing.now_ms = ms(moment.when)
        for line in moment.do:
            doing.do(line)
        if doing.linked:
            gateway.hear(cloud.rows(doing.now_ms), doing.now_ms)
        for line in moment.badges:
            badge = read_badge(line)
            person = cloud.people.get(badge.who.removesuffix("'s old card"))
            old = badge.who.endswith("'s old card")
            card = NO_CARD if person is None else person.cards[0 if old else -1]
            answer = gateway.answer(badge, card, key, doing.now_ms)
            reason = answer.reason if isinstance(answer, Denied) else None
            flags = frozenset() if isinstance(answer, Denied) else frozenset(answer.flags)
            if (reason, flags) != (badge.reason, badge.flags):
                wrong.append(f"{moment.when}: {line!r}, but it was {reason or 'let in'} {sorted(flags)}")
    return wrong


@FILES
def test_a_rule_is_as_its_story_says(file: Path, db: Database) -> None:
    """Each badge is answered as the owner reads it, by the rows that the cloud makes of their own doings."""
    assert play(load_rule_story(file), db) == []


def test_every_rule_and_every_reason_has_a_story() -> None:
    """Each reason of docs/rules.md that a rule of the decision gives, and each rule by its name."""
    stories = [load_rule_story(file) for file in story_files()]
    told = {reason for story in stories for reason in reasons_told(story)}
    wanted = {DenyReason(reason) for reason, rules in REASONS.items() if not set(rules.split(", ")) <= BESIDE}
    assert wanted - told == {DenyReason.EXPIRED}, "it ends rows with more turns than fit, or of an older cloud"
    rules = {rule for rules in REASONS.values() for rule in rules.split(", ")} - BESIDE
    assert {story.rule for story in stories} == rules


def test_a_story_that_is_not_so_is_found_out(db: Database) -> None:
    """Ablation: with the answers turned round, every badge of a story is reported."""
    story = load_rule_story(next(file for file in story_files() if file.stem == "off-peak"))
    turned = [
        moment.model_copy(
            update={
                "badges": tuple(
                    re.sub(": .*", ": passback" if line.endswith("let in") else ": let in", line)
                    for line in moment.badges
                )
            }
        )
        for moment in story.at
    ]
    lines = sum(len(moment.badges) for moment in story.at)
    assert len(play(story.model_copy(update={"at": tuple(turned)}), db)) == lines


@pytest.mark.parametrize(
    "line", ["nadia at gym", "nadia at gym: perhaps", "nadia at gym: let in gladly", "Nadia: let in"]
)
def test_a_badge_that_says_nothing_is_refused(line: str) -> None:
    """A slip of the pen is no story that always holds."""
    with pytest.raises(ValueError):
        read_badge(line)
