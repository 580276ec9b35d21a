"""A data set's model.yaml: the sizes of the three transformers and the vocabulary."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from cada.config.base import Parameters, Pinned, Positive, Probability


class Transformer(Parameters):
    """The size of one transformer."""

    width: Positive  #: length of a token's vector
    depth: Positive  #: layers
    heads: Positive  #: attention heads; they divide the width
    mlp: Positive  #: width inside of a layer's two-layer network

    @field_validator("heads")
    @classmethod
    def _divide_the_width(cls, heads: int, info: ValidationInfo) -> int:
        if info.data.get("width", heads) % heads:
            raise ValueError(f"{heads} does not divide the width {info.data['width']}")
        return heads


class Architecture(Parameters):
    """Sizes of the model; the attribute decoder has the text encoder's."""

    image_size: tuple[Positive, Positive]  #: [pixels] height and width that every image is resized to
    patch_size: tuple[Positive, Positive]  #: [pixels] height and width of a patch; patches tile the image
    vision: Transformer  #: the image encoder
    text: Transformer  #: the text encoder, and the attribute decoder of the same size
    projection: Positive  #: length of a feature
    max_tokens: Annotated[int, Field(ge=8)] = 73  #: [tokens] the longest caption that is read, [CLS] and [SEP] included
    positions: Annotated[int, Field(ge=8, validate_default=True)] = 512  #: [tokens] learned positions of the text encoder
    dropout: Probability = 0.1  #: share of activations that training sets to 0 in text encoder and decoder

    @field_validator("patch_size")
    @classmethod
    def _tile_the_image(cls, patch: tuple[int, int], info: ValidationInfo) -> tuple[int, int]:
        image = info.data.get("image_size", patch)
        if image[0] % patch[0] or image[1] % patch[1]:
            raise ValueError(f"patches of {patch[0]} x {patch[1]} do not tile an image of {image[0]} x {image[1]}")
        return patch

    @field_validator("positions")
    @classmethod
    def _reach_the_last_token(cls, positions: int, info: ValidationInfo) -> int:
        if positions < info.data.get("max_tokens", positions):
            raise ValueError(f"{positions} must be at least max_tokens, {info.data['max_tokens']}")
        return positions


class Model(Architecture):
    """params/<dataset>/model.yaml: the architecture, and the WordPiece vocabulary unless the initial weights bring theirs."""

    vocabulary: Pinned | None = None  #: the WordPiece vocabulary, unless the initial weights bring theirs

    @property
    def architecture(self) -> Architecture:
        return Architecture(**self.model_dump(exclude={"vocabulary"}))
