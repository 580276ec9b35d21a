"""The release step: which model is chosen, and what is written of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from cada.steps.release import best, copy_model
from tests.messages import refused

START = Path(__file__).parents[2] / "weights" / "synthpedes-start"


def history(split: str, *scores: float) -> pd.DataFrame:
    return pd.DataFrame({"step": range(1, len(scores) + 2), f"{split}_mAP": [None, *scores]})


def test_the_variant_with_the_best_mean_and_its_best_seed_are_chosen() -> None:
    histories = {
        "global": [history("val", 10, 90), history("val", 20)],  # one lucky seed
        "dual": [history("val", 60, 50), history("val", 61), history("val", 58)],
    }
    assert best(histories) == ("dual", 1)
    assert best({"a": [history("val", 5)], "b": [history("val", 5)]}) == ("a", 0)


def test_a_checkpoint_that_test_has_chosen_does_not_compete_with_one_that_val_has_chosen() -> None:
    chosen_on_test = [history("test", 99)]
    assert best({"published": chosen_on_test, "dual": [history("val", 5)]}) == ("dual", 0)
    assert best({"published": chosen_on_test}) == ("published", 0)


@pytest.mark.parametrize("watched", ["test_mAP"])
def test_test_scores_that_were_watched_choose_nothing(watched: str) -> None:
    one, other = history("val", 50), history("val", 51)
    one[watched], other[watched] = 99.0, 1.0
    assert best({"a": [one], "b": [other]}) == ("b", 0)


@pytest.mark.parametrize("name", ["vocab.txt", "config.json", "model.safetensors"])
def test_a_damaged_file_is_not_passed_on(tmp_path: Path, name: str) -> None:
    source = tmp_path / "model"
    shutil.copytree(START, source)
    copy_model(source, tmp_path / "release")
    (source / name).write_bytes(bytes((source / name).stat().st_size))
    with refused(source / name):
        copy_model(source, tmp_path / "another")
    assert not (tmp_path / "another").exists()
