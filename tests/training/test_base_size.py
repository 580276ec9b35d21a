"""The published size on a CPU: one training step and one evaluation, by the same functions as at any other size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cada.config import load_dataset
from cada.datasets.cache import open_images
from cada.datasets.loading import Split, take_split
from cada.datasets.reading import read
from cada.model.cada import Cada
from cada.model.tokenizer import Tokenizer
from cada.retrieval.encoding import Engine
from cada.retrieval.metrics import METRICS
from cada.retrieval.results import Scoring, score_model
from cada.retrieval.search import Search, Target
from cada.storage.cache import Cache
from cada.training.batches import training_set
from cada.training.finetune import finetune
from tests.replicas import write_cuhk_pedes
from tests.training.tiny import ROBUST, WEIGHTS
from tests.words import tokenizer_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SIZE, WORDS = (224, 224), 30524


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> Cada:
    torch.manual_seed(0)
    recipe = load_dataset("cuhk_pedes")
    assert recipe.model.image_size == SIZE
    return Cada(recipe.model.architecture, tokenizer)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Of few words, and as many tokens as the published one."""
    entries = Tokenizer.read(ROOT / "params" / "synthpedes" / "vocab.txt", 73).entries
    return Tokenizer([*entries, *tokenizer_of(WORDS).entries[len(entries) :]], 73)


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Split, torch.Tensor]]:
    """A replica of CUHK-PEDES with 52 test images."""
    root = tmp_path_factory.mktemp("set")
    write_cuhk_pedes(root, persons={"train": 4, "val": 4, "test": 18})
    records = read("cuhk_pedes", root)
    taken = {name: take_split(records, name, root=root, queries="first_two") for name in ("train", "val", "test")}
    return {
        name: (split, open_images(split, SIZE, content=name, cache=Cache(root / "cache", 1e9), threads=2)) for name, split in taken.items()
    }


def test_one_training_step(model: Cada, tokenizer: Tokenizer, splits: dict[str, tuple[Split, torch.Tensor]], tmp_path: Path) -> None:
    recipe = load_dataset("cuhk_pedes").train
    split, images = splits["train"]
    training = training_set(split, images, tokenizer)
    groups = np.where((training.captions.ids > 0) & (np.arange(training.captions.ids.shape[1]) == 4), 0, -1)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters() if "layer.11" in name}
    steps = len(training.captions) // 4
    short = {"batch_size": 4, "epochs": 1 / steps, "schedule": "step"}
    progress = finetune(
        model,
        training.with_groups(groups.astype(np.int16)),
        Target.of(*splits["val"], tokenizer),
        settings=recipe.model_copy(update={"optimisation": recipe.optimisation.model_copy(update=short), "log_every": 1}),
        weights=WEIGHTS,
        switches=ROBUST,
        engine=Engine(top_k=4, batch_size=8),
        padded_to=None,
        seed=0,
        state=tmp_path / "state.pt",
    )
    (row,) = progress.rows
    assert row["step"] == 1
    assert all(np.isfinite(row[name]) for name in ("loss", "loss_global", "loss_atp", "loss_ara"))
    assert row["loss_atp"] == pytest.approx(2 * np.log(2), abs=0.5)  # an untrained head knows nothing
    after = dict(model.named_parameters())
    assert all(not torch.equal(after[name].detach(), value) for name, value in before.items() if name.endswith("weight"))


def test_one_evaluation(model: Cada, tokenizer: Tokenizer, splits: dict[str, tuple[Split, torch.Tensor]]) -> None:
    target = Target.of(*splits["test"], tokenizer)
    assert len(target.images) == 52
    search = Search.of(model.eval(), target, Engine(top_k=4, batch_size=8))
    metrics, rankings = score_model(search, Scoring("calibrated", 1.0, parts=1, bootstrap=100, val=None))
    assert (np.sort(rankings["calibrated"], axis=1) == np.arange(52)).all()
    for scores in metrics["scores"].values():
        assert all(0 < scores[name] <= 100 for name in METRICS if name != "R1")
