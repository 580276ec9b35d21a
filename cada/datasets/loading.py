"""A split as arrays, and its captions as tensors.

Legend: N images, Q captions, B batch, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from cada.datasets.records import Record, image_path
from cada.errors import CadaError
from cada.model.tokenizer import TokenizedCaptions
from cada.runtime.compute import upload


@dataclass(frozen=True)
class Split:
    """The images and captions of one split, in the order of the annotation."""

    image_paths: tuple[Path, ...]  # N
    image_names: tuple[str, ...]  # N
    image_persons: np.ndarray  # (N,)
    captions: tuple[str, ...]  # Q
    caption_image: np.ndarray  # (Q,) index of the caption's own image
    caption_number: np.ndarray  # (Q,) its number among the image's captions

    @property
    def caption_persons(self) -> np.ndarray:
        """The person of each caption (Q,)."""
        return self.image_persons[self.caption_image]


def take_split(records: Sequence[Record], split: str, *, root: Path, queries: Literal["first_two", "all"] = "all") -> Split:
    """The records of `split`, in the annotation's order; `first_two` keeps two captions per image (published)."""
    chosen = [record for record in records if record.split == split]
    if not chosen:
        raise CadaError(f"{root}: no record has the split {split}. Check the field `split` of its annotation.")
    most = 2 if queries == "first_two" else None
    captions = [(text, row, number) for row, record in enumerate(chosen) for number, text in enumerate(record.captions[:most])]
    return Split(
        tuple(image_path(root, record) for record in chosen),
        tuple(record.image for record in chosen),
        np.array([record.person for record in chosen]),
        tuple(text for text, _, _ in captions),
        np.array([row for _, row, _ in captions]),
        np.array([number for _, _, number in captions]),
    )


def take_queries(split: Split, persons: int | None) -> Split:
    """The captions of at most `persons` persons; all images stay."""
    return _captions_of(split, evenly_spaced(split, persons))


def take_persons(split: Split, persons: int | None, *, consecutive: int = 1) -> Split:
    """The images and captions of at most `persons` persons, chosen as `evenly_spaced` does."""
    ids = evenly_spaced(split, persons, consecutive=consecutive)
    chosen = np.isin(split.image_persons, ids)
    few = _captions_of(split, ids)
    return replace(
        few,
        image_paths=tuple(path for path, taken in zip(split.image_paths, chosen, strict=True) if taken),
        image_names=tuple(name for name, taken in zip(split.image_names, chosen, strict=True) if taken),
        image_persons=split.image_persons[chosen],
        caption_image=(np.cumsum(chosen) - 1)[few.caption_image],
    )


def _captions_of(split: Split, persons: np.ndarray) -> Split:
    rows = np.flatnonzero(np.isin(split.caption_persons, persons))
    return replace(
        split,
        captions=tuple(split.captions[row] for row in rows),
        caption_image=split.caption_image[rows],
        caption_number=split.caption_number[rows],
    )


def evenly_spaced(split: Split, persons: int | None, *, consecutive: int = 1) -> np.ndarray:
    """At most `persons` of the persons of the captions, in the order of their ids, which is cut into groups of `consecutive`.

    As many whole groups as that gives are taken, evenly spaced; None takes everybody.
    """
    ids = np.unique(split.caption_persons)
    if persons is None or persons >= len(ids):
        return ids
    groups, wanted = len(ids) // consecutive, persons // consecutive
    return ids[: groups * consecutive].reshape(groups, consecutive)[np.arange(wanted) * groups // wanted].ravel()


@dataclass(frozen=True)
class TokenBatch:
    """Captions as tensors: ids and mask (B, L); on the CPU lengths (B) and attribute groups (B, L), -1 outside."""

    ids: Tensor
    mask: Tensor
    lengths: Tensor
    groups: Tensor

    def to(self, device: torch.device) -> TokenBatch:
        """Ids and mask on `device`; lengths and groups stay on the CPU, where masks are drawn."""
        return TokenBatch(upload(self.ids, device), upload(self.mask, device), self.lengths, self.groups)


def token_batch(
    captions: TokenizedCaptions, rows: np.ndarray, *, padded_to: int | None, multiple: int = 1, groups: np.ndarray | None = None
) -> TokenBatch:
    """The captions `rows` (B), padded to the fixed length `padded_to`, or to a `multiple` of tokens that their longest fits into.

    No multiple is longer than the longest of all captions.
    """
    lengths = captions.lengths[rows]
    longest = int(lengths.max())
    ids = torch.zeros(len(rows), padded_to or min(-(-longest // multiple) * multiple, captions.ids.shape[1]), dtype=torch.long)
    ids[:, :longest] = torch.from_numpy(captions.ids[rows, :longest].astype(np.int64))
    numbers = torch.full_like(ids, -1)
    if groups is not None:
        numbers[:, :longest] = torch.from_numpy(groups[rows, :longest].astype(np.int64))
    mask = torch.arange(ids.shape[1]) < torch.from_numpy(lengths)[:, None]
    return TokenBatch(ids, mask, torch.from_numpy(lengths.astype(np.int64)), numbers)
