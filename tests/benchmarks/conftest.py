"""The tokeniser of the benchmarks, found from wherever the tests are started."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.inputs import QUICK, VOCABULARY, tokenizer_of
from cada.model.tokenizer import Tokenizer
from tests.gallery.conftest import drawn

__all__ = ["drawn"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tokenizer() -> Tokenizer:
    return tokenizer_of(QUICK.words, ROOT / VOCABULARY)
