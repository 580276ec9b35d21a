"""Compare this installation with recorded inputs and outputs of the published code.

A folder of parity vectors holds golden.{json,safetensors}, evaluation.{json,safetensors}, official_checkpoint.pth
and vocab.txt; all sizes are read from its files.
Legend: T captions, G images, L tokens, K re-ranked, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from cada.config import load_procedure
from cada.datasets.loading import TokenBatch
from cada.errors import CadaError, about
from cada.losses import group_means
from cada.model.cada import Cada
from cada.model.checkpoint import read_state
from cada.model.folder import set_weights
from cada.model.importing import import_state
from cada.model.published import published_gradients
from cada.model.sizes import MAX_TOKENS
from cada.model.tokenizer import Tokenizer
from cada.retrieval.encoding import Engine, Gallery, encode_queries
from cada.retrieval.metrics import evaluate
from cada.retrieval.ranking import published_scores, rank
from cada.retrieval.search import Search
from cada.storage.files import read_json
from cada.training.objective import Batch, association_losses, encode_batch

CPU = torch.device("cpu")
ABSOLUTE = 1e-4  # hidden states, logits, losses, scores, metrics in percent
RELATIVE = 1e-3  # gradient norms
TAIL_ROUNDING = 1.6e-5
NO_GRADIENT = 1e-6  # norms below this are rounding: a key's bias cancels in the softmax


@dataclass(frozen=True)
class Comparison:
    """The largest difference of one tensor and how large it may be."""

    name: str
    difference: float
    tolerance: float

    @property
    def passes(self) -> bool:
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class Vectors:
    """The recorded numbers and the model that they were recorded from."""

    model: Cada
    golden: dict[str, Tensor]
    facts: dict[str, Any]
    evaluation: dict[str, Tensor]
    evaluation_facts: dict[str, Any]


def compare(folder: Path, *, device: torch.device = CPU) -> list[Comparison]:
    """All comparisons in float32. Errors: `CadaError` for a missing or unreadable file."""
    vectors = load_vectors(folder, device=device)
    return [*compare_outputs(vectors), *compare_losses(vectors), *compare_evaluation(vectors)]


def check(folder: Path) -> None:
    """Print every comparison; `CadaError` names those over their tolerance."""
    rows = compare(folder)
    for row in rows:
        print(f"{row.name:26} {row.difference:10.2e}  (tolerance {row.tolerance:.0e})  {'ok' if row.passes else 'DIFFERS'}")
    wrong = [row.name for row in rows if not row.passes]
    if wrong:
        raise CadaError(
            f"{folder}: over tolerance: {', '.join(wrong)}. Check the versions of torch and transformers against requirements.lock."
        )
    print(f"{len(rows)} comparisons, all within tolerance")


def load_vectors(folder: Path, *, device: torch.device = CPU) -> Vectors:
    """Read the folder and build its model, on `device`, under our names."""
    facts = read_json(folder / "golden.json")
    checkpoint = folder / "official_checkpoint.pth"
    try:
        golden, evaluation = (load_file(folder / f"{name}.safetensors") for name in ("golden", "evaluation"))
    except (OSError, SafetensorError) as error:
        raise CadaError(f"{folder}: not a folder of parity vectors: {error}") from error
    state = read_state(checkpoint)
    heads = (facts["config"]["vision_heads"], facts["config"]["text_heads"])
    entries = Tokenizer.read(folder / "vocab.txt", MAX_TOKENS).entries
    with about(checkpoint):
        imported = import_state(state, entries, heads=heads)
    model = Cada(imported.architecture, imported.tokenizer)
    set_weights(model, imported.weights)
    return Vectors(model.to(device).eval(), golden, facts, evaluation, read_json(folder / "evaluation.json"))


@torch.no_grad()
def compare_outputs(vectors: Vectors) -> Iterator[Comparison]:
    """Token ids, hidden states, features and logits."""
    model, golden = vectors.model, vectors.golden
    ids, mask, image, masked = (golden[name].to(model.device) for name in ("input_ids", "attention_mask", "image", "attribute_mask"))
    lengths = mask.sum(dim=1)
    ours = model.tokenizer.encode(vectors.facts["captions"])
    padded = torch.zeros_like(golden["input_ids"])
    padded[:, : ours.ids.shape[1]] = torch.from_numpy(ours.ids.astype(np.int64))
    yield _difference("input_ids", padded, golden["input_ids"], 0.0)

    tokens, features = model.encode_images(image)
    yield _difference("image_hidden", tokens, golden["image_hidden"])
    yield _difference("image_feature", features, golden["image_feature"])
    yield _difference("text_hidden", model.text_encoder(ids, mask), golden["text_hidden"])
    yield _difference("text_feature", model.encode_text(ids, mask), golden["text_feature"])

    texts, images = (index.flatten() for index in torch.meshgrid(torch.arange(len(ids)), torch.arange(len(tokens)), indexing="ij"))
    hidden = model.match_hidden(ids[texts], mask[texts], tokens[images])  # (T * G, L, D)
    local = model.local_match_head(group_means(hidden, lengths[texts], how="fixed"))
    yield _difference("match_hidden_diagonal", hidden[texts == images], golden["match_hidden_diagonal"])
    yield _difference("match_logits", model.match_head(hidden[:, 0]).view_as(golden["match_logits"]), golden["match_logits"])
    yield _difference("local_match_logits", local.view_as(golden["local_match_logits"]), golden["local_match_logits"])

    logits = model.attribute_decoder(ids.masked_fill(masked, model.tokenizer.mask), mask, tokens, torch.ones_like(mask, dtype=torch.bool))
    yield _difference("ara_logits", logits.view_as(golden["ara_logits"]), golden["ara_logits"])


def compare_losses(vectors: Vectors) -> Iterator[Comparison]:
    """The losses under the published procedure, their sum, and the norm of every parameter's gradient."""
    model, golden, facts = vectors.model, vectors.golden, vectors.facts
    mask = golden["attention_mask"]
    # each recorded masked token is a group of its own, and all groups are chosen
    groups = torch.where(golden["attribute_mask"], torch.arange(mask.shape[1]), -1)
    captions = TokenBatch(golden["input_ids"], mask.bool(), mask.sum(dim=1), groups).to(model.device)
    batch = Batch(golden["image"].to(model.device), captions, golden["person_id"])
    model.zero_grad(set_to_none=True)
    switches = load_procedure("published").switches.model_copy(update={"ara_rate": 1.0})
    encoded = encode_batch(model, batch, generator=torch.Generator().manual_seed(0))
    values = association_losses(encoded, weights=facts["loss_weights"], switches=switches)
    for name, recorded in [*((f"loss_{name}",) * 2 for name in facts["loss_weights"]), ("loss", "loss_total")]:
        yield _difference(recorded, values[name].detach(), golden[recorded])
    values["loss"].backward()
    norms = facts["gradient_norms"]
    gradients = published_gradients(model, list(norms))
    relative = [abs(float(gradients[name].norm()) - norm) / norm for name, norm in norms.items() if norm > NO_GRADIENT]
    vanishing = [float(gradients[name].norm()) for name, norm in norms.items() if norm <= NO_GRADIENT]
    yield Comparison("gradient norms, relative", max(relative), RELATIVE)
    yield Comparison("gradients that are zero", max(vanishing, default=0.0), NO_GRADIENT)


def compare_evaluation(vectors: Vectors) -> Iterator[Comparison]:
    """Scores, rankings and metrics of a gallery, with and without re-ranking."""
    model, recorded, facts = vectors.model, vectors.evaluation, vectors.evaluation_facts
    captions = model.tokenizer.encode(facts["captions"])
    engine = Engine(top_k=facts["k"])
    with torch.inference_mode():
        tokens, features = model.encode_images(recorded["image"].to(model.device))  # not from bytes, as all other galleries
    gallery = Gallery(torch.nn.functional.normalize(features, dim=-1), tokens, engine.batch_size)
    persons = (recorded["text_person_id"].numpy(), recorded["image_person_id"].numpy())
    found = Search(model, engine, gallery, persons[1], captions, encode_queries(model, captions, engine), persons[0]).found()
    assert found.logits is not None
    scores = published_scores(found.cosine, found.candidates, found.logits)
    yield _difference("score_global_minus_100", found.cosine - 100, recorded["score_global_minus_100"])
    yield _difference("score_rerank", scores, recorded["score_rerank"])

    ranking = rank(scores)
    # -100 + cosine rounds cosines to 7.6e-6 in the recorded scores: images so near may change places in the tail
    in_our_order = np.take_along_axis(recorded["score_rerank"].double().numpy(), ranking, axis=1)
    yield Comparison("ranking, largest rise", max(0.0, float(np.diff(in_our_order, axis=1).max())), TAIL_ROUNDING)
    for stage, order in (("global", found.first_stage), ("rerank", ranking)):
        ours = evaluate(order, *persons)
        official = facts[f"official_{stage}"]
        yield _metrics(
            f"metrics, {stage}", ours, {name: official[f"img_{name.lower()}"] for name in ("R1", "R5", "R10")} | {"mAP": official["mAP"]}
        )
        yield _metrics(f"metrics, {stage}, IRRA's", ours, facts[f"irra_{stage}"])


def _metrics(name: str, ours: dict[str, float], theirs: dict[str, float]) -> Comparison:
    return Comparison(name, max(abs(ours[key] - value) for key, value in theirs.items()), ABSOLUTE)


def _difference(name: str, ours: Tensor | np.ndarray, theirs: Tensor, tolerance: float = ABSOLUTE) -> Comparison:
    return Comparison(name, float((torch.as_tensor(ours).cpu().double() - theirs.double()).abs().max()), tolerance)
