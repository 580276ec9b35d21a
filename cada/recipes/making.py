"""From parameter files to recipes: which values of which files each step reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from cada.config import (
    PROCEDURES,
    PUBLISHED_WEIGHTS,
    DatasetParameters,
    Parameters,
    Search,
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

P = TypeVar("P", bound=Parameters)


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
    shared: dict[str, Any] = {"reranks": variant.reranks, "switches": read_by(step, switches, variant.objectives)}
    if step in ("train", "evaluate"):
        shared |= {"source": data.source, "held_out_persons": data.held_out_persons}
    if step == "train":
        weights = resolve_weights(variant, train.weights)
        return models.TrainRecipe(**shared, objectives=variant.objectives, weights=weights, train=_part(train, TrainSettings))
    if step == "evaluate":
        return models.EvaluateRecipe(**shared, procedure=variant.procedure, gallery_parts=data.gallery_parts, evaluate=evaluate)
    shared |= {"search": _part(evaluate, Search), "bootstrap": evaluate.bootstrap, "compute": evaluate.compute}
    if target is not None:
        return models.TransferRecipe(**shared, target=target.data.source, gallery_parts=target.data.gallery_parts)
    return models.ProbeRecipe(**shared, source=data.source, drawn=data.synthesis is not None, probe=parameters.probe)


def _part(values: P, model: type[P]) -> P:
    """The values that `model`, a base of theirs, has."""
    return model(**{name: getattr(values, name) for name in model.model_fields})


def _of_matrix(step: str, parameters: DatasetParameters, reader: Reader) -> Parameters:
    if step == "tables":
        return models.TitledRecipe(**_titled_rows(reader))
    if step == "figures":
        return models.FiguresRecipe(**_titled_rows(reader), source=parameters.data.source)
    shared, variants = _rows(reader), reader.rows()
    if step == "attention":
        return models.AttentionRecipe(**shared, source=parameters.data.source, threads=parameters.evaluate.compute.threads)
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
    if step == "report":
        rows = [models.VariantRow(name=name, variant=variant) for name, variant in reader.rows().items()]
        return models.ReportRecipe(workflow=reader.matrix, rows=tuple(rows))
    return models.TransferTablesRecipe(**_titled_rows(reader), datasets=reader.matrix.datasets)


def _rows(reader: Reader) -> dict[str, Any]:
    rows = [models.Row(name=name, objectives=variant.objectives) for name, variant in reader.rows().items()]
    return {"rows": rows, "seeds": reader.matrix.seeds}


def _titled_rows(reader: Reader) -> dict[str, Any]:
    variants = reader.rows().items()
    rows = [models.TitledRow(name=name, objectives=variant.objectives, title=variant.title) for name, variant in variants]
    return {"rows": rows, "seeds": reader.matrix.seeds}
