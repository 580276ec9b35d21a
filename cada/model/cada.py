"""CADA's model: three transformers, two projections, two match heads (method section 2).

Legend: B batch, P patches, L tokens, D width, E width of the common space.
"""

from __future__ import annotations

from torch import Tensor, nn

from cada.config import Architecture
from cada.model.encoders import AttributeDecoder, ImageEncoder, TextEncoder


class Cada(nn.Module):
    """The parts, and the few ways in which training and retrieval use them."""

    def __init__(
        self,
        image_encoder: ImageEncoder,
        text_encoder: TextEncoder,
        attribute_decoder: AttributeDecoder,
        *,
        width: int,
        projection: int,
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        self.attribute_decoder = attribute_decoder
        self.image_projection = nn.Linear(width, projection)
        self.text_projection = nn.Linear(width, projection)
        self.match_head = nn.Linear(width, 2)  # class 1 = match
        self.local_match_head = nn.Linear(width, 2)

    def checkpoint_layers(self) -> None:
        """Keep only each layer's input in training and compute the rest again in the backward pass."""
        for transformer in (self.image_encoder.vit, self.text_encoder.bert, self.attribute_decoder.bert):
            # renamed within transformers 5
            enable = getattr(transformer, "activation_checkpointing_enable", None) or transformer.gradient_checkpointing_enable
            enable({"use_reentrant": False})

    def encode_images(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, 3, height, width) to tokens (B, 1 + P, D) and features (B, E), not normalised."""
        tokens = self.image_encoder(images)
        return tokens, self.image_projection(tokens[:, 0])

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask (B, L), [CLS] first, to features (B, E), not normalised."""
        return self.text_projection(self.text_encoder(ids, mask)[:, 0])

    def match_hidden(self, ids: Tensor, mask: Tensor, image_tokens: Tensor, *, enc: int, images: Tensor | None = None) -> Tensor:
        """Hidden states (B, L, D) of caption i reading image i, or image `images[i]`; position 0 becomes the token `enc` = [ENC]."""
        ids = ids.clone()
        ids[:, 0] = enc
        if images is None:
            return self.text_encoder(ids, mask, image_tokens)
        return self.text_encoder.read_images(ids, mask, image_tokens, images)


def build(architecture: Architecture, *, vocabulary: int) -> Cada:
    """A freshly initialised model; seed torch first."""
    sizes = architecture.text
    positions, dropout = architecture.positions, architecture.dropout
    return Cada(
        ImageEncoder(architecture.vision, image_size=architecture.image_size, patch_size=architecture.patch_size),
        TextEncoder(sizes, vocabulary=vocabulary, positions=positions, dropout=dropout),
        AttributeDecoder(sizes, vocabulary=vocabulary, positions=positions, dropout=dropout),
        width=sizes.width,
        projection=architecture.projection,
    )
