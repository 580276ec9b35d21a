"""A quick run from the command line: the keys of the JSON, and the page that is written from it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import page
from cada.storage.files import read_json
from tests.messages import line_with, refused

ROOT = Path(__file__).parents[2]
KEYS = {
    "cpu", "threads", "torch", "commit", "peak_fp32_gflop_per_s", "seconds",
    "rerank_ratio", "rerank_ratio_cpu", "rerank_ratio_bf16", "training_ratio_bf16",
    "rerank_fp32_pairs_per_s", "rerank_naive_pairs_per_s", "rerank_fp32_share_of_peak",
    "rerank_fp32_peak_memory_mb", "rerank_largest_difference",
    "query_large_fp32_ms", "query_large_keys_fp32_ms", "query_large_fp32_ratio", "query_default_fp32_ms_q3", "query_default_gflop",
    "training_ratio", "training_ratio_published", "training_robust_samples_per_s", "training_published_samples_per_s",
    "training_naive_samples_per_s", "training_robust_share_of_peak", "training_largest_difference",
    "encoding_fp32_images_per_s", "encoding_fp32_captions_per_s", "encoding_images_ratio",
    "decode_per_core_images_per_s", "augment_per_core_images_per_s", "loading_ratio",
    "evaluation_ours_s", "evaluation_naive_s", "metrics_ours_cpu_s", "metrics_naive_cpu_s", "cuhk_pedes_fp32_hours",
    "growth_gallery_ours_exponent", "growth_k_ours_s", "growth_tokens_naive_s", "growth_batch_points",
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, threads = tmp_path_factory.mktemp("results"), torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert command.main(["--quick", "--device", "cpu", "--threads", "1", "--results", str(folder)]) == 0
    torch.set_num_threads(threads)
    return folder


def test_the_json_is_flat_and_has_its_keys(results: Path) -> None:
    found = read_json(results / "benchmarks.json")
    assert found.keys() >= KEYS
    for name, value in found.items():
        assert not isinstance(value, dict), name
        for number in value if isinstance(value, list) else [value]:
            assert not isinstance(number, float) or math.isfinite(number), name


def test_ratios_are_those_of_the_rates(results: Path) -> None:
    found = read_json(results / "benchmarks.json")
    assert found["rerank_ratio"] == pytest.approx(found["rerank_fp32_pairs_per_s"] / found["rerank_naive_pairs_per_s"])
    assert found["query_large_fp32_ratio"] == pytest.approx(found["query_large_keys_fp32_ms"] / found["query_large_fp32_ms"])
    for key, way in (("training_ratio", "robust"), ("training_ratio_published", "published")):
        assert found[key] == pytest.approx(found[f"training_{way}_samples_per_s"] / found["training_naive_samples_per_s"])


def test_quick_numbers_are_marked_as_such(results: Path) -> None:
    assert line_with((results / "benchmarks.md").read_text(), "sizes of the tests")


def test_the_docs_block_is_written_from_the_json(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tmp_path / "performance.md"
    docs.write_text(f"# Before\n\n{page.BEGIN}\nold\n{page.END}\n\nAfter.\n")
    monkeypatch.setattr(command, "PAGE", docs)
    assert command.main(["--write-docs", "--results", str(results)]) == 0
    once = docs.read_text()
    assert once == f"# Before\n\n{page.BEGIN}\n{(results / 'benchmarks.md').read_text()}{page.END}\n\nAfter.\n"
    command.main(["--write-docs", "--results", str(results)])
    assert docs.read_text() == once


def test_without_a_measurement_the_page_says_so(tmp_path: Path) -> None:
    docs = tmp_path / "performance.md"
    docs.write_text(f"{page.BEGIN}\nold\n{page.END}\n")
    page.write_docs(docs, [])
    assert docs.read_text() == f"{page.BEGIN}\n{page.UNMEASURED}{page.END}\n"


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    docs = tmp_path / "performance.md"
    docs.write_text("nothing\n")
    with refused(docs, page.BEGIN, page.END):
        page.write_docs(docs, [])


def test_the_page_has_its_marks() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert text.index(page.BEGIN) < text.index(page.END)
