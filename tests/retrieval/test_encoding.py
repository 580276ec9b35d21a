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

from cada.errors import CadaError
from cada.retrieval.encoding import encode_gallery, encode_queries
from cada.retrieval.evaluation import Engine, Target, encode, retrieve
from cada.retrieval.results import evaluate_model
from tests.processes import together
from tests.retrieval.tiny import CPU, tiny_captions, tiny_images, tiny_model

ENGINE = Engine(top_k=5, batch_size=4, device=CPU)


def test_tokens_over_the_limit_are_kept_in_a_file_that_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    model, images = tiny_model(), tiny_images()
    in_memory, on_disk = (encode_gallery(model, images, batch_size=4, device=CPU, memory_mb=mb) for mb in (1, 0))
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
    with pytest.raises(CadaError, match=rf"{tmp_path}: 0\.0 GB of image tokens do not fit .*No space left.*TMPDIR"):
        encode_gallery(tiny_model(), tiny_images(), batch_size=4, device=CPU, memory_mb=0)


def test_a_gallery_that_is_not_matched_keeps_no_tokens() -> None:
    target = Target(tiny_images(), np.arange(17), tiny_captions(), np.arange(11))
    assert encode(tiny_model(), target, ENGINE)[0].tokens is not None
    gallery, _ = encode(tiny_model(), target, replace(ENGINE, top_k=None))
    assert gallery.tokens is None
    assert gallery.features.shape == (17, 12)


def test_bf16_is_near() -> None:
    model, captions = tiny_model(), tiny_captions()
    exact = encode_gallery(model, tiny_images(), batch_size=4, device=CPU)
    near = encode_gallery(model, tiny_images(), batch_size=4, device=CPU, precision="bf16")
    assert near.tokens is not None and near.tokens.dtype == torch.bfloat16
    assert near.features.dtype == torch.float32
    assert 0 < (near.features - exact.features).abs().max() < 0.03
    texts = [encode_queries(model, captions, batch_size=4, device=CPU, precision=precision) for precision in ("fp32", "bf16")]
    assert 0 < (texts[1] - texts[0]).abs().max() < 0.03


def test_pictures_on_the_disk_are_read_by_the_batch(tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", tiny_images().numpy())
    mapped = torch.from_numpy(np.load(tmp_path / "pixels.npy", mmap_mode="c"))
    found, expected = (encode_gallery(tiny_model(), images, batch_size=4, device=CPU).features for images in (mapped, tiny_images()))
    assert torch.equal(found, expected)


def evaluation() -> dict[str, Any]:
    """Both stages' arrays and the metrics of the whole gallery and its parts."""
    model, captions, images = tiny_model(), tiny_captions(), tiny_images()
    target, engine = Target(images, np.arange(17) // 2, captions, np.arange(11) // 2), replace(ENGINE, batch_size=9)
    gallery, queries = encode(model, target, engine)
    found = retrieve(model, gallery, queries, captions, engine)
    metrics, rankings = evaluate_model(
        model, target, target, engine=engine, headline="calibrated", fusion_weights=(0.0, 1.0, 10.0), parts=2, bootstrap=10
    )
    assert gallery.tokens is not None
    arrays = {"features": gallery.features.numpy(), "queries": queries.numpy(), "logits": found.logits, **rankings}
    return {"arrays": arrays, "metrics": metrics, "held": len(gallery.tokens)}


def test_the_number_of_processes_changes_no_bit(tmp_path: Path) -> None:
    """Two batches of pictures and of captions: one of three processes has none."""
    alone = evaluation()
    found = together(3, evaluation, tmp_path)
    assert [one["held"] for one in found] == [0, 9, 8]
    for one in found:
        assert one["metrics"] == alone["metrics"]
        for name, array in alone["arrays"].items():
            assert np.array_equal(one["arrays"][name], array), name
