"""The second stage: the match head's logits of many (caption, image) pairs, without doing twice what pairs share.

Only the hidden state of position 0 is read, so most of the plain computation falls away and the result is still exact
(method section 7): pairs are taken image by image, and an image's keys and values are projected once per layer, or not at all
where few tokens read it (`cada.retrieval.packed`); captions lie one after the other without padding; the first layer's
self-attention does not depend on the image and is computed once per caption; in the last layer position 0 alone asks.

Works on any text model whose layers are built like those of transformers' BERT with cross-attention, `BertModel` and
`BlipTextModel` among them. With a `BlipForImageTextRetrieval` of transformers:

    tokens = blip.vision_model(pixel_values).last_hidden_state
    match_logits(blip.text_encoder, blip.itm_head, captions=Captions(ids, lengths), candidates=candidates,
                 image_tokens=[(0, tokens)])

Legend: Q captions, K candidates each, L tokens, D width, C classes; N images of a chunk, S tokens of an image, W wide; in one
batch M pairs, T their text tokens, I images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from cada.retrieval.packed import Packed, Segments, cross_attention, feed_forward, self_attention
from cada.runtime.compute import autocast, selected_rows, upload, uploaded

if TYPE_CHECKING:
    from cada.config.steps import Precision

# text tokens of a batch: enough for the matrix products, few enough for the caches of a CPU
BATCH_TOKENS = {"cpu": 2048, "cuda": 65536}
MB = 2**20


@dataclass(frozen=True)
class Captions:
    """Token ids (Q, L) as the text model is to read them, [ENC] included where it wants one; `lengths` (Q,) without padding."""

    ids: np.ndarray
    lengths: np.ndarray


@torch.inference_mode()
def match_logits(
    text_model: nn.Module,
    head: nn.Linear,
    *,
    captions: Captions,
    candidates: np.ndarray,
    image_tokens: Iterable[tuple[int, Tensor]],
    precision: Precision = "fp32",
    memory_mb: int = 2048,
) -> Tensor:
    """Logits (Q, K, C), float32 on the CPU, of `head` on position 0 of each caption reading each of its `candidates` (Q, K).

    All is computed on the device of `head`.
    `image_tokens` yields the images in chunks: the number of a chunk's first image and the tokens (N, S, W). It is read
    once and may make or load the tokens on the way. Pairs with images that it does not yield stay 0, and a score has the
    same bits whatever other chunks there are: several processes may take some each.

    The work in flight keeps to `memory_mb`, however many captions and images there are; two chunks, of which one is
    copied to a GPU while the other is worked on, and the result come on top. Errors: `ValueError` for a model in training mode, and
    for less than 1 MB.
    """
    if text_model.training:
        raise ValueError("text_model: dropout would change the scores. Call eval() first.")
    if memory_mb < 1:
        raise ValueError(f"memory_mb: {memory_mb} is no room to work in. It is 1 at least, half of an Engine's.")
    device = head.weight.device
    queries, k = candidates.shape
    pairs = np.argsort(candidates, axis=None, kind="stable")  # (Q * K,), image by image
    rows, images = pairs // k, candidates.reshape(-1)[pairs].astype(np.int64)
    logits = torch.zeros(queries * k, head.out_features, device=device)
    with autocast(device, precision):
        reader = Reader(text_model, captions, device=device, memory=memory_mb * MB)
        for start, tokens in uploaded(lambda chunk: (chunk[0], upload(chunk[1], device)), image_tokens, device):
            first, stop = np.searchsorted(images, [start, start + len(tokens)])
            if first == stop:
                continue
            for batch in reader.batches(rows[first:stop], images[first:stop], image_length=tokens.shape[1]):
                chosen = first + batch
                hidden = reader.read(rows[chosen], images[chosen] - start, tokens)
                with autocast(device, "fp32"):  # logits in bf16 would be full of ties
                    logits[upload(torch.from_numpy(pairs[chosen]), device)] = head(hidden.float())
    return logits.view(queries, k, -1).cpu()


@dataclass(frozen=True)
class FirstStates:
    """Captions after the first layer's self-attention, packed (T, D); `starts` (Q,) is the row of each one's first token."""

    states: Tensor
    starts: np.ndarray

    def take(self, rows: np.ndarray, packed: Packed) -> Tensor:
        """The states of the captions `rows` (M,), packed (T, D)."""
        index = np.repeat(self.starts[rows], packed.lengths) + packed.positions
        return self.states.index_select(0, upload(torch.from_numpy(index), self.states.device))


class Reader:
    """Captions that read images within `memory` bytes: half of it at most for a batch, the rest for what a caption's pairs share."""

    def __init__(self, text_model: Any, captions: Captions, *, device: torch.device, memory: int) -> None:
        self.device = device
        self.ids, self.lengths = captions.ids, captions.lengths.astype(np.int64)
        self.embeddings, self.layers = text_model.embeddings, text_model.encoder.layer
        self.width, inner = self.layers[0].output.dense.weight.shape
        image_width = self.layers[0].crossattention.self.key.in_features
        # bytes at work: of a text token its state, queries, keys, values and sums and twice the inner layer; of an image
        # token itself, its key and its value; where queries are projected instead, a few MB of them
        self.token_bytes, self.image_token_bytes = 4 * (8 * self.width + 2 * inner), 4 * (image_width + 2 * self.width)
        self.limit = min(memory // 4, BATCH_TOKENS[device.type] * self.token_bytes)  # a batch may come to twice its limit
        self.fits = bool(self.lengths.sum() * 4 * self.width <= memory - 2 * self.limit)
        # where they do not fit, each batch computes its own captions' states
        self.shared = self.first_states(np.arange(len(self.lengths))) if self.fits else None

    def batches(self, rows: np.ndarray, images: np.ndarray, *, image_length: int) -> Iterator[np.ndarray]:
        """Cut pairs of captions `rows` and ascending `images` into batches under the limit; yields places, shortest caption first.

        All pairs of an image are in one batch, unless they alone are over the limit.
        """
        first = np.diff(images, prepend=-1) > 0
        cost = self.lengths[rows] * self.token_bytes + first * (image_length * self.image_token_bytes)
        before = np.cumsum(cost) - cost
        at_image = np.maximum.accumulate(np.where(first, before, 0))  # (M,) the cost before the pair's image
        parts = np.stack([at_image // self.limit, (before - at_image) // self.limit])  # of the pairs, of an image's own
        changes = np.diff(parts, axis=1).any(axis=0)
        for places in np.split(np.arange(len(rows)), np.flatnonzero(changes) + 1):
            yield places[np.argsort(self.lengths[rows[places]], kind="stable")]

    def read(self, rows: np.ndarray, images: np.ndarray, tokens: Tensor) -> Tensor:
        """Hidden states (M, D) of position 0: captions `rows` (M,), shortest first, read `images` (M,) of `tokens` (N, S, W)."""
        packed = Packed(self.lengths[rows], self.device)
        wanted, images = np.unique(images, return_inverse=True)
        shown = tokens.index_select(0, upload(torch.from_numpy(wanted), self.device))  # (I, S, W)
        everywhere = Segments.of(np.repeat(images, packed.lengths), len(wanted), self.device)
        at_start = Segments.of(images, len(wanted), self.device)
        starts = upload(torch.from_numpy(packed.starts), self.device)
        x = (self.shared or self.first_states(np.unique(rows))).take(rows, packed)  # (T, D)
        for layer in self.layers:
            last = layer is self.layers[-1]
            if layer is not self.layers[0]:
                x = self_attention(layer.attention, x, packed, rows=starts if last else None)
            elif last:
                x = x.index_select(0, starts)
            x = feed_forward(layer, cross_attention(layer.crossattention, x, shown, at_start if last else everywhere))
        return x  # (M, D)

    def first_states(self, rows: np.ndarray) -> FirstStates:
        """The captions `rows` up to the first layer's self-attention."""
        rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        whole = Packed(self.lengths[rows], self.device)
        states = torch.empty(len(whole.positions), self.width, device=self.device)
        cuts = np.flatnonzero(np.diff(whole.starts * self.token_bytes // self.limit)) + 1
        for part in np.split(np.arange(len(rows)), cuts):
            packed = Packed(whole.lengths[part], self.device)
            ids = self.ids[rows[part], : packed.lengths[-1]].astype(np.int64)  # (m, L) of the part's longest
            real = np.arange(ids.shape[1]) < packed.lengths[:, None]
            embedded = selected_rows(self.embeddings(input_ids=upload(torch.from_numpy(ids), self.device)), torch.from_numpy(real))
            first = whole.starts[part[0]]
            states[first : first + len(embedded)] = self_attention(self.layers[0].attention, embedded, packed)
        starts = np.zeros(len(self.lengths), dtype=np.int64)
        starts[rows] = whole.starts
        return FirstStates(states, starts)
