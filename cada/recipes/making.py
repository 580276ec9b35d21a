"""From parameter files to recipes: which values of which files each step reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from cada.config import (
    DatasetParameters,
    Method,
    Parameters,
    Search,
    Train,
    TrainSettings,
    Variant,
    Workflow,
    load_dataset,
    load_procedure,
    load_variant,
    read_by,
    resolve,
    resolve_variant,
)
from cada.config.choices import choices
from cada.config.deviations import deviations
from cada.config.procedures import recipe_of
from cada.errors import CadaError
from cada.recipes import models
from cada.recipes.places import OF_DATASET, OF_MATRIX, OF_REPORT, Recipe
from cada.storage.paths import procedure_params

P = TypeVar("P", bound=Parameters)
R = TypeVar("R", bound=models.Row)


class Reader:
    """Parameter files, each read once. `matrix`: the variants and seeds of the reports."""

    def __init__(self, matrix: Workflow | None = None) -> None:
        self._matrix = matrix
        self.dataset = cache(load_dataset)
        self.variant = cache(load_variant)
        self.procedure = cache(load_procedure)

    @property
    def matrix(self) -> Workflow:
        assert self._matrix is not None, "a recipe of a report needs the matrix"
        return self._matrix

    def rows(self) -> Mapping[str, Variant]:
        """The variants of the matrix, in a sweep its points."""
        return {name: self.variant(name) for name in self.matrix.rows}

    def method(self, variant: Variant, train: Train | None = None) -> Method:
        """What a variant comes to on the data set of `train`."""
        return resolve_variant(variant, self.procedure(variant.procedure), train)


def values(recipe: Recipe, reader: Reader) -> Parameters:
    """The values that the step of a recipe reads. Errors: `CadaError` for a wrong parameter."""
    if recipe.step in OF_REPORT:
        return _of_report(recipe.step, reader)
    parameters = reader.dataset(recipe.dataset)
    if recipe.step in OF_DATASET:
        return _of_dataset(recipe.step, parameters)
    if recipe.step not in OF_MATRIX:
        target = reader.dataset(recipe.target) if recipe.target else None
        variant = reader.variant(recipe.variant)
        return _of_variant(recipe.step, parameters, variant, reader.method(variant, parameters.train), target)
    if recipe.dataset not in reader.matrix.datasets:
        listed = ", ".join(reader.matrix.datasets)
        raise CadaError(f"{recipe.dataset}: {recipe.workflow} lists the data sets {listed}. Name one of them, or add this one.")
    return _of_matrix(recipe, parameters, reader)


def _of_dataset(step: str, parameters: DatasetParameters) -> Parameters:
    data = parameters.data
    if step == "data":
        return models.DataRecipe(data=data.model_copy(update={"remark": None}))  # the report's alone
    if step == "phrases":
        return models.PhrasesRecipe(source=data.source, phrases=parameters.phrases)
    return models.InitialRecipe(source=data.source, model=parameters.model, initial=parameters.initial)


def _of_variant(step: str, parameters: DatasetParameters, variant: Variant, method: Method, target: DatasetParameters | None) -> Parameters:
    data, train, evaluate = parameters.data, parameters.train, parameters.evaluate
    if step == "associate":
        return models.AssociateRecipe(
            reranks=method.reranks,
            decodes=method.decodes,
            source=data.source,
            synthesis=data.synthesis,
            associate=parameters.associate,
            batch_size=evaluate.batch_size,
            compute=evaluate.compute.model_copy(update={"processes": 1}),
        )
    shared: dict[str, Any] = {"reranks": method.reranks, "switches": read_by(step, method.switches, method.weights)}
    if step in ("train", "evaluate"):
        shared |= {"source": data.source, "held_out_persons": data.held_out_persons}
    if step == "train":
        return models.TrainRecipe(**shared, weights=method.weights, train=_part(train, TrainSettings))
    if step == "evaluate":
        return models.EvaluateRecipe(**shared, procedure=variant.procedure, gallery_parts=data.gallery_parts, evaluate=evaluate)
    shared |= {"search": _part(evaluate, Search), "bootstrap": evaluate.bootstrap, "compute": evaluate.compute}
    if target is not None:
        return models.TransferRecipe(**shared, target=target.data.source, gallery_parts=target.data.gallery_parts)
    return models.ProbeRecipe(**shared, source=data.source, synthesis=data.synthesis, probe=parameters.probe)


def _part(values: P, model: type[P]) -> P:
    """The values that `model`, a base of theirs, has."""
    return model(**{name: getattr(values, name) for name in model.model_fields})


def _of_matrix(recipe: Recipe, parameters: DatasetParameters, reader: Reader) -> Parameters:
    data, seeds = parameters.data, reader.matrix.seeds
    if recipe.step in ("tables", "release"):
        return models.TitledRecipe(rows=_rows(reader, models.TitledRow), seeds=seeds)
    if recipe.step == "figures":
        return models.FiguresRecipe(rows=_rows(reader, models.TitledRow), seeds=seeds, source=data.source)
    rows = _rows(reader, models.Row)
    if recipe.step == "attention":
        return models.AttentionRecipe(rows=rows, seeds=seeds, source=data.source, threads=parameters.evaluate.compute.threads)
    if recipe.step == "association-tables":
        return models.AssociationTablesRecipe(rows=rows, seeds=seeds, source=data.source)
    if recipe.step == "chapter":
        return models.ChapterRecipe(rows=rows, seeds=seeds, parameters=parameters, **_compared(recipe.dataset, parameters, reader))
    return models.ProbeTablesRecipe(rows=rows, seeds=seeds, synthesis=data.synthesis, probe_seed=parameters.probe.seed)


def _compared(dataset: str, parameters: DatasetParameters, reader: Reader) -> dict[str, Any]:
    """What the variants come to on a data set, and where that is not as published."""
    train = parameters.train
    methods = {name: reader.method(variant, train) for name, variant in reader.rows().items()}
    switches = {name: method.switches for name, method in methods.items()}
    published, robust = reader.procedure("published"), reader.procedure("robust")
    if published.recipe is None:
        raise CadaError(f"{procedure_params('published')}: recipe: is missing. Reports compare with it.")
    here = recipe_of(parameters.initial, parameters.model, train, parameters.evaluate.top_k)
    weights = resolve(robust, train).weights
    return {
        "padding": {name: own.padding for name, own in switches.items()},
        "deviations": deviations(switches, published.switches),
        "choices": choices(here, published.recipe.of(dataset), weights=weights, published_weights=published.weights),
        "reranking": frozenset(name for name, method in methods.items() if method.reranks),
    }


def _of_report(step: str, reader: Reader) -> Parameters:
    if step == "report":
        return models.ReportRecipe(workflow=reader.matrix, rows=_rows(reader, models.VariantRow))
    rows = _rows(reader, models.TitledRow)
    return models.TransferTablesRecipe(rows=rows, seeds=reader.matrix.seeds, datasets=reader.matrix.datasets)


def _rows(reader: Reader, row: type[R]) -> tuple[R, ...]:
    """The variants of the matrix, of each what `row` has."""
    known: Iterator[dict[str, Any]] = (
        {"name": name, "objectives": frozenset(reader.method(variant).weights), "title": variant.title, "variant": variant}
        for name, variant in reader.rows().items()
    )
    return tuple(row(**{key: values[key] for key in row.model_fields}) for values in known)
