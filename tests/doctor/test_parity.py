"""The numbers of the published code, recorded at a tiny size on random weights."""

import json
import shutil
from pathlib import Path

import torch

from cada.doctor.parity import compare
from tests.messages import refused

FIXTURES = Path(__file__).parents[1] / "fixtures" / "parity"


def test_agrees_with_the_published_code():
    rows = compare(FIXTURES)
    assert len(rows) == 22
    assert [row for row in rows if not row.passes] == []


def test_a_changed_weight_is_noticed(tmp_path):
    folder = shutil.copytree(FIXTURES, tmp_path / "parity")
    checkpoint = torch.load(folder / "official_checkpoint.pth", weights_only=True)
    checkpoint["model"]["text_encoder.encoder.layer.1.crossattention.self.value.bias"] += 0.01
    torch.save(checkpoint, folder / "official_checkpoint.pth")
    wrong = {row.name for row in compare(folder) if not row.passes}
    assert {"match_hidden_diagonal", "match_logits", "score_rerank"} <= wrong
    assert not {"image_hidden", "text_hidden", "ara_logits"} & wrong


def test_a_missing_weight_is_named(tmp_path):
    folder = shutil.copytree(FIXTURES, tmp_path / "parity")
    checkpoint = torch.load(folder / "official_checkpoint.pth", weights_only=True)
    del checkpoint["model"]["itm_head.bias"]
    torch.save(checkpoint, folder / "official_checkpoint.pth")
    with refused(folder / "official_checkpoint.pth", " match_head.bias", "missing"):
        compare(folder)


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "golden.json").write_text(json.dumps({}))
    with refused(tmp_path, "parity", "golden.safetensors"):
        compare(tmp_path)
