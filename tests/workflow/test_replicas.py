"""The three public sets, as replicas with their defects, from imported weights to the tables, with their own recipes."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.messages import line_with
from tests.model.checkpoints import published_state
from tests.replicas import WRITERS, expected_counts
from tests.workflow.project import ROOT, Project

NLTK_DATA = Path(os.environ.get("CADA_RESOURCES", ROOT.parent / "shared" / "resources")) / "nltk_data"
MATRIX = "datasets: [cuhk_pedes, icfg_pedes, rstpreid]\nvariants: [dual, published]\nseeds: [0]\n"
SIZES = {"width": 48, "depth": 2, "mlp": 96, "patches": 64, "patch": 8, "positions": 80}
PERSONS = {
    "cuhk_pedes": {"train": 8, "val": 4, "test": 5},
    "icfg_pedes": {"train": 9, "test": 5},
    "rstpreid": {"train": 6, "val": 4, "test": 4},
}
TRANSFORMER = {"width": 48, "depth": 2, "heads": 4, "mlp": 96}
MODEL = {"image_size": [64, 32], "patch_size": [8, 8], "vision": TRANSFORMER, "text": TRANSFORMER, "positions": 80}  # a quarter as wide


def change(project: Project, name: str, **values: Any) -> None:
    """Replace values of a parameter file; a folder's keys are changed one by one."""
    path = project.root / "params" / name
    parameters = yaml.safe_load(path.read_text())
    for key, value in values.items():
        assert key in parameters or key in ("weights", "switches"), f"{name}: {key}"
        parameters[key] = parameters[key] | value if isinstance(parameters.get(key), dict) and key != "expected" else value
    path.write_text(yaml.safe_dump(parameters, sort_keys=False))


def import_small_weights(project: Project) -> dict[str, str]:
    """Weights in the authors' format, imported as their file would be; returns what initial.yaml says of them."""
    vocabulary = project.root / "params" / "synthpedes" / "vocab.txt"
    words = len(vocabulary.read_text().split()) + 2
    state = published_state(vocabulary=words, **SIZES)
    torch.save({"model": state, "optimizer": {}, "config": {"image_res": 64}, "epoch": 3}, project.root / "small.pth")
    command = ["cada", "weights", "import", "small.pth", "--output", "weights/small", "--vocabulary", str(vocabulary)]
    shown = project.run(*command, "--heads", "4", "4")
    return yaml.safe_load(shown[shown.index("\nweights:") :])["weights"]


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    project = make_project("public", matrix=MATRIX)
    project.environment |= {"CADA_TRACKING": "off", "NLTK_DATA": str(NLTK_DATA)}
    if not NLTK_DATA.exists():  # the published procedure without its tagger
        change(project, "variants/published.yaml", switches={"ara_masking": "phrases"})
    weights = import_small_weights(project)
    for name, write in WRITERS.items():
        root = Path(yaml.safe_load((project.root / f"params/{name}/data.yaml").read_text())["root"])
        (project.root / root).mkdir(parents=True)
        records = write(project.root / root, persons=PERSONS[name])
        change(project, f"{name}/data.yaml", expected=expected_counts(records))
        change(project, f"{name}/model.yaml", **MODEL)
        change(project, f"{name}/initial.yaml", weights=weights)
        change(project, f"{name}/train.yaml", optimisation={"epochs": 2, "batch_size": 8}, compute={"threads": 1}, log_every=1)
        change(project, f"{name}/evaluate.yaml", compute={"threads": 1})
    change(project, "icfg_pedes/data.yaml", held_out_persons=3)
    return project


# The steps in the order of the table, in one process: each has the parameters of its set, and none is started on its own.
STEPS = """
import itertools
from pathlib import Path
from cada.steps import associate, association_tables, attention, chapter, data, evaluate, figures, initial, phrases, probe, probe_tables
from cada.steps import release, report, tables, train, transfer, transfer_tables

sets, variants, workflow = ("cuhk_pedes", "icfg_pedes", "rstpreid"), ("dual", "published"), Path("params/workflow.yaml")
for name in sets:
    data.prepare_data(name)
    phrases.parse_phrases(name)
    initial.make_initial(name)
    for variant in variants:
        train.train_variant(name, variant, 0)
        evaluate.evaluate_variant(name, variant, 0)
        probe.probe_variant(name, variant, 0)
        associate.associate_variant(name, variant, 0)
for (name, target), variant in itertools.product(itertools.permutations(sets, 2), variants):
    transfer.transfer_variant(name, target, variant, 0)
reports = (tables.write_tables, figures.write_figures, attention.draw_attention, probe_tables.tabulate_probes, chapter.write_chapter_of)
reports = (*reports[:-1], association_tables.tabulate_associations, reports[-1], release.write_release)
for name, write in itertools.product(sets, reports):
    write(name, workflow=workflow)
transfer_tables.tabulate_transfers(workflow=workflow)
report.write_report(workflow)
"""


@pytest.mark.workflow
def test_the_public_sets_run_with_their_own_recipes(project: Project) -> None:
    shown = project.run(sys.executable, "-c", STEPS)
    metrics = {}
    for dataset in WRITERS:
        for variant in ("dual", "published"):
            path = project.root / "results" / dataset / "metrics" / variant / "0.json"
            metrics[dataset, variant] = json.loads(path.read_text())
        with (project.root / f"results/{dataset}/tables/ablation.csv").open() as file:
            assert {row["variant"] for row in csv.DictReader(file)} == {"dual", "published"}, shown
        with (project.root / f"results/{dataset}/history/dual/0.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert all(float(row["loss"]) > 0 for row in rows)
        assert {row["lr"] for row in rows} == {"1e-05", "5e-06"}  # the published schedule: by the epoch

    cuhk, published = metrics["cuhk_pedes", "dual"], metrics["cuhk_pedes", "published"]
    assert cuhk["queries"] == published["queries"] + 8  # of an image with ten captions the published code takes two
    assert (cuhk["headline"], published["headline"]) == ("calibrated", "published")
    assert (cuhk["selection"], published["selection"]) == ("val", "test")
    assert (cuhk["val"], published["val"]) == ("own", "own")
    assert (metrics["icfg_pedes", "dual"]["val"], metrics["icfg_pedes", "published"]["val"]) == ("held_out", "test")
    assert [metrics["icfg_pedes", name]["open_set"] is None for name in ("dual", "published")] == [False, True]
    assert metrics["rstpreid", "published"]["open_set"]["val"]["gallery"] == 3 * 5  # of four persons, without one's own
    for name in ("ablation", "comparison"):
        text = (project.root / f"results/icfg_pedes/tables/{name}.md").read_text()
        assert line_with(text, "no val split", "fixed rule", "(dual)") and line_with(text, "no val split", "val is test", "(published)")
    assert metrics["rstpreid", "dual"]["gallery"] == 4 * 5

    every_model_searches_every_set(project)


def every_model_searches_every_set(project: Project) -> None:
    """Models of one format search the others; the table has their own test on its diagonal."""
    with (project.root / "results/transfer/transfer.csv").open() as file:
        cells = {(row["trained_on"], row["tested_on"], row["variant"]): row for row in csv.DictReader(file)}
    assert len(cells) == 3 * 3 * 2
    for (trained, tested, variant), row in cells.items():
        folder = "metrics" if trained == tested else f"transfer/{tested}"
        found = json.loads((project.root / f"results/{trained}/{folder}/{variant}/0.json").read_text())
        own = json.loads((project.root / f"results/{tested}/metrics/{variant}/0.json").read_text())
        weights = json.loads((project.root / f"results/{trained}/metrics/{variant}/0.json").read_text())
        assert row["R1_mean"] == f"{found['scores'][found['headline']]['R1']:.4f}"
        assert [found[key] for key in ("queries", "gallery", "persons")] == [own[key] for key in ("queries", "gallery", "persons")]
        assert [found[key] for key in ("fusion_weight", "val", "selection")] == [
            weights[key] for key in ("fusion_weight", "val", "selection")
        ]
