"""Faults that only a GPU would show, written into the project one by one: each fails a check of this folder.

Every one runs in a process of its own, which is forked from this one and imports the project anew, with one module changed.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import multiprocessing
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from tests.pretended_gpu import paths  # noqa: F401  its libraries are imported once, before the forks

CONTEXT = multiprocessing.get_context("fork")
STEP = ("check_losses", "test_in_fp32_a_step_has_the_bits_of_the_cpu")
BF16 = ("check_losses", "test_in_bf16_a_step_has_about_the_losses_and_the_direction_of_fp32")
EVALUATION = ("check_retrieval", "test_an_evaluation_has_the_metrics_of_the_cpu")
EVALUATION_BF16 = ("check_retrieval", "test_in_bf16_an_evaluation_has_about_the_scores_of_fp32")
COUNTS = ("check_counts", "test_a_training_step_waits_for_nothing")
LAUNCHES = ("check_counts", "test_a_step_starts_no_more_kernels_than_are_known")
CALLS = ("check_counts", "test_a_batch_is_re_ranked_by_two_calls_of_attention_a_layer")
EXPLANATION = ("check_retrieval", "test_an_explanation_is_that_of_the_cpu")
SEARCH = ("check_retrieval", "test_the_backend_of_search_gives_the_arrays_of_the_cpu")
RESUME = ("check_training", "test_killed_between_rows_it_goes_on_to_the_same_weights")
REFUSED, FAILED = "WrongDevice", "AssertionError"


@dataclass(frozen=True)
class Fault:
    """`new` in place of `old` in a module, the check that has to see it with its arguments, and how it does."""

    module: str
    old: str
    new: str
    check: tuple[str, str]
    arguments: dict[str, Any] = field(default_factory=dict)
    seen: str = REFUSED


ROBUST = {"case": "robust", "memory": "whole"}
SAMPLED, PRETRAINED = ROBUST | {"case": "sampled"}, ROBUST | {"case": "pre-training"}
IN_MEMORY, ON_DISK = {"on_disk": False}, {"on_disk": True}
FINE_TUNING = {"kind": "fine-tuning"}
FAULTS = [
    Fault("cada.losses", "return upload(same / same.sum(dim=1, keepdim=True), logits.device)", "return same", STEP, ROBUST),
    Fault("cada.losses", "same = upload(same, image_features.device)", "pass", STEP, ROBUST),
    Fault("cada.losses", "upload(torch.stack(waited), weights.device)", "torch.stack(waited)", STEP, SAMPLED),
    Fault("cada.losses", "if not weights.is_cuda and weights", "if weights", COUNTS, {"kind": "pre-training"}, FAILED),
    Fault("cada.objectives.atp", "upload(torch.arange(count)[own], device)", "torch.arange(count)[own]", STEP, ROBUST),
    Fault("cada.objectives.atp", "shared = few_calls(device)", "shared = False", COUNTS, FINE_TUNING, FAILED),
    Fault("cada.objectives.atp", "max(pairs, min(3 * pairs, BUSY))", "pairs", LAUNCHES, {"case": "robust", "precision": "fp32"}, FAILED),
    Fault("cada.objectives.atp", "parts = upload(", "parts = (lambda mask, _: mask)(", STEP, ROBUST),
    Fault("cada.training.chunks", "and distributed.size() == 1:", "and False:", LAUNCHES, {"case": "robust", "precision": "fp32"}, FAILED),
    Fault("cada.training.objective", "upload(chosen, ids.device)", "chosen", STEP, ROBUST),
    Fault(
        "cada.training.objective", "selected[own]).sum()", "upload(selected, captions.ids.device)[own]).sum()", COUNTS, FINE_TUNING, FAILED
    ),
    Fault("cada.model.encoders", "dtype=torch.bool, device=mask.device)", "dtype=torch.bool)", STEP, ROBUST),
    Fault("cada.runtime.compute", "upload(places, states.device)", "places", STEP, PRETRAINED),
    Fault("cada.datasets.loading", "upload(self.mask, device)", "self.mask", STEP, ROBUST),
    Fault("cada.training.chunks", "torch.full_like(value, weight)", "torch.tensor(weight)", COUNTS, FINE_TUNING, FAILED),
    Fault("cada.runtime.compute", "torch.autocast(device.type,", 'torch.autocast("cpu",', BF16, ROBUST, FAILED),
    Fault("cada.datasets.images", "*_statistics(images.device)", "*_statistics(torch.device('cpu'))", EVALUATION, IN_MEMORY),
    Fault("cada.retrieval.blocks", "(upload(torch.from_numpy(values), device)", "(torch.from_numpy(values)", EVALUATION, IN_MEMORY),
    Fault("cada.retrieval.packed", "if compute.few_calls(x.device):", "if False:", CALLS, {}, FAILED),
    Fault("cada.retrieval.reranking", "head.out_features, device=device)", "head.out_features)", EVALUATION, IN_MEMORY),
    Fault(
        "cada.retrieval.reranking",
        "starts = upload(torch.from_numpy(packed.starts), self.device)",
        "starts = torch.from_numpy(packed.starts)",
        EVALUATION,
        IN_MEMORY,
    ),
    Fault("cada.retrieval.reranking", "view(queries, k, -1).cpu()", "view(queries, k, -1)", EVALUATION, IN_MEMORY),
    Fault("cada.retrieval.reranking", "(chunk[0], upload(chunk[1], device))", "chunk", EVALUATION, ON_DISK),
    Fault("cada.retrieval.reranking", "head(hidden.float())", "head(hidden.bfloat16())", EVALUATION_BF16, IN_MEMORY, "RuntimeError"),
    Fault("cada.analysis.explanation", ".long().to(model.device)", ".long()", EXPLANATION),
    Fault("cada.analysis.attention", "dtype=torch.bool, device=ids.device)", "dtype=torch.bool)", EXPLANATION),
    Fault("cada.gallery.backend", "dim=-1).cpu().numpy(), tokens", "dim=-1).numpy(), tokens", SEARCH),
    Fault(
        "cada.training.loop",
        "shares = distributed.total(",
        "float(values['loss']); shares = distributed.total(",
        COUNTS,
        FINE_TUNING,
        FAILED,
    ),
    Fault("cada.runtime.compute", "batch.pin_memory().to", "batch.to", COUNTS, FINE_TUNING, FAILED),
    Fault("cada.runtime.compute", "torch.cuda.current_stream(device).wait_event(copied)", "pass", EVALUATION, IN_MEMORY),
    Fault("cada.runtime.compute", "there.record_stream(torch.cuda.default_stream(device))", "pass", EVALUATION, IN_MEMORY),
    Fault("cada.retrieval.search", "upload(queries[rows], device)", "queries[rows]", EVALUATION, IN_MEMORY),
    Fault(
        "cada.training.loop",
        'return Progress(**saved["progress"])',
        'return Progress(**saved["progress"] | {"sums": {name: value + 1 for name, value in saved["progress"]["sums"].items()}})',
        RESUME,
        {},
        FAILED,
    ),
]


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module with another text."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self._path)) if name == self.fault.module else None

    @property
    def _path(self) -> Path:
        return Path(self.fault.module.replace(".", "/")).with_suffix(".py").resolve()

    def exec_module(self, module: Any) -> None:
        text = self._path.read_text()
        assert text.count(self.fault.old) == 1, f"{self._path} has not one {self.fault.old!r}"
        exec(compile(text.replace(self.fault.old, self.fault.new), self._path, "exec"), module.__dict__)


def _run(fault: Fault, answer: Any) -> None:
    """Run the check, and tell what it raises."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("cada", "tests")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Changed(fault))
    module, function = fault.check
    try:
        check = getattr(importlib.import_module(f"tests.pretended_gpu.{module}"), function)
        with tempfile.TemporaryDirectory() as folder:
            takes = check.__code__.co_varnames[: check.__code__.co_argcount]
            check(**fault.arguments, **({"tmp_path": Path(folder)} if "tmp_path" in takes else {}))
    except BaseException as error:
        answer.send((type(error).__name__, str(error)))
    else:
        answer.send(("", ""))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.module.removeprefix('cada.')}: {fault.new}")
def test_a_fault_is_seen(fault):
    read, answer = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_run, args=(fault, answer))
    process.start()
    process.join(60)
    assert read.poll(), f"the process ended with {process.exitcode}"
    assert read.recv()[0] == fault.seen
