"""Tokenizers without a file."""

from __future__ import annotations

from cada.model.tokenizer import EXTRA_TOKENS, Tokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tokenizer_of(size: int, max_tokens: int = 73) -> Tokenizer:
    """One of `size` tokens, [DEC] and [ENC] included, of which five are special ones and the others words: word5, word6, ..."""
    return Tokenizer([*SPECIAL, *(f"word{number}" for number in range(len(SPECIAL), size - len(EXTRA_TOKENS)))], max_tokens)
