"""A model by onnxruntime gives what it gives by torch, and needs no torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cada
from cada.errors import CadaError
from cada.export.backend import OnnxBackend
from cada.gallery import Index
from cada.gallery.backend import GRAPHS, TorchBackend
from cada.steps.export import compare, export_model
from tests.gallery.conftest import START, drawn, photos

__all__ = ["drawn", "photos"]
TEXTS = ["a man", "A woman with long hair in a red jacket and black trousers, with a blue backpack.", "hat " * 60]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(START, tmp_path_factory.mktemp("exported") / "model"))
    export_model(folder, int8=False)
    return folder


def test_features_tokens_and_matches_are_torchs(exported: Path) -> None:
    torch, onnx = TorchBackend(exported), OnnxBackend(exported, exported / GRAPHS)
    assert (onnx.image_size, onnx.width, onnx.token_shape) == (torch.image_size, torch.width, torch.token_shape)
    assert compare(torch, onnx) >= 0.9999
    images = np.random.default_rng(1).integers(0, 256, (5, 3, *torch.image_size), dtype=np.uint8)
    for mine, others in zip(torch.encode_images(images), onnx.encode_images(images), strict=True):
        assert np.abs(mine - others).max() < 1e-4
    assert np.abs(torch.encode_texts(TEXTS) - onnx.encode_texts(TEXTS)).max() < 1e-5
    tokens = torch.encode_images(images)[1]
    candidates = np.array([[0, 1, 4], [3, 2, 1], [4, 4, 0]])
    chunks = [(0, tokens[:2]), (2, tokens[2:])]
    assert np.abs(torch.match(TEXTS, candidates, chunks) - onnx.match(TEXTS, candidates, chunks)).max() < 1e-4


def test_an_index_is_searched_in_the_same_order_without_torch(exported: Path, photos: Path, tmp_path: Path) -> None:
    by_onnx, by_torch = (Index.create(tmp_path / runtime, exported, runtime=runtime) for runtime in ("onnx", "torch"))
    by_onnx.add(photos)
    by_torch.add(photos)
    wanted = [[hit.path for hit in by_torch.search(text)] for text in TEXTS]
    assert [[hit.path for hit in by_onnx.search(text)] for text in TEXTS] == wanted
    code = (
        "import sys, json; from cada.gallery import Index\n"
        f"index = Index.open({str(tmp_path / 'onnx')!r}); found = [[hit.path for hit in index.search(text)] for text in {TEXTS!r}]\n"
        "print(json.dumps([found, sorted({'torch', 'transformers', 'pandas', 'pydantic'} & set(sys.modules))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [wanted, []]


def test_the_first_ten_of_every_caption_of_a_test_split_are_the_same(exported: Path, drawn: Path, photos: Path, tmp_path: Path) -> None:
    captions = [text for record in cada.datasets.read("cuhk_pedes", drawn) if record.split == "test" for text in record.captions]
    found = []
    for runtime in ("onnx", "torch"):
        index = Index.create(tmp_path / runtime, exported, runtime=runtime)
        index.add(photos)
        found.append([[hit.path for hit in hits] for hits in index.search_many(captions, k=10)])
    assert len(captions) == 48
    assert found[0] == found[1]


def test_an_export_of_other_weights_is_refused(exported: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(exported, tmp_path / "model"))
    content = bytearray((model / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(CadaError, match="onnx"):
        Index.create(tmp_path / "gallery", model)
    assert Index.create(tmp_path / "gallery", model, runtime="torch").settings.tokens == "float16"
    with pytest.raises(CadaError, match="cada export"):
        Index.create(tmp_path / "other", START, runtime="onnx")


def test_graphs_hold_no_path_of_the_machine(exported: Path) -> None:
    for path in (exported / GRAPHS).glob("*.onnx"):
        graph = path.read_bytes()
        assert b"cada/export" not in graph
        assert b".py" not in graph


def test_int8_is_a_third_of_the_size_and_near(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Path(shutil.copytree(exported, tmp_path / "model"))
    export_model(model, int8=True)
    whole, small = (sum(path.stat().st_size for path in (folder / GRAPHS).iterdir()) for folder in (exported, model))
    assert small < whole / 2.5
    assert compare(TorchBackend(model), OnnxBackend(model, model / GRAPHS)) > 0.98
    assert "int8" in capsys.readouterr().out
    assert not list(model.glob(".onnx-*"))
