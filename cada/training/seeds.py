"""All randomness of training is a function of (seed, step): a resumed run draws what an unbroken one would."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def derive(*parts: int | str) -> int:
    """A 63-bit seed from the parts, the same on every machine."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1


def seed_everything(*parts: int | str) -> None:
    """Seed Python, numpy and torch (dropout and initialisation draw from torch's default generators)."""
    value = derive(*parts)
    random.seed(value)
    np.random.seed(value % 2**32)
    torch.manual_seed(value)


def generator(*parts: int | str) -> torch.Generator:
    """A CPU generator of its own for the parts."""
    return torch.Generator().manual_seed(derive(*parts))
