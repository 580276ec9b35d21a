"""The matrix and the grids of sweeps: names of points, and the parameters that they stand for."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from cada.config import load_procedure, load_variant, load_workflow, resolve
from cada.storage.paths import Layout
from tests.messages import Fact, refused
from tests.tracked import copy_tracked

HEAD = "datasets: [synthpedes]\nvariants: [dual, global]\nseeds: [0]\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the variants of the project and no sweep."""
    (tmp_path / "params" / "sweeps").mkdir(parents=True)
    for name in ("variants", "procedures"):
        copy_tracked(f"params/{name}", tmp_path / "params" / name)
    monkeypatch.chdir(tmp_path)


def sweep(grid: str) -> Path:
    path = Path("params/sweeps/try.yaml")
    path.write_text(HEAD + grid)
    return path


def test_a_grid_names_every_combination() -> None:
    rows = load_workflow(sweep("grid: {weights: {ara: [0.5, 1]}, switches: {ara_masking: [words, phrases]}}\n")).rows
    points = [f"ara={weight},ara_masking={kind}" for weight in ("0.5", "1") for kind in ("words", "phrases")]
    assert rows == [f"{variant},{point}" for variant in ("dual", "global") for point in points]


def test_the_same_values_have_one_name() -> None:
    one = load_workflow(sweep("grid: {weights: {atp: [1.0], ara: [0.50]}}\n")).rows
    other = load_workflow(sweep("grid: {weights: {ara: [5.0e-1], atp: [1]}}\n")).rows
    assert one == other == ["dual,atp=1,ara=0.5", "global,atp=1,ara=0.5"]


def test_without_a_grid_the_rows_are_the_variants() -> None:
    assert load_workflow(sweep("")).rows == ["dual", "global"]


def test_a_point_is_its_variant_with_other_values() -> None:
    point, base = load_variant("dual,ara=0.5,ara_rate=0.4,fusion=published"), load_variant("dual")
    assert (point.weights, dict(point.switches)) == ({"ara": 0.5}, {"ara_rate": 0.4, "fusion": "published"})
    assert point.procedure == base.procedure
    assert point.title == f"{base.title}, ara = 0.5, ara_rate = 0.4, fusion = published"
    same = load_variant("dual,ara=0.1")
    assert resolve(load_procedure("robust"), same) == resolve(load_procedure("robust"), base)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("dual,ara_rat=0.4", ("switches.ara_rat", "ara_rate")),
        ("dual,ara=much", ("weights.ara", "'much'")),
        ("duall,ara=1", ("params/variants/", "dual", "published")),
    ],
)
def test_a_name_without_a_variant_is_an_error(name: str, facts: tuple[str, ...]) -> None:
    with refused(name, *facts):
        load_variant(name)


def test_a_misspelt_key_of_a_grid_is_named() -> None:
    with refused("params/sweeps/try.yaml", "grid.switches", "ara_rat", "ara_rate", "hard_negatives"):
        load_workflow(sweep("grid: {switches: {ara_rat: [0.4]}}\n"))


def test_a_grid_belongs_to_a_sweep() -> None:
    path = Path("params/workflow.yaml")
    path.write_text(HEAD + "grid: {weights: {ara: [1]}}\n")
    with refused(path, "grid", "params/sweeps/"):
        load_workflow(path)


@pytest.mark.parametrize(("key", "value"), [("datasets", "smoke"), ("variants", "dual"), ("seeds", 0)])
def test_a_value_that_a_matrix_has_twice_is_named(key: str, value: Fact) -> None:
    lines = {"datasets": "[smoke]", "variants": "[dual]", "seeds": "[0]"} | {key: f"[{value}, {value}]"}
    path = Path("params/workflow.yaml")
    path.write_text("".join(f"{name}: {values}\n" for name, values in lines.items()))
    with refused(path, key, value, "twice"):
        load_workflow(path)


@pytest.mark.parametrize(
    ("section", "grid", "values"),
    [
        ("weights", "ara: [0.5, 1, 0.5]", (0.5, "twice")),
        ("weights", 'ara: [0.1, "0.1"]', (0.1, "'0.1'", "one value")),
        ("weights", 'global: ["1.0", " 1"]', ("'1.0'", "' 1'", "one value")),
        ("weights", "ara: [0.0, -0.0]", (0.0, -0.0, "one value")),
        ("switches", 'group_count: [2, "2"]', (2.0, "'2'", "one value")),
        ("switches", "ara_masking: [words, words]", ("'words'", "twice")),
    ],
)
def test_a_value_that_a_grid_has_twice_is_named(section: str, grid: str, values: tuple[Fact, ...]) -> None:
    with refused("params/sweeps/try.yaml", f"grid.{section}", grid.split(":")[0], *values):
        load_workflow(sweep(f"grid: {{{section}: {{{grid}}}}}\n"))


@pytest.mark.parametrize(
    ("key", "values", "wrong"),
    [
        ("ara_masking", '["words "]', "'words '"),
        ("group_count", "[1.5]", 1.5),
        ("ara_rate", "[2]", 2.0),
        ("fusion", "[published, much]", "'much'"),
    ],
)
def test_a_value_that_a_grid_cannot_have_is_named(key: str, values: str, wrong: Fact) -> None:
    """Before any training, with the file that has it."""
    with refused("params/sweeps/try.yaml", "grid.switches", key, wrong):
        load_workflow(sweep(f"grid: {{switches: {{{key}: {values}}}}}\n"))


def test_names_are_read_as_the_values_that_they_were_made_of() -> None:
    """Whatever the values are, and however they are written."""
    weights = [0.0, 5e-324, 1e-05, 0.1, 0.1000000000001, 0.1 + 0.2, 1.0, 100000.0, 2.0**60, 1e22]
    draw = random.Random(0)
    weights += [draw.random() * 10.0 ** draw.randint(-20, 20) for _ in range(200)]
    spelt = ", ".join(draw.choice([repr(value), f'"{value!r}"', f'" {value!r} "']) for value in weights)
    rows = load_workflow(sweep(f"grid: {{weights: {{ara: [{spelt}]}}}}\n").absolute()).rows
    names = [row for row in rows if row.startswith("dual,")]
    assert [load_variant(name).weights["ara"] for name in names] == weights
    assert len(set(names)) == len(weights) and not any(" " in name for name in names)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("dual,ara=0.50", "dual,ara=0.5"),
        ("dual,ara= 1", "dual,ara=1"),
        ("dual,ara_rate=0.4,ara=1", "dual,ara=1,ara_rate=0.4"),
        ("dual,ara=1,ara=2", "dual,ara=2"),
    ],
)
def test_a_point_has_no_second_name(name: str, right: str) -> None:
    with refused(f"{name}: ", right):
        load_variant(name)


@pytest.mark.parametrize(
    ("workflow", "place"),
    {
        "params/workflow.yaml": "",
        "params/smoke/workflow.yaml": "",
        "params/sweeps/try.yaml": "sweeps/try",
        "params/sweeps/sub/try.yaml": "sweeps/try-",
        "params/try.yaml": "sweeps/try-",
        "elsewhere/workflow.yaml": "sweeps/workflow-",
        "/elsewhere/try.yaml": "sweeps/try-",
        "params/sweeps/a $(b).yaml": "sweeps/a___b_-",
    }.items(),
)
def test_the_tables_of_any_other_workflow_file_have_a_folder_of_their_own(workflow: str, place: str) -> None:
    """What ends in a dash here ends in digits that no other file has."""
    Path("params/smoke").mkdir()
    Path("params/smoke/data.yaml").touch()
    if place.endswith("-"):
        place += hashlib.sha256(os.path.relpath(workflow).encode()).hexdigest()[:6]
    assert Layout("synthpedes").tables(Path(workflow).absolute()) == Path("results/synthpedes", place, "tables")
