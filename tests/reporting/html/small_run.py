"""What a run of two variants and two seeds on a very small drawn set leaves behind, its models left out: scores are made up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from cada.config import load_dataset
from cada.datasets.prepared import load_records
from cada.steps.data import prepare_data
from cada.steps.figures import write_figures
from cada.steps.tables import write_tables
from cada.storage.paths import Layout
from tests.reporting.conftest import open_set_of
from tests.tracked import copy_tracked

WORKFLOW = Path("params/smoke/workflow.yaml")
VARIANTS, SEEDS = ("global", "dual"), (0, 1)
METRICS = ("R1", "R5", "R10", "mAP", "mINP")


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """In `folder`, and without MLflow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CADA_TRACKING", "off")
        yield


def make_run() -> None:
    """In the working directory: params/, data/ and results/ with tables and figures, and what Snakemake measured of `dual`."""
    copy_tracked("params", Path("params"))
    WORKFLOW.write_text("datasets: [smoke]\nvariants: [global, dual]\nseeds: [0, 1]\n")
    data = yaml.safe_load(Path("params/smoke/data.yaml").read_text())
    data["synthesis"]["persons"] = {"pretrain": 2, "train": 4, "val": 2, "test": 6}
    Path("params/smoke/data.yaml").write_text(yaml.safe_dump(data | {"gallery_parts": 1}))
    prepare_data("smoke")
    layout = Layout("smoke")
    layout.initial.mkdir()
    shutil.copy("params/synthpedes/vocab.txt", layout.initial)
    for variant in VARIANTS:
        for seed in SEEDS:
            _evaluation(variant, seed)
            _benchmark("train", variant, seed, seconds=10 + seed)
    write_tables("smoke", workflow=WORKFLOW)
    write_figures("smoke", workflow=WORKFLOW)


def _evaluation(variant: str, seed: int) -> None:
    """Dual finds everybody at rank 1, global every second query at rank 12."""
    layout, reranks = Layout("smoke"), variant == "dual"
    records = [record for record in load_records("smoke", load_dataset("smoke").data, manifest=layout.manifest) if record.split == "test"]
    queries = [(record.image, number, record.person) for record in records for number in range(len(record.captions))]
    ranks = np.ones(len(queries), dtype=np.int32) if reranks else np.arange(len(queries), dtype=np.int32) % 2 * 11 + 1
    table = pd.DataFrame(queries, columns=["image", "caption", "person"])
    for prefix in ("", "cosine_"):
        table[f"{prefix}first_rank"] = ranks
        table[f"{prefix}average_precision"], table[f"{prefix}inverse_penalty"] = 1 / ranks, 0.5 / ranks
    table["top"] = [[record.image for record in records]] * len(queries)
    _ready(layout.rankings(variant, seed))
    table.to_parquet(layout.rankings(variant, seed), index=False)

    scores: dict[str, Any] = {name: dict.fromkeys(METRICS, 50.0) for name in (["cosine", "calibrated"] if reranks else ["cosine"])}
    metrics = {
        "dataset": "smoke", "variant": variant, "seed": seed, "procedure": "robust", "selection": "val", "val": "own", "split": "test",
        "queries": len(queries), "gallery": len(records), "persons": 6,
        "top_k": 4 if reranks else None, "headline": "calibrated" if reranks else "cosine", "fusion_weight": 5.0 if reranks else None,
        "scores": scores, "intervals": {name: dict.fromkeys(METRICS, (45.0, 55.0)) for name in scores},
        "scores_at_k": {k: dict.fromkeys(METRICS, 50.0) for k in ("1", "2", "4")} if reranks else None, "open_set": open_set_of(30.0),
    }  # fmt: skip
    _ready(layout.metrics(variant, seed)).write_text(json.dumps(metrics))
    lines = "".join(f"{epoch},{10 * epoch},0.001,{3 / epoch},{2 / epoch},{10 * epoch}\n" for epoch in (1, 2, 3))
    _ready(layout.history(variant, seed)).write_text(f"epoch,step,lr,loss,loss_global,val_mAP\n{lines}")


def _benchmark(step: str, variant: str, seed: int, *, seconds: float) -> None:
    path = _ready(Layout("smoke").benchmark(step, variant, seed))
    path.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{seconds}\t0:00:10\t1.0\t{seconds / 2}\n")


def _ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
