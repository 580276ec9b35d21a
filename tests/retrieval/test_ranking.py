"""Rankings against sorting by hand, fusions by hand, and both stages against one loop per query."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from cada.datasets.images import normalise
from cada.retrieval.encoding import encode_gallery, encode_queries
from cada.retrieval.evaluation import Engine, choose_weight, retrieve
from cada.retrieval.metrics import score_queries
from cada.retrieval.ranking import calibrated_scores, published_scores, rank, rerank
from tests.retrieval.tiny import CPU, tiny_captions, tiny_images, tiny_model

ENGINE = Engine(top_k=5, batch_size=4, device=CPU)


def both_stages(images: torch.Tensor, batch_size: int = 4):
    model, captions = tiny_model(), tiny_captions()
    gallery = encode_gallery(model, images, batch_size=batch_size, device=CPU)
    queries = encode_queries(model, captions, batch_size=batch_size, device=CPU)
    return retrieve(model, gallery, queries, captions, ENGINE)


@pytest.mark.parametrize("fusion", ["cosine", "published", "calibrated"])
def test_equal_to_one_loop_per_query(fusion):
    model, captions, images = tiny_model(), tiny_captions(), tiny_images()
    found = both_stages(images).ranking(fusion, 2.0)
    with torch.no_grad():
        tokens, features = model.encode_images(normalise(images))
        for row in range(len(captions)):
            ids = torch.tensor(captions.ids[row, : captions.lengths[row]][None].astype(np.int64))
            mask = torch.ones_like(ids)
            text = model.encode_text(ids, mask)[0]
            cosine = [float(torch.cosine_similarity(text, feature, dim=0)) for feature in features]
            order = sorted(range(len(images)), key=lambda j: (-cosine[j], j))
            if fusion != "cosine":
                score = {}
                for j in order[:5]:
                    no, yes = model.match_head(model.match_hidden(ids, mask, tokens[j : j + 1])[0, 0]).tolist()
                    log_match = yes - math.log(math.exp(no) + math.exp(yes))
                    score[j] = yes + cosine[j] if fusion == "published" else log_match + 2.0 * cosine[j]
                order[:5] = sorted(score, key=lambda j: (-score[j], j))
            assert found[row].tolist() == order


def test_rank_is_a_stable_sort():
    values = np.float32([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 100.5, -100.5, np.inf, -np.inf, 3e38, 0.1, 0.1])
    scores = np.random.default_rng(0).choice(values, (600, 40))
    for row, ranking in zip(scores.tolist(), rank(scores).tolist(), strict=True):
        assert ranking == sorted(range(40), key=lambda j: (-row[j], j))


def test_ties_fall_to_the_earlier_picture():
    assert rank(np.float32([[1, 2, 2, 1]])).tolist() == [[1, 2, 0, 3]]
    assert rerank(np.array([[3, 1, 2, 0]]), np.array([[5.0, 5.0, 7.0]])).tolist() == [[2, 1, 3, 0]]


def test_the_tail_keeps_its_order():
    # cosines that differ by less than float32 can tell apart beside a fill of -100
    cosine = (np.arange(50, dtype=np.float32)[None] * np.float32(1e-7)) + np.float32(0.5)
    first, logits = rank(cosine), np.zeros((1, 4, 2), dtype=np.float32)
    assert rerank(first, calibrated_scores(cosine[:, -4:], logits, weight=0.0))[0, 4:].tolist() == list(range(45, -1, -1))
    published = rank(published_scores(cosine, first[:, :4], logits))
    assert set(published[0, :4].tolist()) == {46, 47, 48, 49}
    assert published[0, 4:].tolist() == [*range(39, 46), *range(39)]  # two values are left, and ties in each


def test_permuting_the_gallery_permutes_the_ranking():
    order = torch.randperm(17, generator=torch.Generator().manual_seed(3))
    before = both_stages(tiny_images(), 64).ranking("calibrated", 1.0)
    after = both_stages(tiny_images()[order], 64).ranking("calibrated", 1.0)
    assert np.array_equal(before, order.numpy()[after])


def test_fusions_by_hand():
    logits, cosine = np.float32([[[0.0, 2.0], [3.0, -4.0]]]), np.float32([[0.5, 0.25, 0.75]])
    published = published_scores(cosine, np.array([[2, 0]]), logits)
    assert published.dtype == np.float32
    assert published.tolist() == [[-3.5, -99.75, 2.75]]
    calibrated = calibrated_scores(cosine[:, [2, 0]], logits, weight=10.0)
    assert calibrated[0].tolist() == pytest.approx([2 - math.log(1 + math.exp(2)) + 7.5, -4 - math.log(math.exp(3) + math.exp(-4)) + 5])


def test_a_part_of_the_gallery_is_searched_like_a_gallery_of_its_own():
    model, captions, images = tiny_model(), tiny_captions(), tiny_images()
    part = np.array([2, 3, 7, 8, 11, 16])
    queries = encode_queries(model, captions, batch_size=4, device=CPU)
    whole, alone = (encode_gallery(model, shown, batch_size=4, device=CPU) for shown in (images, images[torch.from_numpy(part)]))
    for k in (3, 10):
        engine = replace(ENGINE, top_k=k)
        found = retrieve(model, whole, queries, captions, engine, images=part)
        expected = retrieve(model, alone, queries, captions, engine)
        assert np.array_equal(found.first_stage, expected.first_stage)
        assert found.logits.shape == (11, min(k, 6), 2)
        assert np.abs(found.logits - expected.logits).max() < 1e-5


def test_the_weight_is_chosen_by_average_precision():
    found = both_stages(tiny_images(), 64)
    gallery_persons, query_persons = np.arange(17) % 4, np.arange(11) % 4
    weights = (0.0, 0.5, 5.0, 500.0)
    scores = [
        score_queries(found.ranking("calibrated", weight), query_persons, gallery_persons).average_precision.mean() for weight in weights
    ]
    assert choose_weight(found, query_persons, gallery_persons, weights) == weights[int(np.argmax(scores))]
    assert len(set(scores)) > 1
