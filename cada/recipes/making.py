"""From parameter files to recipes: which values of which files each step reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cada.config import (
    PROCEDURES,
    PUBLISHED_WEIGHTS,
    DatasetParameters,
    Parameters,
    TrainSettings,
    Variant,
    Workflow,
    load_dataset,
    load_variant,
    read_by,
    refined,
    resolve_switches,
    resolve_weights,
)
from cada.errors import CadaError
from cada.recipes import models
from cada.recipes.places import OF_DATASET, OF_MATRIX, OF_REPORT, Recipe


class Reader:
    """Parameter files, each read once. `matrix`: the variants and seeds of the reports."""

    def __init__(self, matrix: Workflow | None = None) -> None:
        self._matrix = matrix
        self.dataset = cache(load_dataset)
        self.variant = cache(load_variant)

    @property
    def matrix(self) -> Workflow:
        assert self._matrix is not None, "a recipe of a report needs the matrix"
        return self._matrix

    def rows(self) -> Mapping[str, Variant]:
        """The variants of the matrix, in a sweep its points."""
        return {name: self.variant(name) for name in self.matrix.rows}


def values(recipe: Recipe, reader: Reader) -> Parameters:
    """The values that the step of a recipe reads. Errors: `CadaError` for a wrong parameter."""
    if recipe.step in OF_REPORT:
        return _of_report(recipe.step, reader)
    parameters = reader.dataset(recipe.dataset)
    if recipe.step in OF_DATASET:
        return _of_dataset(recipe.step, parameters)
    if recipe.step not in OF_MATRIX:
        target = reader.dataset(recipe.target) if recipe.target else None
        return _of_variant(recipe.step, parameters, reader.variant(recipe.variant), target)
    if recipe.dataset not in reader.matrix.datasets:
        listed = ", ".join(reader.matrix.datasets)
        raise CadaError(f"{recipe.dataset}: {recipe.workflow} lists the data sets {listed}. Name one of them, or add this one.")
    return _of_matrix(recipe.step, parameters, reader)


def _of_dataset(step: str, parameters: DatasetParameters) -> Parameters:
    data = parameters.data
    if step == "data":
        return models.DataRecipe(data=data.model_copy(update={"remark": None}))  # the report's alone
    if step == "phrases":
        return models.PhrasesRecipe(source=data.source, phrases=parameters.phrases)
    return models.InitialRecipe(source=data.source, model=parameters.model, initial=parameters.initial)


def _of_variant(step: str, parameters: DatasetParameters, variant: Variant, target: DatasetParameters | None) -> Parameters:
    data, train, evaluate = parameters.data, parameters.train, parameters.evaluate
    switches = resolve_switches(variant, train.switches)
    shared: dict[str, Any] = {
        "procedure": variant.procedure,
        "objectives": variant.objectives,
        "reranks": variant.reranks,
        "switches": read_by(step, switches, variant.objectives),
    }
    if target is not None:
        return models.TransferRecipe(**shared, target=target.data.source, gallery_parts=target.data.gallery_parts, evaluate=evaluate)
    shared |= {"source": data.source, "held_out_persons": data.held_out_persons}
    if step == "train":
        settings = TrainSettings(**{name: getattr(train, name) for name in TrainSettings.model_fields})
        return models.TrainRecipe(**shared, weights=resolve_weights(variant, train.weights), train=settings)
    if step == "evaluate":
        return models.EvaluateRecipe(**shared, gallery_parts=data.gallery_parts, evaluate=evaluate)
    return models.ProbeRecipe(**shared, drawn=data.synthesis is not None, evaluate=evaluate, probe=parameters.probe)


def _of_matrix(step: str, parameters: DatasetParameters, reader: Reader) -> Parameters:
    shared, variants = _rows(reader), reader.rows()
    if step == "figures":
        return models.FiguresRecipe(**shared, source=parameters.data.source)
    if step == "attention":
        return models.AttentionRecipe(**shared, source=parameters.data.source, compute=parameters.evaluate.compute)
    if step == "chapter":
        return models.ChapterRecipe(
            **shared,
            parameters=parameters,
            switches={name: resolve_switches(variant, parameters.train.switches) for name, variant in variants.items()},
            published=PROCEDURES["published"],
            weights=refined(PUBLISHED_WEIGHTS, parameters.train.weights),
            reranking=frozenset(name for name, variant in variants.items() if variant.reranks),
        )
    return models.MatrixRecipe(**shared)


def _of_report(step: str, reader: Reader) -> Parameters:
    shared = _rows(reader)
    if step == "report":
        return models.ReportRecipe(**shared, workflow=reader.matrix, variants=dict(reader.rows()))
    return models.TransferTablesRecipe(**shared, datasets=reader.matrix.datasets)


def _rows(reader: Reader) -> dict[str, Any]:
    rows = [models.Row(name=name, title=variant.title, objectives=variant.objectives) for name, variant in reader.rows().items()]
    return {"rows": rows, "seeds": reader.matrix.seeds}
