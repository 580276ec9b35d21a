"""What is written to a run: points of its curves, numbers of its model, files, the model itself, and how it ended."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cada.tracking.store import attempt

MODEL = "model.md5"
SECONDS = "seconds"
# The other columns of a history are in its file, which lies beside the run; test_* are numbers of the finished model alone.
CURVES = ("lr", "loss", "val_R1", "val_mAP")  # and every objective's loss
FLUSH_SECONDS = 5.0
FLUSH_POINTS = 500  # MLflow takes at most 1,000 metrics in one call


@dataclass(frozen=True)
class Past:
    """When a training ended (seconds since 1970) and how long it took, for a run that is told afterwards."""

    ended: float
    seconds: float


class Run:
    """One MLflow run, or nothing at all where tracking is off or the store has failed."""

    def __init__(self, client: Any = None, found: Any = None, *, after: int = -1) -> None:
        """`after`: steps up to this one are in the store already (a training that was interrupted and goes on)."""
        self._client = client
        self._run = found
        self._id = found.info.run_id if found else ""
        self._after = self._step = after
        self._points: list[Any] = []
        self._flushed = self._opened = time.monotonic()

    @property
    def told(self) -> bool:
        """Whether the store has taken everything so far."""
        return self._client is not None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Points of the curves at optimiser step `step`; sent in batches, at least every five seconds of logging."""
        if self._client is None or step <= self._after:
            return
        self._step = step
        self._add({name: value for name, value in values.items() if name in CURVES or name.startswith("loss_")}, step)
        if len(self._points) >= FLUSH_POINTS or time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self._flush()

    def summary(self, values: Mapping[str, float]) -> None:
        """Numbers that describe the trained model, such as the test metrics; a later call replaces them."""
        if self._client is None:
            return
        outputs = self._run.outputs.model_outputs if self._run.outputs else []
        model = outputs[-1].model_id if outputs else None
        new = {name: value for name, value in values.items() if value != self._run.data.metrics.get(name)}
        self._add(new, max(0, self._step), model)
        self._flush()

    def artifact(self, path: Path) -> None:
        """Keep a copy of a small file beside the run."""
        self._tell(lambda: self._client.log_artifact(self._id, str(path)))

    def model(self, weights: Path) -> None:
        """The trained model as one of MLflow's logged models. Its bytes stay in DVC, where the MD5 is their name."""
        if self._client is None or self._run.data.tags.get(MODEL) == (digest := md5(weights)):
            return
        self._tell(lambda: self._link(weights, digest))

    def close(self, status: str | None, past: Past | None = None, *, trained: bool = True) -> None:
        """Send what is left; `status` is MLflow's, or None to leave it as it is, like that of a run that was finished before.

        trained: whether the time since it was opened was a training's.
        """
        self._flush()
        if status is None or self._client is None or self._run.info.status == "FINISHED":
            return
        self._tell(lambda: self._end(status, past, trained))

    def _end(self, status: str, past: Past | None, trained: bool) -> None:
        before = float(self._run.data.tags.get(SECONDS, 0))  # of the calls that were interrupted
        seconds = past.seconds if past else before + time.monotonic() - self._opened
        ended = int(past.ended * 1000) if past else None
        if trained and seconds:
            self._client.set_tag(self._id, SECONDS, f"{seconds:.1f}")
        self._client.set_terminated(self._id, status, ended)

    def _link(self, weights: Path, digest: str) -> None:
        from mlflow.entities import LoggedModelOutput

        info = self._run.info
        model = self._client.create_logged_model(
            info.experiment_id,
            name=re.sub(r"[/:.%\"']", "_", info.run_name),
            source_run_id=self._id,
            tags={"dvc.path": weights.as_posix(), "dvc.md5": digest, "mlflow.model.isExternal": "true"},
            params={name: value for name, value in self._run.data.params.items() if name in ("variant", "seed")},
            model_type="CADA",
        )
        self._client.finalize_logged_model(model.model_id, "READY")
        self._client.log_outputs(self._id, [LoggedModelOutput(model.model_id, step=max(0, self._step))])
        self._client.set_tag(self._id, MODEL, digest)
        self._run = self._client.get_run(self._id)

    def _add(self, values: Mapping[str, float], step: int, model: str | None = None) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)  # MLflow's unit
        self._points += [Metric(name, float(value), now, step, model_id=model) for name, value in values.items()]

    def _flush(self) -> None:
        points, self._points, self._flushed = self._points, [], time.monotonic()
        for start in range(0, len(points), FLUSH_POINTS):
            batch = points[start : start + FLUSH_POINTS]
            self._tell(partial(self._client.log_batch, self._id, metrics=batch))

    def _tell(self, action: Callable[[], Any]) -> None:
        """Do `action` unless the store has failed before; when it fails now, say so and stop telling it anything."""

        def told() -> bool:
            action()
            return True

        if self._client is not None and not attempt(told, False):
            self._client = None


def named_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a metrics file as MLflow shows them: test_R1 for the headline score, test_cosine_R1 beside it.

    R1 and mAP of the cosine are there for every variant, so that what re-ranking adds can be seen. All else is in the file.
    """
    scores = metrics["scores"]
    headline = {f"test_{name}": value for name, value in scores[metrics["headline"]].items()}
    return headline | {f"test_cosine_{name}": scores["cosine"][name] for name in ("R1", "mAP")}


def md5(path: Path) -> str:
    """As DVC takes it: the name of the bytes in its cache and remotes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
