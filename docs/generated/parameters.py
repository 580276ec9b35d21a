"""Every key of every parameter file, from the models that check them, with the steps that read it.

Which steps read a key is tried: it gets another value, and the recipes that change are those of the steps that read it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from sphinx.pycode import ModuleAnalyzer

from cada.config import (
    Architecture,
    Augmentation,
    DatasetParameters,
    Optimisation,
    Parameters,
    Procedure,
    Storage,
    Switches,
    Variant,
    Workflow,
    load_workflow,
)
from cada.config.loading import read_yaml
from cada.config.switches import DEFINITIONS
from cada.recipes.making import Reader, values
from cada.recipes.places import OF_DATASET, OF_MATRIX, OF_VARIANT, Recipe
from cada.storage.paths import Layout

Raw = dict[str, Any]
Key = tuple[str, ...]
FILES = ("data", "phrases", "model", "train", "initial", "evaluate", "probe", "associate")
MATRICES: dict[str, type[Parameters]] = {
    "params/workflow.yaml, params/sweeps/<name>.yaml": Workflow,
    "params/variants/<variant>.yaml": Variant,
    "params/procedures/<procedure>.yaml": Procedure,
    "params/storage.yaml": Storage,
}
OWN = {"format": "table", "root": "data/mine", "annotation": "captions.csv", "test_persons": 2, "held_out_persons": 2}
EXAMPLES = ("synthpedes", "icfg_pedes", "start", "mine")  # together they have every section
REPORTS = tuple(step for step in OF_MATRIX if step != "chapter")  # the chapter shows all parameters, so it reads all
SHOWN_ABOVE = (Switches, Architecture, Optimisation, Augmentation)  # a procedure has them too
STEPS = (*OF_DATASET, *OF_VARIANT, "transfer", *REPORTS)


def page() -> str:
    """A section for each file."""
    models = DatasetParameters.model_fields
    parts = [section(f"params/<dataset>/{name}.yaml", models[name].annotation, readers(name)) for name in FILES]
    parts += [section(name, model, {}) for name, model in MATRICES.items()]
    return "\n".join([*parts, switches()])


def section(title: str, model: Any, read: dict[Key, set[str]]) -> str:
    """One file's table."""
    head = ["key", "type", "default", "unit", "what it is", *(["steps that read it"] if read else [])]
    lines = [head, ["---"] * len(head)]
    for key, cells in rows(model, (), (Switches,) if read else SHOWN_ABOVE):
        tried = [found for own, found in read.items() if own[: len(key)] == key]
        if read and not tried:
            raise ValueError(f"{title}: {'.'.join(key)}: none of the candidates is another value of it, so nothing is known of its steps")
        steps = [step for step in STEPS if any(step in found for found in tried)]
        lines.append([f"`{'.'.join(key)}`", *cells, *([", ".join(steps) or "chapter alone"] if read else [])])
    intro = re.sub(r"^params/\S+yaml(, or a sweep)?[.:]\s*", "", (model.__doc__ or "").strip())
    return "\n".join([f"## `{title}`", "", intro[:1].upper() + intro[1:], "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def rows(model: type[Parameters], prefix: Key, left_out: Sequence[type] = (Switches,)) -> Iterator[tuple[Key, list[str]]]:
    """Each key of a model with its type, default, unit and meaning; the keys of a section follow it."""
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        unit, meaning = described(model, name)
        inner, many = nested(field.annotation)
        default = "required" if field.is_required() else shown(field.get_default(call_default_factory=True))
        own = "section" if inner else kind(properties[name])
        yield (*prefix, name), [own, "none" if inner and default != "required" else default, unit, meaning]
        if inner and inner not in left_out:
            yield from rows(inner, (*prefix, name, *(["<name>"] if many else [])), left_out)


def nested(annotation: Any) -> tuple[type[Parameters] | None, bool]:
    """The model of a section, if a key is one, and whether there is one under each name."""
    for found in (annotation, *get_args(annotation)):
        if isinstance(found, type) and issubclass(found, Parameters):
            return found, False
        if get_origin(found) is dict and (inner := nested(get_args(found)[1])[0]):
            return inner, True
    return None, False


def described(model: type[Parameters], name: str) -> tuple[str, str]:
    """Unit and meaning of a key: the comment beside it, in which the unit stands in brackets."""
    for owner in model.__mro__:
        if text := comments(owner.__module__).get((owner.__name__, name)):
            unit, _, meaning = text.removeprefix("[").partition("] ") if text.startswith("[") else ("", "", text)
            return unit, meaning.replace("|", "\\|")
    raise ValueError(f"{model.__name__}.{name}: no comment (`#: ...`) says what it is")


@cache
def comments(module: str) -> dict[tuple[str, str], str]:
    """The comments of a module's attributes, by class and name."""
    return {key: " ".join(lines).strip() for key, lines in ModuleAnalyzer.for_module(module).find_attr_docs().items()}


def kind(schema: Raw) -> str:
    """A JSON schema in words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(kind, schema["anyOf"])))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "prefixItems" in schema:
        return f"{len(schema['prefixItems'])} values: {kind(schema['prefixItems'][0])}"
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    names = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "null": "`null`", "object": "values by name"}
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    limits = ", ".join(f"{word} {schema[bound]:g}" for bound, word in bounds.items() if bound in schema)
    return " ".join(filter(None, [names.get(schema.get("type", ""), schema.get("format", "text")), limits]))


def shown(value: Any) -> str:
    """A default as YAML has it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else ("none" if value in ({}, ()) else f"`{value}`")


def switches() -> str:
    """Which steps read a switch."""
    lines = [f"| `{name}` | {own.decides} | {', '.join(own.steps)} |" for name, own in DEFINITIONS.items()]
    head = "## Switches\n\nTheir values, and why they differ, are in [deviations](deviations.md#switches).\n\n"
    return head + "| switch | what it decides | steps that read it |\n| --- | --- | --- |\n" + "\n".join(lines) + "\n"


# --- which steps read a key ---------------------------------------------------------------------------------------


def readers(file: str) -> dict[Key, set[str]]:
    """The steps that read each value of a file of params/<dataset>/."""
    found: dict[Key, set[str]] = {}
    for dataset in EXAMPLES:
        raw = {name: read_yaml(Layout("icfg_pedes" if dataset == "mine" else dataset).params(name)) for name in FILES}
        if dataset == "mine":
            raw["data"] = OWN
        before = recipes(dataset, raw)
        for key in keys(DatasetParameters.model_fields[file].annotation, raw[file]):
            for changed in others(raw, file, key):
                try:
                    after = recipes(dataset, changed)
                except ValidationError:
                    continue  # no value of this key: the next one may be
                found.setdefault(key, set()).update(step for step, values in after.items() if values != before[step])
                break
    return found


def keys(model: Any, raw: Raw, prefix: Key = ()) -> Iterator[Key]:
    """The keys of a model that have a value, also those that are at their default."""
    for name, field in model.model_fields.items():
        inner, many = nested(field.annotation)
        if inner is None or inner is Switches:
            yield (*prefix, name)
        elif name in raw:
            first = next(iter(raw[name].values())) if many else raw[name]
            yield from keys(inner, first, (*prefix, name, *(["<name>"] if many else [])))


def others(raw: Raw, file: str, key: Key) -> Iterator[Raw]:
    """The files with other values of a key, one after the other; not all of them are allowed."""
    changed = copy.deepcopy(raw)
    *path, last = (file, *key)
    section = changed
    for name in path:
        section = section[next(iter(section)) if name == "<name>" else name]
    for value in candidates(own := section.get(last)):
        if value != own:
            section[last] = value
            yield changed


def candidates(value: Any) -> Iterator[Any]:
    if isinstance(value, bool) or value is None:
        yield from (2, not value, "elsewhere", "bf16", "epoch", {"ara": 2.0}, {"queries": "first_two"})
    elif isinstance(value, int | float):
        yield from (value * 2, value + 1, value / 2, 1, 5)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from ([one * factor for one in value] for factor in (2, 0.5))
    elif isinstance(value, dict):
        yield from ({"ara": 2.0}, {"queries": "first_two"})
    else:
        yield from ("elsewhere", "all", "0" * 64, "cpu", "removal", "icfg_pedes", "pretrain", "file")


class Changed(Reader):
    """Parameters that are in no file; all others are read once."""

    files = Reader()

    def __init__(self, dataset: str, raw: Raw) -> None:
        super().__init__(load_workflow().model_copy(update={"datasets": (dataset,)}))
        parameters = DatasetParameters.model_validate(raw)
        self.dataset = cache(lambda name: parameters if name == dataset else self.files.dataset(name))
        self.variant, self.procedure = self.files.variant, self.files.procedure


def recipes(dataset: str, raw: Raw) -> dict[str, list[Parameters]]:
    """What every step reads, for a variant of each procedure; a transfer both as the set trained on and as the one searched."""
    reader = Changed(dataset, raw)
    found = {step: [values(Recipe(step, dataset), reader)] for step in (*OF_DATASET, *REPORTS)}
    for step in OF_VARIANT:
        found[step] = [values(Recipe(step, dataset, variant), reader) for variant in ("dual", "published")]
    pairs = ((dataset, "cuhk_pedes"), ("cuhk_pedes", dataset))
    return found | {"transfer": [values(Recipe("transfer", one, "dual", other), reader) for one, other in pairs]}
