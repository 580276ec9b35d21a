"""The doctor: what it finds, what it tells the user to do, and estimates that agree with their parts."""

from __future__ import annotations

import itertools
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import nltk
import pytest
import torch

from cada import config
from cada.cli import main
from cada.config import Counts
from cada.doctor import machine
from cada.doctor.estimate import ROOM, Setting, Workload, fits, smallest_change, smallest_change_in_bf16, split_counts, vocabulary_size
from cada.doctor.page import duration, gigabytes, operations, render
from cada.doctor.project import data_finding, tagger_finding, val_finding, weights_finding
from cada.model.cost import DUAL
from cada.model.folder import folder_digest
from cada.steps import doctor
from cada.storage.files import digest, write_json
from cada.storage.paths import Layout
from tests.messages import carries, line_with
from tests.tracked import copy_tracked


@pytest.fixture(autouse=True)
def in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that has the parameters and the shipped weights, and nothing else."""
    for name in ("params", "weights"):
        copy_tracked(name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nltk.data, "path", [])
    nltk.tag._get_tagger.cache_clear()  # a tagger that another test loaded is kept


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, list[str]]]:
    """Run `cada doctor`: its exit code, its page and its complaints. A product takes no time to speak of."""
    monkeypatch.setattr(doctor, "matrix_rate", lambda device, precision: {"fp32": 50e12, "tf32": 300e12, "bf16": 400e12}[precision])
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)

    def run(*arguments: str) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["cada", "doctor", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        page, complaints = capsys.readouterr()
        return int(ended.value.code or 0), page, complaints.splitlines()

    return run


def with_gpus(monkeypatch: pytest.MonkeyPatch, *, count: int, memory: float, bf16: bool = True) -> None:
    """As if torch saw GPUs of `memory` bytes."""
    found = [machine.Device("Somebody's GPU", torch.device("cuda", place), int(memory), bf16=bf16) for place in range(count)]
    monkeypatch.setattr(doctor, "gpus", lambda: found)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def row(page: str, label: str) -> str:
    found = re.search(rf"^  {label} +(.*)$", page, re.MULTILINE)
    assert found, f"{label} is not on the page:\n{page}"
    return found[1]


# --- the page -----------------------------------------------------------------------------------------------------


def test_a_fresh_project_lacks_nothing(examined: Callable[..., tuple[int, str, list[str]]]) -> None:
    """What is missing for the public sets is no problem as long as the workflow does not name them."""
    code, page, complaints = examined()
    assert (code, complaints) == (0, [])
    assert [line for line in page.splitlines() if line and line[0] != " "] == [
        "installed",
        "machine",
        "data sets",
        "val split",
        "initial weights",
        "NLTK's tagger",
    ]
    assert row(page, "Python") == f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    assert row(page, "torch") == version("torch")  # PyPI's build tells more as torch.__version__
    assert carries(row(page, "synthpedes"), "drawn")
    assert carries(row(page, "cuhk_pedes"), "missing", "params/workflow.yaml")
    assert carries(row(page, "English"), "not installed", "no variant")


def test_every_text_begins_in_one_column(examined: Callable[..., tuple[int, str, list[str]]]) -> None:
    rows = [line for line in examined("smoke")[1].splitlines() if line.startswith("  ")]
    assert len({re.match(r"  .*?  +(?=\S)|  +", line).end() for line in rows}) == 1


def test_what_a_public_set_lacks_is_one_line_each(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, count=1, memory=141e9)
    path = Path("params/workflow.yaml")
    path.write_text("datasets: [cuhk_pedes]\nvariants: [dual, published]\nseeds: [0]\n")
    for arguments in ((), ("cuhk_pedes",)):
        code, _, complaints = examined(*arguments)
        assert code == 1
        annotation, weights, tagger = complaints
        assert carries(annotation, "cada: data/CUHK-PEDES", "reid_raw.json", "`root`", "params/cuhk_pedes/data.yaml")
        assert carries(weights, "cada: params/cuhk_pedes/initial.yaml", "`cada weights import`")
        assert carries(tagger, "cada: published", "ara_masking: words", "NLTK")


def test_a_package_that_is_missing_is_named(examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PACKAGES", {"torch": "torch", "DVC": "no-such-package"})
    code, page, complaints = examined()
    assert code == 1
    assert row(page, "DVC") == "missing"
    (line,) = complaints
    assert carries(line, "package", "make environment", "cada[pipeline]")


def test_a_device_that_is_not_there_is_named_with_the_rest(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = Path("params/smoke/train.yaml")
    path.write_text(path.read_text().replace("device: auto", "device: cuda"))
    code, page, complaints = examined("smoke")
    assert code == 1
    assert carries(row(page, "smoke"), "drawn")
    (complaint,) = complaints
    assert carries(complaint, "cada: compute.device", "cuda", "torch")


# --- the estimate -------------------------------------------------------------------------------------------------


def test_the_paper_s_recipe_on_one_large_gpu(examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, count=1, memory=141e9)
    _, page, complaints = examined("cuhk_pedes")
    assert row(page, "parameters") == "361,335,104"
    assert carries(row(page, "batch"), "120 pairs", "1 process", "fp32")
    assert carries(row(page, "memory"), "141.0 GB", "Somebody's GPU")
    assert "fits with" not in page
    assert not any("train.yaml" in line for line in complaints)
    assert carries(row(page, "disk"), "images 6.1 GB", "resume state 5.8 GB", "13 models of 1.4 GB", "18.8 GB")
    assert row(page, "step") == "48.4 TFLOP"
    # 1,014 PFLOP at half of 50 TFLOP/s: 11.3 hours; val and the watched test are equally large
    assert carries(row(page, "training"), "11 hours", "822.5 PFLOP in 17,010 steps", "191.8 PFLOP to validate")


def test_the_estimate_is_of_the_variant_that_takes_most(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, count=1, memory=141e9)
    memory = {}
    for variant, others in {"global": "", "ara": "global, ", "dual": "ara, global, atp, "}.items():
        Path("params/workflow.yaml").write_text(f"datasets: [cuhk_pedes]\nvariants: [{others}{variant}]\nseeds: [0]\n")
        page = examined("cuhk_pedes")[1]
        assert line_with(page, f"cuhk_pedes: {variant} variant")
        memory[variant] = float(row(page, "memory").split()[0])
    assert memory["global"] < memory["ara"] <= memory["dual"]
    # without a match head val and the watched test are not re-ranked
    Path("params/workflow.yaml").write_text("datasets: [cuhk_pedes]\nvariants: [global]\nseeds: [0]\n")
    page = examined("cuhk_pedes")[1]
    assert float(row(page, "step").split()[0]) < 48.4 and "191.8 PFLOP to validate" not in row(page, "training")


def test_five_gpus_share_the_batch_and_the_time(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, count=5, memory=25e9)
    _, page, complaints = examined("cuhk_pedes")
    assert carries(row(page, "batch"), "120 pairs", "5 processes", "fp32")
    assert carries(row(page, "training"), "2 hours", "822.5 PFLOP in 17,010 steps")
    assert not any("train.yaml" in line for line in complaints), "24 pairs fitted on the authors' GPUs"


def test_what_does_not_fit_is_answered_with_a_change_that_does(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, count=1, memory=16e9)
    code, page, complaints = examined("cuhk_pedes")
    exact, faster = (row(page, label).rsplit(":", 1)[0] for label in ("fits with", "or, faster"))
    assert code == 1
    assert carries(complaints[-1], "cada: params/cuhk_pedes/train.yaml", "16.0 GB", exact, faster)
    path, original = Path("params/cuhk_pedes/train.yaml"), Path("params/cuhk_pedes/train.yaml").read_text()
    for change, precision in ((exact, "fp32"), (faster, "bf16")):
        values = dict(item.split(": ") for item in change.split(", "))
        assert values.get("compute.precision", "fp32") == precision
        text = original.replace("precision: fp32, checkpointing: false", f"precision: {precision}, checkpointing: true")
        if size := values.get("optimisation.micro_batch_size"):
            text = text.replace("  epochs: 30\n", f"  epochs: 30\n  micro_batch_size: {size}\n")
        path.write_text(text)
        assert "fits with" not in examined("cuhk_pedes")[1]


def test_no_setting_is_proposed_where_none_fits(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, count=1, memory=6e9)
    _, page, complaints = examined("cuhk_pedes")
    assert carries(row(page, "fits with"), "no setting")
    assert carries(complaints[-1], "cada: params/cuhk_pedes/train.yaml", "no setting", "6.0 GB")


def test_a_full_disk_is_named(examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free_space", lambda folder: 1_000_000)
    assert [line.split(":")[1] for line in examined("smoke")[2]] == [" .cada/ and results/"]
    monkeypatch.setattr(doctor, "on_one_disk", lambda *folders: False)
    assert [line.split(":")[1] for line in examined("smoke")[2]] == [" .cada/", " results/"]


def test_the_disk_has_room_for_the_models_that_are_not_there_yet(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An initial and twelve trained models of 1.45 GB, images and a resume state: 30.6 GB, less what one model takes."""
    with_gpus(monkeypatch, count=1, memory=141e9)
    monkeypatch.setattr(doctor, "free_space", lambda folder: 29_500_000_000)
    assert carries(examined("cuhk_pedes")[2][-1], "cada: .cada/ and results/", "30.6 GB", "29.5 GB")
    Layout("cuhk_pedes").model("dual", 2).mkdir(parents=True)
    assert not any("29.5 GB" in line for line in examined("cuhk_pedes")[2])


def test_a_set_without_counts_has_no_length(examined: Callable[..., tuple[int, str, list[str]]]) -> None:
    path = Path("params/rstpreid/data.yaml")
    path.write_text("format: rstpreid\nroot: data/RSTPReid\n")
    assert carries(row(examined("rstpreid")[1], "training"), "params/rstpreid/data.yaml", "`expected`")


def test_persons_that_must_be_held_out_are_a_complaint(examined: Callable[..., tuple[int, str, list[str]]]) -> None:
    path = Path("params/icfg_pedes/data.yaml")
    assert "held_out_persons" not in row(examined("icfg_pedes")[1], "training")
    path.write_text(re.sub("held_out_persons.*", "", path.read_text()))
    code, page, complaints = examined("icfg_pedes")
    assert code == 1
    assert carries(row(page, "training"), "val split", "held_out_persons", "params/icfg_pedes/data.yaml")
    facts = "params/icfg_pedes/data.yaml", "held_out_persons", "absent_val: test"
    assert line_with("\n".join(complaints), *facts, "global, atp, ara, dual")
    Path("params/workflow.yaml").write_text("datasets: [icfg_pedes]\nvariants: [published]\nseeds: [0]\n")
    assert not any("held_out_persons" in line for line in examined()[2])


@pytest.fixture
def recipe() -> Workload:
    architecture = config.load_dataset("cuhk_pedes").model.architecture
    return Workload(architecture, DUAL, vocabulary=30524, batch=120, epochs=30, processes=1, fused=True)


def test_the_smallest_change_is_the_first_that_fits(recipe: Workload) -> None:
    start = Setting("fp32", False, None)
    for precision, change in (("fp32", smallest_change), ("bf16", smallest_change_in_bf16)):
        same = replace(start, precision=precision)
        order = [same, replace(same, checkpointing=True)]
        order += [replace(same, checkpointing=True, micro_batch=size) for size in (60, 30, 15, 8, 4, 2, 1)]
        for place, wanted in enumerate(order):
            memory = round(recipe.memory(wanted).total / ROOM) + 1
            found = change(recipe, start, memory)
            assert found is not None
            assert found[0] == next(setting for setting in order if fits(recipe, setting, memory))
            assert len(found[1]) == min(place, 2) + (precision == "bf16")
        assert change(recipe, start, recipe.memory(order[-1]).total) is None


def test_checkpoints_come_before_another_precision(recipe: Workload) -> None:
    found = smallest_change(recipe, Setting("fp32", False, None), round(30e9))
    assert found == (Setting("fp32", True, None), ["compute.checkpointing: true"])


def test_bf16_is_not_proposed_for_a_gpu_without_it(
    examined: Callable[..., tuple[int, str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, count=1, memory=30e9, bf16=False)
    _, page, complaints = examined("cuhk_pedes")
    assert row(page, "fits with").startswith("compute.checkpointing: true: ")
    assert "bf16" not in complaints[-1]
    assert "or, faster" not in page


def test_checkpoints_and_chunks_each_repeat_the_forward_pass(recipe: Workload) -> None:
    plain = recipe.step_flops(Setting("fp32", False, None))
    assert recipe.step_flops(Setting("bf16", True, None)) == pytest.approx(plain * 4 / 3)
    assert recipe.step_flops(Setting("fp32", False, 120)) == plain
    assert recipe.step_flops(Setting("fp32", True, 60)) == pytest.approx(plain * 5 / 3)


def test_counts_come_from_the_parameters() -> None:
    assert split_counts(config.load_dataset("cuhk_pedes").data, "held_out")["test"] == Counts(persons=1000, images=3074, captions=6156)
    drawn = split_counts(config.load_dataset("synthpedes").data, "held_out")
    assert drawn["train"] == Counts(persons=2000, images=8000, captions=16000)
    assert "pretrain" not in drawn, "nobody"


def test_an_absent_val_is_taken_off_train_or_is_test() -> None:
    data = config.load_dataset("icfg_pedes").data
    held_out = round(34674 * 200 / 3102)
    counts = split_counts(data, "held_out")
    assert counts["val"] == Counts(persons=200, images=held_out, captions=held_out)
    assert counts["train"] == Counts(persons=2902, images=34674 - held_out, captions=34674 - held_out)
    counts = split_counts(data, "test")
    assert counts["val"] == counts["test"]
    assert counts["train"].persons == 3102
    for persons in (None, 3102):
        assert "val" not in split_counts(data.model_copy(update={"held_out_persons": persons}), "held_out")


def test_an_epoch_has_two_captions_of_an_image_at_most(recipe: Workload) -> None:
    assert recipe.steps(Counts(persons=11003, images=34054, captions=68126)) == 30 * (68108 // 120)


# --- findings -----------------------------------------------------------------------------------------------------


def test_a_set_that_is_there_prepared_and_changed() -> None:
    data, layout = config.load_dataset("cuhk_pedes").data, Layout("cuhk_pedes")
    (data.root / "imgs").mkdir(parents=True)
    annotation = data.root / "reid_raw.json"
    annotation.write_text("[]")
    assert carries(data_finding("cuhk_pedes", data).state, "data/CUHK-PEDES", "not prepared")
    facts = {"bytes": annotation.stat().st_size, "sha256": digest(annotation)}
    write_json(layout.manifest, {"splits": {}, "annotation": {annotation.name: facts}, "images": {}})
    found = data_finding("cuhk_pedes", data)
    assert carries(found.state, "data/CUHK-PEDES", "prepared") and "not" not in found.state
    assert found.remedy is None
    annotation.write_text("[1]")
    found = data_finding("cuhk_pedes", data)
    assert carries(found.state, "changed") and carries(str(found.remedy), annotation, "`cada data prepare cuhk_pedes`")


def test_val_is_the_annotation_s_or_comes_from_train_or_test() -> None:
    sets = {name: config.load_dataset(name).data for name in ("synthpedes", "cuhk_pedes", "icfg_pedes")}
    for name in ("synthpedes", "cuhk_pedes"):
        assert "annotation" in val_finding(name, sets[name], ["dual"]).state
    data = sets["icfg_pedes"]
    assert val_finding("icfg_pedes", data, ["dual"]).remedy is None
    missing = data.model_copy(update={"held_out_persons": None})
    assert val_finding("icfg_pedes", missing, []).remedy is None
    facts = "params/icfg_pedes/data.yaml", "held_out_persons", "dual", "absent_val: test"
    assert carries(str(val_finding("icfg_pedes", missing, ["dual"]).remedy), *facts)
    unknown = missing.model_copy(update={"expected": None})
    assert val_finding("icfg_pedes", unknown, ["dual"]).remedy is None
    write_json(Layout("icfg_pedes").manifest, {"splits": {"train": {}, "test": {}}, "annotation": {}, "images": {}})
    assert carries(str(val_finding("icfg_pedes", unknown, ["dual"]).remedy), *facts)


@pytest.fixture
def imported() -> config.Initial:
    """What names a folder of weights of the sizes of cuhk_pedes; only a digest is taken of the weights themselves."""
    folder = Path("weights/blip")
    write_json(folder / "config.json", config.load_dataset("cuhk_pedes").model.architecture.model_dump(mode="json"))
    (folder / "model.safetensors").write_text("weights")
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\nred\n")
    return config.Initial(source="file", weights=config.Pinned(path=folder, sha256=folder_digest(folder)))


def test_weights_are_the_ones_that_are_named(imported: config.Initial) -> None:
    model, folder = config.load_dataset("cuhk_pedes").model, Path("weights/blip")
    found = weights_finding("cuhk_pedes", imported, model)
    assert carries(found.state, folder, "as named") and found.remedy is None
    (folder / "vocab.txt").write_text("other")
    remedy = str(weights_finding("cuhk_pedes", imported, model).remedy)
    assert imported.weights is not None
    assert carries(remedy, folder, "params/cuhk_pedes/initial.yaml", folder_digest(folder), imported.weights.sha256)
    (folder / "vocab.txt").unlink()
    assert carries(str(weights_finding("cuhk_pedes", imported, model).remedy), folder / "vocab.txt", "`cada weights import`")
    shutil.rmtree(folder)
    remedy = str(weights_finding("cuhk_pedes", imported, model).remedy)
    assert carries(remedy, f"{folder}: ", "params/cuhk_pedes/initial.yaml", "`cada weights import`")


def test_weights_of_other_sizes_are_named_before_the_initial_step_runs(imported: config.Initial) -> None:
    model = config.load_dataset("cuhk_pedes").model
    assert weights_finding("cuhk_pedes", imported, model.model_copy(update={"image_size": (384, 128)})).remedy is None
    found = weights_finding("cuhk_pedes", imported, model.model_copy(update={"projection": 128}))
    assert carries(found.state, "not", "parameters")
    assert carries(str(found.remedy), "params/cuhk_pedes/model.yaml: projection", 128, "weights/blip/config.json", 256)


def test_the_vocabulary_is_the_weights_where_none_is_named(imported: config.Initial) -> None:
    parameters = config.load_dataset("cuhk_pedes").model_copy(update={"initial": imported})
    assert vocabulary_size(parameters) == 3 + 2
    Path("weights/blip/vocab.txt").unlink()
    assert vocabulary_size(parameters) == 30522 + 2


def test_the_vocabulary_is_counted_with_the_two_extra_tokens(examined: Callable[..., tuple[int, str, list[str]]]) -> None:
    assert vocabulary_size(config.load_dataset("cuhk_pedes")) == 30524
    parameters = config.load_dataset("synthpedes")
    assert vocabulary_size(parameters) == len(Path("params/synthpedes/vocab.txt").read_text().splitlines()) + 2
    Path("params/synthpedes/vocab.txt").write_text("[PAD]\n")
    status, _, complaints = examined("synthpedes")
    assert status == 1 and any("params/synthpedes/vocab.txt" in line and "SHA-256" in line for line in complaints)


def test_the_tagger_is_missed_only_where_a_variant_needs_it() -> None:
    assert tagger_finding([]).remedy is None
    assert carries(str(tagger_finding(["published"]).remedy), "published", "ara_masking: words", "`cada data fetch nltk-tagger`")


# --- machine and page ---------------------------------------------------------------------------------------------


def test_the_machine_has_memory_and_space(tmp_path: Path) -> None:
    assert machine.processor().memory > 5e8
    assert machine.free_space(tmp_path / "not" / "there") == shutil.disk_usage(tmp_path).free
    assert machine.on_one_disk(tmp_path, tmp_path / "not" / "there")


def test_the_rate_is_that_of_the_products_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that moves one second each time it is read: two products until three seconds have passed."""
    monkeypatch.setattr(machine, "time", SimpleNamespace(perf_counter=itertools.count().__next__))
    assert machine.matrix_rate(torch.device("cpu"), "fp32", seconds=3) == 2 * 2 * machine.SIDE["cpu"] ** 3 / 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_has_memory_and_a_rate() -> None:
    assert machine.gpus()[0].memory > 1e9
    assert machine.matrix_rate(torch.device("cuda"), "bf16", seconds=0.1) > 0


def test_numbers_have_one_unit() -> None:
    assert [gigabytes(size) for size in (3.6e6, 1e8, 141e9)] == ["3.6 MB", "0.1 GB", "141.0 GB"]
    assert [operations(count) for count in (38.5e9, 48.4e12, 1.2e18)] == ["38.5 GFLOP", "48.4 TFLOP", "1,200.0 PFLOP"]
    assert [duration(seconds) for seconds in (1, 69, 600, 36000, 9e6)] == [
        "under a minute",
        "69 seconds",
        "10 minutes",
        "10 hours",
        "104 days",
    ]
    assert render({"one": {"a": "x", "long": "y"}, "two": {"b": "z"}}) == "one\n  a     x\n  long  y\n\ntwo\n  b     z"
