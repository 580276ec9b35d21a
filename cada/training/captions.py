"""Which tokens belong to which attribute: computed once, outside the training step.

Legend: Q captions, L tokens.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from cada.datasets.loading import Split
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.phrases.masking import token_phrases
from cada.phrases.words import attribute_words


def attribute_groups(
    captions: TokenizedCaptions, split: Split, *, masking: Literal["phrases", "words"], phrases: pd.DataFrame, tokenizer: Tokenizer
) -> np.ndarray:
    """Group numbers (Q, L) for `cada.losses.select_groups`, -1 outside any attribute.

    `phrases`: a group is a phrase of the phrase table; [CLS] and [SEP] never belong to one. `words`: a group is one
    word piece that NLTK tags as adjective or noun in the caption before it is cut. [SEP] is always a group too, a side effect
    of the published code (method section 3): all positions may be masked but pieces with other tags, [CLS] and the padding.
    """
    groups = np.full(captions.ids.shape, -1, dtype=np.int16)
    if masking == "words":
        for row, words in enumerate(attribute_words(tokenizer.pieces(split.captions))):
            sep = captions.lengths[row] - 1
            groups[row, 1:sep] = np.where(words[: sep - 1], np.arange(1, sep), -1)
            groups[row, sep] = sep
        return groups
    spans = _spans_by_caption(phrases)
    for row, (image, number) in enumerate(zip(split.caption_image, split.caption_number, strict=True)):
        length = captions.lengths[row]
        offsets = list(zip(captions.starts[row, :length], captions.ends[row, :length], strict=True))
        groups[row, :length] = token_phrases(offsets, spans.get((split.image_names[image], number), []))
    return groups


def _spans_by_caption(phrases: pd.DataFrame) -> dict[tuple[str, int], list[tuple[int, int]]]:
    spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for image, caption, start, end in zip(phrases["image"], phrases["caption"], phrases["start"], phrases["end"], strict=True):
        spans.setdefault((image, caption), []).append((start, end))
    return spans
