"""Which word pieces belong to which attribute phrase: ARA masks a phrase as a whole (method section 3).

L tokens, S phrases. Offsets and spans are character positions in the normalised caption, end excluded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NO_PHRASE = -1
Span = tuple[int, int]


def token_phrases(offsets: Sequence[Span], spans: Sequence[Span]) -> list[int]:
    """Index of the phrase each word piece belongs to, or -1.

    offsets: (start, end) of each piece; special tokens ([CLS], [SEP], padding) are empty, (0, 0), and belong to none.
    spans: phrases in order and without overlaps. A piece belongs to a phrase that shares a character with it.
    """
    if not spans:
        return [NO_PHRASE] * len(offsets)
    pieces = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)  # [L, 2]
    phrases = np.asarray(spans, dtype=np.int64)  # [S, 2]
    assert (phrases[1:, 0] >= phrases[:-1, 1]).all(), "phrases overlap or are in no order"
    index = np.searchsorted(phrases[:, 1], pieces[:, 0], side="right")  # [L], the first phrase that ends behind the piece's start
    near = phrases[np.minimum(index, len(phrases) - 1)]  # [L, 2]
    shared = (index < len(phrases)) & (near[:, 0] < pieces[:, 1]) & (pieces[:, 0] < pieces[:, 1])
    return np.where(shared, index, NO_PHRASE).tolist()
