"""A model of a few thousand parameters with a vocabulary written on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cada.config import Architecture, Transformer
from cada.model.cada import Cada
from cada.model.tokenizer import Tokenizer

# an upper-case entry can never be met: captions are lower-cased
ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "shirt", "##s", "t", "-", "bag", "he", "'", "s", "Bag"]
SIZES = Transformer(width=24, depth=2, heads=2, mlp=40)


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(ENTRIES) + "\n")
    return path


@pytest.fixture
def architecture() -> Architecture:
    return Architecture(image_size=(32, 16), patch_size=(8, 8), vision=SIZES, text=SIZES, projection=12, max_tokens=12, positions=12)


@pytest.fixture
def model(architecture: Architecture) -> Cada:
    torch.manual_seed(0)
    return Cada(architecture, Tokenizer(ENTRIES, architecture.max_tokens)).eval()
