"""Evaluation, probes, explanations and search on the pretended GPU: the CPU's scores."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cada.analysis.association.names import attribution_names
from cada.analysis.association.regions import bands
from cada.analysis.association.running import Pair, associate
from cada.analysis.explanation import explain
from cada.analysis.probes.running import Baseline, probe_captions, probe_images
from cada.gallery.backend import TorchBackend
from cada.model.cada import Cada
from cada.model.folder import save_model, weights_of
from cada.retrieval import encoding
from cada.retrieval.encoding import encode_gallery, encode_queries
from cada.retrieval.feature_cache import FeatureCache
from cada.retrieval.results import Scoring, score_model
from cada.retrieval.search import Search
from cada.runtime.compute import autocast
from cada.storage.cache import Cache
from tests.pretended_gpu.device import CUDA, PretendedGpu
from tests.pretended_gpu.paths import CPU, as_on_a_gpu
from tests.training.tiny import tiny_engine, tiny_model, tiny_target, tiny_training

SCORING = Scoring(headline="calibrated", weight=1.0, parts=2, bootstrap=10, val=None)


@as_on_a_gpu
def scored(device, *, on_disk=False, **changed):
    """A search and what is reported of it; `on_disk`: there is no memory for image tokens."""
    target = tiny_target(tiny_training())
    store = encoding.token_store

    def full(shape, kind, **how):
        return store(shape, kind, **how | {"memory_mb": 0})

    with patch.object(encoding, "token_store", full if on_disk else store):
        search = Search.of(tiny_model().eval().to(device), target, replace(tiny_engine(), batch_size=5, **changed))
    return search, score_model(search, SCORING)


@pytest.mark.parametrize("on_disk", [False, True])
def test_an_evaluation_has_the_metrics_of_the_cpu(on_disk):
    _, (theirs, their_rankings) = scored(CPU)
    with PretendedGpu():
        search, (ours, rankings) = scored(CUDA, on_disk=on_disk)
        assert search.gallery.tokens.device.type == ("cpu" if on_disk else "cuda")
    assert ours == theirs
    assert all(np.array_equal(rankings[fusion], ranking) for fusion, ranking in their_rankings.items())


@pytest.mark.parametrize("on_disk", [False, True])
def test_in_bf16_an_evaluation_has_about_the_scores_of_fp32(on_disk):
    theirs, _ = scored(CPU)
    with PretendedGpu() as gpu:
        ours, _ = scored(CUDA, on_disk=on_disk, precision="bf16")
        assert ours.gallery.tokens.dtype == torch.bfloat16
        assert set(gpu.attention) == {"bfloat16"}
        logits = ours.match(theirs.found().candidates)
    assert torch.allclose(ours.queries @ ours.gallery.features.T, theirs.queries @ theirs.gallery.features.T, atol=0.02)
    assert np.abs(logits - theirs.found().logits).max() < 0.02


def test_features_are_kept_for_a_second_evaluation(tmp_path):
    target = tiny_target(tiny_training())
    engine = replace(tiny_engine(), top_k=None, cache=FeatureCache(Cache(tmp_path, 2**20), "maker"))
    with PretendedGpu() as gpu:
        model = tiny_model().eval().to(CUDA)
        first = encode_gallery(model, target.images, engine).features, encode_queries(model, target.captions, engine)
        gpu.reset()
        second = encode_gallery(model, target.images, engine).features, encode_queries(model, target.captions, engine)
        assert not gpu.launches
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_probes_have_the_outcomes_of_the_cpu():
    training = tiny_training()
    target = tiny_target(training)
    ids = target.captions.ids.copy()
    ids[::2, 2] = 7
    changed = replace(target.captions, ids=ids)

    @as_on_a_gpu
    def outcomes(device):
        search = Search.of(tiny_model().eval().to(device), target, tiny_engine())
        base = Baseline.of(search, "calibrated", 1.0)
        captions = probe_captions(base, changed, own=training.caption_image)
        return captions, probe_images(base.without_tokens(), 255 - target.images)

    theirs = outcomes(CPU)
    with PretendedGpu():
        ours = outcomes(CUDA)
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one.values, other.values)
    assert set(theirs[0].pairs) == {"cosine", "match"}
    assert all(np.array_equal(ours[0].pairs[score], pairs) for score, pairs in theirs[0].pairs.items())


def test_an_explanation_is_that_of_the_cpu():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8))
    caption, spans = "word7 word9 word11 word20", [(0, 11), (12, 18)]
    theirs = explain(tiny_model().eval(), image, caption, spans=spans)
    with PretendedGpu():
        ours = explain(tiny_model().eval().to(CUDA), image, caption, spans=spans)
    assert ours.match == theirs.match and ours.matches == theirs.matches and ours.expected == theirs.expected
    for reader, maps in theirs.maps.items():
        assert np.allclose(ours.maps[reader], maps, atol=1e-7) and maps.max() > 0


def test_an_association_is_that_of_the_cpu_and_not_rounded_to_tf32(monkeypatch):
    training, grid, seen = tiny_training(), (4, 2), set()
    pair = Pair("image", 0, 0, "word7 word9 word11 word20", ((0, 11), (12, 18)), (None, None), bands(grid))
    encode = Cada.encode_images
    monkeypatch.setattr(Cada, "encode_images", lambda *given: (seen.add(torch.backends.cudnn.allow_tf32), encode(*given))[1])

    def table(device):
        model, name = tiny_model().eval().to(device), attribution_names(2)[0]
        return associate(model, [pair], lambda _: training.images[0], {}, attribution=name, seed=0, batch_size=4)[0]

    theirs = table(CPU)
    with PretendedGpu(), autocast(CUDA, "tf32"):  # as `prepare` leaves it
        ours = table(CUDA)
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-5, atol=1e-6)
    assert len(theirs) == 2 and seen == {False}


def test_the_backend_of_search_gives_the_arrays_of_the_cpu(tmp_path):
    model, target = tiny_model(), tiny_target(tiny_training())
    vocabulary = tmp_path / "vocabulary.txt"
    vocabulary.write_text("\n".join(model.tokenizer.entries) + "\n")
    save_model(tmp_path / "model", weights_of(model), architecture=model.architecture, vocabulary=vocabulary)
    texts, candidates = ["word7 word9", "word5 word6 word8"], np.array([[0, 3, 5], [2, 3, 4]])

    @as_on_a_gpu
    def arrays():
        backend = TorchBackend(tmp_path / "model")
        features, tokens = backend.encode_images(target.images.numpy())
        matched = backend.match(texts, candidates, [(0, tokens[:4]), (4, tokens[4:])])
        return backend.model.device, [features, tokens, backend.encode_texts(texts), matched]

    _, theirs = arrays()
    with PretendedGpu():
        device, ours = arrays()
    assert device == CUDA
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one, other)
