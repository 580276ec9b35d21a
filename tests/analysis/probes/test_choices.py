"""Choices of one of two, against the model read pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cada.analysis.probes.choices import Shown, caption_choices, look_alike_choices, shown_images
from cada.analysis.probes.names import CHOICE
from cada.analysis.probes.outcomes import Outcome
from cada.config import Persons, Synthesis
from cada.datasets.images import normalise
from cada.datasets.loading import Split
from cada.model.cada import Cada
from cada.retrieval.encoding import Engine
from cada.synthpedes.attributes import families
from cada.synthpedes.generate import tasks
from cada.synthpedes.lookalikes import Change, LookAlike
from tests.retrieval.tiny import tiny_model

SET = Synthesis(seed=11, persons=Persons(train=1, val=1, test=6), images_per_person=(2, 3), size=(96, 48))
WORDS = [f"word{number}" for number in range(5, 39)]


def shown() -> list[Shown]:
    """Three images with no, one and three look-alikes; noise, and captions of words that the tiny model has."""
    random, person = np.random.default_rng(3), next(families(1, "test", 1))
    own = list(tasks(SET, "test"))[::3]

    def one(kind: str | None = None, *, distinct: bool = False) -> LookAlike:
        image = Image.fromarray(random.integers(0, 256, (64, 32, 3), dtype=np.uint8))
        change = Change(kind, ("upper_colour", "bag_colour"), person.attributes) if kind else None
        return LookAlike(image, " ".join(random.choice(WORDS, 5)), change, distinct)

    others = [[], [one("swap", distinct=True)], [one("swap", distinct=True), one("absence"), one("type", distinct=True)]]
    return [Shown(task, number % 2, [one(), *images]) for number, (task, images) in enumerate(zip(own, others, strict=False))]


def scores(model: Cada, caption: str, image: Image.Image) -> tuple[float, float]:
    """Cosine, and match logit less mismatch logit."""
    tokens = model.tokenizer([caption])
    ids = torch.from_numpy(tokens.ids[:, : tokens.lengths[0]].astype(np.int64))
    mask = torch.ones_like(ids, dtype=torch.bool)
    pixels = torch.from_numpy(np.asarray(image.resize((16, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1).copy())
    with torch.inference_mode():
        hidden, feature = model.encode_images(normalise(pixels[None]))
        logits = model.match_head(model.match_hidden(ids, mask, hidden)[:, 0])[0]
        return float(torch.cosine_similarity(model.encode_text(ids, mask), feature)), float(logits[1] - logits[0])


@pytest.mark.parametrize("top_k", [None, 2], ids=["cosine", "match"])
def test_an_image_beside_its_look_alikes_and_a_sentence_beside_theirs(top_k: int | None) -> None:
    model, images = tiny_model(), shown()
    expected = []
    for one in images:
        own, *others = one.images
        for other in others:
            assert other.change
            named = (other.change.kind, "upper_colour bag_colour", one.task.path, one.number, one.task.identity)
            right, image, sentence = (
                scores(model, own.caption, own.image), scores(model, own.caption, other.image), scores(model, other.caption, own.image)
            )  # fmt: skip
            expected.append(("image", *named, right[0], image[0], right[1], image[1]))
            if other.distinct:
                expected.append(("sentence", *named, right[0], sentence[0], right[1], sentence[1]))
    table = look_alike_choices(model, images, Engine(top_k=top_k, batch_size=3))
    assert [tuple(row) for row in table[[*CHOICE]].itertuples(index=False)] == [row[:6] for row in expected]
    numbers = table[["cosine_right", "cosine_wrong", "match_right", "match_wrong"]].to_numpy()
    wanted = np.array([row[6:] for row in expected])
    assert numbers[:, :2] == pytest.approx(wanted[:, :2], abs=1e-5)
    if top_k is None:
        assert np.isnan(numbers[:, 2:]).all()
    else:
        assert numbers[:, 2:] == pytest.approx(wanted[:, 2:], abs=1e-5)
    assert len(expected) == 7 and len({*wanted[:, 1]}) == 7


def test_images_without_look_alikes_leave_nothing_to_choose() -> None:
    table = look_alike_choices(tiny_model(), shown()[:1], Engine(top_k=2))
    assert table.empty and "match_wrong" in table


def test_one_image_of_every_person_asked_for() -> None:
    persons = [4, 6, 8]
    found = shown_images(SET, persons, seed=0)
    assert [one.task.identity for one in found] == persons
    assert {one.task.path for one in found} < {task.path for task in tasks(SET, "test")}
    assert [[other.caption for other in one.images] for one in found] == [
        [other.caption for other in one.images] for one in shown_images(SET, persons, seed=0)
    ]
    drawn = [tuple(one.task.path for one in shown_images(SET, persons, seed=seed)) for seed in range(8)]
    assert len(set(drawn)) > 1


def test_changed_captions_beside_the_true_ones() -> None:
    """Of four captions two are changed, under a kind that makes them false; another kind makes none."""
    split = Split((), ("a.jpg", "b.jpg"), np.array([3, 7]), ("",) * 4, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    changed = np.array([False, True, True, False])
    false = Outcome(np.zeros((4, 5)), changed, {"cosine": np.array([[0.5, 0.25], [0.125, 0.75]])})
    table = caption_choices({"synonyms": Outcome(np.zeros((4, 5)), changed), "negation": false}, split)
    assert table[[*CHOICE, "cosine_right", "cosine_wrong"]].to_numpy().tolist() == [
        ["caption", "negation", "", "a.jpg", 1, 3, 0.5, 0.25],
        ["caption", "negation", "", "b.jpg", 0, 7, 0.125, 0.75],
    ]
    assert table["match_right"].isna().all()
    nothing = caption_choices({"negation": Outcome(np.zeros((4, 5)), np.zeros(4, dtype=bool))}, split)
    assert nothing.empty and list(nothing) == list(table)
    assert isinstance(nothing, pd.DataFrame)
