"""Encoding, re-ranking, a whole evaluation and the metrics, each beside the published way.

Legend: Q captions, G images, K re-ranked.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from benchmarks import naive
from benchmarks.inputs import Sizes, candidates_of, caption_lengths, captions_of, images_of, model_of, tokens_of
from benchmarks.measuring import Machine, Results, alternate, rates, ratio, share
from benchmarks.operations import counted, reranking_flops
from cada.datasets.images import normalise
from cada.errors import CadaError
from cada.model.cada import Cada
from cada.model.cost import pair_flops
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.retrieval.encoding import Engine, encode_gallery, encode_queries
from cada.retrieval.metrics import score_queries, summarise
from cada.retrieval.ranking import rank
from cada.retrieval.reranking import Captions, match_logits
from cada.retrieval.search import Search, Target

if TYPE_CHECKING:
    from cada.config.steps import Precision

SCORES_AGREE = 1e-5


def at_full_size(tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """Encoding and re-ranking by one model, which is gone afterwards."""
    model = model_of(sizes.retrieval, tokenizer, device=machine.device)
    return encoding(model, tokenizer, sizes, machine) | reranking(model, tokenizer, sizes, machine)


def encoding(model: Cada, tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """Images and captions per second."""
    device, count = machine.device, sizes.encoded
    images = images_of(sizes.retrieval, count)
    captions = tokenizer(captions_of(caption_lengths(4 * count), tokenizer))
    ids, mask = (part.to(device) for part in naive.padded(captions))

    @torch.inference_mode()
    def plain(function: Callable[..., object], *inputs: Tensor) -> None:
        with naive.eager(model):
            function(model, *inputs, batch_size=count)

    def gallery(*, precision: Precision = "fp32") -> object:
        return encode_gallery(model, images, Engine(top_k=1, batch_size=count, precision=precision))

    def texts(*, precision: Precision = "fp32") -> object:
        return encode_queries(model, captions, Engine(batch_size=count, precision=precision))

    flops = {"images": counted(gallery), "captions": counted(texts)}
    ways: dict[str, Callable[[], object]] = {
        "images naive": lambda: plain(naive.encode_images, normalise(images.to(device))),
        "captions naive": lambda: plain(naive.encode_texts, ids, mask),
    }
    for precision in machine.precisions:
        ways[f"images {precision}"] = partial(gallery, precision=precision)
        ways[f"captions {precision}"] = partial(texts, precision=precision)
    found: Results = {}
    for name, timing in alternate(ways, rounds=sizes.rounds, device=device).items():
        unit, way = name.split()
        found |= rates(f"encoding_{way}", unit, count if unit == "images" else 4 * count, timing)
        if way != "naive":
            found |= share(f"encoding_{unit}_{way}", flops[unit], timing.median(), machine.peak("bf16" if way == "bf16" else "fp32"))
    for unit in ("images", "captions"):
        found[f"encoding_{unit}_ratio"] = found[f"encoding_fp32_{unit}_per_s"] / found[f"encoding_naive_{unit}_per_s"]
    return found


def reranking(model: Cada, tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """Pairs per second. The naive loop takes other queries in every round, the engine all of them."""
    device, count, top_k = machine.device, sizes.gallery, sizes.top_k
    captions = tokenizer(captions_of(caption_lengths(count), tokenizer))
    tokens, candidates = tokens_of(sizes.retrieval, count), candidates_of(count, count, top_k)
    ids, mask = (part.to(device) for part in naive.padded(captions, first=tokenizer.enc))
    ours = Captions(captions.ids.copy(), captions.lengths)
    ours.ids[:, 0] = tokenizer.enc
    logits: dict[str, Tensor] = {"naive": torch.zeros(count, top_k, 2)}
    taken = torch.zeros(count, dtype=torch.bool)
    turns = itertools.cycle(torch.arange(count).split(sizes.naive))

    @torch.inference_mode()
    def plain() -> None:
        rows = next(turns)
        with naive.eager(model):
            logits["naive"][rows] = naive.match_logits(model, ids[rows.to(device)], mask[rows.to(device)], tokens, candidates[rows.numpy()])
        taken[rows] = True

    def engine(*, precision: Precision = "fp32") -> None:
        logits[precision] = match_logits(
            model.text_encoder.bert,
            model.match_head,
            captions=ours,
            candidates=candidates,
            image_tokens=[(0, tokens)],
            precision=precision,
        )

    ways: dict[str, Callable[[], object]] = {"naive": plain}
    ways |= {precision: partial(engine, precision=precision) for precision in machine.precisions}
    flops = reranking_flops(sizes.retrieval, lengths=captions.lengths, images=count, top_k=top_k)
    timings = alternate(ways, rounds=sizes.rounds, device=device)
    found: Results = {"rerank_top_k": top_k, "rerank_images": count, "rerank_captions": count, "rerank_layers": sizes.retrieval.text.depth}
    for way, timing in timings.items():
        found |= rates(f"rerank_{way}", "pairs", top_k * (sizes.naive if way == "naive" else count), timing)
        done = sizes.naive * top_k * pair_flops(sizes.retrieval, tokens=naive.PADDED) if way == "naive" else flops
        found |= share(f"rerank_{way}", done, timing.median(), machine.peak("bf16" if way == "bf16" else "fp32"))
    found |= _agreement(logits["naive"][taken], logits["fp32"][taken])
    found |= ratio("rerank_ratio", "rerank_fp32_pairs", "rerank_naive_pairs", found)
    return found | ratio("rerank_ratio_bf16", "rerank_bf16_pairs", "rerank_naive_pairs", found)


def _agreement(plain: Tensor, ours: Tensor) -> Results:
    """The largest difference of logits (Q, K, 2), and that images stand in one order but for ties; `CadaError` otherwise."""
    difference = float((plain - ours).abs().max())
    in_our_order = plain[..., 1].gather(1, ours[..., 1].argsort(dim=1, descending=True))
    rise = float(in_our_order.diff(dim=1).max())
    if not (difference <= SCORES_AGREE and rise <= 2 * SCORES_AGREE):
        raise CadaError(f"re-ranking: logits differ by {difference:.1e} from the plain loop's, and may by {SCORES_AGREE:.0e}.")
    return {"rerank_largest_difference": difference, "rerank_spread_of_scores": float(plain[..., 1].std(dim=1).mean())}


def evaluation(tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """Seconds from images and captions to the metrics, at a small size: encoding, both stages, fusion, metrics."""
    device, count, top_k = machine.device, sizes.small_gallery, sizes.small_top_k
    model = model_of(sizes.small, tokenizer, device=device)
    captions = tokenizer(captions_of(caption_lengths(count), tokenizer))
    ways = evaluation_ways(model, images_of(sizes.small, count), captions, tokenizer, top_k=top_k, device=device)
    scores = {way: run() for way, run in ways.items()}
    one_query = 100 / count  # images whose scores differ by less than fp32 tells may change places
    if any(abs(scores["naive"][name] - scores["ours"][name]) > one_query for name in scores["naive"]):
        raise CadaError(f"evaluation: the metrics differ from the published way's: {scores}.")
    timings = alternate(ways, rounds=sizes.rounds, device=device)
    found: Results = {"evaluation_images": count, "evaluation_captions": count, "evaluation_top_k": top_k}
    for way, timing in timings.items():
        low, middle, high = np.percentile(timing.wall, [25, 50, 75])
        found |= {f"evaluation_{way}_s": float(middle), f"evaluation_{way}_s_q1": float(low), f"evaluation_{way}_s_q3": float(high)}
        found |= {f"evaluation_{way}_cpu_s": float(np.median(timing.cpu)), f"evaluation_{way}_peak_memory_mb": timing.peak_mb}
    found["evaluation_ratio"] = timings["naive"].median() / timings["ours"].median()
    return found


def evaluation_ways(
    model: Cada, images: Tensor, captions: TokenizedCaptions, tokenizer: Tokenizer, *, top_k: int, device: torch.device
) -> dict[str, Callable[[], dict[str, float]]]:
    """The whole evaluation of images (G, 3, H, W) and captions (Q), the plain way and ours, under the published fusion."""
    owners, persons = np.arange(len(captions)) % len(images), np.arange(len(images))

    @torch.inference_mode()
    def plain() -> dict[str, float]:
        with naive.eager(model):
            tokens, features = naive.encode_images(model, normalise(images.to(device)), batch_size=64)
            ids, mask = (part.to(device) for part in naive.padded(captions))
            cosine = naive.encode_texts(model, ids, mask, batch_size=64) @ features.T
            ids[:, 0] = tokenizer.enc
            candidates = cosine.topk(top_k, dim=1).indices.cpu().numpy()
            logits = naive.match_logits(model, ids, mask, tokens, candidates)
        scores = cosine.cpu().numpy() - 100
        np.put_along_axis(scores, candidates, np.take_along_axis(cosine.cpu().numpy(), candidates, 1) + logits[..., 1].numpy(), 1)
        return naive.metrics(scores, owners, persons)

    target = Target(images, persons, captions, owners)
    engine = Engine(top_k=top_k)

    def ours() -> dict[str, float]:
        return Search.of(model, target, engine).found().scores("published", None)

    return {"naive": plain, "ours": ours}


def metrics(sizes: Sizes, machine: Machine) -> Results:
    """Rankings and metrics of given scores, at the size of CUHK-PEDES' test."""
    captions, images = sizes.metrics
    draw = np.random.default_rng(0)
    persons = np.arange(images) // 3
    owners = persons[np.arange(captions) % images]
    scores = draw.standard_normal((captions, images), dtype=np.float32)
    found: dict[str, dict[str, float]] = {}

    def ours() -> None:
        found["ours"] = summarise(score_queries(rank(scores), owners, persons).values())

    def plain() -> None:
        found["naive"] = naive.metrics(scores, owners, persons)

    timings = alternate({"naive": plain, "ours": ours}, rounds=sizes.rounds, device=machine.device)
    if any(abs(found["naive"][name] - found["ours"][name]) > 1e-6 for name in found["naive"]):
        raise CadaError(f"metrics: they differ from the plain loop's: {found}.")
    cpu = {way: float(np.median(timing.cpu)) for way, timing in timings.items()}
    return {
        "metrics_captions": captions,
        "metrics_images": images,
        "metrics_naive_cpu_s": cpu["naive"],
        "metrics_ours_cpu_s": cpu["ours"],
    }
