"""The probe-tables step: the tables of the probes, and a figure of choices that went wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cada.analysis.probes.names import SCORES, SIDES
from cada.config import Synthesis
from cada.recipes import Recipe, take
from cada.recipes.models import ProbeTablesRecipe
from cada.reporting.figures.look_alikes import EACH, WrongChoice, draw_failures, look_alikes_figure
from cada.reporting.figures.style import save, style
from cada.reporting.results.choices import CHANCE, groups, own_score, read_choices
from cada.reporting.tables.choice_words import DIFFERENCES, slots_in_words
from cada.reporting.tables.pairs import ablation_pairs
from cada.reporting.tables.probes import write_probe_tables
from cada.storage.files import write_json
from cada.storage.paths import Layout
from cada.synthpedes.generate import tasks
from cada.synthpedes.lookalikes import look_alikes


def tabulate_probes(dataset: str, *, workflow: Path) -> None:
    """Write the tables of the probed variants and seeds that the workflow file lists, and look_alikes.{png,svg} with captions.json.

    The figure is of the first seed of the variant with the most objectives.
    """
    layout, recipe = Layout(dataset), take(Recipe("probe-tables", dataset, workflow=workflow), ProbeTablesRecipe)
    folder = layout.probe_tables(workflow)
    write_probe_tables(
        dataset,
        variants=list(recipe.objectives),
        seeds=recipe.seeds,
        pairs=ablation_pairs(recipe.objectives),
        results=layout.root,
        output=folder,
    )
    shown, seed = max(recipe.objectives, key=lambda variant: len(recipe.objectives[variant])), recipe.seeds[0]  # of equal ones the first
    choices = read_choices(dataset, [shown], [seed], layout.root / "choices")
    score, table = own_score(choices, shown), choices[shown][0]
    failed = wrong_choices(table, score, recipe.synthesis, seed=recipe.probe_seed) if recipe.synthesis else []
    with style():
        save(look_alikes_figure(failed, drawn=recipe.synthesis is not None), folder, "look_alikes")
    write_json(folder / "captions.json", {"look_alikes": figure_caption(table, score, f"{shown}, seed {seed}")})


def wrong_choices(table: pd.DataFrame, score: str, synthesis: Synthesis, *, seed: int) -> list[WrongChoice]:
    """A few random choices of a look-alike, whose images are drawn again. seed: the probe's."""
    drawn = {task.path: task for task in tasks(synthesis, "test")}
    found = []
    for row in draw_failures(table, score).to_dict("records"):
        _, (own, *others) = look_alikes(drawn[row["image"]], synthesis, seed=seed)
        other = next(one for one in others if one.change and one.change.kind == row["kind"])
        scores = {name: tuple(row[f"{name}_{side}"] for side in SIDES) for name in SCORES if not pd.isna(row[name])}
        difference = f"{DIFFERENCES[row['kind']]}:\n{slots_in_words(row['slots'])}"
        found.append(WrongChoice(own.caption, difference, np.asarray(own.image), np.asarray(other.image), scores))
    return found


def figure_caption(table: pd.DataFrame, score: str, model: str) -> str:
    """What the figure shows, and how often a model chooses so."""
    images = table[table["chosen"] == "image"]
    if images.empty:
        return "Look-alikes are drawn of drawn sets alone."
    shares = [
        f"{100 * (own[score] < CHANCE).mean():.1f} % ({DIFFERENCES[kind]})" for (_, kind, slots), own in groups(images).items() if not slots
    ]
    return (
        f"{model}: up to {EACH} random choices of each kind in which the {score} score is higher for the look-alike on the right than for "
        f"the image described, on the left. So it is in {', '.join(shares)} of all such choices."
    )
