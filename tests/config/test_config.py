"""Parameter files: what is there loads, mistakes are named, switches resolve in one order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cada import config
from tests.messages import Fact, line_with, refused
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
    with refused() as caught:
        config.load_workflow(path)
    assert line_with(str(caught.value), path, "variant", "variants") != line_with(str(caught.value), path, "variants", "missing")


def test_a_number_written_as_text_is_named_with_what_was_found() -> None:
    path = Path("params/synthpedes/train.yaml")
    path.write_text(re.sub(r"epochs: \S+", "epochs: four", path.read_text()))
    with refused(path, "optimisation.epochs", "'four'"):
        config.load_dataset("synthpedes")


@pytest.mark.parametrize("value", ["all", "0", "[2]"])
def test_a_number_or_a_word_is_one_complaint(value: str) -> None:
    path = Path("params/synthpedes/train.yaml")
    path.write_text(path.read_text().replace("threads: 1", f"threads: 1, processes: {value}"))
    with refused(path, "compute.processes", "auto", repr(yaml.safe_load(value))) as caught:
        config.load_dataset("synthpedes")
    assert len(str(caught.value).splitlines()) == 1


def test_a_search_needs_memory() -> None:
    path = Path("params/synthpedes/evaluate.yaml")
    path.write_text(path.read_text() + "memory_mb: 1\n")
    with refused(path, "memory_mb", 2):
        config.load_dataset("synthpedes")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("datasets: [smoke]\nvariants: [dual]\nseeds: [0]\nvariants: [ara]\n", ("YAML", "variants", "line 4")),
        ("{a: 1}: 2\n", ("YAML", "unhashable")),
        ("datasets: [smoke\n", ("YAML", "line 2")),
        ("", ("the file", "found None")),
        ("datasets: []\nvariants: [dual]\nseeds: [0]\n", ("datasets", 1, "found []")),
        ("datasets: [../smoke]\nvariants: [dual]\nseeds: [0]\n", ("datasets.0", "'../smoke'")),
        ("datasets: [smoke]\nvariants: [dual]\nseeds: [-1]\n", ("seeds.0", -1)),
    ],
)
def test_a_wrong_file_is_named(text: str, facts: tuple[Fact, ...]) -> None:
    with refused("params/workflow.yaml", *facts):
        config.load_workflow(write("params/workflow.yaml", text))


@pytest.mark.parametrize(
    "text",
    [
        "a: 2026-13-45",
        "a: 2026-01-01T00:00:00+99:99",
        "a: 0x_",
        "a: !!int x",
        "a: !!int ''",
        "a: !!bool x",
        "a: !!timestamp x",
        "a: !!python/object/apply:os.system [exit]",
        "a: " + "9" * 5000,
        "[" * 600,
        "? [a]\n: b",
    ],
)
def test_values_that_yaml_cannot_read_name_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "file.yaml").write_text(text)
    with refused(tmp_path / "file.yaml"):
        config.load(tmp_path / "file.yaml", config.Data)


def test_a_few_letters_that_stand_for_millions_of_values_make_a_short_message(tmp_path: Path) -> None:
    levels = "".join(f"  - &{chr(98 + level)} [{','.join(['*' + chr(97 + level)] * 9)}]\n" for level in range(9))
    (tmp_path / "file.yaml").write_text(f"format:\n  - &a [x,x,x,x,x,x,x,x,x]\n{levels}root: data/x\n")
    with refused(tmp_path / "file.yaml", "format") as caught:
        config.load(tmp_path / "file.yaml", config.Data)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("name", ["../variants/dual", "./dual", "dual/", "", "../procedures/robust"])
def test_a_name_is_no_path(name: str) -> None:
    with refused("variants", "dual"):
        config.load_variant(name)
    with refused("robust"):
        config.load_procedure(f"../procedures/{name}")
    with refused("synthpedes"):
        config.load_dataset(f"../params/{name or 'smoke'}")


def test_a_file_that_is_not_text_is_named() -> None:
    Path("params/workflow.yaml").write_bytes(b"\xff\xfe\x00")
    with refused("params/workflow.yaml", "YAML", cause=UnicodeDecodeError):
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
    with refused() as caught:
        config.load_variant("dual")
    for facts in (("weights.smd", "sdm"), ("switches.ara_rat", "ara_rate"), ("weights.ara", "'much'")):
        assert line_with(str(caught.value), path, *facts)


def test_a_procedure_that_is_not_there_is_named_with_those_that_are() -> None:
    path = edited("variants/dual.yaml", procedure="robus")
    with refused(path, "procedure", "robus", "params/procedures/", "published", "robust"):
        config.load_variant("dual")


def test_a_procedure_says_every_switch() -> None:
    path = Path("params/procedures/robust.yaml")
    path.write_text(re.sub(r"  ara_rate: .*\n", "", path.read_text()))
    with refused(path, "switches.ara_rate", "missing"):
        config.load_variant("dual")


def test_a_variant_without_any_objective_is_none() -> None:
    path = edited("variants/dual.yaml", weights={"global": 0.0, "atp": 0.0, "ara": 0.0})
    with refused("dual", "weights", "every objective", path):
        config.load_variant("dual")


def test_a_data_set_leaves_no_objective_out() -> None:
    path = Path("params/synthpedes/train.yaml")
    values = yaml.safe_load(path.read_text()) | {"weights": {"ara": 0.0}}
    path.write_text(yaml.safe_dump(values))
    with refused(path, "weights", "ara", 0, "variant"):
        config.load_dataset("synthpedes")


def test_a_data_set_switches_no_objective_on() -> None:
    path = edited("synthpedes/train.yaml", weights={"sdm": 1.0})
    with refused(path, "weights", "sdm", "variant"):
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


def test_look_alikes_of_a_set_that_is_not_drawn_are_refused() -> None:
    path = Path("params/cuhk_pedes/probe.yaml")
    path.write_text(path.read_text() + "look_alikes: 10\n")
    with refused("params/cuhk_pedes/probe.yaml", "look_alikes", "drawn sets"):
        config.load_dataset("cuhk_pedes")
