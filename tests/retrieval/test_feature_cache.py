"""Features are read instead of made where model, inputs and the way to compute are the same, and only there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cada.retrieval import encoding
from cada.retrieval.encoding import Engine
from cada.retrieval.feature_cache import FeatureCache
from cada.retrieval.search import Search, Target
from cada.storage.cache import LIMIT, Cache
from tests.messages import carries
from tests.processes import together
from tests.retrieval.tiny import tiny_captions, tiny_images, tiny_model

TARGET = Target(tiny_images(), np.arange(17), tiny_captions(), np.arange(11))


def engine(folder: Path, *, maker: str = "model", top_k: int | None = None) -> Engine:
    return Engine(top_k=top_k, batch_size=4, cache=FeatureCache(Cache(folder, 1e6), maker))


def encoded(target: Target, chosen: Engine) -> tuple[torch.Tensor, torch.Tensor]:
    search = Search.of(tiny_model(), target, chosen)
    return search.gallery.features, search.queries


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("made again")


def test_a_second_encoding_reads_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = encoded(TARGET, replace(engine(tmp_path), cache=None))
    first = encoded(TARGET, engine(tmp_path))
    monkeypatch.setattr(encoding, "_encode_gallery", refuse)
    monkeypatch.setattr(encoding, "_encode_queries", refuse)
    again = encoded(TARGET, engine(tmp_path))
    for one, two, three in zip(plain, first, again, strict=True):
        assert torch.equal(one, two) and torch.equal(one, three)


@pytest.mark.parametrize("changed", ["pixel", "caption", "maker"])
def test_a_change_of_what_made_them_makes_them_anew(tmp_path: Path, changed: str) -> None:
    encoded(TARGET, engine(tmp_path))
    before = set(tmp_path.rglob("*.npy"))
    images, captions = TARGET.images.clone(), replace(TARGET.captions, ids=TARGET.captions.ids.copy())
    images[3, 1, 0, 0] += changed == "pixel"
    captions.ids[2, 1] += changed == "caption"
    encoded(replace(TARGET, images=images, captions=captions), engine(tmp_path, maker="another" if changed == "maker" else "model"))
    assert len(set(tmp_path.rglob("*.npy")) - before) == (2 if changed == "maker" else 1)


def test_where_tokens_are_wanted_the_gallery_is_encoded(tmp_path: Path) -> None:
    gallery, matched = (Search.of(tiny_model(), TARGET, engine(tmp_path, top_k=k)).gallery for k in (None, 5))
    assert gallery.tokens is None and matched.tokens is not None
    assert torch.equal(gallery.features, matched.features)


def test_features_that_cannot_be_kept_are_used_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = replace(engine(tmp_path), cache=FeatureCache(Cache(tmp_path, 10), "model"))
    found, expected = (encoded(TARGET, chosen) for chosen in (full, replace(full, cache=None)))
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    assert carries(capsys.readouterr().err, "features", tmp_path, LIMIT)


def of_both(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = engine(folder)
    encoded(TARGET, chosen)
    return encoded(TARGET, chosen)


def test_several_processes_share_them(tmp_path: Path) -> None:
    alone = encoded(TARGET, replace(engine(tmp_path), cache=None))
    for found in together(2, of_both, tmp_path / "processes", tmp_path / "cache"):
        assert all(torch.equal(*pair) for pair in zip(found, alone, strict=True))
