"""The two stages against one loop per query."""

import math

import numpy as np
import pytest
import torch

from cada.config import Architecture, Transformer
from cada.data.images import normalise
from cada.model.cada import build
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.encoding import encode_gallery, encode_queries
from cada.retrieval.evaluation import Engine, choose_weight, retrieve
from cada.retrieval.metrics import score_queries
from cada.retrieval.ranking import fuse, rank, rerank

ENC = 40
DEVICE = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    sizes = Transformer(width=24, depth=2, heads=2, mlp=48)
    architecture = Architecture(
        image_size=(32, 16), patch_size=(8, 8), vision=sizes, text=sizes, projection=12, max_tokens=20, positions=20
    )
    model = build(architecture, vocabulary=41)
    for parameter in model.parameters():  # larger than the initial ones, so that scores differ
        parameter.data.mul_(3) if parameter.ndim > 1 else None
    return model.eval()


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (17, 3, 32, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def captions():
    generator = np.random.default_rng(2)
    lengths = generator.integers(3, 15, 11).astype(np.int32)
    ids = np.zeros((11, 14), dtype=np.int32)
    for row, length in enumerate(lengths):
        ids[row, :length] = generator.integers(5, 40, length)
    return TokenizedCaptions(ids, lengths, np.zeros_like(ids), np.zeros_like(ids))


@pytest.mark.parametrize("fusion", ["cosine", "published", "calibrated"])
@pytest.mark.parametrize("padded_to", [None, 20])
def test_equal_to_one_loop_per_query(model, images, captions, fusion, padded_to):
    engine = Engine(enc=ENC, top_k=5, padded_to=padded_to, batch_size=4, device=DEVICE)
    gallery = encode_gallery(model, images, batch_size=4, device=DEVICE)
    queries = encode_queries(model, captions, batch_size=4, padded_to=padded_to, device=DEVICE)
    found = retrieve(model, gallery, queries, captions, engine).ranking(fusion, 2.0)

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
                    no, yes = model.match_head(model.match_hidden(ids, mask, tokens[j : j + 1], enc=ENC)[0, 0]).tolist()
                    log_match = yes - math.log(math.exp(no) + math.exp(yes))
                    score[j] = yes + cosine[j] if fusion == "published" else log_match + 2.0 * cosine[j]
                order[:5] = sorted(score, key=lambda j: (-score[j], j))
            assert found[row].tolist() == order


def test_ties_fall_to_the_earlier_picture():
    assert rank(np.array([[1.0, 2.0, 2.0, 1.0]])).tolist() == [[1, 2, 0, 3]]
    assert rerank(np.array([[3, 1, 2, 0]]), np.array([[5.0, 5.0, 7.0]])).tolist() == [[2, 1, 3, 0]]


def test_the_tail_keeps_its_order():
    # cosines that differ by less than float32 can tell apart beside a fill of -100
    cosine = (np.arange(50, dtype=np.float32)[None] * np.float32(1e-7)) + np.float32(0.5)
    first = rank(cosine)
    assert rerank(first, np.zeros((1, 4), dtype=np.float32))[0, 4:].tolist() == list(range(45, -1, -1))


def test_permuting_the_gallery_permutes_the_ranking(model, images, captions):
    engine = Engine(enc=ENC, top_k=5, padded_to=None, batch_size=64, device=DEVICE)
    queries = encode_queries(model, captions, batch_size=64, padded_to=None, device=DEVICE)
    gallery = encode_gallery(model, images, batch_size=64, device=DEVICE)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(3))
    shuffled = encode_gallery(model, images[order], batch_size=64, device=DEVICE)
    before = retrieve(model, gallery, queries, captions, engine).ranking("calibrated", 1.0)
    after = retrieve(model, shuffled, queries, captions, engine).ranking("calibrated", 1.0)
    assert np.array_equal(before, order.numpy()[after])


def test_fusions_by_hand():
    logits, cosine = np.array([[[0.0, 2.0]]]), np.array([[0.5]])
    assert fuse(logits, cosine, how="published") == pytest.approx(2.5)
    assert fuse(logits, cosine, how="calibrated", weight=10.0) == pytest.approx(2 - math.log(1 + math.exp(2)) + 5)


def test_the_weight_is_chosen_by_average_precision(model, images, captions):
    engine = Engine(enc=ENC, top_k=5, padded_to=None, batch_size=64, device=DEVICE)
    gallery = encode_gallery(model, images, batch_size=64, device=DEVICE)
    queries = encode_queries(model, captions, batch_size=64, padded_to=None, device=DEVICE)
    found = retrieve(model, gallery, queries, captions, engine)
    gallery_persons, query_persons = np.arange(17) % 4, np.arange(11) % 4
    weights = (0.0, 0.5, 5.0, 500.0)
    scores = [
        score_queries(found.ranking("calibrated", weight), query_persons, gallery_persons).average_precision.mean() for weight in weights
    ]
    assert choose_weight(found, query_persons, gallery_persons, weights) == weights[int(np.argmax(scores))]
    assert len(set(scores)) > 1
