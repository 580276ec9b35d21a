from pathlib import Path

import pytest

from cada.config import Choice, load_dataset, load_procedure, resolve
from cada.config.choices import choices
from cada.config.procedures import recipe_of

ROOT = Path(__file__).parents[2]


def differences(dataset: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Choice]:
    monkeypatch.chdir(ROOT)
    parameters = load_dataset(dataset)
    published = load_procedure("published")
    here = recipe_of(parameters.initial, parameters.model, parameters.train, parameters.evaluate.top_k)
    assert published.recipe is not None
    weights = resolve(load_procedure("robust"), parameters.train).weights
    found = choices(here, published.recipe.of(dataset), weights=weights, published_weights=published.weights)
    return {choice.what: choice for choice in found}


@pytest.mark.parametrize("dataset", ["icfg_pedes", "rstpreid"])
def test_the_recipes_of_the_public_sets_are_the_published_ones(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(differences(dataset, monkeypatch)) == {"start"}


def test_cuhk_pedes_re_ranks_more_images_than_the_launch_script(monkeypatch: pytest.MonkeyPatch) -> None:
    found = differences("cuhk_pedes", monkeypatch)
    assert set(found) == {"start", "re-ranked images (k)"}
    assert (found["re-ranked images (k)"].published, found["re-ranked images (k)"].here) == ("16", "32")


def test_what_a_drawn_set_does_otherwise_stands_beside_what_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    found = differences("synthpedes", monkeypatch)
    assert found["batch"] == Choice(what="batch", published="120", here="64")
    weights = found["weights of the losses"]
    assert (weights.published, weights.here) == ("global 1, ATP 1, ARA 0.1", "global 1, ATP 1, ARA 3")
    assert found["learning rate"].here == "0.0005, 10 steps of warm-up, then a cosine by the step"
    assert found["images, height x width"].here == "96 x 48, in patches of 8 x 8"
    assert (found["gradient clipping"].published, found["gradient clipping"].here) == ("none", "at a norm of 1")
    assert {"start", "image encoder", "dropout", "epochs", "AdamW"} < set(found)
    assert "re-ranked images (k)" not in found  # 16, as CUHK-PEDES' launch script has it
