"""The parameter files under params/: frozen models, one YAML loader, one resolution of the switches.

Sizes are (height, width). Only the command line holds a whole configuration; functions get the values they need.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from cada.errors import CadaError
from cada.paths import PARAMS, WORKFLOW, Layout, variant_params

Positive = Annotated[int, Field(gt=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Parameters(BaseModel):
    """Base of all parameter models: unknown keys are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Workflow(Parameters):
    """params/workflow.yaml: the matrix of the experiment."""

    datasets: Annotated[tuple[Name, ...], Field(min_length=1)]
    variants: Annotated[tuple[Name, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


# --- data and phrases ---------------------------------------------------------------------------------------------


class Persons(Parameters):
    """How many persons are drawn for each split."""

    pretrain: Positive
    train: Positive
    val: Positive
    test: Positive


class Synthesis(Parameters):
    """How SynthPEDES is drawn."""

    seed: int
    persons: Persons
    images_per_person: tuple[Positive, Positive]
    size: tuple[Positive, Positive]


class Data(Parameters):
    """params/<dataset>/data.yaml. With `synthesis` the set is drawn, without it the user brings it."""

    format: Literal["cuhk_pedes", "icfg_pedes", "rstpreid"]
    root: Path
    gallery_parts: Positive = 1
    synthesis: Synthesis | None = None


class Phrases(Parameters):
    """params/<dataset>/phrases.yaml."""

    tagger: Literal["lexicon"]


# --- the model ----------------------------------------------------------------------------------------------------


class Transformer(Parameters):
    """The size of one transformer."""

    width: Positive
    depth: Positive
    heads: Positive
    mlp: Positive

    @field_validator("heads")
    @classmethod
    def _divide_the_width(cls, heads: int, info: ValidationInfo) -> int:
        if info.data.get("width", heads) % heads:
            raise ValueError(f"the width {info.data['width']} must be a multiple")
        return heads


class Architecture(Parameters):
    """Sizes of the model; the attribute decoder has the text encoder's."""

    image_size: tuple[Positive, Positive]
    patch_size: tuple[Positive, Positive]
    vision: Transformer
    text: Transformer
    projection: Positive
    max_tokens: Annotated[int, Field(ge=8)] = 73
    positions: Annotated[int, Field(ge=8, validate_default=True)] = 512
    dropout: Probability = 0.1

    @field_validator("patch_size")
    @classmethod
    def _tile_the_image(cls, patch: tuple[int, int], info: ValidationInfo) -> tuple[int, int]:
        image = info.data.get("image_size", patch)
        if image[0] % patch[0] or image[1] % patch[1]:
            raise ValueError(f"the image size {image} must be a multiple")
        return patch

    @field_validator("text")
    @classmethod
    def _read_the_image_tokens(cls, text: Transformer, info: ValidationInfo) -> Transformer:
        if "vision" in info.data and info.data["vision"].width != text.width:
            raise ValueError(f"its width must be the image encoder's, {info.data['vision'].width}")
        return text

    @field_validator("positions")
    @classmethod
    def _reach_the_last_token(cls, positions: int, info: ValidationInfo) -> int:
        if positions < info.data.get("max_tokens", positions):
            raise ValueError(f"must be at least max_tokens, {info.data['max_tokens']}")
        return positions


class Model(Architecture):
    """params/<dataset>/model.yaml: the architecture and the WordPiece vocabulary."""

    vocabulary: Path

    @property
    def architecture(self) -> Architecture:
        return Architecture(**self.model_dump(exclude={"vocabulary"}))


# --- the procedure: each switch is one difference between the published code and a careful reproduction ---------


HardNegatives = Literal["published", "hardest", "sampled"]
LocalGroups = Literal["fixed", "halves"]
Padding = Literal["fixed", "batch"]
Masking = Literal["words", "phrases"]
Fusion = Literal["published", "calibrated"]
Selection = Literal["test", "val"]
Queries = Literal["first_two", "all"]


class Switches(Parameters):
    """The switches of docs/deviations.md."""

    hard_negatives: HardNegatives
    local_groups: LocalGroups
    padding: Padding
    ara_masking: Masking
    ara_rate: Probability
    fusion: Fusion
    selection: Selection
    queries: Queries


class SwitchOverrides(Parameters):
    """Any subset of the switches."""

    hard_negatives: HardNegatives | None = None
    local_groups: LocalGroups | None = None
    padding: Padding | None = None
    ara_masking: Masking | None = None
    ara_rate: Probability | None = None
    fusion: Fusion | None = None
    selection: Selection | None = None
    queries: Queries | None = None


PROCEDURES = {
    "published": Switches(
        hard_negatives="published",
        local_groups="fixed",
        padding="fixed",
        ara_masking="words",
        ara_rate=0.4,
        fusion="published",
        selection="test",
        queries="first_two",
    ),
    "robust": Switches(
        hard_negatives="hardest",
        local_groups="halves",
        padding="batch",
        ara_masking="phrases",
        ara_rate=0.8,
        fusion="calibrated",
        selection="val",
        queries="all",
    ),
}


class LossWeights(Parameters):
    """Weights of the three objectives; the paper's are 1, 1 and 0.1."""

    global_: Weight = Field(alias="global")
    atp: Weight
    ara: Weight


class Variant(Parameters):
    """params/variants/<variant>.yaml: one row of the ablation."""

    title: str
    procedure: Literal["published", "robust"]
    weights: LossWeights
    switches: SwitchOverrides = SwitchOverrides()

    @property
    def reranks(self) -> bool:
        """Only a variant whose match head was trained may re-rank."""
        return self.weights.atp > 0


# --- training and evaluation --------------------------------------------------------------------------------------


class Optimisation(Parameters):
    """AdamW under a linear warm-up and a cosine to zero, per step."""

    epochs: Rate
    batch_size: Annotated[int, Field(gt=1)]
    learning_rate: Rate
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Weight
    betas: tuple[Probability, Probability]
    clip_norm: Rate | None


class Augmentation(Parameters):
    """Random changes of training images (method section 4)."""

    flip: Probability
    pad: Annotated[int, Field(ge=0)]
    erase: Probability


class Compute(Parameters):
    """Where and how a step runs; threads are set by the step itself and read by the workflow."""

    device: Literal["auto", "cpu", "cuda"]
    threads: Positive


class Pretraining(Parameters):
    """The stand-in for BLIP's pre-training: contrastive, matching and masked-language losses."""

    seed: int
    optimisation: Optimisation
    augmentation: Augmentation
    compute: Compute
    mask_rate: Probability
    log_every: Positive


class Initial(Parameters):
    """params/<dataset>/initial.yaml: where every variant starts."""

    source: Literal["pretrain", "file"]
    file: Path | None = None
    pretrain: Pretraining | None = None


class Validation(Parameters):
    """How a model is scored while it trains; evaluate.yaml says how the finished one is."""

    top_k: Positive
    fusion_weights: Annotated[tuple[Weight, ...], Field(min_length=1)]
    batch_size: Positive


class Train(Parameters):
    """params/<dataset>/train.yaml. `switches` refine the robust procedure for this data set."""

    optimisation: Optimisation
    augmentation: Augmentation
    validation: Validation
    compute: Compute
    switches: SwitchOverrides = SwitchOverrides()
    log_every: Positive


class Evaluate(Validation):
    """params/<dataset>/evaluate.yaml."""

    bootstrap: Positive
    compute: Compute


class DatasetParameters(Parameters):
    """All files of params/<dataset>/."""

    data: Data
    phrases: Phrases
    model: Model
    initial: Initial
    train: Train
    evaluate: Evaluate


# --- loading ------------------------------------------------------------------------------------------------------

P = TypeVar("P", bound=Parameters)


def load(path: Path, model: type[P]) -> P:
    """Read one parameter file. `CadaError` names the file and each wrong key."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CadaError(f"{path}: there is no such file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CadaError(f"{path}: not valid YAML: {error}") from error
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [f"{path}: {_complaint(item, model)}" for item in error.errors()]
        raise CadaError("\n".join(lines)) from error


def _complaint(item: Any, model: type[BaseModel]) -> str:
    """One sentence per wrong key, with the nearest right key where one is near."""
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{key or 'the file'}: {item['msg']} (found {item.get('input')!r})."
    near = difflib.get_close_matches(str(item["loc"][-1]), _keys(model), n=1)
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
    """The matrix of the experiment."""
    return load(path, Workflow)


def load_dataset(dataset: str) -> DatasetParameters:
    """All parameter files of one data set; an unknown name lists the known ones."""
    if not (PARAMS / dataset).is_dir():
        raise CadaError(f"{dataset}: no such data set; {PARAMS}/ has {', '.join(known_datasets())}.")
    layout = Layout(dataset)
    return DatasetParameters(
        data=load(layout.params("data"), Data),
        phrases=load(layout.params("phrases"), Phrases),
        model=load(layout.params("model"), Model),
        initial=load(layout.params("initial"), Initial),
        train=load(layout.params("train"), Train),
        evaluate=load(layout.params("evaluate"), Evaluate),
    )


def load_variant(variant: str) -> Variant:
    """The parameter file of one variant; an unknown name lists the known ones."""
    path = variant_params(variant)
    if not path.is_file():
        known = sorted(file.stem for file in path.parent.glob("*.yaml"))
        raise CadaError(f"{variant}: no such variant; {path.parent}/ has {', '.join(known)}.")
    return load(path, Variant)


def known_datasets() -> list[str]:
    """The data sets that have a folder of parameters."""
    return sorted(folder.name for folder in PARAMS.iterdir() if (folder / "data.yaml").is_file())


def resolve_switches(variant: Variant, refinements: SwitchOverrides) -> Switches:
    """The procedure's switches, refined by the data set (robust only), then by the variant."""
    values = PROCEDURES[variant.procedure].model_dump()
    if variant.procedure == "robust":
        values |= refinements.model_dump(exclude_none=True)
    return Switches(**values | variant.switches.model_dump(exclude_none=True))


def params_hash(*parameters: Parameters) -> str:
    """Twelve hexadecimal digits that change whenever any value does."""
    values = [item.model_dump(mode="json", by_alias=True) for item in parameters]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
