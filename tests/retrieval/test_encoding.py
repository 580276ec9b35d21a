"""Where tokens are kept, and one process against several."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cada.retrieval.encoding import Engine, encode_gallery, encode_queries
from cada.retrieval.openset import ValSearches
from cada.retrieval.results import Scoring, score_model
from cada.retrieval.search import Search, Target
from tests.messages import refused
from tests.processes import together
from tests.retrieval.tiny import tiny_captions, tiny_images, tiny_model

ENGINE = Engine(top_k=5, batch_size=4)


def test_tokens_over_the_limit_are_kept_in_a_file_that_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    model, images = tiny_model(), tiny_images()
    in_memory, on_disk = (encode_gallery(model, images, replace(ENGINE, memory_mb=mb)) for mb in (2, 0))
    assert on_disk.tokens is not None
    assert torch.equal(in_memory.tokens, on_disk.tokens)
    assert torch.equal(in_memory.features, on_disk.features)
    assert f"{tmp_path}/cada-tokens-" in Path("/proc/self/maps").read_text()
    assert list(tmp_path.iterdir()) == []
    del on_disk
    assert f"{tmp_path}/cada-tokens-" not in Path("/proc/self/maps").read_text()


def test_tokens_that_fit_nowhere_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.posix_fallocate", full)
    with refused(f"{tmp_path}: ", "0.0 GB", os.strerror(errno.ENOSPC), "TMPDIR"):
        encode_gallery(tiny_model(), tiny_images(), replace(ENGINE, memory_mb=0))


def test_a_gallery_that_is_not_matched_keeps_no_tokens() -> None:
    assert encode_gallery(tiny_model(), tiny_images(), ENGINE).tokens is not None
    gallery = encode_gallery(tiny_model(), tiny_images(), replace(ENGINE, top_k=None))
    assert gallery.tokens is None
    assert gallery.features.shape == (17, 12)
    with refused("image tokens", "top_k", by=ValueError):
        next(gallery.chunks())


@pytest.mark.parametrize("images", [tiny_images().float(), tiny_images().transpose(2, 3), tiny_images()[0]])
def test_images_of_another_kind_or_size_are_named(images: torch.Tensor) -> None:
    with refused("images", "uint8 (N, 3, 32, 16)", by=ValueError):
        encode_gallery(tiny_model(), images, ENGINE)


def test_bf16_is_near() -> None:
    model, captions = tiny_model(), tiny_captions()
    exact = encode_gallery(model, tiny_images(), ENGINE)
    near = encode_gallery(model, tiny_images(), replace(ENGINE, precision="bf16"))
    assert near.tokens is not None and near.tokens.dtype == torch.bfloat16
    assert near.features.dtype == torch.float32
    assert 0 < (near.features - exact.features).abs().max() < 0.03
    texts = [encode_queries(model, captions, replace(ENGINE, precision=precision)) for precision in ("fp32", "bf16")]
    assert 0 < (texts[1] - texts[0]).abs().max() < 0.03


def test_images_on_the_disk_are_read_by_the_batch(tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", tiny_images().numpy())
    mapped = torch.from_numpy(np.load(tmp_path / "pixels.npy", mmap_mode="c"))
    found, expected = (encode_gallery(tiny_model(), images, ENGINE).features for images in (mapped, tiny_images()))
    assert torch.equal(found, expected)


def evaluation() -> dict[str, Any]:
    """Both stages' arrays and the metrics of the whole gallery and its parts."""
    model, captions, images = tiny_model(), tiny_captions(), tiny_images()
    target, engine = Target(images, np.arange(17) // 2, captions, np.arange(11) // 2), replace(ENGINE, batch_size=9)
    search = Search.of(model, target, engine)
    found = search.found()
    weight = found.choose_weight((0.0, 1.0, 10.0))
    val = ValSearches.of(search.first_hits(found, "calibrated", weight))
    metrics, rankings = score_model(search, Scoring("calibrated", weight, parts=2, bootstrap=10, val=val))
    assert search.gallery.tokens is not None
    arrays = {"features": search.gallery.features.numpy(), "queries": search.queries.numpy(), "logits": found.logits, **rankings}
    return {"arrays": arrays, "metrics": metrics, "held": len(search.gallery.tokens)}


def test_the_number_of_processes_changes_no_bit(tmp_path: Path) -> None:
    """Two batches of images and of captions: one of three processes has none."""
    alone = evaluation()
    found = together(3, evaluation, tmp_path)
    assert [one["held"] for one in found] == [0, 9, 8]
    for one in found:
        assert one["metrics"] == alone["metrics"]
        for name, array in alone["arrays"].items():
            assert np.array_equal(one["arrays"][name], array), name
