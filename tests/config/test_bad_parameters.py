"""Values that people and editors write into parameter files: refused in short lines with the file and the key, or of one meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cada import config
from cada.errors import MOST, CadaError
from tests.messages import carries, refused
from tests.tracked import copy_tracked

NUMBERS = ("yes", "NO", "true", "four", "''", "[]", "{}", "null", "~", ".nan", ".inf", "-.inf", "-1", "1e400", "2026-01-01", "1:30:00")
NUMBERS += ("010", "0x", "१", "9" * 5000)
# Of a key each value that it cannot have.
WRONG: dict[tuple[str, str], tuple[str, ...]] = {
    ("train.yaml", "optimisation.epochs"): (*NUMBERS, "0"),
    ("train.yaml", "optimisation.batch_size"): (*NUMBERS, "0", "1.5", "0o", "1_"),
    ("train.yaml", "optimisation.learning_rate"): (*NUMBERS, "0"),
    ("train.yaml", "optimisation.betas"): ("0.9", "[0.9]", "[0.9, 1.0]", "[0.9, -0.1]", "[0.9, 0.98, 0.9]", "[a, b]", "null", "[.nan, 1]"),
    ("train.yaml", "augmentation.flip"): (*NUMBERS, "1.1", "2"),
    ("train.yaml", "compute.device"): ("gpu", "GPU", "0", "NO", "null", "[cuda]", "cuda:0"),
    ("train.yaml", "compute.threads"): (*NUMBERS, "0", "1.5"),
    ("evaluate.yaml", "top_k"): (*NUMBERS, "0", "1.5"),
    ("evaluate.yaml", "fusion_weights"): ("1", "[]", "[-1]", "[.nan]", "[.inf]", "[a]", "{}", "[[1]]"),
    ("evaluate.yaml", "bootstrap"): (*NUMBERS, "1.5"),
    ("model.yaml", "image_size"): ("96", "[96]", "[96, 48, 3]", "[0, 48]", "[-96, 48]", "[96.5, 48]", "[a, b]"),
    ("model.yaml", "patch_size"): ("[7, 8]", "[8, 7]", "[8]", "8", "[0, 8]"),
    ("model.yaml", "vision.heads"): (*NUMBERS, "0", "1.5", "7"),
    ("model.yaml", "dropout"): (*NUMBERS, "1.5"),
    ("data.yaml", "format"): ("cuhk", "CUHK_PEDES", "null", "[cuhk_pedes]", "1", "NO"),
}  # fmt: skip
ENTRIES = [(name, key, value) for (name, key), values in WRONG.items() for value in values]


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    copy_tracked("params", root / "params")
    return root


@pytest.mark.parametrize(("name", "key", "value"), ENTRIES, ids=lambda text: text[:24])
def test_a_value_that_a_key_cannot_have_is_named(params: Path, name: str, key: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(params)
    path = Path("params/smoke", name)
    before = path.read_text()
    values = yaml.safe_load(before)
    inner = values
    for part in key.split(".")[:-1]:
        inner = inner[part]
    inner[key.split(".")[-1]] = "PLACE"
    path.write_text(yaml.safe_dump(values).replace("PLACE", value))
    try:
        with pytest.raises(CadaError) as caught:
            config.load_dataset("smoke")
    finally:
        path.write_text(before)
    assert carries(str(caught.value), path)
    assert key.split(".")[-1] in str(caught.value) or "YAML" in str(caught.value)
    assert all(len(line) <= MOST for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("text", "meant"), [("7", 7), ("0x10", 16), ("1_000", 1000), ("+5", 5), ("010", None), ("0o17", None), ("1:30", None), ("1e3", None)]
)
def test_a_number_means_what_yaml_says_or_is_refused(params: Path, text: str, meant: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(params)
    path = Path("params/smoke/workflow.yaml")
    before = path.read_text()
    path.write_text(before.replace("seeds: [0]", f"seeds: [{text}]"))
    try:
        if meant is None:
            with pytest.raises(CadaError):
                config.load_workflow(path)
        else:
            assert config.load_workflow(path).seeds == (meant,)
    finally:
        path.write_text(before)


def test_a_data_sets_own_workflow_lists_it_alone(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(params)
    path = Path("params/smoke/workflow.yaml")
    values = yaml.safe_load(path.read_text()) | {"datasets": ["smoke", "synthpedes"]}
    with refused(path, "smoke, synthpedes", "List smoke alone"):
        config.matrix_of(values, path)
