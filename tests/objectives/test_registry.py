"""A new objective is one file; the registry costs no import of torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cada import objectives
from cada.config import Architecture, Transformer
from cada.model import cost
from cada.objectives import OBJECTIVES

ANOTHER = """
from cada.objectives.definition import Objective


def loss(encoded, _switches):
    return {"loss": encoded.images.square().mean(), "largest": encoded.images.max()}


OBJECTIVE = Objective(name="norm", label="norm", title="Norm", description="short features", loss=loss, trains=("image",))
"""


def test_the_paper_s_objectives_come_first_and_in_its_order() -> None:
    first, others = list(OBJECTIVES)[:3], list(OBJECTIVES)[3:]
    assert first == ["global", "atp", "ara"]
    assert others == sorted(others)


def test_a_module_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "norm.py").write_text(ANOTHER)
    monkeypatch.setattr(objectives, "__path__", [*objectives.__path__, str(tmp_path)])
    found = objectives._found()
    monkeypatch.delitem(sys.modules, "cada.objectives.norm")
    assert set(found) == {*OBJECTIVES, "norm"}
    assert list(found)[3:] == sorted([*list(OBJECTIVES)[3:], "norm"])
    assert (found["norm"].column, found["norm"].module) == ("loss_norm", "cada.objectives.norm")


def test_the_parameters_are_read_without_torch() -> None:
    script = "import sys, cada.config; assert 'cada.objectives.sdm' in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_an_objective_trains_and_costs_are_parts_of_the_model(name: str) -> None:
    sizes = Transformer(width=24, depth=2, heads=2, mlp=48)
    small = Architecture(image_size=(32, 16), patch_size=(8, 8), vision=sizes, text=sizes, projection=12)
    assert set(OBJECTIVES[name].trains) <= cost.parameter_parts(small, vocabulary=41).keys()
    assert set(OBJECTIVES[name].costs) <= cost.forward_flops(small, tokens=9, vocabulary=41).keys()


def test_of_the_paper_s_objectives_atp_trains_the_match_head_and_ara_the_decoder() -> None:
    assert [name for name in objectives.PAPER if OBJECTIVES[name].reranks] == ["atp"]
    assert [name for name in objectives.PAPER if OBJECTIVES[name].decodes] == ["ara"]
