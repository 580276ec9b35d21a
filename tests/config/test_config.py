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


def variant(procedure: str, **sections: object) -> config.Variant:
    return config.Variant.model_validate({"title": "x", "procedure": procedure} | sections)


def resolved(procedure: str, refinements: dict[str, object], **sections: object) -> config.Method:
    of_dataset = config.Refinements.model_validate(refinements)
    return config.resolve_variant(variant(procedure, **sections), config.load_procedure(procedure), of_dataset)


def test_the_data_set_refines_robust_switches_and_the_variant_has_the_last_word() -> None:
    robust = config.load_procedure("robust").switches
    refined = {"switches": {"hard_negatives": "sampled", "ara_rate": 0.5}}
    assert resolved("robust", {}).switches == robust
    found = resolved("robust", refined, switches={"ara_rate": 0.6}).switches
    assert (found.hard_negatives, found.ara_rate) == ("sampled", 0.6)
    assert found.local_groups == robust.local_groups


def test_a_data_set_does_not_refine_the_published_procedure() -> None:
    found = resolved("published", {"switches": {"hard_negatives": "sampled"}, "weights": {"ara": 3.0}})
    assert dict(found) == {name: value for name, value in config.load_procedure("published") if name in ("switches", "weights")}


def test_weights_are_refined_as_switches_are() -> None:
    def weights(procedure: str, **own: float) -> dict[str, float]:
        return resolved(procedure, {"weights": {"ara": 3.0, "global": 0.5}}, weights=own).weights

    assert weights("robust") == {"global": 0.5, "atp": 1.0, "ara": 3.0}
    assert weights("robust", ara=0.0, **{"global": 2.0}) == {"global": 2.0, "atp": 1.0}
    assert weights("published") == {"global": 1.0, "atp": 1.0, "ara": 0.1}
    assert weights("published", ara=0.2) == {"global": 1.0, "atp": 1.0, "ara": 0.2}


def test_weights_are_in_the_order_of_the_registry_whatever_the_file_has() -> None:
    found = resolved("robust", {}, weights={"sdm": 1.0, "mlm": 0.5, "ara": 2.0})
    assert list(found.weights.items()) == [("global", 1.0), ("atp", 1.0), ("ara", 2.0), ("mlm", 0.5), ("sdm", 1.0)]


def edited(name: str, **sections: object) -> Path:
    path = Path("params", name)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | sections))
    return path


def test_a_misspelt_objective_or_switch_is_answered_with_the_nearest() -> None:
    path = edited("variants/dual.yaml", weights={"smd": 1.0, "ara": "much"}, switches={"ara_rat": 0.4})
    with pytest.raises(CadaError) as caught:
        config.load_variant("dual")
    assert f"{path}: weights.smd: no such parameter. Did you mean sdm?" in str(caught.value)
    assert f"{path}: switches.ara_rat: no such parameter. Did you mean ara_rate?" in str(caught.value)
    assert f"{path}: weights.ara: " in str(caught.value) and "(found 'much')" in str(caught.value)


def test_a_procedure_that_is_not_there_is_named_with_those_that_are() -> None:
    path = edited("variants/dual.yaml", procedure="robus")
    with pytest.raises(CadaError, match=rf"{path}: procedure: robus: no such procedure; params/procedures/ has published, robust\."):
        config.load_variant("dual")


def test_a_procedure_says_every_switch() -> None:
    path = Path("params/procedures/robust.yaml")
    path.write_text(re.sub(r"  ara_rate: .*\n", "", path.read_text()))
    with pytest.raises(CadaError, match=rf"{path}: switches\.ara_rate: is missing"):
        config.load_variant("dual")


def test_a_variant_without_any_objective_is_none() -> None:
    edited("variants/dual.yaml", weights={"global": 0.0, "atp": 0.0, "ara": 0.0})
    with pytest.raises(CadaError, match=r"dual: weights: every objective is left out.*params/variants/dual\.yaml"):
        config.load_variant("dual")


def test_a_data_set_leaves_no_objective_out() -> None:
    path = Path("params/synthpedes/train.yaml")
    values = yaml.safe_load(path.read_text()) | {"weights": {"ara": 0.0}}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(CadaError, match=r"train\.yaml: weights: ara is 0, but it is a variant that leaves an objective out"):
        config.load_dataset("synthpedes")


def test_a_data_set_switches_no_objective_on() -> None:
    edited("synthpedes/train.yaml", weights={"sdm": 1.0})
    with pytest.raises(CadaError, match=r"synthpedes/train\.yaml: weights: sdm is on in a variant only"):
        config.load_dataset("synthpedes")


def methods() -> dict[str, config.Method]:
    variants = {path.stem: config.load_variant(path.stem) for path in Path("params/variants").glob("*.yaml")}
    return {name: config.resolve_variant(own, config.load_procedure(own.procedure)) for name, own in variants.items()}


def test_a_variant_is_trained_by_what_it_does_not_leave_out() -> None:
    found = {name: set(method.weights) for name, method in methods().items()}
    paper = {"global", "atp", "ara"}
    expected = {
        "global": {"global"},
        "atp": paper - {"ara"},
        "ara": paper - {"atp"},
        "dual": paper,
        "published": paper,
        "sdm": {"global", "sdm"},
        "mlm": {"global", "mlm"},
    }
    assert {name: found[name] for name in expected} == expected


def test_only_a_variant_with_a_trained_match_head_reranks() -> None:
    assert {name for name, method in methods().items() if method.reranks} >= {"atp", "dual", "published"}
    assert all(method.reranks == ("atp" in method.weights) for method in methods().values())
