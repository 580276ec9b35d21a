"""The pipeline's steps: each loads its parameters, calls the functions that do the work, and tells the tracker.

A step is a pure function of the files it is given; what it declares as output holds no times, hosts or run ids.
Heavy modules are imported inside, so that `cada --help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cada import config
from cada.files import atomic, digest, exclusive, write_json, write_text
from cada.paths import PUBLISHED, STATE, Cell, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import torch

    from cada.data.loading import Split
    from cada.data.records import Record
    from cada.model.tokenizer import Tokenizer
    from cada.retrieval.evaluation import Engine, Target
    from cada.tracking import Run, Step
    from cada.training.finetune import TrainingSet


def prepare_data(dataset: str, *, force: bool = False) -> None:
    """Draw or validate the data set and write its manifest."""
    from cada.data.prepare import prepare

    data = config.load_dataset(dataset).data
    prepare(dataset, data, output=Layout(dataset).manifest, force=force)


def draw_sheet(dataset: str, output: Path) -> None:
    """Draw some of the data set's persons with their captions to a .png or .jpg file."""
    from cada.data.prepare import load_records
    from cada.data.sheet import contact_sheet

    data = config.load_dataset(dataset).data
    contact_sheet(data.root, load_records(dataset, data, manifest=Layout(dataset).manifest), output)


def parse_phrases(dataset: str) -> None:
    """Parse every caption into attribute phrases."""
    from cada.data.prepare import load_records
    from cada.phrases.table import write_phrases

    layout = Layout(dataset)
    records = load_records(dataset, config.load_dataset(dataset).data, manifest=layout.manifest)
    write_phrases(records, output=layout.phrases)


def make_initial(dataset: str) -> None:
    """Pre-train the weights that every variant and seed starts from."""
    from cada.compute import prepare as prepare_compute
    from cada.data.prepare import load_records
    from cada.errors import CadaError
    from cada.model.cada import build
    from cada.model.folder import save_model, weights_of
    from cada.model.tokenizer import Tokenizer
    from cada.training.objective import SpecialTokens
    from cada.training.pretrain import pretrain
    from cada.training.seeds import seed_everything

    layout, parameters = Layout(dataset), config.load_dataset(dataset)
    settings = parameters.initial.pretrain
    if parameters.initial.source != "pretrain" or settings is None:
        raise CadaError(f"{layout.params('initial')}: source: pretrain with a section `pretrain` is the only source that there is yet.")
    architecture, vocabulary = parameters.model.architecture, parameters.model.vocabulary
    tokenizer = Tokenizer(vocabulary, architecture.max_tokens)
    device = prepare_compute(settings.compute)
    records = load_records(dataset, parameters.data, manifest=layout.manifest)
    split = _split(records, "pretrain", parameters.data.root)
    training = _training_set(split, tokenizer, architecture.image_size, threads=settings.compute.threads)
    state = _state(Cell(dataset, "initial", settings.seed), config.params_hash(parameters.initial, parameters.model), [layout.manifest])
    seed_everything(settings.seed, "initial weights")
    model = build(architecture, vocabulary=tokenizer.size).to(device)
    cell = Cell(dataset, "initial", settings.seed)
    described = _described(parameters.initial, parameters.model)
    with (
        exclusive(state.with_suffix(".lock"), f"initial weights of {dataset}"),
        _tracked(cell, "initial", described, layout, device) as run,
    ):
        pretrain(
            model,
            training,
            optimisation=settings.optimisation,
            augmentation=settings.augmentation,
            mask_rate=settings.mask_rate,
            special=SpecialTokens(tokenizer.enc, tokenizer.mask),
            seed=settings.seed,
            device=device,
            log_every=settings.log_every,
            state=state,
            report=run.log,
        )
        save_model(layout.initial, weights_of(model), architecture=architecture, vocabulary=vocabulary)
        state.unlink(missing_ok=True)


def train_variant(dataset: str, variant: str, seed: int) -> None:
    """Fine-tune one variant with one seed from the initial weights."""
    from cada.compute import prepare as prepare_compute
    from cada.data.prepare import load_records
    from cada.model.folder import VOCABULARY, WEIGHTS, load_model, save_model
    from cada.phrases.table import read_phrases
    from cada.training.captions import attribute_groups
    from cada.training.finetune import finetune
    from cada.training.loop import history_csv
    from cada.training.objective import SpecialTokens

    layout, parameters, chosen = Layout(dataset), config.load_dataset(dataset), config.load_variant(variant)
    settings = parameters.train
    switches = config.resolve_switches(chosen, settings.switches)
    device = prepare_compute(settings.compute)
    records = load_records(dataset, parameters.data, manifest=layout.manifest)
    model, tokenizer, architecture = load_model(layout.initial)
    split = _split(records, "train", parameters.data.root, queries="first_two")
    training = _training_set(split, tokenizer, architecture.image_size, threads=settings.compute.threads)
    if chosen.weights.ara:
        phrases = read_phrases(layout.phrases)
        groups = attribute_groups(training.captions, split, masking=switches.ara_masking, phrases=phrases, tokenizer=tokenizer)
        training = training.with_groups(groups)
    held_out = _split(records, switches.selection, parameters.data.root, queries=switches.queries)
    target = _target(held_out, tokenizer, architecture.image_size, threads=settings.compute.threads)
    inputs = [layout.manifest, layout.phrases, layout.initial / WEIGHTS]
    state = _state(Cell(dataset, variant, seed), config.params_hash(chosen, settings), inputs)
    cell = Cell(dataset, variant, seed)
    described = training_parameters(dataset, variant)
    with exclusive(state.with_suffix(".lock"), f"training of {cell}"), _tracked(cell, "train", described, layout, device) as run:
        progress = finetune(
            model.to(device),
            training,
            target,
            optimisation=settings.optimisation,
            augmentation=settings.augmentation,
            weights=chosen.weights,
            switches=switches,
            special=SpecialTokens(tokenizer.enc, tokenizer.mask),
            engine=_engine(chosen, switches, settings.validation, tokenizer, device),
            fusion_weights=settings.validation.fusion_weights,
            seed=seed,
            log_every=settings.log_every,
            state=state,
            report=run.log,
        )
        write_text(layout.history(variant, seed), history_csv(progress.rows))
        folder = layout.model(variant, seed)
        save_model(folder, progress.best_weights, architecture=architecture, vocabulary=layout.initial / VOCABULARY)
        state.unlink(missing_ok=True)


def evaluate_variant(dataset: str, variant: str, seed: int) -> None:
    """Score one trained model on the test split."""
    from cada.compute import prepare as prepare_compute
    from cada.data.prepare import load_records
    from cada.model.folder import load_model
    from cada.retrieval.results import evaluate_model, rankings_table
    from cada.tracking import test_summary

    layout, parameters, chosen = Layout(dataset), config.load_dataset(dataset), config.load_variant(variant)
    settings = parameters.evaluate
    switches = config.resolve_switches(chosen, parameters.train.switches)
    device = prepare_compute(settings.compute)
    records = load_records(dataset, parameters.data, manifest=layout.manifest)
    model, tokenizer, architecture = load_model(layout.model(variant, seed))
    val, test = (_split(records, name, parameters.data.root, queries=switches.queries) for name in ("val", "test"))
    targets = [_target(split, tokenizer, architecture.image_size, threads=settings.compute.threads) for split in (val, test)]
    metrics, ranking = evaluate_model(
        model.to(device),
        *targets,
        engine=_engine(chosen, switches, settings, tokenizer, device),
        headline=switches.fusion if chosen.reranks else "cosine",
        fusion_weights=settings.fusion_weights,
        parts=parameters.data.gallery_parts,
        bootstrap=settings.bootstrap,
    )
    metrics = {
        "dataset": dataset,
        "variant": variant,
        "seed": seed,
        "procedure": chosen.procedure,
        "selection": switches.selection,
        "split": "test",
    } | metrics
    with atomic(layout.rankings(variant, seed)) as partial:
        rankings_table(ranking, test).to_parquet(partial, index=False)
    write_json(layout.metrics(variant, seed), metrics)
    described = _described(settings)[0], training_parameters(dataset, variant)[1]
    with _tracked(Cell(dataset, variant, seed), "evaluate", described, layout, device) as run:
        run.summary(test_summary(metrics))


def training_parameters(dataset: str, variant: str) -> tuple[dict[str, Any], str]:
    """The parameters that make a trained model, as MLflow shows them, and their hash, by which its run is found."""
    parameters, chosen = config.load_dataset(dataset), config.load_variant(variant)
    switches = config.resolve_switches(chosen, parameters.train.switches)
    return _described(chosen.weights, switches, parameters.train, parameters.model)


def write_tables(dataset: str, *, workflow: Path) -> None:
    """Write the tables of the variants and seeds that the workflow file lists."""
    from cada.errors import CadaError
    from cada.reporting import tables

    layout, matrix = Layout(dataset), config.load_workflow(workflow)
    if dataset not in matrix.datasets:
        raise CadaError(f"{dataset}: {workflow} lists the data sets {', '.join(matrix.datasets)}. Name one of them, or add this one.")
    tables.write_tables(
        dataset,
        variants=[(variant, config.load_variant(variant).title) for variant in matrix.variants],
        seeds=matrix.seeds,
        metrics=layout.root / "metrics",
        manifest=layout.manifest,
        published=PUBLISHED,
        output=layout.tables,
    )


def sync_tracking() -> None:
    """Tell MLflow about the trainings under results/ that it does not know."""
    from cada.sync import sync

    sync(lambda cell: training_parameters(cell.dataset, cell.variant))


def check_parity(folder: Path) -> None:
    """Print how far this installation is from recorded numbers of the published code; fail over tolerance."""
    from cada.errors import CadaError
    from cada.parity import compare

    rows = compare(folder)
    for row in rows:
        print(f"{row.name:26} {row.difference:10.2e}  (tolerance {row.tolerance:.0e})  {'ok' if row.passes else 'DIFFERS'}")
    wrong = [row.name for row in rows if not row.passes]
    if wrong:
        raise CadaError(
            f"{folder}: over tolerance: {', '.join(wrong)}. Check the versions of torch and transformers against requirements.lock."
        )
    print(f"{len(rows)} comparisons, all within tolerance")


def _described(*parts: config.Parameters) -> tuple[dict[str, Any], str]:
    values = {type(part).__name__.lower(): part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in parts}
    return values, config.params_hash(*parts)


def _tracked(
    cell: Cell, step: Step, described: tuple[dict[str, Any], str], layout: Layout, device: torch.device
) -> AbstractContextManager[Run]:
    from cada import tracking

    tags = {"data digest": digest(layout.manifest), "device": str(device)}
    return tracking.run(cell, step=step, parameters=described[0], params_hash=described[1], tags=tags)


def _split(records: Sequence[Record], name: str, root: Path, *, queries: str = "all") -> Split:
    from cada.data.loading import take_split

    return take_split(records, name, root=root, queries=queries)  # type: ignore[arg-type]


def _training_set(split: Split, tokenizer: Tokenizer, size: tuple[int, int], *, threads: int) -> TrainingSet:
    from cada.data.images import load_images
    from cada.training.finetune import TrainingSet

    images = load_images(split.image_paths, size, threads=threads)
    return TrainingSet(images, tokenizer(split.captions), split.caption_image, split.caption_persons, None)


def _target(split: Split, tokenizer: Tokenizer, size: tuple[int, int], *, threads: int) -> Target:
    from cada.data.images import load_images
    from cada.retrieval.evaluation import Target

    return Target(
        load_images(split.image_paths, size, threads=threads), split.image_persons, tokenizer(split.captions), split.caption_persons
    )


def _engine(
    variant: config.Variant, switches: config.Switches, settings: config.Validation, tokenizer: Tokenizer, device: torch.device
) -> Engine:
    from cada.retrieval.evaluation import Engine

    return Engine(
        enc=tokenizer.enc,
        top_k=settings.top_k if variant.reranks else None,
        padded_to=tokenizer.max_tokens if switches.padding == "fixed" else None,
        batch_size=settings.batch_size,
        device=device,
    )


def _state(cell: Cell, params_hash: str, inputs: Sequence[Path]) -> Path:
    """Where an interrupted run of the cell goes on: a name that changes with parameters, inputs and code."""
    import hashlib

    package = Path(__file__).parent
    digests = [digest(path) for path in (*inputs, *sorted(package.rglob("*.py")))]
    key = hashlib.sha256("".join([params_hash, *digests]).encode()).hexdigest()[:16]
    return STATE / "resume" / cell.dataset / cell.variant / str(cell.seed) / f"{key}.pt"
