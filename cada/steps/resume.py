"""States of interrupted trainings: which there are, and from which the next training goes on."""

from __future__ import annotations

from cada.config import load_dataset
from cada.errors import CadaError
from cada.recipes import Recipe, identity, write
from cada.storage.paths import Cell, Layout
from cada.training.states import INITIAL, go_on_from, kept


def resume(dataset: str, variant: str | None, seed: int | None, state: str | None) -> None:
    """Let the next training go on from `state`, or print the states that there are. Without a variant: of the pre-training."""
    if variant is None:
        pretraining = load_dataset(dataset).initial.pretrain
        if pretraining is None:
            raise CadaError(f"{Layout(dataset).params('initial')}: nothing is pre-trained. Name a variant and a seed.")
        cell, recipe = Cell(dataset, INITIAL, pretraining.seed), Recipe("initial", dataset)
    elif seed is None:
        raise CadaError("--seed: is missing. Name the seed of the training.")
    else:
        cell, recipe = Cell(dataset, variant, seed), Recipe("train", dataset, variant)
    if state is None:
        found = kept(cell)
        print("\n".join(map(str, found)) if found else f"{cell} has no state.")
        return
    write([recipe], None)
    print(f"The next training of {cell} goes on from step {go_on_from(cell, identity(recipe), state).step}.")
