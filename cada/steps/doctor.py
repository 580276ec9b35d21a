"""`cada doctor`: what is installed, what is there, and what a data set's recipe will take."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import torch

from cada import config
from cada.config.steps import Precision
from cada.doctor import estimate
from cada.doctor.estimate import SHARE, Setting, Workload
from cada.doctor.machine import Device, free_space, gpus, installed, matrix_rate, on_one_disk, processor
from cada.doctor.page import duration, gigabytes, operations, render
from cada.doctor.project import Finding, data_finding, tagger_finding, val_finding, weights_finding
from cada.errors import CadaError
from cada.model.cost import parameter_count
from cada.model.memory import FP32, image_bytes
from cada.runtime import compute
from cada.storage.files import checked
from cada.storage.paths import RESULTS, STATE, WORKFLOW, Layout

PRECISIONS: dict[str, tuple[Precision, ...]] = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "tf32", "bf16")}


def examine(dataset: str | None) -> None:
    """Print the page; `CadaError` lists what is missing for `dataset`, or for the data sets of params/workflow.yaml."""
    matrix = config.load_workflow()
    recipes = {name: config.load_dataset(name) for name in ([dataset] if dataset else config.known_datasets())}
    problems: list[str] = []

    def state_of(finding: Finding, *, needed: bool = True) -> str:
        if finding.remedy and not needed:
            return f"{finding.state} (not in {WORKFLOW})"
        if finding.remedy:
            problems.append(finding.remedy)
        return finding.state

    needed = {name: dataset is not None or name in matrix.datasets for name in recipes}
    users = _word_maskers(matrix, [recipe for name, recipe in recipes.items() if needed[name]])
    holders = {name: _holding_out(matrix, recipe) for name, recipe in recipes.items()}
    weights = {name: weights_finding(name, recipe.initial, recipe.model) for name, recipe in recipes.items()}
    page = {
        "installed": {"Python": platform.python_version(), **{name: state_of(finding) for name, finding in _packages().items()}},
        "machine": _machine(),
        "data sets": {name: state_of(data_finding(name, recipe.data), needed=needed[name]) for name, recipe in recipes.items()},
        "val split": {
            name: state_of(val_finding(name, recipe.data, holders[name]), needed=needed[name]) for name, recipe in recipes.items()
        },
        "initial weights": {name: state_of(weights[name], needed=needed[name]) for name in recipes},
        "NLTK's tagger": {"English": state_of(tagger_finding(users))},
    }
    if dataset:
        variant = _largest(matrix, recipes[dataset])
        title = f"{dataset}: {variant} variant, every caption {recipes[dataset].model.max_tokens} tokens long, which is the most it takes"
        try:
            page[title] = _estimate(dataset, recipes[dataset], matrix, variant, problems)
        except CadaError as error:  # a device or a vocabulary that is not there: reported with the rest
            problems.append(str(error))
    print(render(page))
    if problems:
        raise CadaError("\n".join(dict.fromkeys(problems)))


def _packages() -> dict[str, Finding]:
    missing = Finding("missing", "a package is missing. `make environment` installs all, `pip install 'cada[pipeline]'` other versions.")
    return {name: Finding(version) if version else missing for name, version in installed().items()}


def _machine() -> dict[str, str]:
    cpu = processor()
    rows = {"CPU": f"{cpu.name}, {gigabytes(cpu.memory)} of memory"}
    rows |= {f"GPU {place}": f"{gpu.name}, {gigabytes(gpu.memory)}" for place, gpu in enumerate(gpus())} or {"GPU": "none that torch sees"}
    return rows | {f"{folder}/": f"{gigabytes(free_space(folder))} free" for folder in (RESULTS, STATE)}


def _word_maskers(matrix: config.Workflow, recipes: Sequence[config.DatasetParameters]) -> list[str]:
    """The workflow's variants that mask the words that NLTK tags, on any of the data sets."""
    methods = {name: [_method(name, recipe) for recipe in recipes] for name in matrix.variants}
    return [name for name, found in methods.items() if any(own.needs_phrases and own.switches.ara_masking == "words" for own in found)]


def _holding_out(matrix: config.Workflow, recipe: config.DatasetParameters) -> list[str]:
    """The workflow's variants that hold train persons out where the annotation has no val."""
    return [name for name in matrix.variants if _method(name, recipe).switches.absent_val == "held_out"]


def _method(variant: str, recipe: config.DatasetParameters) -> config.Method:
    own = config.load_variant(variant)
    return config.resolve_variant(own, config.load_procedure(own.procedure), recipe.train)


def _largest(matrix: config.Workflow, recipe: config.DatasetParameters) -> str:
    """The one of the workflow's variants that takes most memory."""

    def memory(variant: str) -> int:
        objectives = _method(variant, recipe).weights
        workload = estimate.workload_of(recipe, recipe.train, processes=1, fused=True, objectives=objectives)
        return workload.memory(estimate.setting_of(recipe.train)).total

    return max(matrix.variants, key=memory)


def _estimate(
    dataset: str, parameters: config.DatasetParameters, matrix: config.Workflow, variant: str, problems: list[str]
) -> dict[str, str]:
    """Memory and time of one training of the variant and its evaluation, disk of them all; what does not fit is added to `problems`."""
    settings, device = parameters.train.compute, _device(parameters.train.compute)
    if (named := parameters.model.vocabulary) is not None:
        checked(named.path, named.sha256)
    processes, fused = compute.process_count(settings), device.device.type == "cuda"
    method = _method(variant, parameters)
    workload = estimate.workload_of(parameters, parameters.train, processes=processes, fused=fused, objectives=method.weights)
    setting = estimate.setting_of(parameters.train)
    rows = _memory(dataset, workload, setting, device, problems) | _disk(dataset, parameters, workload, matrix, problems)
    return rows | _time(dataset, parameters, workload, setting, device, absent_val=method.switches.absent_val)


def _device(settings: config.Compute) -> Device:
    """Where the training runs: the smallest GPU, or the CPU with its memory shared out to the processes."""
    if compute.resolve_device(settings.device).type == "cuda":
        return min(gpus(), key=lambda gpu: gpu.memory)
    torch.set_num_threads(settings.threads)
    cpu = processor()
    return Device("CPU", cpu.device, cpu.memory // compute.process_count(settings), bf16=True)


def _memory(dataset: str, workload: Workload, setting: Setting, device: Device, problems: list[str]) -> dict[str, str]:
    memory = workload.memory(setting)
    names = {"weights": memory.weights, "gradients": memory.gradients, "optimiser": memory.optimizer, "activations": memory.activations}
    rows = {
        "parameters": f"{parameter_count(workload.architecture, vocabulary=workload.vocabulary):,}",
        "batch": f"{workload.batch} pairs on {workload.processes} process{'es' if workload.processes > 1 else ''}, {setting.precision}",
        "memory": f"{gigabytes(memory.total)} of {gigabytes(device.memory)} ({device.name})",
        "": ", ".join(f"{name} {gigabytes(size)}" for name, size in names.items()),
    }
    if estimate.fits(workload, setting, device.memory):
        return rows
    ways, place = {"fits with": estimate.smallest_change(workload, setting, device.memory)}, Layout(dataset).params("train")
    if device.bf16 and setting.precision != "bf16":
        ways["or, faster"] = estimate.smallest_change_in_bf16(workload, setting, device.memory)
    found = {label: (", ".join(way[1]), gigabytes(workload.memory(way[0]).total)) for label, way in ways.items() if way}
    if not found:
        problems.append(f"{place}: no setting fits in {gigabytes(device.memory)}. Use more processes, or a device with more memory.")
        return rows | {"fits with": "no setting"}
    lines = "; or, faster and with more rounding, ".join(parameters for parameters, _ in found.values())
    problems.append(f"{place}: the training does not fit in {gigabytes(device.memory)}. Set {lines}.")
    return rows | {label: f"{parameters}: {size}" for label, (parameters, size) in found.items()}


def _disk(
    dataset: str, parameters: config.DatasetParameters, workload: Workload, matrix: config.Workflow, problems: list[str]
) -> dict[str, str]:
    """Decoded images of all splits and a resume state under .cada/, the initial and all trained models under results/."""
    images = image_bytes(workload.architecture, sum(counts.images for counts in estimate.annotated_counts(parameters.data).values()))
    model = FP32 * parameter_count(workload.architecture, vocabulary=workload.vocabulary)
    state = 4 * model  # weights, the best so far, two moments
    layout = Layout(dataset)
    folders = [layout.initial, *(layout.model(variant, seed) for variant in matrix.variants for seed in matrix.seeds)]
    absent = model * sum(not folder.exists() for folder in folders)
    needs = {f"{STATE}/": (STATE, images + state), f"{RESULTS}/": (RESULTS, absent)}
    if on_one_disk(STATE, RESULTS):
        needs = {f"{STATE}/ and {RESULTS}/": (STATE, images + state + absent)}
    for place, (folder, needed) in needs.items():
        if needed > (free := free_space(folder)):
            problems.append(f"{place}: {gigabytes(needed)} are needed, {gigabytes(free)} are free. Free some space.")
    models = f"{len(folders)} models of {gigabytes(model)}: {gigabytes(len(folders) * model)}"
    return {"disk": f"images {gigabytes(images)}, resume state {gigabytes(state)}, {models}"}


def _time(
    dataset: str,
    parameters: config.DatasetParameters,
    workload: Workload,
    setting: Setting,
    device: Device,
    *,
    absent_val: config.AbsentVal,
) -> dict[str, str]:
    """One training with its validations, and one evaluation, at an assumed share of the speed of plain products."""
    rates = {precision: matrix_rate(device.device, precision) for precision in PRECISIONS[device.device.type]}
    speeds = ", ".join(f"{operations(rate)}/s in {precision}" for precision, rate in rates.items())
    rows = {
        "step": operations(workload.step_flops(setting)),
        "speed": f"{speeds}: products of matrices, timed; {SHARE:.0%} of that is assumed",
    }
    train, evaluate, place = parameters.train, parameters.evaluate, Layout(dataset).params("data")
    counts = estimate.split_counts(parameters.data, absent_val)
    if not {"train", "test"} <= counts.keys():
        return rows | {"training": f"its length is not known: {place} has no `expected` counts"}
    if "val" not in counts:
        held_out = parameters.data.held_out_persons or "missing"
        return rows | {"training": f"its length is not known: there is no val split, and held_out_persons in {place} is {held_out}"}
    work = estimate.operations_of(train, evaluate, counts=counts, workload=workload)
    rates.setdefault("tf32", rates["fp32"])  # on a CPU it is fp32
    speed = {precision: SHARE * workload.processes * rate for precision, rate in rates.items()}
    training_time = duration((work.learning + work.validating) / speed[train.compute.precision])
    return rows | {
        "training": f"{training_time}: {operations(work.learning)} in {work.steps:,} steps, {operations(work.validating)} to validate",
        "evaluation": f"{duration(work.scoring / speed[evaluate.compute.precision])}: {operations(work.scoring)}",
    }
