"""BERT's WordPiece with CADA's two extra tokens.

Legend: N captions, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
from tokenizers.implementations import BertWordPieceTokenizer

from cada.datasets.text import normalise_caption
from cada.errors import CadaError

EXTRA_TOKENS = ("[DEC]", "[ENC]")
_AT_ONCE = 1024  # captions: an encoding takes 3 kB, its ids and offsets a tenth


@dataclass(frozen=True)
class TokenizedCaptions:
    """Captions as padded token ids; `starts` and `ends` are character offsets in the normalised caption."""

    ids: np.ndarray  # (N, L) int32, padded with [PAD] = 0
    lengths: np.ndarray  # (N,) int32, [CLS] and [SEP] included
    starts: np.ndarray  # (N, L) int32
    ends: np.ndarray  # (N, L) int32, equal to starts for special tokens

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> TokenizedCaptions:
        """The captions `rows`."""
        return TokenizedCaptions(self.ids[rows], self.lengths[rows], self.starts[rows], self.ends[rows])


class Tokenizer:
    """[CLS] + at most `max_tokens` - 2 pieces + [SEP]; [DEC] and [ENC] follow the vocabulary (method section 2).

    `size` is the number of all tokens; `cls`, `sep`, `mask` and `enc` are the ids of the special ones.
    """

    def __init__(self, entries: Sequence[str], max_tokens: int) -> None:
        """`entries` are BERT's, in the order of their ids. Errors: `ValueError` where they lack a special token."""
        ids = {entry: index for index, entry in enumerate(entries)}
        missing = [token for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if token not in ids]
        if missing or ids["[PAD]"] != 0:
            raise ValueError(f"not a BERT vocabulary: {', '.join(missing) or '[PAD] first'} is missing")
        self.entries = tuple(entries)
        self.max_tokens = max_tokens
        self.size = len(entries) + len(EXTRA_TOKENS)
        self.cls, self.sep, self.mask = ids["[CLS]"], ids["[SEP]"], ids["[MASK]"]
        self.enc = len(entries) + EXTRA_TOKENS.index("[ENC]")
        self._backend = BertWordPieceTokenizer(vocab=ids, lowercase=True)
        self._backend.enable_truncation(max_tokens)

    @classmethod
    def read(cls, path: Path, max_tokens: int) -> Tokenizer:
        """The tokenizer of a vocabulary file, one entry a line. Errors: `CadaError` where there is none or it is no vocabulary."""
        try:
            return cls(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), max_tokens)
        except FileNotFoundError as error:
            raise CadaError(f"{path}: there is no such vocabulary. Name a WordPiece file in model.yaml: vocabulary.") from error
        except ValueError as error:  # of the encoding too
            raise CadaError(f"{path}: {error}. Name a WordPiece file in UTF-8.") from error

    def __call__(self, captions: Sequence[str]) -> TokenizedCaptions:
        """Normalise and tokenize `captions` (N) into arrays of the longest length L among them."""
        return self.encode([normalise_caption(caption) for caption in captions])

    def encode(self, texts: Sequence[str]) -> TokenizedCaptions:
        """Tokenize `texts` (N) as they are."""
        lengths = np.zeros(len(texts), dtype=np.int32)
        ids, starts, ends = (np.zeros((len(texts), self.max_tokens), dtype=np.int32) for _ in range(3))
        parts = (texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE))
        encodings = chain.from_iterable(self._backend.encode_batch(list(part)) for part in parts)
        for row, item in enumerate(encodings):
            lengths[row] = len(item.ids)
            ids[row, : lengths[row]] = item.ids
            starts[row, : lengths[row]], ends[row, : lengths[row]] = np.array(item.offsets, dtype=np.int32).T
        longest = lengths.max(initial=1)
        ids, starts, ends = (array[:, :longest].copy() for array in (ids, starts, ends))
        return TokenizedCaptions(ids, lengths, starts, ends)

    def pieces(self, captions: Sequence[str]) -> list[list[str]]:
        """All word pieces of each normalised caption, those behind the cut too, without special tokens."""
        encodings = self._backend.encode_batch([normalise_caption(caption) for caption in captions], add_special_tokens=False)
        return [[piece for part in (item, *item.overflowing) for piece in part.tokens] for item in encodings]

    def unknown_words(self, caption: str) -> list[str]:
        """Words of the normalised caption that the vocabulary has neither whole nor in parts of two letters or more."""
        text = normalise_caption(caption)
        encoding = self._backend.encode(text, add_special_tokens=False)
        found: dict[str, None] = {}
        for _, word in groupby(zip(encoding.word_ids, encoding.tokens, encoding.offsets, strict=True), key=itemgetter(0)):
            _, tokens, spans = zip(*word, strict=True)
            pieces = [token.removeprefix("##") for token in tokens]
            if pieces == ["[UNK]"] or (len(pieces) > 1 and max(map(len, pieces)) == 1):
                found[text[spans[0][0] : spans[-1][1]]] = None
        return list(found)

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The word pieces behind `ids`."""
        known = (*self.entries, *EXTRA_TOKENS)
        return [known[index] for index in ids]
