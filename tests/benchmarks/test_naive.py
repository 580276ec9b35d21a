"""The published procedure and ours give the same numbers: otherwise the ratio of their times would mean nothing.

Legend: Q captions, G images, L tokens.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import nltk
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks import naive
from benchmarks.inputs import QUICK, TINY, candidates_of, caption_lengths, captions_of, images_of, model_of, tokens_of
from benchmarks.operations import counted, reranking_flops
from benchmarks.query import by_keys
from benchmarks.retrieval import evaluation_ways
from benchmarks.training import PUBLISHED, Problem, batch_that_fits, changed, largest_batch, naive_losses, our_losses, problem_of
from cada.datasets.images import normalise
from cada.datasets.loading import take_split
from cada.datasets.records import Record
from cada.model import cost
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.retrieval.reranking import Captions, match_logits
from cada.training.captions import attribute_groups
from tests.messages import refused

CPU = torch.device("cpu")
EVERYTHING = changed(PUBLISHED, ara_rate=1.0)


@pytest.fixture
def model(tokenizer: Tokenizer) -> Cada:
    model = model_of(TINY, tokenizer, device=CPU)
    for parameter in model.parameters():  # larger than the initial ones, so that scores differ
        if parameter.ndim > 1:
            parameter.data.mul_(2)
    return model


@pytest.fixture
def problem(tokenizer: Tokenizer) -> Problem:
    return problem_of(QUICK, tokenizer, CPU)


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def test_losses_and_gradients_are_equal(model: Cada, problem: Problem, tokenizer: Tokenizer) -> None:
    plain = naive_losses(model, problem, tokenizer, rate=1.0)
    plain["loss"].backward()
    by_plain = gradients(model)
    ours = our_losses(model, problem, switches=EVERYTHING)
    ours["loss"].backward()
    by_ours = gradients(model)
    for name, value in plain.items():
        assert float(value.detach()) == pytest.approx(float(ours[name].detach()), rel=1e-5), name
    assert by_plain.keys() == by_ours.keys()
    for name, gradient in by_plain.items():
        assert torch.allclose(gradient, by_ours[name], rtol=1e-3, atol=1e-5 * float(gradient.abs().max()) + 1e-6), name


def test_the_same_tokens_may_be_masked(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a tagger to which every second piece is a noun; the last caption is cut."""
    monkeypatch.setattr(nltk, "pos_tag_sents", lambda captions: [list(zip(pieces, cycle(("NN", "VB")))) for pieces in captions])
    texts = ["red", "a man in red", "a red t-shirt " * 24]
    records = [Record(f"{number}.png", number, (text,), "train") for number, text in enumerate(texts)]
    split = take_split(records, "train", root=Path("data"))
    groups = attribute_groups(tokenizer(split.captions), split, masking="words", phrases=pd.DataFrame(), tokenizer=tokenizer)
    plain = naive.tagged_words(split.captions, tokenizer)
    assert np.array_equal(plain.numpy()[:, : groups.shape[1]], groups >= 0)
    assert not plain[:, groups.shape[1] :].any()


def test_the_published_way_pads_everything_to_73_tokens(model: Cada, problem: Problem, tokenizer: Tokenizer) -> None:
    seen = []
    hook = model.text_encoder.bert.embeddings.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape[:2])))
    naive_losses(model, problem, tokenizer)
    hook.remove()
    batch = QUICK.batch
    assert seen == [(batch, 73), (batch, 73), (2 * batch, 73)]  # text alone, pairs, negatives


def test_attention_is_fused_again_afterwards(model: Cada) -> None:
    kinds = {part.config._attn_implementation for part in (model.image_encoder.vit, model.text_encoder.bert, model.attribute_decoder.bert)}
    with naive.eager(model):
        assert model.text_encoder.bert.encoder.layer[0].attention.self.config._attn_implementation == "eager"
    assert kinds == {"sdpa"}
    assert model.text_encoder.bert.encoder.layer[0].attention.self.config._attn_implementation == "sdpa"


@pytest.fixture
def captions(tokenizer: Tokenizer) -> TokenizedCaptions:
    captions = tokenizer(captions_of(caption_lengths(9), tokenizer))
    captions.ids[:, 0] = tokenizer.enc
    return captions


def test_scores_are_equal_and_in_one_order(model: Cada, captions: TokenizedCaptions) -> None:
    tokens, candidates = tokens_of(TINY, 7), candidates_of(9, 7, 5)
    ids, mask = naive.padded(captions)
    with torch.inference_mode(), naive.eager(model):
        plain = naive.match_logits(model, ids, mask, tokens, candidates)
    ours = engine(model, captions, candidates, tokens)
    assert float(plain.std()) > 0.1
    assert torch.allclose(plain, ours, atol=1e-5)
    assert torch.equal(plain[..., 1].argsort(dim=1), ours[..., 1].argsort(dim=1))


def engine(model: Cada, captions: TokenizedCaptions, candidates: np.ndarray, tokens: torch.Tensor) -> torch.Tensor:
    return match_logits(
        model.text_encoder.bert,
        model.match_head,
        captions=Captions(captions.ids, captions.lengths),
        candidates=candidates,
        image_tokens=[(0, tokens)],
    )


def test_whole_evaluations_agree(model: Cada, tokenizer: Tokenizer) -> None:
    captions = tokenizer(captions_of(caption_lengths(8), tokenizer))
    ways = evaluation_ways(model, images_of(TINY, 8), captions, tokenizer, top_k=4, device=CPU)
    plain, ours = ways["naive"](), ways["ours"]()
    assert {name: ours[name] for name in plain} == pytest.approx(plain)


def test_metrics_by_hand() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]], dtype=np.float32)
    found = naive.metrics(scores, np.array([1, 2]), np.array([1, 2, 1]))
    assert found == pytest.approx({"R1": 50, "R5": 100, "R10": 100, "mAP": 100 * ((1 + 2 / 3) / 2 + 1 / 2) / 2})


# --- operations ---------------------------------------------------------------------------------------------------


def test_the_formula_of_reranking_is_what_torch_counts(model: Cada, captions: TokenizedCaptions) -> None:
    found = counted(lambda: engine(model, captions, candidates_of(9, 7, 5), tokens_of(TINY, 7)))
    assert reranking_flops(TINY, lengths=captions.lengths, images=7, top_k=5) == found


def test_the_formula_of_reranking_is_what_torch_counts_for_one_query(model: Cada, captions: TokenizedCaptions) -> None:
    """Of two tokens, which do not pay for keys, and held to them."""
    one = captions.take(np.array([0]))
    one.lengths[:] = 2
    candidates, tokens = np.arange(7)[None], tokens_of(TINY, 7)
    found = counted(lambda: engine(model, one, candidates, tokens))
    assert reranking_flops(TINY, lengths=one.lengths, images=7, top_k=7) == found
    with by_keys():
        held = counted(lambda: engine(model, one, candidates, tokens))
        assert reranking_flops(TINY, lengths=one.lengths, images=7, top_k=7) == held
    assert found < held


def test_the_published_loop_costs_what_is_known_of_it(model: Cada, captions: TokenizedCaptions) -> None:
    ids, mask = naive.padded(captions)

    @torch.inference_mode()
    def run() -> None:
        with naive.eager(model):
            naive.match_logits(model, ids, mask, tokens_of(TINY, 7), candidates_of(9, 7, 5))

    head = 4 * TINY.text.width
    assert counted(run) == 9 * 5 * (cost.pair_flops(TINY, tokens=73) + head)


def test_the_published_step_costs_what_is_known_of_it(model: Cada, problem: Problem, tokenizer: Tokenizer) -> None:
    with torch.no_grad():
        found = counted(lambda: naive_losses(model, problem, tokenizer))
    per_sample = sum(cost.forward_flops(TINY, tokens=73, vocabulary=QUICK.words).values())
    assert found == pytest.approx(QUICK.batch * per_sample, rel=0.01)  # heads and projections are not in the sum


def test_encoders_agree(model: Cada, captions: TokenizedCaptions) -> None:
    images, (ids, mask) = normalise(images_of(TINY, 5)), naive.padded(captions)
    with torch.inference_mode(), naive.eager(model):
        tokens, features = naive.encode_images(model, images, batch_size=2)
        texts = naive.encode_texts(model, ids, mask, batch_size=4)
    with torch.inference_mode():
        our_tokens, our_features = model.encode_images(images)
        our_texts = model.encode_text(ids, mask)
    assert torch.allclose(tokens, our_tokens, atol=1e-5)
    assert torch.allclose(features, torch.nn.functional.normalize(our_features, dim=-1), atol=1e-5)
    assert torch.allclose(texts, torch.nn.functional.normalize(our_texts, dim=-1), atol=1e-5)


def test_the_batch_is_halved_until_it_fits_and_the_largest_is_the_last_that_does() -> None:
    assert largest_batch(lambda batch: batch <= 100, 24) == 96
    assert [batch_that_fits(lambda batch, most=most: batch <= most, 24) for most in (24, 23, 5)] == [24, 12, 3]
    with refused("training", "3 samples"):
        batch_that_fits(lambda batch: False, 24)
