"""What the model costs: the published figures, and counts of what torch really computes and keeps."""

from __future__ import annotations

import gc
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from cada import config
from cada.config import Architecture, Transformer
from cada.config.steps import Precision
from cada.datasets.loading import TokenBatch
from cada.model import cost
from cada.model.cada import Cada
from cada.model.memory import Memory, image_bytes, layer_bytes, training_memory
from cada.objectives import OBJECTIVES, atp
from cada.runtime import compute
from cada.training.objective import Batch, association_losses, encode_batch
from tests.words import tokenizer_of

ROOT = Path(__file__).parents[2]
BERT = 30524
TOKENS, BATCH, VOCABULARY = 73, 2, 300
SIZES = Transformer(width=96, depth=3, heads=3, mlp=384)
SMALL = Architecture(image_size=(96, 64), patch_size=(16, 8), vision=SIZES, text=SIZES, projection=64, positions=80, dropout=0.0)


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Architecture:
    monkeypatch.chdir(ROOT)
    return config.load_dataset("cuhk_pedes").model.architecture


def test_the_paper_s_model_costs_what_is_known_of_it(paper: Architecture) -> None:
    """Method section 7: 134 GFLOP a sample, 9.7 TFLOP a batch of 24, 823 PFLOP for 30 epochs, shares of the parts."""
    assert cost.image_tokens(paper) == 197
    assert cost.parameter_count(paper, vocabulary=BERT) == 361_335_104
    parts = cost.forward_flops(paper, tokens=73, vocabulary=BERT)
    total = sum(parts.values())
    assert total == pytest.approx(134e9, rel=5e-3)
    shares = {"image": 26, "text": 9, "pair": 15.5, "negatives": 31, "decoder": 15.5, "vocabulary": 3}
    assert {part: 100 * flops / total for part, flops in parts.items()} == pytest.approx(shares, abs=0.5)
    assert cost.training_flops(paper, samples=24, tokens=73, vocabulary=BERT) == pytest.approx(9.7e12, rel=5e-3)
    assert cost.training_flops(paper, samples=30 * 68108, tokens=73, vocabulary=BERT) == pytest.approx(823e15, rel=1e-3)
    assert image_bytes(paper, 40206) == pytest.approx(6.1e9, rel=1e-2)


def test_the_paper_s_evaluation_costs_what_is_known_of_it(paper: Architecture) -> None:
    """197 k pairs: 4.1 PFLOP one by one, 1.3 PFLOP with shared keys and captions of 28 tokens; re-ranking is most of it."""
    assert 6156 * 32 * cost.pair_flops(paper, tokens=73) == pytest.approx(4.1e15, rel=1e-2)
    stages = cost.evaluation_flops(paper, images=3074, captions=6156, top_k=32, tokens=28)
    assert sum(stages.values()) == pytest.approx(1.3e15, rel=2e-2)
    assert stages["re-rank"] > 0.85 * sum(stages.values())


@pytest.mark.parametrize("dataset", ["smoke", "synthpedes", "rstpreid"])
@pytest.mark.parametrize("wide", [False, True])
def test_parameters_are_counted_as_they_are_built(dataset: str, wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    architecture = config.load_dataset(dataset).model.architecture
    if wide:
        architecture = architecture.model_copy(
            update={"vision": architecture.vision.model_copy(update={"width": 2 * architecture.vision.width})}
        )
    with torch.device("meta"):
        model = Cada(architecture, tokenizer_of(250))
    assert cost.parameter_count(architecture, vocabulary=250) == sum(value.numel() for value in model.parameters() if value.requires_grad)


def passes(model: Cada, *, masked: int) -> dict[str, Callable[[], object]]:
    """The four passes of a training step, over BATCH samples; `masked` tokens of each caption are predicted."""
    draw = torch.Generator().manual_seed(0)
    ids, mask = torch.randint(5, VOCABULARY, (BATCH, TOKENS), generator=draw), torch.ones(BATCH, TOKENS, dtype=torch.bool)
    images = torch.randn(BATCH, 3, *SMALL.image_size, generator=draw)
    # not a leaf: autocast would keep the casts of a leaf and make the next layer's for nothing
    tokens = torch.randn(BATCH, cost.image_tokens(SMALL), SIZES.width, generator=draw).requires_grad_() * 1.0
    selected = torch.zeros(BATCH, TOKENS, dtype=torch.bool)
    selected[:, :masked] = True
    return {
        "image": lambda: model.image_encoder(images),
        "text": lambda: model.text_encoder(ids, mask),
        "pair": lambda: model.match_hidden(ids, mask, tokens),
        "decoder": lambda: model.attribute_decoder(ids, mask, tokens, selected),
    }


@pytest.fixture
def model() -> Cada:
    torch.manual_seed(0)
    return Cada(SMALL, tokenizer_of(VOCABULARY))


@pytest.mark.parametrize("part", ["image", "text", "pair", "decoder"])
def test_operations_are_those_that_torch_counts(part: str, model: Cada) -> None:
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        passes(model, masked=TOKENS)[part]()
    parts = cost.forward_flops(SMALL, tokens=TOKENS, vocabulary=VOCABULARY)
    expected = parts["decoder"] + parts["vocabulary"] if part == "decoder" else parts[part]
    assert counter.get_total_flops() == BATCH * expected


def kept_bytes(model: nn.Module, run: Callable[[], object], *, precision: str) -> int:
    """The memory that a pass keeps for its backward pass, every piece once, parameters and their casts left out."""
    shapes = {tuple(value.shape) for value in model.parameters()}
    shapes |= {tuple(reversed(shape)) for shape in shapes}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tuple(tensor.shape) not in shapes:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            run()
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("part", ["image", "text", "pair"])
def test_activations_are_those_that_torch_keeps(part: str, dropout: float, precision: str) -> None:
    torch.manual_seed(0)
    model = Cada(SMALL.model_copy(update={"dropout": dropout}), tokenizer_of(VOCABULARY)).train()
    found = kept_bytes(model, passes(model, masked=1)[part], precision=precision) / BATCH
    images = cost.image_tokens(SMALL)
    if part == "image":
        layer = layer_bytes(SIZES, images, precision=precision)
    else:
        read = images if part == "pair" else 0
        layer = layer_bytes(SIZES, TOKENS, images=read, precision=precision, dropout=dropout > 0, fused=False)
    assert SIZES.depth * layer == pytest.approx(found, rel=0.15)


def pairs(persons: int) -> Batch:
    """As many pairs of different persons; every token is an attribute that ARA may hide."""
    draw = torch.Generator().manual_seed(0)
    ids, mask = torch.randint(5, VOCABULARY, (persons, TOKENS), generator=draw), torch.ones(persons, TOKENS, dtype=torch.bool)
    groups = torch.zeros(persons, TOKENS, dtype=torch.long)
    captions = TokenBatch(ids, mask, torch.full((persons,), TOKENS), groups)
    return Batch(torch.randn(persons, 3, *SMALL.image_size, generator=draw), captions, torch.arange(persons))


@pytest.mark.parametrize("objectives", [*((name,) for name in OBJECTIVES), ("global", "ara"), cost.DUAL, tuple(OBJECTIVES)])
def test_trained_parameters_are_those_with_a_gradient(objectives: tuple[str, ...], model: Cada) -> None:
    encoded = encode_batch(model, pairs(3), generator=torch.Generator().manual_seed(0))
    values = association_losses(encoded, weights=dict.fromkeys(objectives, 1.0), switches=config.load_procedure("robust").switches)
    values["loss"].backward()
    found = sum(value.numel() for value in model.parameters() if value.grad is not None)
    assert cost.trained_parameters(SMALL, vocabulary=VOCABULARY, objectives=objectives) == found


def test_a_search_reads_the_encoders_and_the_cross_attention_only_to_re_rank(model: Cada) -> None:
    def size(module: nn.Module) -> int:
        return sum(value.numel() for value in module.parameters() if value.requires_grad)

    crossing = sum(value.numel() for name, value in model.text_encoder.named_parameters() if "crossattention" in name)
    assert crossing
    encoders = size(model.image_encoder) + size(model.text_encoder) + size(model.image_projection) + size(model.text_projection)
    assert cost.retrieval_parameters(SMALL, vocabulary=VOCABULARY, reranks=False) == encoders - crossing
    assert cost.retrieval_parameters(SMALL, vocabulary=VOCABULARY, reranks=True) == encoders + size(model.match_head)


def test_operations_of_a_step_are_those_of_its_objectives(paper: Architecture) -> None:
    parts = cost.forward_flops(paper, tokens=73, vocabulary=BERT)
    whole = {"global": ("image", "text"), "atp": ("pair", "negatives"), "ara": ("decoder", "vocabulary")}
    for count in (1, 2, 3):
        objectives = cost.DUAL[:count]
        expected = 3 * 24 * sum(parts[name] for objective in objectives for name in whole[objective])
        assert cost.training_flops(paper, samples=24, tokens=73, vocabulary=BERT, objectives=objectives) == expected


def test_a_query_costs_its_share_of_the_evaluation(paper: Architecture) -> None:
    stages = cost.evaluation_flops(paper, images=0, captions=10, top_k=32, tokens=28)
    cosines = 2 * 3074 * paper.projection
    assert cost.search_flops(paper, images=3074, tokens=28) == stages["queries"] / 10 + cosines
    one, two = (cost.evaluation_flops(paper, images=3074, captions=count, top_k=32, tokens=28)["re-rank"] for count in (1, 2))
    assert cost.rerank_flops(paper, top_k=32, tokens=28) == two - one


def peak_bytes(architecture: Architecture, objectives: tuple[str, ...], *, precision: str, checkpointing: bool, micro_batch: int) -> int:
    """What one training step allocates at most, by torch's own count; half of the tokens are masked."""
    torch.manual_seed(0)
    model = Cada(architecture, tokenizer_of(VOCABULARY)).train()
    if checkpointing:
        model.checkpoint_layers()
    batch, switches = pairs(PAIRS), config.load_procedure("robust").switches.model_copy(update={"ara_rate": 1.0})
    batch.captions.groups[:, TOKENS // 2 :] = -1
    gc.collect()  # what other tests have left would be freed, and taken off, while this is counted
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            encoded = encode_batch(model, batch, generator=torch.Generator().manual_seed(0), micro_batch=micro_batch)
            loss = association_losses(encoded, weights=dict.fromkeys(objectives, 1.0), switches=switches)["loss"]
        del encoded
        loss.backward()
    events = sorted(profiled.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    return max(itertools.accumulate(event.nbytes() for event in events if event.name() == "[memory]"))


PAIRS = 12
SAVINGS = [("fp32", False, PAIRS), ("bf16", False, PAIRS), ("fp32", True, PAIRS), ("fp32", False, 3), ("fp32", True, 3)]
OBJECTIVE_SETS = [("global",), ("global", "atp"), ("global", "ara"), ("global", "mlm"), cost.DUAL, tuple(OBJECTIVES)]
BASE = [(objectives, SAVINGS[0]) for objectives in OBJECTIVE_SETS]
SIZES_OF_MODELS = {
    "square": SMALL.model_copy(update={"dropout": 0.1}),
    "deep in images": SMALL.model_copy(update={"patch_size": (8, 8), "vision": Transformer(width=192, depth=6, heads=3, mlp=384)}),
    "deep in captions": SMALL.model_copy(
        update={"patch_size": (16, 16), "text": Transformer(width=64, depth=5, heads=2, mlp=256), "dropout": 0.1}
    ),
}


ON_CPU = [(objectives, saving, False) for objectives, saving in [*BASE, *((cost.DUAL, saving) for saving in SAVINGS[1:])]]
ON_GPU = [(cost.DUAL, saving, True) for saving in SAVINGS if saving[0] == "fp32"]  # bf16 takes seconds on a CPU


@pytest.mark.parametrize(("objectives", "saving", "fused"), [*ON_CPU, *ON_GPU])
@pytest.mark.parametrize("sizes", SIZES_OF_MODELS)
def test_the_peak_of_a_step_is_that_of_torch(
    sizes: str, objectives: tuple[str, ...], saving: tuple[Precision, bool, int], fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, the optimiser's moments and the images are there before. Dropout on a GPU is not what it is here."""
    monkeypatch.setattr(compute, "few_calls", lambda device: fused)
    architecture = SIZES_OF_MODELS[sizes].model_copy(update={"dropout": 0.0} if fused else {})
    settings: dict[str, Any] = dict(zip(("precision", "checkpointing", "micro_batch"), saving, strict=True))
    found = training_memory(
        architecture, objectives=objectives, vocabulary=VOCABULARY, tokens=TOKENS, batch=PAIRS, processes=1, fused=fused, **settings
    )
    count = cost.parameter_count(architecture, vocabulary=VOCABULARY)
    casts, pixels = found.weights - 8 * count, 4 * PAIRS * 3 * math.prod(architecture.image_size)
    expected = casts + found.gradients + found.activations - pixels
    assert peak_bytes(architecture, objectives, **settings) == pytest.approx(expected, rel=0.15)


def memory(architecture: Architecture, *, batch: int = 120, processes: int = 1, **settings: object) -> Memory:
    chosen = {"objectives": cost.DUAL, "precision": "fp32", "checkpointing": False, "micro_batch": None, "fused": False} | settings
    return training_memory(architecture, vocabulary=BERT, tokens=73, batch=batch, processes=processes, **chosen)


def test_an_objective_takes_what_is_not_there_without_it(paper: Architecture) -> None:
    """ATP's activations are gone when ARA begins, those of masked words stay beside ARA's; SDM has only a few products of features."""
    atp, ara, dual = (memory(paper, objectives=("global", *others)) for others in (("atp",), ("ara",), ("atp", "ara")))
    assert dual.activations == max(atp.activations, ara.activations)
    assert memory(paper, objectives=(*cost.DUAL, "sdm")) == dual
    mlm, alone = memory(paper, objectives=(*cost.DUAL, "mlm")), memory(paper, objectives=("global",))
    assert 0.75 < (mlm.activations - dual.activations) / (ara.activations - alone.activations) < 1  # with fewer logits than ARA's
    assert alone.optimizer == 8 * cost.trained_parameters(paper, vocabulary=BERT, objectives=("global",)) < dual.optimizer


@pytest.mark.parametrize(("processes", "precision", "size"), [(1, "fp32", 4), (1, "bf16", 2), (2, "fp32", 4), (5, "fp32", 4)])
def test_on_cuda_keys_and_values_of_the_images_that_are_read_stay(
    paper: Architecture, processes: int, precision: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With their gradients; of several processes each has its own images' and the wrong ones'."""
    monkeypatch.setattr(atp, "BUSY", 0)
    architecture, read = paper.model_copy(update={"dropout": 0.0}), {1: 120, 2: 120, 5: 48}[processes]
    chosen = {"processes": processes, "precision": precision}
    more, less = (memory(architecture, fused=fused, **chosen).activations for fused in (True, False))
    assert more - less == 4 * paper.text.depth * read * cost.image_tokens(paper) * paper.text.width * size


def test_on_cuda_small_batches_are_matched_at_once(paper: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (memory(paper, batch=batch, fused=True).activations for batch in (24, 120))
    monkeypatch.setattr(atp, "BUSY", 0)
    in_thirds = memory(paper, batch=24, fused=True).activations
    assert in_thirds < small < 2 * in_thirds
    assert large == memory(paper, batch=120, fused=True).activations


def test_each_saving_saves_and_leaves_the_rest_alone(paper: Architecture) -> None:
    settings = [
        {},
        {"precision": "bf16"},
        {"precision": "bf16", "checkpointing": True},
        *({"precision": "bf16", "checkpointing": True, "micro_batch": size} for size in (60, 30, 15)),
    ]
    found = [memory(paper, **chosen) for chosen in settings]
    for more, less in itertools.pairwise(found):
        assert less.activations < more.activations
    count = cost.parameter_count(paper, vocabulary=BERT)
    assert {item.optimizer for item in found} == {8 * count} and all(item.gradients <= 4 * count for item in found)
    assert memory(paper, micro_batch=120) == memory(paper)


def test_processes_share_the_activations_and_nothing_else(paper: Architecture) -> None:
    one, five = memory(paper), memory(paper, processes=5)
    assert (five.weights, five.optimizer) == (one.weights, one.optimizer)
    small = memory(paper, batch=5, processes=5, checkpointing=True)
    assert small.gradients == 8 * cost.parameter_count(paper, vocabulary=BERT), "they are summed in one piece"
    assert one.activations / 5 < five.activations < one.activations / 4.5
    assert five.total > memory(paper, batch=24).total  # every process holds the whole batch's image tokens
