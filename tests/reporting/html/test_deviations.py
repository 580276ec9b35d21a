from pathlib import Path
from typing import get_args

import pytest

from cada.config import PROCEDURES, PUBLISHED_WEIGHTS, Switches, load_dataset, refined
from cada.reporting.html.deviations import DECIDES, VALUES, RecipeDeviation, recipe_deviations, switch_deviations

ROOT = Path(__file__).parents[3]
PUBLISHED = PROCEDURES["published"]


def test_every_switch_and_every_value_of_it_is_explained() -> None:
    assert list(DECIDES) == list(Switches.model_fields)
    named = {name: set(get_args(field.annotation)) for name, field in Switches.model_fields.items()}
    assert {name: set(texts) for name, texts in VALUES.items()} == {name: values for name, values in named.items() if values}


def test_the_published_procedure_deviates_in_nothing() -> None:
    assert switch_deviations({"published": PUBLISHED}, PUBLISHED, {}) == []


def test_the_robust_procedure_deviates_in_what_differs() -> None:
    published, robust = (PROCEDURES[name].model_dump() for name in ("published", "robust"))
    found = {deviation.switch: deviation for deviation in switch_deviations({"dual": PROCEDURES["robust"]}, PUBLISHED, {"queries": "why"})}
    assert set(found) == {name for name in published if published[name] != robust[name]}
    assert (found["ara_rate"].published, found["ara_rate"].here) == ("0.4", "0.8")
    assert found["queries"].here == "all"
    assert {name: deviation.idle for name, deviation in found.items() if deviation.idle} == {"queries": "why"}


def test_variants_that_differ_are_named() -> None:
    several = {"dual": PROCEDURES["robust"], "three": PROCEDURES["robust"].model_copy(update={"group_count": 3})}
    found = {deviation.switch: deviation for deviation in switch_deviations(several | {"published": PUBLISHED}, PUBLISHED, {})}
    assert found["group_count"].here == "2 (dual, published); 3 (three)"
    assert found["ara_rate"].here == "0.8 (dual, three); 0.4 (published)"


def differences(dataset: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, RecipeDeviation]:
    monkeypatch.chdir(ROOT)
    parameters = load_dataset(dataset)
    found = recipe_deviations(
        dataset,
        start=parameters.initial.source,
        model=parameters.model,
        weights=refined(PUBLISHED_WEIGHTS, parameters.train.weights),
        optimisation=parameters.train.optimisation,
        augmentation=parameters.train.augmentation,
        top_k=parameters.evaluate.top_k,
    )
    return {part.what: part for part in found}


@pytest.mark.parametrize("dataset", ["icfg_pedes", "rstpreid"])
def test_the_recipes_of_the_public_sets_are_the_published_ones(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(differences(dataset, monkeypatch)) == {"start"}


def test_cuhk_pedes_re_ranks_more_images_than_the_launch_script(monkeypatch: pytest.MonkeyPatch) -> None:
    found = differences("cuhk_pedes", monkeypatch)
    assert set(found) == {"start", "re-ranked images (k)"}
    assert (found["re-ranked images (k)"].published, found["re-ranked images (k)"].here) == ("16", "32")


def test_what_a_drawn_set_does_otherwise_stands_beside_what_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    found = differences("synthpedes", monkeypatch)
    assert found["batch"] == RecipeDeviation("batch", "120", "64")
    assert found["weights of the losses"] == RecipeDeviation("weights of the losses", "global 1, ATP 1, ARA 0.1", "global 1, ATP 1, ARA 3")
    assert found["learning rate"].here == "0.0005, 10 steps of warm-up, then a cosine by the step"
    assert found["images, height x width"].here == "96 x 48, in patches of 8 x 8"
    assert (found["gradient clipping"].published, found["gradient clipping"].here) == ("none", "at a norm of 1")
    assert {"start", "image encoder", "dropout", "epochs", "AdamW"} < set(found)
    assert "re-ranked images (k)" not in found  # 16, as CUHK-PEDES' launch script has it
