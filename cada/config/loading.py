"""The one YAML loader, and the parameter files of a data set and of a variant."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from cada.config.base import Parameters
from cada.config.data import Data, Phrases
from cada.config.matrix import Grid, Workflow, canonical, with_values
from cada.config.method import Variant
from cada.config.model import Model
from cada.config.procedures import Procedure, resolve_variant
from cada.config.steps import Associate, Evaluate, Initial, Probe, Train
from cada.config.storage import Storage
from cada.errors import CadaError
from cada.objectives import OBJECTIVES
from cada.storage.files import read_text
from cada.storage.paths import DEFAULT, PARAMS, SWEEPS, WORKFLOW, Layout, is_sweep, matrix_name, procedure_params, variant_params
from cada.storage.points import base_of


class DatasetParameters(Parameters):
    """All files of params/<dataset>/."""

    data: Data
    phrases: Phrases
    model: Model
    initial: Initial
    train: Train
    evaluate: Evaluate
    probe: Probe
    associate: Associate


P = TypeVar("P", bound=Parameters)
_SHORT = reprlib.Repr()  # of wrong values: a few letters of YAML can stand for millions of them
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 100, 100


# what PyYAML raises besides its own: of numbers and dates that are none, of tags on the wrong value, of very deep lists
_UNREADABLE = (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which no key occurs twice: PyYAML drops the first value without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for number, (key, _) in enumerate(node.value):
            if key.value in keys[:number]:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} occurs twice", key.start_mark)
        return super().construct_mapping(node, deep)

    def construct_decimal(self, node: yaml.ScalarNode) -> int:
        """YAML 1.1, which Snakemake reads, takes 010 for 8 and 1:30 for 90; YAML 1.2, which DVC reads, does not."""
        if re.fullmatch(r"[-+]?0[0-9_]+|.*:.*", node.value):
            raise yaml.constructor.ConstructorError(None, None, f"{node.value} is not the same number to all readers", node.start_mark)
        return super().construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_decimal)


def load(path: Path, model: type[P]) -> P:
    """Read one parameter file. `CadaError` names the file and each wrong key."""
    return validated(read_yaml(path), model, source=str(path))


def read_yaml(path: Path) -> Any:
    """The values of a YAML file. `CadaError` names the file and the line that is not YAML."""
    try:
        return yaml.load(read_text(path), _Loader)
    except _UNREADABLE as error:
        raise CadaError(f"{path}: not valid YAML: {error}") from error


def validated(values: Any, model: type[P], *, source: str) -> P:
    """The values as a model. `CadaError` names the source and each wrong key."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [f"{source}: {complaint(item, model)}" for item in error.errors()]
        raise CadaError("\n".join(lines)) from error


def complaint(item: Any, model: type[BaseModel]) -> str:
    """One sentence for an entry of `ValidationError.errors`, with the nearest right key where one is near."""
    place = [str(part) for part in item["loc"] if part != "[key]"]
    key = ".".join(place) or "the file"
    if item["type"] == "missing":
        return f"{key}: is missing."
    if item["type"] == "value_error":  # of a validator of ours, which names the value
        return f"{key}: {item['ctx']['error']}."
    if item["type"] != "extra_forbidden":
        return f"{key}: {item['msg']} (found {_SHORT.repr(item['input'])})."
    near = difflib.get_close_matches(place[-1], _keys(model) | set(OBJECTIVES), n=1)
    return f"{key}: no such parameter." + (f" Did you mean {near[0]}?" if near else "")


def _keys(model: type[BaseModel]) -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        keys.add(field.alias or name)
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                keys |= _keys(kind)
    return keys


def load_workflow(path: Path = WORKFLOW) -> Workflow:
    """The matrix of the experiment, or of a sweep."""
    return matrix_of(read_yaml(path), path)


def matrix_of(values: Any, path: Path) -> Workflow:
    """The matrix that the values of a workflow file give, those of the file `path` or others in their place."""
    matrix = validated(values, Workflow, source=str(path))
    if matrix.grid != Grid() and matrix_name(path) == DEFAULT:
        raise CadaError(f"{path}: grid: belongs in a file of {SWEEPS}/; dvc.yaml knows no combinations.")
    own = matrix_name(path)
    if not is_sweep(path) and own != DEFAULT and matrix.datasets != (own,):
        raise CadaError(f"{path}: datasets: lists {', '.join(matrix.datasets)}. List {own} alone, or put the file in {SWEEPS}/.")
    return matrix


def load_dataset(dataset: str) -> DatasetParameters:
    """All parameter files of one data set; an unknown name lists the known ones."""
    if dataset != Path(dataset).name or not (PARAMS / dataset).is_dir():
        raise CadaError(f"{dataset}: no such data set; {PARAMS}/ has {', '.join(known_datasets())}.")
    layout = Layout(dataset)
    parameters = DatasetParameters(
        data=load(layout.params("data"), Data),
        phrases=load(layout.params("phrases"), Phrases),
        model=load(layout.params("model"), Model),
        initial=load(layout.params("initial"), Initial),
        train=load(layout.params("train"), Train),
        evaluate=load(layout.params("evaluate"), Evaluate),
        probe=load(layout.params("probe"), Probe),
        associate=load(layout.params("associate"), Associate),
    )
    on = {
        name for path in procedure_params("*").parent.glob("*.yaml") for name, weight in load_procedure(path.stem).weights.items() if weight
    }
    if off := parameters.train.weights.keys() - on:
        raise CadaError(f"{layout.params('train')}: weights: {', '.join(sorted(off))} is on in a variant only, which says its weight.")
    if parameters.probe.look_alikes and parameters.data.synthesis is None:
        raise CadaError(f"{layout.params('probe')}: look_alikes: look-alikes are drawn of drawn sets alone. Leave it out.")
    return parameters


def load_variant(variant: str) -> Variant:
    """The parameter file of one variant, with the values of a sweep's name; an unknown name lists the known ones."""
    path = _known(variant_params, base_of(variant), f"{variant}: no such variant")
    parameters = validated(with_values(load(path, Variant), variant), Variant, source=variant)
    if (name := canonical(parameters, variant)) != variant:  # else one training could lie in two places
        raise CadaError(f"{variant}: the name of this combination is {name}. Call it so.")
    try:
        resolve_variant(parameters, load_procedure(parameters.procedure, source=str(path)))
    except ValueError as error:
        raise CadaError(f"{variant}: {error}. Give one of them a weight in {path}.") from error
    return parameters


def load_procedure(procedure: str, *, source: str = "") -> Procedure:
    """The parameter file of one procedure; an unknown name, which `source` has, lists the known ones."""
    place = f"{source}: procedure: " if source else ""
    return load(_known(procedure_params, procedure, f"{place}{procedure}: no such procedure"), Procedure)


def _known(place: Callable[[str], Path], name: str, wrong: str) -> Path:
    """The file of a name that is listed, so of no path; else the error is that it is `wrong`, and says what is there."""
    path = place("*")
    listed = {file.stem: file for file in path.parent.glob(path.name)}
    if name not in listed:
        raise CadaError(f"{wrong}; {path.parent}/ has {', '.join(sorted(listed))}.")
    return listed[name]


def load_storage() -> Storage:
    """What is kept under .cada/."""
    return load(PARAMS / "storage.yaml", Storage)


def known_datasets() -> list[str]:
    """The data sets that have a folder of parameters."""
    return sorted(folder.name for folder in PARAMS.iterdir() if (folder / "data.yaml").is_file())
