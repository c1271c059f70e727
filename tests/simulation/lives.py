"""The kinds of lives: how each is written from a seed, and lived."""

import time
from collections.abc import Sequence
from pathlib import Path

from portillon_cloud.database import Database, metadata
from portillon_cloud.main import all_tables
from simulation import faults
from simulation.billing_life import bill_once
from simulation.finding import Finding
from simulation.gateway_parts import Defences
from simulation.history import History, write_history
from simulation.life import Life
from simulation.pace import SHIPPED, SLOW
from simulation.storage_life import ACTS as STORAGE_ACTS
from simulation.storage_life import store_once, write_storage_history

KINDS = ("gates", "years", "storage", "billing")
ACTS = 250
YEARS_ACTS = 800
PACES = {"gates": SHIPPED, "years": SLOW}


def fast_folder() -> Path | None:
    """Where files cost nothing: what of them survives is the simulated disk's affair."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


def make_template(folder: Path) -> Path:
    """An empty cloud database, made once and copied for each life."""
    all_tables()
    path = folder / "template.db"
    db = Database(f"sqlite:///{path}")
    with db.write() as conn:
        metadata.create_all(conn)
    db.close()
    return path


def write_life(kind: str, seed: int, *, acts: int = 0, without: Sequence[str] = ()) -> History:
    """The life of that kind and seed, with so many acts or as many as are usual."""
    match kind:
        case "gates":
            return write_gates_history(seed, acts=acts or ACTS, without=without)
        case "years":
            return write_gates_history(seed, kind="years", acts=acts or YEARS_ACTS, without=without)
        case "storage":
            return write_storage_history(seed, acts=acts or STORAGE_ACTS, without=tuple(without))
        case _:
            return History(kind, seed, (), tuple(without))


def write_gates_history(seed: int, *, kind: str = "gates", acts: int = ACTS, without: Sequence[str] = ()) -> History:
    """The life of gates of that seed, at the shipped pace or slowly (`years`)."""
    return write_history(
        seed, kind=kind, weights=faults.weights(), count=acts, wait_ms=PACES[kind].wait_ms, without=without
    )


def live_once(history: History, folder: Path, template: Path, *, defences: Defences | None = None) -> Finding:
    """One whole life of gates: chance, healing, judgement."""
    home = folder / f"life{history.seed}"
    home.mkdir()
    pace = PACES[history.kind]
    life = Life(
        history.seed, home, template, defences=defences, weather=faults.weather(history.without),
        pace=pace, start_ms=faults.begins_ms(history.seed, wait_ms=pace.wait_ms, without=history.without),
    )  # fmt: skip
    try:
        began_s = time.process_time()
        life.play(history)
        life.finding.cpu_s = time.process_time() - began_s
        if not life.finding.broken:
            life.heal()
    finally:
        life.close()
    return life.finding


def live_again(history: History, folder: Path, template: Path) -> Finding:
    """Live it: the same history gives the same life."""
    match history.kind:
        case "gates" | "years":
            return live_once(history, folder, template)
        case "storage":
            return store_once(history, folder)
        case _:
            return bill_once(history.seed, folder, template)
