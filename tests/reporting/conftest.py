import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

METRICS = ("R1", "R5", "R10", "mAP", "mINP")
Write = Callable[..., Path]


def flat(value: float) -> dict[str, float]:
    return dict.fromkeys(METRICS, value)


def open_set_of(tpir: float, fpir: float = 8.0, *, growth: float = 0.5) -> dict[str, Any]:
    """Of a val of 150 searches, which can tell 10 % alone: TPIR and FPIR at it, and an ECE of a tenth of TPIR, each with 2 on each side."""
    error, at = tpir / 10, {"FPIR": fpir, "TPIR": tpir}
    ends = {name: [value - 2, value + 2] for name, value in at.items()}
    return {
        "val": {
            "gallery": 12,
            "growth": growth,
            "curve": {"slope": 2.0, "intercept": -1.0},
            "nonmated": [place / 150 for place in range(150)],
        },
        "gallery": 20,
        "rates": {"1": None, "5": None, "10": {"threshold": 0.9, "scores": at, "intervals": ends}},
        "trade_off": {"FPIR": [10.0, 31.0, 100.0], "TPIR": [tpir, tpir + 10, 90.0]},
        "reliability": [
            {"predicted": 10.0, "observed": 5.0, "searches": 60},
            {"predicted": 60.0, "observed": 70.0, "searches": 36},
        ],
        "ECE": error,
        "ECE_interval": [max(error - 2, 0), error + 2],
    }


@pytest.fixture
def write_metrics(tmp_path: Path) -> Write:
    """Write a metrics file whose every metric has one value per score: {"cosine": 40} and its interval from 2 below to 2 above."""

    def write(variant: str, seed: int, scores: dict[str, float], /, **changes: Any) -> Path:
        reranks = len(scores) > 1
        values = {
            "dataset": "toy",
            "variant": variant,
            "seed": seed,
            "procedure": "robust",
            "selection": "val",
            "val": "own",
            "split": "test",
            "queries": 48,
            "gallery": 24,
            "persons": 6,
            "top_k": 16 if reranks else None,
            "headline": "calibrated" if reranks else "cosine",
            "fusion_weight": 5.0 if reranks else None,
            "scores": {name: flat(value) for name, value in scores.items()},
            "intervals": {name: {metric: [value - 2, value + 2] for metric in METRICS} for name, value in scores.items()},
            "scores_at_k": {"1": flat(scores["cosine"]), "16": flat(scores["calibrated"])} if reranks else None,
            "open_set": None if changes.get("val") == "test" or "trained_on" in changes else open_set_of(max(scores.values())),
            "part_count": 3,
            "parts": {name: flat(value + 20) for name, value in scores.items()},
        } | changes
        path = tmp_path / "metrics" / variant / f"{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_history(tmp_path: Path) -> Write:
    """Write a history file: columns by name, with a loss in every row and scores where an epoch ends."""

    def write(variant: str, seed: int, /, **columns: list[float | None]) -> Path:
        path = tmp_path / "history" / variant / f"{seed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"epoch": [0.5, 1.0, 1.5, 2.0], "step": [1, 2, 3, 4], "loss_global": [4.0, 3.5, 3.0, 2.0 + seed], **columns}).to_csv(
            path, index=False
        )
        return path

    return write


def ends(first: float | None, second: float | None, *, split: str) -> dict[str, list[float | None]]:
    """Columns of a split's metrics, each with the same value, at the ends of two epochs."""
    return {f"{split}_{name}": [None, first, None, second] for name in METRICS}


@pytest.fixture
def write_rankings(tmp_path: Path) -> Write:
    """Write a rankings file from the first ranks of the queries: two captions a image, two images a person."""

    def write(variant: str, seed: int, first_ranks: Sequence[int], /, *, cosine: Sequence[int] | None = None, **changes: Any) -> Path:
        queries = len(first_ranks)
        images = [f"{number // 2}.png" for number in range(queries)]
        columns: dict[str, Any] = {"image": images, "caption": [number % 2 for number in range(queries)]}
        columns["person"] = [number // 4 for number in range(queries)]
        for prefix, ranks in (("", first_ranks), ("cosine_", cosine or first_ranks)):
            columns |= {
                f"{prefix}first_rank": np.array(ranks, dtype=np.int32),
                f"{prefix}average_precision": 1 / np.array(ranks),
                f"{prefix}inverse_penalty": 0.5 / np.array(ranks),
            }
        columns["top"] = [list(dict.fromkeys(images)) for _ in images]
        path = tmp_path / "rankings" / variant / f"{seed}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(columns | changes).to_parquet(path, index=False)
        return path

    return write


@pytest.fixture
def write_probes(tmp_path: Path) -> Write:
    """Probe files of one model: unchanged it has `score`; swaps cost 10 of 40 of 50 captions, blur gains 0.04 for all.

    Its choices are those of `_choices`.
    """

    def write(variant: str, seed: int, score: float, /, **changes: Any) -> Path:
        swapped = {"strength": None, "scores": flat(score - 8), "changed": 40, "before": flat(score + 1), "after": flat(score - 9)}
        recall = {
            "queries": 45,
            "recall": 70 + 2 * seed,
            "interval": [60, 80 + seed],
            "chance": 20,
            "skill": 62.5,
            "errors": 10,
            "recall_in_errors": 30,
        }
        rare = recall | {"queries": 5, "skill": -10.0}
        values: dict[str, Any] = {
            "dataset": "toy",
            "variant": variant,
            "seed": seed,
            "queries": 50,
            "query_persons": 6,
            "test_persons": 18,
            "consecutive": 3,
            "gallery": 24,
            "headline": "cosine",
            "synonyms": "grammar",
            "unchanged": flat(score),
            "captions": {
                "typing_errors": {"strength": 0.1, "scores": flat(score), "changed": 0},
                "swapped_colours": swapped,
            },
            "images": {"blur": {"strength": 0.02, "scores": flat(score + 0.04)}},
            "attributes": {
                "upper_colour": recall,
                "hat": recall | {"skill": 12.0, "errors": 0, "recall_in_errors": None},
                "sex": recall | {"chance": 100, "skill": None},
                "umbrella_colour": rare,
            },
        } | changes
        path = tmp_path / "probes" / variant / f"{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        choices = tmp_path / "choices" / variant / f"{seed}.parquet"
        choices.parent.mkdir(parents=True, exist_ok=True)
        _outcomes(variant, score).to_parquet(path.with_suffix(".parquet"), index=False)
        _choices(variant, seed).to_parquet(choices, index=False)
        return path

    return write


def _outcomes(variant: str, score: float) -> pd.DataFrame:
    """50 queries of 5 persons, 8 of each person's 10 changed; a swap costs dual the same of each, global twice as much of person 0."""
    person = np.arange(50) // 10
    changed = np.arange(50) % 10 < 8
    loss = np.where(changed, 10.0, 0) * (np.where(person == 0, 2, 0.75) if variant == "global" else 1)

    def rows(kind: str, values: np.ndarray, changed: np.ndarray) -> pd.DataFrame:
        columns = {"kind": kind, "image": [f"{number}.png" for number in range(50)], "caption": 0, "person": person, "changed": changed}
        return pd.DataFrame(columns | dict.fromkeys(METRICS, values))

    plain, none = np.full(50, score), np.zeros(50, dtype=bool)
    return pd.concat(
        [
            rows("unchanged", plain, none),
            rows("typing_errors", plain, none),
            rows("swapped_colours", plain - loss, changed),
            rows("blur", plain + 0.04, none),
        ]
    )


def _choices(variant: str, seed: int) -> pd.DataFrame:
    """40 captions of 5 persons and as many images of theirs, of which 30 have another colour of the shoes and the others of the hat.

    Captions: right by the cosine is every second, with seed 1 five of eight, and by the match score, which dual alone has, each. Images:
    right is every one by the cosine, and by the match score each of the shoes, but none of the hat: there the two score the same.
    """
    number = np.arange(40)
    even = (number % 2 == 1) | ((number % 8 == 0) & (seed == 1))
    shoes = number % 8 < 6
    named = {"image": [f"{one}.png" for one in number], "caption": 0, "person": number // 8}
    captions = (
        {"chosen": "caption", "kind": "swapped_colours", "slots": ""} | named | {"cosine_right": 0.5, "cosine_wrong": 0.75 - even / 2}
    )
    images = {"chosen": "image", "kind": "colour", "slots": np.where(shoes, "shoes_colour", "hat_colour")} | named
    table = pd.concat([pd.DataFrame(captions), pd.DataFrame(images | {"cosine_right": 0.5, "cosine_wrong": 0.25})], ignore_index=True)
    table = table.assign(match_right=1.0, match_wrong=np.r_[np.zeros(40), np.where(shoes, -1.0, 1.0)])
    return table if variant == "dual" else table.assign(match_right=np.nan, match_wrong=np.nan)


@pytest.fixture
def probed(write_probes: Write, tmp_path: Path) -> Path:
    """The folder of the probe files of two variants and two seeds."""
    for variant, scores in {"global": (40, 44), "dual": (50, 50)}.items():
        for seed, score in enumerate(scores):
            write_probes(variant, seed, score)
    return tmp_path
