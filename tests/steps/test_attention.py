"""The attention step on the smallest project: the same bytes twice, and a line of text where nothing is matched."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.messages import carries
from tests.steps.conftest import Small

DRAW = "from pathlib import Path; from cada.steps.attention import draw_attention; draw_attention('smoke', workflow=Path({!r}))\n"
# One process does it all: each spends seconds on its imports.
SCRIPT = (
    "from cada.steps.train import train_variant; from cada.steps.evaluate import evaluate_variant\n"
    "train_variant('smoke', 'dual', 0); evaluate_variant('smoke', 'dual', 0)\n"
    + DRAW.format("params/sweeps/both.yaml")
    + "Path('results/smoke/sweeps/both/attention').rename('first')\n"
    + DRAW.format("params/sweeps/both.yaml")
    + "Path('results/smoke/sweeps/both/attention').rename('second')\n"
    + DRAW.format("params/sweeps/unmatched.yaml")
)


def test_the_fullest_variant_is_drawn(project: Small) -> None:
    project.edit("params/smoke/train.yaml", "epochs: 2", "epochs: 1")
    for name, variants in {"both": "[ara, dual]", "unmatched": "[ara]"}.items():
        (project.root / f"params/sweeps/{name}.yaml").write_text(f"datasets: [smoke]\nvariants: {variants}\nseeds: [0]\n")
    project.run(SCRIPT)
    first, second = ({path.name: path.read_bytes() for path in (project.root / name).iterdir()} for name in ("first", "second"))
    assert first == second and first.keys() == {"attention.png", "attention.svg", "captions.json"}
    assert carries(json.loads(first["captions.json"])["attention"], "dual, seed 0", "masked word", "not an explanation")
    assert height(project.root / "first") > 3 * height(project.root / "results/smoke/sweeps/unmatched/attention")
    captions = json.loads((project.root / "results/smoke/sweeps/unmatched/attention/captions.json").read_text())
    assert list(captions) == ["attention"] and carries(captions["attention"], "No listed variant", "match head")


def height(folder: Path) -> int:
    with Image.open(folder / "attention.png") as image:
        return image.height
