"""An index as a model of MLflow: registered by name, loaded and served by MLflow's own tools."""

from __future__ import annotations

import tempfile
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

from cada.gallery.index import Index

EXAMPLE = pd.DataFrame({"query": ["a woman in a red coat with a black backpack"]})
_RESULT = {"query": "string", "rank": "long", "path": "string", "box": "string", "score": "double", "cosine": "double"}
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec("string", "query")]),
    outputs=Schema([ColSpec(kind, name) for name, kind in _RESULT.items()]),
    params=ParamSchema([ParamSpec("k", "long", 10), ParamSpec("rerank", "long", -1)]),
)


class GalleryModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Sentences to ranked images. Parameters: k, and rerank, below zero for what the release says."""

    def load_context(self, context: Any) -> None:
        """Open the index that was logged with its model."""
        self._index = Index.open(context.artifacts["index"], model=context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Rows of the signature's columns, `k` for each query of `model_input`, whose index they keep the order of."""
        values = params or {}
        rerank = values.get("rerank", -1)
        queries = model_input["query"].tolist()
        found = self._index.search_many(queries, k=values.get("k", 10), rerank=None if rerank < 0 else rerank)
        rows = [
            (query, rank, hit.path, hit.box, hit.score, hit.cosine)
            for query, hits in zip(queries, found, strict=True)
            for rank, hit in enumerate(hits, start=1)
        ]
        return pd.DataFrame(rows, columns=list(_RESULT))


def register(index: Index, name: str, *, uri: str, experiment: str) -> str:
    """Log `index` with its model to the experiment of this id in the store `uri`, and register it as `name`; says which version it is.

    The images are not logged: an index that keeps no tokens needs them where it is served.
    """
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=experiment)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name=f"register {name}"):
        logged = mlflow.pyfunc.log_model(
            name="gallery",
            python_model=GalleryModel(),
            artifacts={"index": str(index.copy_to(Path(folder) / "index")), "model": index.settings.model},
            signature=SIGNATURE,
            input_example=(EXAMPLE, {"k": 3}),
            pip_requirements=[f"cada=={version('cada')}", *(line for line in requires("cada") or [] if "extra ==" not in line)],
            registered_model_name=name,
        )
    return str(logged.registered_model_version)
