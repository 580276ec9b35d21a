"""The associate step on the smallest project: what it writes agrees with the drawn truth, and is the same when written again."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from cada.analysis.association.names import PHRASE
from tests.messages import line_with
from tests.steps.conftest import Small

CELL = "('smoke', 'dual', 0)"
ASSOCIATE = f"from cada.steps.associate import associate_variant; associate_variant{CELL}\n"


@pytest.fixture
def started(project: Small) -> Small:
    """A project whose model is that of its initial weights."""
    shutil.copytree(project.root / "results/smoke/initial", project.root / "results/smoke/models/dual/0")
    return project


def test_a_model_is_associated(started: Small) -> None:
    printed = started.run(ASSOCIATE)
    folder = started.root / "results/smoke/associations/dual"
    assert line_with(printed, "results/smoke/associations/dual/0.json", "phrases", "agreement", "gradient")
    file, table = json.loads((folder / "0.json").read_text()), pd.read_parquet(folder / "0.parquet")
    assert (file["persons"], file["pairs"], file["phrases"]) == (8, 16, len(table))
    assert (file["attributions"], file["grid"]) == (["attention_1", "gradient", "removal"], [12, 6])
    assert not table.set_index([*PHRASE]).index.duplicated().any()
    assert 0.2 < file["slots"]["upper"] < 0.6 and file["slots"]["hat"] < 0.15

    annotated = {record["file_path"]: record for record in json.loads((started.root / "data/smoke/reid_raw.json").read_text())}
    for row in table.itertuples():
        gold = {(phrase["start"], phrase["slot"]) for phrase in annotated[row.image]["phrases"][row.caption]}
        assert row.slot in {slot for _, slot in gold} | {""}
    known = table.dropna(subset=["area"])
    assert len(known) > 0.8 * len(table)
    for score in ("pointing", "best", "precision"):
        assert (
            known[f"bound_{score}"] >= known[[f"{name}_{score}" for name in (*file["attributions"], "anatomy")]].max(axis=1) - 1e-9
        ).all()
    assert (
        np.allclose(known["anatomy_inside"].between(0, 1), True)
        and (known[["whole", "nothing", "without", "alone", "other"]] < 0).all().all()
    )
    assert table["agreement"].between(-1, 1).all() and set(table["same"]) <= {0.0, 1.0}

    shown = file["example"]
    assert shown["image"] in set(table["image"]) and len(shown["maps"]) == len(shown["phrases"]) == len(shown["looks"])
    assert len(shown["coverage"]) == len(shown["regions"]) == len(shown["predicts"][0])

    before = [(folder / name).read_bytes() for name in ("0.json", "0.parquet")]
    started.run(ASSOCIATE)
    assert [(folder / name).read_bytes() for name in ("0.json", "0.parquet")] == before


def test_an_attribution_that_the_model_has_not_is_named(started: Small) -> None:
    started.edit("params/smoke/associate.yaml", "attribution: gradient", "attribution: attention_7")
    printed = started.run(
        f"from cada.errors import CadaError\ntry:\n  {ASSOCIATE}except CadaError as error: print(error, file=__import__('sys').stderr)\n"
    )
    assert line_with(printed, "params/smoke/associate.yaml: attribution: ", "attention_7", "attention_1, gradient, removal")


def test_of_a_set_that_is_not_drawn_agreement_alone_is_known(started: Small) -> None:
    """The same set without its seed: its regions are bands."""
    path = started.root / "params/smoke/data.yaml"
    lines = path.read_text().split("synthesis:")
    path.write_text(lines[0])
    probe = started.root / "params/smoke/probe.yaml"  # nor is anything drawn to look like its persons
    probe.write_text("".join(line for line in probe.read_text().splitlines(True) if not line.startswith("look_alikes")))
    started.run(ASSOCIATE)
    file = json.loads((started.root / "results/smoke/associations/dual/0.json").read_text())
    table = pd.read_parquet(started.root / "results/smoke/associations/dual/0.parquet")
    assert file["slots"] == {} and file["example"]["regions"] == [f"band {number}" for number in range(1, 7)]
    assert (table["slot"] == "").all() and table[["area", "gradient_pointing", "without", "text_right"]].isna().all().all()
    assert table[["whole", "nothing", "agreement", "mutual"]].notna().all().all()
