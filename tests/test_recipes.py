"""The recipes of the public sets say what the published code does; where they choose, a comment in the file says so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cada import config
from cada.model.cada import Cada
from tests.words import tokenizer_of

ROOT = Path(__file__).parents[1]
RECIPES = ("cuhk_pedes", "icfg_pedes", "rstpreid")
BERT_ENTRIES = 30522 + 2  # bert-base-uncased with [DEC] and [ENC]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


# persons, images and captions of each split, and of all
COUNTS = {
    "cuhk_pedes": {
        "train": (11003, 34054, 68126),
        "val": (1000, 3078, 6158),
        "test": (1000, 3074, 6156),
        "all": (13003, 40206, 80440),
    },
    "icfg_pedes": {"train": (3102, 34674, 34674), "test": (1000, 19848, 19848), "all": (4102, 54522, 54522)},
    "rstpreid": {"train": (3701, 18505, 37010), "val": (200, 1000, 2000), "test": (200, 1000, 2000), "all": (4101, 20505, 41010)},
}


@pytest.mark.parametrize("dataset", RECIPES)
def test_the_expected_counts_are_the_published_ones(dataset: str) -> None:
    expected = config.load_dataset(dataset).data.expected
    assert expected is not None
    found = {split: (counts.persons, counts.images, counts.captions) for split, counts in expected.items()}
    total = tuple(sum(column) for column in zip(*found.values(), strict=True))
    assert found | {"all": total} == COUNTS[dataset]


def test_only_the_set_without_a_val_split_holds_persons_out() -> None:
    held_out = {dataset: config.load_dataset(dataset).data.held_out_persons for dataset in RECIPES}
    assert held_out == {"cuhk_pedes": None, "icfg_pedes": 200, "rstpreid": None}


@pytest.mark.parametrize(("dataset", "batch", "top_k"), [("cuhk_pedes", 24 * 5, 32), ("icfg_pedes", 24 * 4, 32), ("rstpreid", 120, 128)])
def test_training_and_evaluation_are_the_published_ones(dataset: str, batch: int, top_k: int) -> None:
    parameters = config.load_dataset(dataset)
    optimisation, augmentation = parameters.train.optimisation, parameters.train.augmentation
    assert optimisation.model_dump() == {
        "epochs": 30,
        "batch_size": batch,
        "learning_rate": 1e-5,
        "warmup_steps": 0,
        "weight_decay": 0.05,
        "betas": (0.9, 0.999),
        "clip_norm": None,
        "schedule": "epoch",
        "micro_batch_size": None,
    }
    assert augmentation.model_dump() == {"flip": 0.5, "pad": 10, "erase": 0.5}
    assert parameters.train.validation.top_k == parameters.evaluate.top_k == top_k
    for compute in (parameters.train.compute, parameters.evaluate.compute):
        assert (compute.precision, compute.processes, compute.device) == ("fp32", "auto", "auto")


@pytest.mark.parametrize("dataset", RECIPES)
def test_the_model_is_the_published_one(dataset: str) -> None:
    """799 entries fit a model of this architecture (tests of `cada.model.published`); here its parameters are counted."""
    model = config.load_dataset(dataset).model
    assert model.vocabulary is None, "the weights bring theirs"
    assert (model.image_size, model.patch_size, model.max_tokens, model.positions) == ((224, 224), (16, 16), 73, 512)
    assert (model.projection, model.dropout) == (256, 0.1)
    with torch.device("meta"):
        built = Cada(model.architecture, tokenizer_of(BERT_ENTRIES))
    published = [value.numel() for name, value in built.named_parameters() if "token_type_embeddings" not in name]
    assert sum(published) == 361_335_104


@pytest.mark.parametrize("dataset", RECIPES)
def test_weights_come_from_a_file_and_the_robust_negatives_are_the_hardest(dataset: str) -> None:
    parameters = config.load_dataset(dataset)
    assert (parameters.initial.source, parameters.initial.pretrain) == ("file", None)
    for variant, name in (("dual", "robust"), ("published", "published")):
        procedure = config.load_procedure(name)
        assert config.resolve_variant(config.load_variant(variant), procedure, parameters.train).switches == procedure.switches
    assert config.load_procedure("robust").switches.hard_negatives == "hardest"


def test_snakemake_plans_all_three_with_every_variant(tmp_path: Path) -> None:
    matrix = tmp_path / "workflow.yaml"
    matrix.write_text(f"datasets: [{', '.join(RECIPES)}]\nvariants: [global, atp, ara, dual, published]\nseeds: [0, 1, 2]\n")
    snakemake = Path(sys.executable).parent / "snakemake"
    command = [snakemake, "--dry-run", "--forceall", "--nolock", "--quiet", "host", "--configfile", matrix, "--", "all"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    planned = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE))
    cells = str(3 * 5 * 3)
    assert planned | {"train": cells, "evaluate": cells, "data": "3", "phrases": "3", "initial": "3", "tables": "3"} == planned
    assert planned | {"transfer": str(3 * 2 * 5 * 3), "transfer_tables": "1", "attention": "3"} == planned
