"""The transfer step on the smallest project: another data set that holds the same images must give the evaluation's own numbers."""

from __future__ import annotations

import json
import shutil

from tests.messages import line_with
from tests.steps.conftest import Small

CELL = "'dual', 0"
# One process does it all: each spends seconds on its imports.
SCRIPT = (
    "import sys; from cada.errors import CadaError\n"
    "def refused(target):\n"
    f"  try: transfer_variant('smoke', target, {CELL})\n"
    "  except CadaError as error: print(error, file=sys.stderr)\n"
    f"from cada.steps.transfer import transfer_variant; from cada.steps.train import train_variant; train_variant('smoke', {CELL})\n"
    "from cada.steps.data import prepare_data; prepare_data('twin'); refused('twin')\n"
    f"from cada.steps.evaluate import evaluate_variant; evaluate_variant('smoke', {CELL}); refused('smoke')\n"
    f"transfer_variant('smoke', 'twin', {CELL})\n"
)


def test_a_twin_of_the_own_set_gives_the_own_numbers(project: Small) -> None:
    project.edit("params/smoke/train.yaml", "epochs: 2", "epochs: 1")
    shutil.copytree(project.root / "params/smoke", project.root / "params/twin")
    project.edit("params/twin/evaluate.yaml", "top_k: 16", "top_k: 3")  # the model's own counts
    project.edit("params/twin/model.yaml", r"image_size: .*", "image_size: [32, 16]")
    printed = project.run(SCRIPT)
    assert line_with(printed, "results/smoke/metrics/dual/0.json", "`cada evaluate smoke --variant dual --seed 0`")
    assert line_with(printed, "--to smoke", "trained", "`cada evaluate smoke`")
    own, found = (json.loads((project.root / f"results/smoke/{kind}/dual/0.json").read_text()) for kind in ("metrics", "transfer/twin"))
    assert found["trained_on"] == own["dataset"] == "smoke" and found["dataset"] == "twin"
    assert {key: value for key, value in found.items() if key != "trained_on"} == own | {"dataset": "twin", "open_set": None}
    val = json.loads((project.root / "results/smoke/data/manifest.json").read_text())["splits"]["val"]
    assert len(own["open_set"]["val"]["nonmated"]) == val["captions"]
    assert own["open_set"]["val"]["gallery"] == round(val["images"] * (1 - 1 / val["persons"]))
    assert own["scores_at_k"][str(own["top_k"])] == own["scores"][own["headline"]]
    assert own["scores_at_k"]["1"] == own["scores"]["cosine"]
