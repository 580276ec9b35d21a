"""Recipes hold values and not bytes; every key of every parameter file is in the recipes of those that read it, and in no other."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
import yaml

from cada.config import Parameters, Workflow, load_dataset, load_workflow, loading
from cada.config.loading import read_yaml
from cada.objectives import OBJECTIVES
from cada.recipes import Recipe, identity, models, recipes_of, take, write
from cada.recipes.code import fingerprint
from cada.recipes.files import content
from cada.recipes.making import Reader, values
from cada.runtime.parent_process import IN_WORKFLOW
from tests.messages import refused
from tests.recipes.keys import WITHOUT_ALTERNATIVE, Key, all_keys, with_another_value

ROOT = Path(__file__).parents[2]
MATRIX = Workflow(datasets=("synthpedes",), variants=("global", "atp", "ara", "dual"), seeds=(0, 1))
WORKFLOW = Path("params/workflow.yaml")


@pytest.fixture(autouse=True)
def in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(IN_WORKFLOW, raising=False)


def texts(matrix: Workflow = MATRIX) -> dict[Recipe, str]:
    reader = Reader(matrix)
    return {recipe: content(recipe, reader) for recipe in recipes_of(matrix, WORKFLOW)}


def changed(before: dict[Recipe, str]) -> set[str]:
    """Step and variant of the recipes that are not what they were."""
    after = texts()
    assert after.keys() == before.keys()
    return {" ".join(filter(None, (recipe.step, recipe.variant))) for recipe in after if after[recipe] != before[recipe]}


def edit(name: str, old: str, new: str) -> None:
    path = Path("params", name)
    text = path.read_text()
    assert old in text, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new))


TITLED = {"tables", "figures", "report", "transfer-tables", "release"}


def test_another_way_of_writing_changes_nothing() -> None:
    """Comments, order of keys, quotes, other ways of writing a number, and files that no step reads."""
    before = texts()
    for path in [*Path("params/synthpedes").glob("*.yaml"), *Path("params/variants").glob("*.yaml")]:
        values = yaml.safe_load(path.read_text())
        path.write_text("# a comment\n" + yaml.safe_dump(values, sort_keys=True, default_style="'" if path.stem == "evaluate" else None))
    edit("synthpedes/train.yaml", "learning_rate: 0.0005", "learning_rate: 5e-4")
    edit("synthpedes/train.yaml", "epochs: 0.5", "epochs: 0.50")
    shutil.copytree("params/synthpedes", "params/another_set")
    shutil.copy("params/variants/dual.yaml", "params/variants/another.yaml")
    edit("cuhk_pedes/train.yaml", "epochs", "# the number of\nepochs")
    assert changed(before) == set()


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("synthpedes/evaluate.yaml", "top_k: 16", "top_k: 8", {f"{step} {row}" for step in ("evaluate", "probe") for row in MATRIX.rows}),
        ("variants/dual.yaml", "procedure: robust", "procedure: robust\nswitches: {ara_rate: 0.4}", {"train dual", "report"}),
        ("synthpedes/evaluate.yaml", "fusion_weights: [0, ", "fusion_weights: [", {f"evaluate {row}" for row in MATRIX.rows}),
        ("synthpedes/data.yaml", "remark: ", "remark: Now. ", {"chapter"}),
        ("synthpedes/probe.yaml", "blur: ", "blur: 1", {f"probe {row}" for row in MATRIX.rows}),
        ("synthpedes/associate.yaml", "images: 2", "images: 1", {f"associate {row}" for row in MATRIX.rows}),
        ("variants/atp.yaml", "title: ", "title: The ", TITLED),
    ],
)
def test_a_value_changes_the_recipes_of_the_steps_that_read_it(name: str, old: str, new: str, expected: set[str]) -> None:
    before = texts()
    edit(name, old, new)
    assert changed(before) - {"chapter"} == expected - {"chapter"}  # the report shows all parameters, and so its chapter has them all


@pytest.mark.parametrize(
    ("switch", "rows"), [("ara_rate: 0.4", {"ara", "dual"}), ("group_count: 3", {"atp", "dual"}), ("padding: fixed", set(MATRIX.rows))]
)
def test_a_switch_of_one_objective_reaches_the_variants_that_have_it(switch: str, rows: set[str]) -> None:
    path = Path("params/synthpedes/train.yaml")
    values = yaml.safe_load(path.read_text())
    before = texts()
    key, value = switch.split(": ")
    values["switches"] = values.get("switches", {}) | {key: yaml.safe_load(value)}
    path.write_text(yaml.safe_dump(values))
    assert changed(before) == {f"train {row}" for row in rows} | {"chapter"}


def test_every_key_of_every_file_is_in_some_recipe_or_of_another_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the matrix changes some recipe; one of another set, of an unused variant or of what is kept changes none."""
    read = cache(lambda path, _text: read_yaml(path))  # of all files one changes at a time
    monkeypatch.setattr(loading, "read_yaml", lambda path: read(path, path.read_text()))
    before = texts()
    without = set()
    for path, place in all_keys():
        text = with_another_value(path, place)
        if text is None:
            without.add((path.stem, *place))
            continue
        original = path.read_text()
        path.write_text(text)
        found = changed(before)
        path.write_text(original)
        used = path.parent.name == "synthpedes" or path.stem in MATRIX.rows or (path.parent.name == "procedures" and follows(path, place))
        assert bool(found) == used, f"{path}: {place} changes {found}"
    assert without == WITHOUT_ALTERNATIVE


def follows(path: Path, place: Key) -> bool:
    """Whether a key of a procedure's file reaches a recipe of the matrix: where the data set does not refine it, or it is shown beside."""
    if path.stem == "published":
        shown = ("image_size", "patch_size", "width", "depth", "dropout")
        return place[0] in ("weights", "switches") or (
            place[0] == "recipe" and place[1] != "others" and ("model" not in place or bool({*place} & {*shown}))
        )
    refined = yaml.safe_load(Path("params/synthpedes/train.yaml").read_text())
    return place[-1] not in refined.get(place[0], {})


def test_a_recipe_is_canonical_and_written_only_when_it_changes() -> None:
    recipe = Recipe("train", "synthpedes", "dual")
    assert write([recipe], None) == [recipe.path]
    held = json.loads(recipe.path.read_text())
    assert recipe.path.read_text() == json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    written = recipe.path.stat().st_mtime_ns
    assert write([recipe], None) == []
    assert recipe.path.stat().st_mtime_ns == written


def test_by_hand_a_step_brings_its_recipe_up_to_date_and_in_a_workflow_it_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe("train", "synthpedes", "dual")
    monkeypatch.setenv(IN_WORKFLOW, "1")
    with refused("recipes/train/dual.json", "`cada recipes`"):
        take(recipe, models.TrainRecipe)
    monkeypatch.delenv(IN_WORKFLOW)
    first = take(recipe, models.TrainRecipe).train.optimisation.learning_rate
    edit("synthpedes/train.yaml", "learning_rate: ", "learning_rate: 1")
    monkeypatch.setenv(IN_WORKFLOW, "1")
    assert take(recipe, models.TrainRecipe).train.optimisation.learning_rate == first
    monkeypatch.delenv(IN_WORKFLOW)
    assert take(recipe, models.TrainRecipe).train.optimisation.learning_rate > first


def test_by_hand_a_step_of_reports_reads_the_matrix_of_its_workflow_file() -> None:
    found = take(Recipe("tables", "synthpedes", workflow=WORKFLOW), models.TitledRecipe)
    assert ([*found.titles], found.seeds) == (load_workflow().rows, load_workflow().seeds)


def test_values_that_come_from_more_than_one_place() -> None:
    """One process for maps of association, another set's images for a transfer, the switches that a data set changes for its chapter."""
    changes = {"evaluate": {"compute": {"processes": 2}}, "train": {"switches": {"padding": "fixed"}}}
    for name, change in changes.items():
        path = Path(f"params/synthpedes/{name}.yaml")
        own = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(own | {key: own.get(key, {}) | value for key, value in change.items()}))
    evaluated = take(Recipe("evaluate", "synthpedes", "dual"), models.EvaluateRecipe)
    associated = take(Recipe("associate", "synthpedes", "dual"), models.AssociateRecipe)
    transferred = take(Recipe("transfer", "synthpedes", "dual", "rstpreid"), models.TransferRecipe)
    assert associated.compute == evaluated.evaluate.compute.model_copy(update={"processes": 1})
    assert transferred.target == load_dataset("rstpreid").data.source != evaluated.source
    assert take(Recipe("chapter", "synthpedes"), models.ChapterRecipe).padding == dict.fromkeys(load_workflow().rows, "fixed")


MODELS: dict[str, type[Parameters]] = {
    "data": models.DataRecipe,
    "phrases": models.PhrasesRecipe,
    "initial": models.InitialRecipe,
    "train": models.TrainRecipe,
    "evaluate": models.EvaluateRecipe,
    "probe": models.ProbeRecipe,
    "associate": models.AssociateRecipe,
    "transfer": models.TransferRecipe,
    "tables": models.TitledRecipe,
    "release": models.TitledRecipe,
    "figures": models.FiguresRecipe,
    "attention": models.AttentionRecipe,
    "association-tables": models.AssociationTablesRecipe,
    "probe-tables": models.ProbeTablesRecipe,
    "chapter": models.ChapterRecipe,
    "report": models.ReportRecipe,
    "transfer-tables": models.TransferTablesRecipe,
}


def test_a_recipe_has_the_values_of_its_step_and_no_others() -> None:
    two = MATRIX.model_copy(update={"datasets": ("synthpedes", "rstpreid")})
    reader = Reader(two)
    found = {recipe.step: values(recipe, reader) for recipe in recipes_of(two, WORKFLOW)}
    assert {step: type(own) for step, own in found.items()} == MODELS


def test_a_step_cannot_read_a_switch_that_its_recipe_has_not() -> None:
    """Else a change of it would not be seen."""
    switches = take(Recipe("train", "synthpedes", "global"), models.TrainRecipe).switches
    assert switches.padding == "batch"
    with pytest.raises(AttributeError):
        _ = switches.ara_rate
    with pytest.raises(AttributeError):
        _ = take(Recipe("evaluate", "synthpedes", "dual"), models.EvaluateRecipe).switches.ara_rate


@pytest.mark.parametrize("dataset", ["icfg_pedes", "rstpreid"])
def test_a_public_set_is_compared_with_the_values_that_were_published_for_it(dataset: str) -> None:
    """Its batch and the number of re-ranked images are not those of CUHK-PEDES."""
    reader = Reader(Workflow(datasets=(dataset,), variants=("dual",), seeds=(0,)))
    found = values(Recipe("chapter", dataset), reader)
    assert isinstance(found, models.ChapterRecipe)
    assert [choice.what for choice in found.choices] == ["start"]


def test_without_published_values_the_report_has_nothing_to_compare_with() -> None:
    path = Path("params/procedures/published.yaml")
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"recipe": None}))
    with refused(path, "recipe", "missing"):
        texts()


def test_a_run_of_mlflow_outlives_an_edit_of_the_code() -> None:
    recipe = Recipe("train", "synthpedes", "dual")
    write([recipe], None)
    first = identity(recipe)
    held = json.loads(recipe.path.read_text())
    recipe.path.write_text(json.dumps(held | {"code": "another"}))
    assert identity(recipe).code == "another"
    assert identity(recipe).run == first.run
    recipe.path.unlink()
    assert identity(recipe) == first, "where there is no file it is of what would be written"
    edit("synthpedes/train.yaml", "learning_rate: ", "learning_rate: 1")
    assert identity(recipe).run != first.run


def test_the_code_of_a_recipe_has_the_objectives_that_its_step_may_use() -> None:
    """Of a training those of its variant, of a report all, of an evaluation none by its name."""
    every = frozenset(objective.module for objective in OBJECTIVES.values())
    own = frozenset(OBJECTIVES[name].module for name in ("global", "atp"))
    reader = Reader(MATRIX)
    for recipe, objectives in (
        (Recipe("train", "synthpedes", "atp"), own),
        (Recipe("evaluate", "synthpedes", "atp"), ()),
        (Recipe("chapter", "synthpedes"), every),
        (Recipe("report"), every),
    ):
        found = json.loads(content(recipe, reader))["code"]
        assert found == fingerprint(f"cada.steps.{recipe.step}", objectives=objectives), recipe.step


def test_the_recipes_of_a_matrix_are_those_of_its_workflow_file() -> None:
    matrix = load_workflow()
    assert {recipe.dataset for recipe in recipes_of(matrix, WORKFLOW)} == {*matrix.datasets, ""}
