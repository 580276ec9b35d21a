"""Parameter files: what is there loads, mistakes are named, switches resolve in one order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cada import config
from cada.errors import CadaError
from tests.tracked import copy_tracked


@pytest.fixture(autouse=True)
def in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may break the parameters."""
    copy_tracked("params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def test_every_file_under_params_is_loaded() -> None:
    for dataset in config.known_datasets():
        config.load_dataset(dataset)
    for path in Path("params/variants").glob("*.yaml"):
        config.load_variant(path.stem)
    for path in (Path("params/workflow.yaml"), Path("params/smoke/workflow.yaml")):
        matrix = config.load_workflow(path)
        assert set(matrix.datasets) <= set(config.known_datasets())
        for variant in matrix.variants:
            config.load_variant(variant)


def test_the_data_sets_are_the_folders_with_parameters() -> None:
    assert {"smoke", "synthpedes"} <= set(config.known_datasets())
    assert "variants" not in config.known_datasets()


def test_a_misspelt_parameter_is_answered_with_the_nearest() -> None:
    path = write("params/workflow.yaml", "datasets: [smoke]\nvariant: [dual]\nseeds: [0]\n")
    with pytest.raises(CadaError) as caught:
        config.load_workflow(path)
    assert "params/workflow.yaml: variant: no such parameter. Did you mean variants?" in str(caught.value)
    assert "params/workflow.yaml: variants: is missing." in str(caught.value)


def test_a_number_written_as_text_is_named_with_what_was_found() -> None:
    path = Path("params/synthpedes/train.yaml")
    path.write_text(re.sub(r"epochs: \S+", "epochs: four", path.read_text()))
    with pytest.raises(CadaError, match=r"params/synthpedes/train\.yaml: optimisation\.epochs: .*\(found 'four'\)"):
        config.load_dataset("synthpedes")


@pytest.mark.parametrize("value", ["all", "0", "[2]"])
def test_a_number_or_a_word_is_one_complaint(value: str) -> None:
    path = Path("params/synthpedes/train.yaml")
    path.write_text(path.read_text().replace("threads: 1", f"threads: 1, processes: {value}"))
    with pytest.raises(CadaError) as caught:
        config.load_dataset("synthpedes")
    assert str(caught.value) == f"{path}: compute.processes: a number above 0, or auto (found {yaml.safe_load(value)!r})."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets: [smoke]\nvariants: [dual]\nseeds: [0]\nvariants: [ara]\n", r"the key variants stands twice\n.*line 4"),
        ("{a: 1}: 2\n", r"not valid YAML: .*\n.*unhashable"),
        ("datasets: [smoke\n", "not valid YAML"),
        ("", "params/workflow.yaml: the file:"),
        ("datasets: []\nvariants: [dual]\nseeds: [0]\n", "datasets"),
        ("datasets: [../smoke]\nvariants: [dual]\nseeds: [0]\n", r"datasets\.0"),
        ("datasets: [smoke]\nvariants: [dual]\nseeds: [-1]\n", r"seeds\.0"),
    ],
)
def test_a_wrong_file_is_named(text: str, message: str) -> None:
    with pytest.raises(CadaError, match=message):
        config.load_workflow(write("params/workflow.yaml", text))


def test_a_file_that_is_not_text_is_named() -> None:
    Path("params/workflow.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CadaError, match=r"params/workflow\.yaml"):
        config.load_workflow()


def test_parameters_do_not_change() -> None:
    matrix = config.load_workflow()
    with pytest.raises(ValueError, match="frozen"):
        matrix.seeds = (1,)


def switches(**overrides: object) -> config.SwitchOverrides:
    return config.SwitchOverrides(**overrides)


def variant(procedure: str, **overrides: object) -> config.Variant:
    return config.Variant.model_validate({"title": "x", "procedure": procedure, "switches": overrides})


def test_the_data_set_refines_robust_switches_and_the_variant_has_the_last_word() -> None:
    refined = switches(hard_negatives="sampled", ara_rate=0.5)
    assert config.resolve_switches(variant("robust"), switches()) == config.PROCEDURES["robust"]
    resolved = config.resolve_switches(variant("robust", ara_rate=0.6), refined)
    assert resolved.hard_negatives == "sampled"
    assert resolved.ara_rate == 0.6
    assert resolved.local_groups == config.PROCEDURES["robust"].local_groups


def test_a_data_set_does_not_refine_the_published_procedure() -> None:
    assert config.resolve_switches(variant("published"), switches(hard_negatives="sampled")) == config.PROCEDURES["published"]


def test_weights_are_refined_as_switches_are() -> None:
    def weights(**values: float) -> config.WeightOverrides:
        return config.WeightOverrides.model_validate(values)

    def resolved(procedure: str, **own: float) -> tuple[float, float, float]:
        values = config.Variant.model_validate({"title": "x", "procedure": procedure, "weights": own})
        found = config.resolve_weights(values, weights(ara=3.0, **{"global": 0.5}))
        return found.global_, found.atp, found.ara

    assert resolved("robust") == (0.5, 1.0, 3.0)
    assert resolved("robust", ara=0.0, **{"global": 2.0}) == (2.0, 1.0, 0.0)
    assert resolved("published") == (1.0, 1.0, 0.1)
    assert resolved("published", ara=0.2) == (1.0, 1.0, 0.2)


def test_a_data_set_leaves_no_objective_out() -> None:
    path = Path("params/synthpedes/train.yaml")
    values = yaml.safe_load(path.read_text()) | {"weights": {"ara": 0.0}}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(CadaError, match=r"train\.yaml: weights: ara is 0, but it is a variant that leaves an objective out"):
        config.load_dataset("synthpedes")


def test_a_variant_is_trained_by_what_it_does_not_leave_out() -> None:
    found = {path.stem: config.load_variant(path.stem).objectives for path in Path("params/variants").glob("*.yaml")}
    everything = {"global_", "atp", "ara"}
    assert found == {
        "global": {"global_"},
        "atp": everything - {"ara"},
        "ara": everything - {"atp"},
        "dual": everything,
        "published": everything,
    }


def test_only_a_variant_with_a_trained_match_head_reranks() -> None:
    found = {path.stem: config.load_variant(path.stem).reranks for path in Path("params/variants").glob("*.yaml")}
    assert found == {"global": False, "ara": False, "atp": True, "dual": True, "published": True}
