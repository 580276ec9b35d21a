"""The check of a GPU on the pretended one: no part fails."""

import json

from benchmarks import gpu_check
from cada.doctor import machine
from tests.pretended_gpu.device import PretendedGpu


def test_no_part_fails(tmp_path, monkeypatch):
    monkeypatch.setitem(machine.SIDE, "cuda", 64)
    monkeypatch.setattr(gpu_check, "CASES", {"robust": gpu_check.ROBUST})  # the others are those of check_losses.py
    with PretendedGpu():
        gpu_check.main(["--quick", "--results", str(tmp_path)])
    found = json.loads((tmp_path / "gpu-check.json").read_text())
    assert found["failed"] == {} and found["gpu"] == "pretended"
    assert found["agree_robust_fp32"]["loss"] == 0
