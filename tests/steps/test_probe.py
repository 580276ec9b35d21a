"""The probe step on the smallest project: what it writes agrees with the evaluation, and is the same when written again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from cada.synthpedes.lookalikes import KINDS as KINDS_OF_LOOK_ALIKES
from tests.messages import line_with
from tests.steps.conftest import Small

CELL = "('smoke', 'dual', 0)"
PROBE = f"from cada.steps.probe import probe_variant; probe_variant{CELL}\n"
# Two processes do it all: each spends seconds on its imports.
FROM_TRAINING_ON = (
    f"from cada.steps.train import train_variant; train_variant{CELL}\n"
    "from cada.errors import CadaError\n"
    f"try:\n  {PROBE}"
    "except CadaError as error: print(error, file=__import__('sys').stderr)\n"
    f"from cada.steps.evaluate import evaluate_variant; evaluate_variant{CELL}\n{PROBE}"
)
AGAIN_AND_OTHERWISE = (
    f"{PROBE}from pathlib import Path; Path('results/smoke/probes/dual/0.json').rename('again.json')\n"
    "path = Path('params/smoke/probe.yaml'); text = path.read_text().replace('seed: 0', 'seed: 1')\n"
    "path.write_text(text.replace('persons: 75', 'persons: 4').replace('consecutive: 3', 'consecutive: 1'))\n"
    f"{PROBE}"
)
KINDS = {"typing_errors", "synonyms", "dropped_phrases", "swapped_colours", "negation"}, {"blur", "darkness", "occlusion", "low_resolution"}


def read(root: Path, kind: str) -> dict:
    return json.loads((root / f"results/smoke/{kind}/dual/0.json").read_text())


def test_a_model_is_probed(project: Small) -> None:
    project.edit("params/smoke/train.yaml", "epochs: 2", "epochs: 1")
    printed = project.run(FROM_TRAINING_ON)
    assert line_with(printed, "results/smoke/metrics/dual/0.json", "`cada evaluate smoke --variant dual --seed 0`")
    assert line_with(printed, "results/smoke/probes/dual/0.json: R1")

    metrics, whole = read(project.root, "metrics"), read(project.root, "probes")
    assert whole["unchanged"] == metrics["scores"][metrics["headline"]]
    assert (whole["queries"], whole["gallery"], whole["query_persons"]) == (metrics["queries"], metrics["gallery"], 8)
    assert (set(whole["captions"]), set(whole["images"])) == KINDS
    assert all(kind["changed"] > whole["queries"] / 2 for kind in whole["captions"].values())
    choices = pd.read_parquet(project.root / "results/smoke/choices/dual/0.parquet")
    counts = choices.groupby(["chosen", "kind"]).size().to_dict()
    assert {kind for chosen, kind in counts if chosen == "caption"} == {"swapped_colours", "negation"}
    assert counts["caption", "negation"] == whole["captions"]["negation"]["changed"]
    assert counts["image", "colour"] == 8 and {kind for chosen, kind in counts if chosen == "image"} <= {*KINDS_OF_LOOK_ALIKES}
    assert choices.notna().all(axis=None) and choices["person"].nunique() == 8
    assert whole["attributes"]["upper_colour"]["queries"] > whole["queries"] / 2

    first = (project.root / "results/smoke/probes/dual/0.json").read_bytes()
    project.run(AGAIN_AND_OTHERWISE)
    assert (project.root / "again.json").read_bytes() == first
    part = read(project.root, "probes")
    assert (part["queries"] < whole["queries"], part["query_persons"], part["gallery"] < whole["gallery"]) == (True, 4, True)
    assert part["attributes"] == whole["attributes"]
