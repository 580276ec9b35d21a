"""The re-ranking engine against one plain forward pass per pair; what it computes how often; the memory it keeps to."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BlipConfig, BlipForImageTextRetrieval, BlipTextConfig, BlipVisionConfig

from cada.config import Evaluate, load
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval import blocks, reranking
from cada.retrieval.reranking import Captions, Reader, match_logits
from cada.runtime import compute
from tests.messages import refused
from tests.retrieval.tiny import CPU, ENC, tiny_captions, tiny_model

TOKENS = torch.randn(17, 9, 24, generator=torch.Generator().manual_seed(3))
CANDIDATES = np.random.default_rng(4).permuted(np.tile(np.arange(17), (11, 1)), axis=1)[:, :5]


def found(
    model: Cada,
    captions: TokenizedCaptions,
    chunks: list[tuple[int, torch.Tensor]],
    *,
    candidates: np.ndarray = CANDIDATES,
    **settings: object,
) -> torch.Tensor:
    ids = captions.ids.copy()
    ids[:, 0] = ENC
    return match_logits(
        model.text_encoder.bert,
        model.match_head,
        captions=Captions(ids, captions.lengths),
        candidates=candidates,
        image_tokens=chunks,
        **settings,
    )


@torch.no_grad()
def plain(model: Cada, captions: TokenizedCaptions, candidates: np.ndarray = CANDIDATES) -> torch.Tensor:
    """One padded forward pass per pair."""
    logits = torch.empty(*candidates.shape, 2)
    for row, near in enumerate(candidates):
        ids = torch.from_numpy(captions.ids[row : row + 1].astype(np.int64))
        mask = torch.arange(ids.shape[1])[None] < int(captions.lengths[row])
        for place, image in enumerate(near):
            logits[row, place] = model.match_head(model.match_hidden(ids, mask, TOKENS[[image]])[0, 0])
    return logits


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("batch_tokens", [1, 60, 4096])
@pytest.mark.parametrize("few_calls", [False, True])
def test_equal_to_one_pass_per_pair(depth: int, batch_tokens: int, few_calls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "few_calls", lambda device: few_calls)
    monkeypatch.setattr(blocks, "TOGETHER", 30)  # two captions or more in a block, and several blocks
    monkeypatch.setitem(reranking.BATCH_TOKENS, "cpu", batch_tokens)
    model, captions = tiny_model(depth), tiny_captions()
    chunks = [(start, TOKENS[start : start + 5]) for start in (0, 5, 10, 15)]
    expected = plain(model, captions)
    assert (found(model, captions, chunks) - expected).abs().max() < 1e-5
    assert expected[..., 1].std() > 0.1


def test_captions_whose_states_do_not_fit_are_read_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, captions = tiny_model(), tiny_captions()
    for memory, fits in ((10_000, False), (40_000, True)):
        reader = Reader(model.text_encoder.bert, Captions(captions.ids, captions.lengths), device=CPU, memory=memory)
        assert (reader.shared is not None) == fits
        monkeypatch.setattr(reranking, "MB", memory)
        assert (found(model, captions, [(0, TOKENS)], memory_mb=1) - plain(model, captions)).abs().max() < 1e-5


def test_what_pairs_share_is_made_some_captions_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reranking.BATCH_TOKENS, "cpu", 20)
    model, captions = tiny_model(), tiny_captions()
    read: list[int] = []
    model.text_encoder.bert.encoder.layer[0].attention.self.query.register_forward_hook(lambda _, inputs, __: read.append(len(inputs[0])))
    reader = Reader(model.text_encoder.bert, Captions(captions.ids, captions.lengths), device=CPU, memory=10**6)
    assert reader.shared is not None
    assert sum(read) == captions.lengths.sum() > 3 * 20
    assert max(read) < 20 + captions.lengths.max(), "the last caption may begin within the limit and end behind it"


def test_no_memory_is_refused() -> None:
    with refused("memory_mb", "0", by=ValueError):
        found(tiny_model(), tiny_captions(), [(0, TOKENS)], memory_mb=0)


def test_a_score_has_the_same_bits_whatever_other_chunks_there_are() -> None:
    model, captions = tiny_model(), tiny_captions()
    chunks = [(start, TOKENS[start : start + 6]) for start in (0, 6, 12)]
    parts = [found(model, captions, [chunk]) for chunk in chunks]
    assert torch.equal(torch.stack(parts).sum(0), found(model, captions, chunks))
    assert all((part == 0).any() for part in parts)


def test_what_pairs_share_is_computed_once() -> None:
    """Rows through each linear layer: keys once per image, the first self-attention once per caption, the last layer once per pair.

    The last layer projects no keys: fewer rows read each image than would pay for them.
    """
    model, captions = tiny_model(depth=3), tiny_captions()
    rows: Counter[str] = Counter()
    for name, module in model.text_encoder.bert.encoder.named_modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _, inputs, __, name=name: rows.update({name: inputs[0].flatten(0, -2).shape[0]}))
    found(model, captions, [(0, TOKENS)])
    pairs, images = CANDIDATES.size, len(np.unique(CANDIDATES))
    tokens = int(captions.lengths.sum())
    per_pair = tokens * CANDIDATES.shape[1]  # no padding among them
    for layer in range(3):
        assert rows[f"layer.{layer}.crossattention.self.key"] == (0 if layer == 2 else images * TOKENS.shape[1])
        assert rows[f"layer.{layer}.crossattention.self.query"] == (pairs if layer == 2 else per_pair)
        assert rows[f"layer.{layer}.intermediate.dense"] == (pairs if layer == 2 else per_pair)
    assert rows["layer.0.attention.self.query"] == tokens
    assert rows["layer.1.attention.self.query"] == per_pair
    assert rows["layer.2.attention.self.query"] == pairs
    assert rows["layer.2.attention.self.key"] == per_pair


@pytest.mark.parametrize("captions", [1, 3])
def test_no_keys_are_projected_for_few_short_captions(captions: int) -> None:
    """A caption of five tokens and its images, and three with images of their own: equal to one pass per pair."""
    model = tiny_model(depth=3)
    asked = tiny_captions(captions)
    asked.lengths[:] = 5
    candidates = np.arange(captions * 4).reshape(captions, 4)
    projected: list[str] = []
    for layer in model.text_encoder.bert.encoder.layer:
        layer.crossattention.self.key.register_forward_hook(lambda *_: projected.append("keys"))
    logits = found(model, asked, [(0, TOKENS)], candidates=candidates)
    assert not projected
    expected = plain(model, asked, candidates)
    assert (logits - expected).abs().max() < 1e-5
    assert expected[..., 1].std() > 0.1


def test_cuhks_test_is_re_ranked_on_a_gpu_by_7000_calls_of_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two a layer and batch, the first layer's once for each part of the captions: with the memory of the parameters, in fp32."""
    with torch.device("meta"):
        bert = BertModel(BertConfig(is_decoder=True, add_cross_attention=True), add_pooling_layer=False)
    draw, settings = np.random.default_rng(0), load(Path("params/cuhk_pedes/evaluate.yaml"), Evaluate)
    lengths = np.exp(draw.normal(np.log(26.4), 0.35, 6156)).round().clip(8, 73).astype(np.int64)
    monkeypatch.setattr(Reader, "first_states", lambda *_: None)
    reader = Reader(bert, Captions(np.empty((6156, 73)), lengths), device=torch.device("cuda"), memory=settings.memory_mb // 2 * 2**20)
    assert reader.fits
    images = np.sort(draw.integers(0, 3074, 6156 * settings.top_k))
    rows, calls = draw.permutation(len(images)) % 6156, lengths.sum() * reader.token_bytes // reader.limit + 1
    for start in range(0, 3074, settings.batch_size):
        first, stop = np.searchsorted(images, [start, start + settings.batch_size])
        calls += (2 * 12 - 1) * len(list(reader.batches(rows[first:stop], images[first:stop], image_length=197)))
    assert 5000 < calls <= 7000


@pytest.mark.parametrize("limit", [1, 3000, 100_000])
def test_batches_hold_every_pair_once_and_whole_images_where_they_fit(limit: int) -> None:
    model, captions = tiny_model(), tiny_captions()
    reader = Reader(model.text_encoder.bert, Captions(captions.ids, captions.lengths), device=CPU, memory=10**6)
    reader.limit = limit
    images = np.sort(CANDIDATES.reshape(-1)).astype(np.int64)
    rows = np.argsort(CANDIDATES, axis=None, kind="stable") // CANDIDATES.shape[1]
    batches = list(reader.batches(rows, images, image_length=9))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(rows)))
    costs = []
    for batch in batches:
        assert (np.diff(reader.lengths[rows[batch]]) >= 0).all()
        text = int(reader.lengths[rows[batch]].sum()) * reader.token_bytes
        costs.append(text + len(set(images[batch].tolist())) * 9 * reader.image_token_bytes)
    pair = 14 * reader.token_bytes + 9 * reader.image_token_bytes
    assert max(costs) <= 2 * limit + pair
    if limit == 100_000:
        assert len(batches) > 1
        assert sum(len(set(images[batch].tolist())) for batch in batches) == len(set(images.tolist()))


def test_bf16_is_near() -> None:
    model, captions = tiny_model(), tiny_captions()
    exact, near = (found(model, captions, [(0, TOKENS)], precision=precision) for precision in ("fp32", "bf16"))
    assert near.dtype == torch.float32
    assert 0 < (near - exact).abs().max() < 0.1


def test_dropout_is_refused() -> None:
    with pytest.raises(ValueError, match="dropout"):
        found(tiny_model().train(), tiny_captions(), [(0, TOKENS)])


@torch.no_grad()
def test_scores_of_transformers_blip() -> None:
    """Wider images than texts, and the model's own forward pass as the oracle."""
    torch.manual_seed(5)
    text = BlipTextConfig(
        vocab_size=50,
        hidden_size=32,
        encoder_hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=20,
        initializer_range=0.2,
        bos_token_id=2,
        pad_token_id=0,
        sep_token_id=3,
    )
    vision = BlipVisionConfig(
        hidden_size=48, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4, image_size=32, patch_size=8, initializer_range=0.2
    )
    config = BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), image_text_hidden_size=16)
    blip = BlipForImageTextRetrieval(config).eval()
    pixels, captions = torch.randn(6, 3, 32, 32), tiny_captions(4)
    candidates = np.array([[0, 3], [5, 1], [2, 0], [3, 4]])

    tokens = blip.vision_model(pixel_values=pixels).last_hidden_state
    scores = match_logits(
        blip.text_encoder,
        blip.itm_head,
        captions=Captions(captions.ids, captions.lengths),
        candidates=candidates,
        image_tokens=[(0, tokens)],
    )
    for row, near in enumerate(candidates):
        ids = torch.from_numpy(captions.ids[row, : captions.lengths[row]].astype(np.int64))[None]
        for place, image in enumerate(near):
            expected = blip(input_ids=ids, pixel_values=pixels[[image]], attention_mask=torch.ones_like(ids)).itm_score
            assert (scores[row, place] - expected[0]).abs().max() < 1e-5
    assert scores.std() > 0.01


BOUNDED = """
import resource
from pathlib import Path
import numpy as np, torch
from transformers import BertConfig, BertModel
from cada.retrieval.reranking import Captions, match_logits

torch.set_num_threads(1)
config = BertConfig(vocab_size=50, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
                    is_decoder=True, add_cross_attention=True, attn_implementation="sdpa")
text_model, head = BertModel(config, add_pooling_layer=False).eval(), torch.nn.Linear(64, 2)
draw = np.random.default_rng(0)
lengths = draw.integers(5, 16, 500)
captions = Captions(draw.integers(1, 50, (500, 16)), lengths)
made = 0

def tokens(images):
    global made
    for start in range(0, images, 64):
        chunk = torch.randn(min(64, images - start), 40, 64)
        made += chunk.nbytes
        yield start, chunk

def run(images):
    candidates = draw.permutation(20000)[: 500 * 40].reshape(500, 40) % images
    return match_logits(text_model, head, captions=captions, candidates=candidates, image_tokens=tokens(images), memory_mb=32)

run(128)
held = 1024 * int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0])
resource.setrlimit(resource.RLIMIT_DATA, (held + 40 * 2**20, resource.RLIM_INFINITY))
run(20000)
print(made // 2**20)
try:
    torch.empty(40 * 2**20, dtype=torch.uint8)
except RuntimeError:
    print("refused")
"""


def test_the_work_on_20_000_images_keeps_to_the_stated_memory() -> None:
    """The system refuses what is over: 32 MB, and 8 for the result and the lists of pairs."""
    done = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made, refused = done.stdout.split()
    assert int(made) > 190  # MB of tokens went through
    assert refused == "refused"
