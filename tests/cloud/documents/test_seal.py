"""The paper and its seal, without a database: the same bytes each time, and a seal that only its own key makes."""

import asyncio
import datetime
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from portillon_cloud.documents.errors import SealError
from portillon_cloud.documents.paper import Paper, render, signature
from portillon_cloud.documents.seal import Seal, apply_seal, originals, require_seal
from portillon_cloud.documents.template import Block, BlockKind
from portillon_cloud.secrets import Keyring

ON = datetime.date(2026, 1, 31)
PAPER = Paper(language="fr", title="Contrat", made_on=ON, below="Gym · contrat 1", box="Accepté par")
BLOCKS = (Block(BlockKind.TITLE, "Contrat"), Block(BlockKind.TEXT, "Œuvre de Łukasz — 60,00 $"))
SEAL = Seal(seller="Gym Mont-Royal", reason="Accepté", at=datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC))
_ELSEWHERE = (
    "import hashlib; from cloud.documents.test_seal import *; print(hashlib.sha256(render(BLOCKS, PAPER)).hexdigest())"
)


@pytest.fixture(scope="module")
def sealed() -> tuple[Keyring, bytes, bytes]:
    """A key, a contract, and the contract under its seal."""
    keyring = Keyring.generate()
    original = render(BLOCKS, PAPER)
    shown = signature(["Nadia Roy", "…"], (((0, 0), (1000, 300)),), made_on=ON)
    return keyring, original, apply_seal(original, shown, SEAL, keyring.seal_key)


def test_another_process_prints_the_same_bytes() -> None:
    """Neither the hour nor the process is in the file: what was accepted can be printed again and compared."""
    again = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE], capture_output=True, text=True, check=True, env={"PYTHONPATH": "tests"}
    )
    assert again.stdout.strip() == hashlib.sha256(render(BLOCKS, PAPER)).hexdigest()


def test_other_words_or_another_day_are_other_bytes() -> None:
    """The ablation: a letter or a day more, and the digest is another one."""
    other = (*BLOCKS, Block(BlockKind.ITEM, "x"))
    later = Paper(language="fr", title="Contrat", made_on=ON.replace(day=30), below=PAPER.below, box=PAPER.box)
    assert len({render(BLOCKS, PAPER), render(other, PAPER), render(BLOCKS, later)}) == 3


def test_a_long_contract_keeps_its_box() -> None:
    """However long it is, the box to sign in is on the last page, below everything."""
    for count in (1, 60, 61, 62, 63, 64, 200):
        file = render((*BLOCKS, *(Block(BlockKind.TEXT, f"Article {n}") for n in range(count))), PAPER)
        assert file.startswith(b"%PDF") and file.endswith(b"%%EOF\n")


def test_only_our_key_makes_our_seal(sealed: tuple[Keyring, bytes, bytes]) -> None:
    """The same contract under another installation's key, or sealed once more, is none of ours."""
    keyring, original, file = sealed
    require_seal(file, keyring.seal_key)
    assert original in list(originals(file))
    with pytest.raises(SealError, match="somebody else"):
        require_seal(file, Keyring.generate().seal_key)
    with pytest.raises(SealError, match="0 seals"):
        require_seal(original, keyring.seal_key)


def test_the_seal_key_is_drawn_from_the_data_key(keyring: Keyring) -> None:
    """A key file from before there were contracts is whole, and its backup too; it is no other key of the ring."""
    assert keyring.seal_key.private_numbers() == keyring.seal_key.private_numbers()
    assert keyring.seal_key.private_numbers() != Keyring.generate().seal_key.private_numbers()


def test_it_is_verified_where_an_event_loop_runs(sealed: tuple[Keyring, bytes, bytes]) -> None:
    """A caller inside an event loop gets the same answers: a contract is not refused for where it is asked from."""
    keyring, original, file = sealed

    async def ask() -> None:
        require_seal(file, keyring.seal_key)
        shown = signature(["Nadia Roy", "…"], (((0, 0), (1000, 300)),), made_on=ON)
        assert apply_seal(original, shown, SEAL, keyring.seal_key).startswith(original)

    with ThreadPoolExecutor(1) as thread:  # another test's browser may hold a loop in this one
        thread.submit(lambda: asyncio.run(ask())).result()
