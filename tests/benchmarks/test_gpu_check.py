"""The check of a GPU: all parts run, on the CPU and in tiny; what fails, or finds no time, is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu_check
from benchmarks.inputs import QUICK, tokenizer_of
from benchmarks.measuring import Machine
from cada.errors import CadaError
from tests.benchmarks.conftest import ROOT

WORKFLOW = {"snakemake", "dvc", "mlflow", "pydantic", "nltk"}
RUN = """
import sys
from benchmarks import gpu_check
from cada.model import encoders
encoders.compilation = lambda: {"fullgraph": True, "backend": "eager"}  # without a compiler
sys.modules["pydantic"] = None  # as on a machine that has none
code = gpu_check.main(["--device", "cpu", "--quick", "--results", sys.argv[1]])
print("IMPORTED", *sorted({name.partition(".")[0] for name, module in sys.modules.items() if module}))
sys.exit(code)
"""


def test_all_parts_run_without_the_tools_of_the_workflow(tmp_path: Path) -> None:
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # several would wait for each other, beside other tests
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)], cwd=ROOT, env=one_thread, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    text, _, imported = run.stdout.partition("IMPORTED")
    assert not WORKFLOW & set(imported.split())
    found = json.loads((tmp_path / "gpu-check.json").read_text())
    assert found["failed"] == {} and found["left_out"] == []
    assert {f"agree_{case}_{precision}" for case in gpu_check.CASES for precision in gpu_check.AGREE} <= found.keys()
    assert found["agree_robust_fp32"]["loss"] == 0 and found["resumed_largest_difference"] == 0
    assert text == (tmp_path / "gpu-check.md").read_text()
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| step")] == [
        f"| step, batch 4, {way}" for way in ("naive", "published", "robust", "robust_bf16", "compiled_bf16")
    ]
    assert "pydantic is not installed" in text


def test_the_published_codes_numbers_are_those_of_each_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(gpu_check.CPU, fp32=1e9, bf16=None)
    found = gpu_check.parity(gpu_check.FEW, tokenizer_of(QUICK.words), machine)
    assert max(found["parity_fp32"], found["parity_tf32"]) < 1e-4 < found["parity_bf16"], "on a CPU tf32 is fp32"
    monkeypatch.setitem(gpu_check.PARITY, "bf16", 1e-4)
    with pytest.raises(CadaError, match="match_logits in bf16"):
        gpu_check.parity(gpu_check.FEW, tokenizer_of(QUICK.words), machine)


def test_what_fails_or_finds_no_time_is_said_after_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part reads what was written before it."""
    clock = iter([0.0, 1.0, 2.0, 3.0, 4.0, 50.0, 51.0])
    seen = []

    def fails(*_: object) -> dict[str, float]:
        raise CadaError("robust in bf16: a loss differs")

    def reads(*_: object) -> dict[str, float]:
        seen.append(json.loads((tmp_path / "gpu-check.json").read_text())["failed"])
        return {"products_fp32_gflop_per_s": 5.0}

    monkeypatch.setattr(gpu_check, "PARTS", {"first": fails, "second": reads, "third": reads})
    monkeypatch.setattr(gpu_check.time, "monotonic", clock.__next__)
    assert gpu_check.main(["--device", "cpu", "--quick", "--minutes", "0.5", "--results", str(tmp_path)]) == 1
    assert seen == [{"first": "CadaError: robust in bf16: a loss differs"}]
    found = json.loads((tmp_path / "gpu-check.json").read_text())
    assert found["left_out"] == ["third"] and found["seconds"] == 51
    assert "robust in bf16: a loss differs" in capsys.readouterr().out


def test_without_a_gpu_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if gpu_check.torch.cuda.is_available():
        pytest.skip("there is one")
    assert gpu_check.main(["--results", str(tmp_path)]) == 1
    assert "cuda" in capsys.readouterr().err and not list(tmp_path.iterdir())
