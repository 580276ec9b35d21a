"""A variant's file switches an objective on; a training that fails names the parameter to change."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cada.errors import ArgumentError
from cada.steps.common import parameters_named
from tests.messages import line_with, refused
from tests.steps.conftest import Small

TRAIN = "from cada.steps.train import train_variant; train_variant('smoke', 'own', 0)\n"


@pytest.mark.parametrize("name", ["sdm", "mlm"])
def test_a_weight_in_a_variant_s_file_switches_an_objective_on(project: Small, name: str) -> None:
    weights = f"{{atp: 0.0, ara: 0.0, {name}: 1.0}}"
    (project.root / "params/variants/own.yaml").write_text(f"title: Own\nprocedure: robust\nweights: {weights}\n")
    project.run(TRAIN)
    history = pd.read_csv(project.root / "results/smoke/history/own/0.csv")
    losses = [column for column in history if column.startswith("loss_")]
    assert losses == ["loss_global", f"loss_{name}"]
    assert history[losses].notna().all(axis=None)
    assert history["loss"].to_numpy() == pytest.approx(history[losses].sum(axis=1).to_numpy(), rel=1e-5)


def test_a_batch_that_is_too_large_is_named(project: Small) -> None:
    project.edit("params/smoke/train.yaml", "batch_size: 12", "batch_size: 10000")
    process = project.start(
        f"from cada.errors import CadaError\ntry:\n    {TRAIN.replace('own', 'dual')}except CadaError as error:\n    print(error)\n"
    )
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert line_with(printed, "params/smoke/train.yaml", 10000, "Lower optimisation.batch_size")


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (ArgumentError("persons", "8 pairs of one"), ("8 pairs of one", "Raise pretrain.optimisation.batch_size")),
        (FloatingPointError("step 3: nan"), ("step 3: nan", "Lower pretrain.optimisation.learning_rate")),
    ],
)
def test_the_parameter_to_change_is_named(error: Exception, facts: tuple[str, ...]) -> None:
    with refused("params/start/initial.yaml", *facts), parameters_named(Path("params/start/initial.yaml"), "pretrain."):
        raise error


def test_an_argument_that_no_parameter_gives_is_a_bug() -> None:
    with pytest.raises(ArgumentError), parameters_named(Path("params/smoke/train.yaml")):
        raise ArgumentError("count", "is negative")
