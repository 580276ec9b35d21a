"""`cada weights import`: the folder, the printed lines, and nothing where something is wrong; once at the paper's size."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from cada.config import Initial
from cada.gallery.release import Release
from cada.model.folder import folder_digest, load_model
from cada.steps.weights import import_weights
from cada.storage.files import read_json
from tests.messages import carries, refused
from tests.model.checkpoints import BASE, published_state

FIXTURES = Path(__file__).parents[1] / "fixtures" / "parity"
CHECKPOINT, WORDS = str(FIXTURES / "official_checkpoint.pth"), str(FIXTURES / "vocab.txt")


@pytest.fixture
def heads() -> tuple[int, int]:
    sizes = read_json(FIXTURES / "golden.json")["config"]
    return sizes["vision_heads"], sizes["text_heads"]


def test_the_folder_is_a_model_and_the_lines_name_it(tmp_path: Path, heads: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "official"
    import_weights(CHECKPOINT, folder, vocabulary=WORDS, heads=heads)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "coverage.txt",
        "model.safetensors",
        "release.json",
        "vocab.txt",
    ]
    assert Release.read(folder) == Release(folder, decodes=True, origin=Release.read(folder).origin)
    printed = capsys.readouterr().out
    lines = yaml.safe_load(printed.split("beside `source: file`:\n")[1])
    assert lines.keys() == {"weights"}
    initial = Initial.model_validate({"source": "file"} | lines)
    assert initial.weights is not None
    assert initial.weights.path == folder
    assert initial.weights.sha256 == folder_digest(folder)
    model = load_model(folder)
    state = torch.load(CHECKPOINT, weights_only=True)["model"]
    assert torch.equal(model.local_match_head.weight, state["itm_local_head.weight"])
    assert (model.architecture.vision.heads, model.architecture.text.heads) == heads
    assert model.tokenizer.size == len(state["text_encoder.embeddings.word_embeddings.weight"])
    assert all(name in (folder / "coverage.txt").read_text() for name in state)


def test_a_checkpoint_without_a_decoder_is_a_release_that_says_no_words(tmp_path: Path, heads: tuple[int, int]) -> None:
    state = torch.load(CHECKPOINT, weights_only=True)["model"]
    torch.save(
        {"model": {name: value for name, value in state.items() if not name.startswith("text_decoder.")}}, tmp_path / "retrieval.pth"
    )
    import_weights(str(tmp_path / "retrieval.pth"), tmp_path / "blip", vocabulary=WORDS, heads=heads)
    assert not Release.read(tmp_path / "blip").decodes


def test_importing_again_gives_the_same_bytes(tmp_path: Path, heads: tuple[int, int]) -> None:
    for name in ("one", "two"):
        import_weights(CHECKPOINT, tmp_path / name, vocabulary=WORDS, heads=heads, image_size=(96, 32))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_digest_covers_the_three_files(tmp_path: Path, heads: tuple[int, int]) -> None:
    import_weights(CHECKPOINT, tmp_path / "official", vocabulary=WORDS, heads=heads)
    digests = {folder_digest(tmp_path / "official")}
    for name in ("config.json", "vocab.txt", "model.safetensors"):
        with (tmp_path / "official" / name).open("ab") as file:
            file.write(b"\n")
        digests.add(folder_digest(tmp_path / "official"))
    assert len(digests) == 4
    (tmp_path / "official" / "config.json").unlink()
    with refused(tmp_path / "official" / "config.json", "`cada weights import`"):
        folder_digest(tmp_path / "official")


def test_a_vocabulary_of_another_size_is_named_and_nothing_is_written(tmp_path: Path, heads: tuple[int, int]) -> None:
    words, entries = tmp_path / "words.txt", len(Path(WORDS).read_text().split())
    words.write_text(Path(WORDS).read_text().rstrip("\n") + "\nmore\n")
    numbers = (f"{entries + 2} tokens", f"{entries + 1} entries", f"{entries + 3} tokens")
    with refused(CHECKPOINT, words, *numbers, "[DEC]", "[ENC]"):
        import_weights(CHECKPOINT, tmp_path / "official", vocabulary=str(words), heads=heads)
    assert not (tmp_path / "official").exists()


def test_a_checkpoint_that_is_not_explained_writes_nothing(tmp_path: Path, heads: tuple[int, int]) -> None:
    state = torch.load(CHECKPOINT, weights_only=True)["model"]
    torch.save({"model": state | {"extra": torch.zeros(2)}}, tmp_path / "other.pth")
    with refused(tmp_path / "other.pth", WORDS, "extra", "not of"):
        import_weights(str(tmp_path / "other.pth"), tmp_path / "official", vocabulary=WORDS, heads=heads)
    assert not (tmp_path / "official").exists()


@pytest.mark.slow
def test_the_paper_s_size_within_6_gb(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(30522 - 5))]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    state = published_state(**BASE)
    assert len(state) == 799
    torch.save({"model": state, "epoch": 1}, tmp_path / "cuhk_best.pth")
    del state
    command = [sys.executable, "-m", "cada", "weights", "import", "cuhk_best.pth", "-o", "weights", "--vocabulary", "vocab.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # of the largest child, in kB on Linux
    print(f"{gigabytes:.2f} GB")
    assert carries(done.stdout, "361,335,104 parameters", "12 heads")
    assert gigabytes < 6
