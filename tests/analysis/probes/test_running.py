"""Searching again with something changed, against a whole new search and against the model read pair by pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cada.analysis.probes.images import darkened, image_changes
from cada.analysis.probes.outcomes import summary
from cada.analysis.probes.running import Baseline, change_images, probe_captions, probe_images
from cada.datasets.images import normalise
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.encoding import Engine
from cada.retrieval.metrics import summarise
from cada.retrieval.search import Search, Target
from cada.synthpedes.randomness import Stream
from tests.retrieval.tiny import ENC, tiny_captions, tiny_images, tiny_model

PERSONS = np.arange(17) % 6
ASKED = np.arange(11) % 6
OWN = np.arange(11)  # a image of the person asked for
STAGES = pytest.mark.parametrize("top_k", [None, 5], ids=["cosine", "re-ranked"])


@pytest.fixture(scope="module")
def model() -> Cada:
    return tiny_model()


def baseline_of(model: Cada, top_k: int | None, captions: TokenizedCaptions, images: torch.Tensor) -> Baseline:
    search = Search.of(model, Target(images, PERSONS, captions, ASKED), Engine(top_k=top_k, batch_size=4))
    return Baseline.of(search, *(("cosine", None) if top_k is None else ("calibrated", 2.0)))


def with_changes(captions: TokenizedCaptions, rows: list[int]) -> TokenizedCaptions:
    """Another word at position 1, and in the first of `rows` one word less."""
    ids, lengths = captions.ids.copy(), captions.lengths.copy()
    for row in rows:
        ids[row, 1] = 5 + (ids[row, 1] - 4) % (ENC - 5)
    lengths[rows[0]] -= 1
    ids[rows[0], lengths[rows[0]]] = 0
    return replace(captions, ids=ids, lengths=lengths)


@STAGES
def test_nothing_changed_changes_nothing(model: Cada, top_k: int | None) -> None:
    baseline = baseline_of(model, top_k, tiny_captions(), tiny_images())
    same = {"scores": summarise(baseline.values)}
    assert summary(probe_captions(baseline, tiny_captions(), own=OWN), baseline.values) == same | {"changed": 0}
    assert summary(probe_images(baseline, tiny_images()), baseline.values) == same


def test_wider_padding_is_no_change(model: Cada) -> None:
    baseline, captions = baseline_of(model, None, tiny_captions(), tiny_images()), tiny_captions()
    wider = replace(captions, ids=np.pad(captions.ids, ((0, 0), (0, 4))))
    assert not probe_captions(baseline, wider).changed.any()


@STAGES
def test_changed_captions_are_searched_as_if_they_were_alone(model: Cada, top_k: int | None) -> None:
    rows = [2, 5, 9]
    baseline = baseline_of(model, top_k, tiny_captions(), tiny_images())
    changed = with_changes(tiny_captions(), rows)
    anew = baseline_of(model, top_k, changed, tiny_images())
    outcome = probe_captions(baseline, changed)
    found = summary(outcome, baseline.values)
    assert found["changed"] == 3 and np.flatnonzero(outcome.changed).tolist() == rows
    assert outcome.values == pytest.approx(anew.values)
    assert found["scores"] == pytest.approx(summarise(anew.values))
    assert found["before"] == summarise(baseline.values[rows])
    assert found["after"] == pytest.approx(summarise(anew.values[rows]))
    assert summarise(anew.values) != pytest.approx(summarise(baseline.values))
    assert not outcome.pairs


@STAGES
def test_true_captions_against_changed_ones_pair_by_pair(model: Cada, top_k: int | None) -> None:
    rows = [0, 1, 3, 4, 6, 8, 10]
    captions, changed = tiny_captions(), with_changes(tiny_captions(), rows)
    baseline = baseline_of(model, top_k, captions, tiny_images())
    expected: dict[str, list[list[float]]] = {"cosine": [], "match": []}
    with torch.inference_mode():
        for row in rows:
            for scores in expected.values():
                scores.append([])
            for texts in (captions, changed):
                ids = torch.from_numpy(texts.ids[row : row + 1, : texts.lengths[row]].astype(np.int64))
                mask = torch.ones_like(ids, dtype=torch.bool)
                tokens, image = model.encode_images(normalise(tiny_images()[row : row + 1]))
                logits = model.match_head(model.match_hidden(ids, mask, tokens)[:, 0])
                expected["cosine"][-1].append(float(torch.cosine_similarity(model.encode_text(ids, mask), image)))
                expected["match"][-1].append(float(logits[0, 1] - logits[0, 0]))
    outcome = probe_captions(baseline, changed, own=OWN)
    assert outcome.changed is not None and np.flatnonzero(outcome.changed).tolist() == rows
    assert list(outcome.pairs) == (["cosine"] if top_k is None else ["cosine", "match"])
    for score, pairs in outcome.pairs.items():
        assert pairs == pytest.approx(np.array(expected[score]), abs=1e-5)
        assert len({first > second for first, second in expected[score]}) == 2, "both are right at times"


@STAGES
def test_changed_images_are_searched_as_a_gallery_of_their_own(model: Cada, top_k: int | None) -> None:
    baseline = baseline_of(model, top_k, tiny_captions(), tiny_images())
    dark = darkened(tiny_images(), brightness=0.2)
    target = Target(dark, PERSONS, tiny_captions(), ASKED)
    expected = Search.of(model, target, baseline.search.engine).found().scores(baseline.fusion, baseline.weight)
    assert summary(probe_images(baseline, dark), baseline.values)["scores"] == pytest.approx(expected)
    assert expected != pytest.approx(summarise(baseline.values))


@pytest.mark.parametrize("memory_mb", [0, 100], ids=["file", "memory"])
def test_a_image_is_changed_by_its_name(memory_mb: int) -> None:
    """Whatever the batch and the order."""
    images, change = tiny_images(), image_changes(blur=0.05, darkness=0.4, occlusion=0.3, low_resolution=2)["occlusion"]
    names = [f"{number}.jpg" for number in range(17)]
    changed = change_images(images, names, change, seed=3, kind="occlusion", batch_size=5, memory_mb=memory_mb)
    assert changed.dtype == torch.uint8
    for row in range(17):
        assert torch.equal(changed[row], change(images[row : row + 1], [Stream(3, "occlusion", names[row])])[0])
    backwards = change_images(images.flip(0), names[::-1], change, seed=3, kind="occlusion", batch_size=17, memory_mb=memory_mb)
    assert torch.equal(backwards.flip(0), changed)
    other = change_images(images, names, change, seed=4, kind="occlusion", batch_size=5, memory_mb=memory_mb)
    assert not torch.equal(other, changed)
