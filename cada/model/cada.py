"""CADA's model: three transformers, two projections, two match heads (method section 2).

Legend: B batch, P patches, L tokens, D width of the text, I width of the images, E width of the common space.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cada.model.encoders import AttributeDecoder, ImageEncoder, TextEncoder
from cada.model.tokenizer import Tokenizer
from cada.runtime.compute import autocast

if TYPE_CHECKING:
    from cada.config import Architecture


class Cada(nn.Module):
    """The parts, and the few ways in which training and retrieval use them.

    `architecture` has the sizes, `tokenizer` reads the captions and knows the special tokens. A new model has random weights:
    seed torch first.
    """

    def __init__(self, architecture: Architecture, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.architecture, self.tokenizer = architecture, tokenizer
        self.compiled = False
        image_width, width = architecture.vision.width, architecture.text.width
        self.image_encoder = ImageEncoder(architecture)
        self.text_encoder = TextEncoder(architecture, vocabulary=tokenizer.size)
        self.attribute_decoder = AttributeDecoder(architecture, vocabulary=tokenizer.size)
        self.image_projection = nn.Linear(image_width, architecture.projection)
        self.text_projection = nn.Linear(width, architecture.projection)
        self.match_head = nn.Linear(width, 2)  # class 1 = match
        self.local_match_head = nn.Linear(width, 2)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.match_head.weight.device

    def checkpoint_layers(self) -> None:
        """Keep only each layer's input in training and compute the rest again in the backward pass."""
        for transformer in (self.image_encoder.vit, self.text_encoder.bert, self.attribute_decoder.bert):
            # renamed within transformers 5
            enable = getattr(transformer, "activation_checkpointing_enable", None) or transformer.gradient_checkpointing_enable
            enable({"use_reentrant": False})

    def compile_layers(self) -> None:
        """Let torch compile layers, embeddings and the word head when a training first calls them: fewer kernels, after minutes."""
        for part in (self.image_encoder, self.text_encoder, self.attribute_decoder):
            part.compile_layers()
        self.compiled = True

    def as_written(self) -> AbstractContextManager[object]:
        """A context in which nothing runs that torch has compiled: what is scored has the bits of a model that was loaded."""
        return torch.compiler.set_stance("force_eager") if self.compiled else nullcontext()

    def encode_images(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images (B, 3, height, width) to tokens (B, 1 + P, I) and features (B, E), not normalised."""
        tokens = self.image_encoder(images)
        return tokens, _projected(self.image_projection, tokens)

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask (B, L), [CLS] first, to features (B, E), not normalised."""
        return _projected(self.text_projection, self.text_encoder(ids, mask))

    def match_hidden(self, ids: Tensor, mask: Tensor, image_tokens: Tensor | Sequence[Tensor], *, images: Tensor | None = None) -> Tensor:
        """Hidden states (B, L, D) of caption i reading image i, or image `images[i]`; position 0 becomes [ENC].

        With `images`, the keys and values of the tokens may stand for them: `TextEncoder.keys_and_values`.
        """
        ids = ids.clone()
        ids[:, 0] = self.tokenizer.enc
        if images is None:
            return self.text_encoder(ids, mask, image_tokens)
        return self.text_encoder.read_images(ids, mask, image_tokens, images)


def _projected(projection: nn.Module, states: Tensor) -> Tensor:
    """The feature (B, E) of position 0 of states (B, ..., D), in fp32 under any precision: losses and rankings compare cosines of it."""
    with autocast(states.device, "fp32"):
        feature: Tensor = projection(states[:, 0].float())
    return feature
