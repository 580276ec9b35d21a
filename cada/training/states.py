"""Resume states: what an interrupted training goes on from, under .cada/resume/<dataset>/<variant>/<seed>/.

A state belongs to a recipe and to the inputs. One of another recipe, of other inputs or of other code is never deleted unasked:
the training begins anew beside it and says what is there. How many are kept, and how long, is in params/storage.yaml.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from cada.config import Storage
from cada.errors import CadaError
from cada.model.checkpoint import DAMAGED
from cada.recipes import Identity
from cada.runtime import distributed
from cada.storage import git
from cada.storage.files import digest, exclusive, read_object, write_json
from cada.storage.paths import STATE, WEIGHTS, Cell, Layout

INITIAL = "initial"  # the variant of a pre-training
DAY = 86400


@dataclass(frozen=True)
class Origin:
    """What a state was made from: the fingerprints of its recipe, the digests of its inputs, and the commit, for people."""

    values: str
    code: str
    inputs: tuple[str, ...]
    commit: str

    @property
    def key(self) -> str:
        return hashlib.sha256("\n".join([self.values, self.code, *self.inputs]).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class State:
    """A state on the disk: `key`.pt, and `key`.json with its origin."""

    cell: Cell
    origin: Origin

    @property
    def path(self) -> Path:
        return folder_of(self.cell) / f"{self.origin.key}.pt"

    @property
    def note(self) -> Path:
        return self.path.with_suffix(".json")

    @property
    def step(self) -> int:
        """The optimiser step that it holds; the weights in it are not read. Errors: `CadaError` for a damaged file."""
        try:
            return int(torch.load(self.path, weights_only=True, mmap=True, map_location="cpu")["progress"]["step"])
        except (*DAMAGED, TypeError) as error:
            raise CadaError(f"{self.path}: not a whole state ({type(error).__name__}). Delete it.") from error

    @property
    def age(self) -> float:
        """Days since it was written."""
        return (time.time() - self.path.stat().st_mtime) / DAY

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def __str__(self) -> str:
        commit = f" of commit {self.origin.commit[:7]}" if self.origin.commit else ""
        return f"{self.path.stem}{commit}, step {self.step}"


def origin_of(cell: Cell, recipe: Identity) -> Origin:
    """What a state of the cell is made from now. recipe: of the training, or of the initial step."""
    layout = Layout(cell.dataset)
    inputs = [layout.manifest] if cell.variant == INITIAL else [layout.manifest, layout.phrases, layout.initial / WEIGHTS]
    return Origin(recipe.values, recipe.code, tuple(map(digest, inputs)), git.commit())


@contextmanager
def resumable(cell: Cell, recipe: Identity, storage: Storage) -> Iterator[Path]:
    """Hold the cell alone and yield the file that an interrupted training of it goes on from; it is deleted on success.

    An orphan of a killed workflow keeps the lock, and its successor says so instead of writing too. Of several processes the
    first holds the lock and writes.
    """
    state = State(cell, origin_of(cell, recipe))
    with exclusive(folder_of(cell) / "lock", str(cell)) if distributed.is_first() else nullcontext():
        if distributed.is_first():
            _tidy(cell)
            others = kept(cell, besides=state)
            for other in [] if state.path.exists() else others:
                print(_found(other, state), file=sys.stderr)
            for old in expired(others, storage):
                print(f"{cell}: the state {old} is removed: params/storage.yaml keeps {storage}.", file=sys.stderr)
                old.remove()
            if not state.path.exists() or _read(state.note) is None:
                write_json(state.note, asdict(state.origin))
        distributed.wait_for_all()
        yield state.path
        distributed.wait_for_all()
        if distributed.is_first():
            state.remove()


def kept(cell: Cell, *, besides: State | None = None) -> list[State]:
    """The states of a cell, the newest first."""
    notes = [note for note in folder_of(cell).glob("*.json") if note.with_suffix(".pt").is_file()]
    found = [State(cell, origin) for note in notes if (origin := _read(note)) is not None]
    return sorted((state for state in found if besides is None or state.path != besides.path), key=lambda state: state.age)


def expired(states: Sequence[State], storage: Storage) -> list[State]:
    """Those of the states, the newest first, that are over the limits."""
    return [state for place, state in enumerate(states) if place >= storage.states or state.age > storage.state_days]


def go_on_from(cell: Cell, recipe: Identity, key: str) -> State:
    """Let the next training of the cell go on from the state `key`, which other code has made; it is that state, copied.

    Errors: `CadaError` where there is no such state, or where its values or inputs are not those of now.
    """
    found = {state.path.stem: state for state in kept(cell)}
    if key not in found:
        there = ", ".join(map(str, found.values())) or "none"
        raise CadaError(f"{key}: {cell} has no such state. There is: {there}.")
    chosen, now = found[key], State(cell, origin_of(cell, recipe))
    if reasons := _other(chosen.origin, now.origin, but="code"):
        raise CadaError(f"{key}: its {' and '.join(reasons)} are not those of now. Put them back, or train anew.")
    if chosen.path != now.path:
        write_json(now.note, asdict(replace(now.origin, commit=chosen.origin.commit)))
        now.path.unlink(missing_ok=True)
        os.link(chosen.path, now.path)  # a state is replaced, never changed: the first one stays
    return now


def folder_of(cell: Cell) -> Path:
    return STATE / "resume" / cell.dataset / cell.variant / str(cell.seed)


def _other(origin: Origin, now: Origin, *, but: str = "") -> list[str]:
    names = {"values": "parameters", "inputs": "inputs", "code": "code"}
    return [label for name, label in names.items() if name != but and getattr(origin, name) != getattr(now, name)]


def _found(other: State, state: State) -> str:
    """One line on a state from which the training does not resume, and how it would."""
    cell, reasons = state.cell, _other(other.origin, state.origin)
    line = f"{cell}: begins anew. There is the state {other}, made with other {' and '.join(reasons)}."
    variant = "" if cell.variant == INITIAL else f" --variant {cell.variant} --seed {cell.seed}"
    return line + (f" To resume from it: cada resume {cell.dataset}{variant} {other.path.stem}" if reasons == ["code"] else "")


def _read(note: Path) -> Origin | None:
    """None, and a line, where the note is damaged."""
    try:
        values = read_object(note, values=str, code=str, inputs=list, commit=str)
    except CadaError as error:
        print(f"{error} Until then the state beside it is not known.", file=sys.stderr)
        return None
    return Origin(values["values"], values["code"], tuple(map(str, values["inputs"])), values["commit"])


def _tidy(cell: Cell) -> None:
    """Remove what killed processes left: half a state, or the note of a state that was never written."""
    for path in folder_of(cell).glob(".*.partial"):
        path.unlink()
    for note in folder_of(cell).glob("*.json"):
        if not note.with_suffix(".pt").exists():
            note.unlink()
