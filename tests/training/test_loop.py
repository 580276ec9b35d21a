"""The loop: learns, chooses, and goes on after SIGKILL to the very same weights."""

import math
import re
import resource
from dataclasses import replace

import numpy as np
import pytest
import torch

from cada.config import Augmentation, Optimisation, Pretraining
from cada.model.folder import save_model, weights_of
from cada.retrieval.metrics import METRICS, published_score
from cada.training import loop
from cada.training.finetune import finetune
from cada.training.loop import Validation, fit, history_csv, learning_rate
from cada.training.pretrain import pretrain
from tests.messages import line_with, refused
from tests.training.tiny import ROBUST, WEIGHTS, tiny_settings

OPTIMISATION = Optimisation(epochs=4, batch_size=8, learning_rate=1e-3, warmup_steps=2, weight_decay=0.05, betas=(0.9, 0.98), clip_norm=1.0)
AUGMENTATION = Augmentation(flip=0.5, pad=2, erase=0.5)


def test_the_published_rate_changes_with_the_epoch_only():
    """Cosine to 0 over the epochs, no warm-up: lr * (1 + cos(pi * epoch / epochs)) / 2."""
    rates = [learning_rate(step, steps=12, peak=1e-5, warmup=0, epoch_steps=4) for step in range(12)]
    expected = [0.5e-5 * (1 + math.cos(math.pi * epoch / 3)) for epoch in (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2)]
    assert rates == pytest.approx(expected)


def test_learning_rate_by_hand():
    rates = [learning_rate(step, steps=10, peak=2.0, warmup=2) for step in range(11)]
    assert rates[:3] == [1.0, 2.0, 2.0]
    assert rates[6] == pytest.approx(1.0)
    assert rates[10] == pytest.approx(0.0)


def train(model, training, target, engine, state, seed=0, weights=WEIGHTS, watched=None, negatives="sampled"):
    return finetune(
        model,
        training,
        target,
        watched=watched,
        settings=tiny_settings(OPTIMISATION, AUGMENTATION),
        weights=weights,
        switches=ROBUST.model_copy(update={"hard_negatives": negatives}),
        engine=engine,
        padded_to=None,
        seed=seed,
        state=state,
    )


def test_bf16_learns_what_fp32_learns(model, training, target, engine, tmp_path):
    """Weights and losses stay in fp32; matrix products are rounded to 8 bits."""
    start = {name: value.clone() for name, value in model.state_dict().items()}
    plain = train(model, training, target, engine, tmp_path / "a.pt")
    model.load_state_dict(start)
    rounded = train(model, training, target, replace(engine, precision="bf16"), tmp_path / "b.pt")
    assert {value.dtype for value in rounded.best_weights.values()} == {torch.float32}
    assert history_csv(rounded.rows) != history_csv(plain.rows)
    for ours, theirs in zip(rounded.rows, plain.rows, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.05)


def test_two_runs_are_the_same_and_another_seed_is_not(model, training, target, engine, tmp_path):
    start = {name: value.clone() for name, value in model.state_dict().items()}
    runs = []
    for number, seed in enumerate((0, 0, 1)):
        model.load_state_dict(start)
        runs.append(train(model, training, target, engine, tmp_path / f"{number}.pt", seed=seed))
    same, other = ([torch.equal(runs[0].best_weights[name], run.best_weights[name]) for name in runs[0].best_weights] for run in runs[1:])
    assert all(same)
    assert not all(other)
    assert history_csv(runs[0].rows) == history_csv(runs[1].rows)
    assert runs[0].rows[-1]["step"] == 12
    assert [row["step"] for row in runs[0].rows if "val_mAP" in row] == [3, 6, 9, 12]


def test_what_is_watched_reaches_neither_the_weights_nor_the_choice(model, training, target, engine, tmp_path):
    """Byte by byte; test has the persons of its images in another order, and would have chosen another epoch."""
    other = replace(target, image_persons=target.image_persons[::-1].copy())
    start = {name: value.clone() for name, value in model.state_dict().items()}
    alone = train(model, training, target, engine, tmp_path / "a.pt")
    model.load_state_dict(start)
    watching = train(model, training, target, engine, tmp_path / "b.pt", watched=other)
    assert all(torch.equal(alone.best_weights[name], watching.best_weights[name]) for name in alone.best_weights)
    assert alone.best_score == watching.best_score
    with_test = [row for row in watching.rows if "test_mAP" in row]
    assert [row["step"] for row in with_test] == [3, 6, 9, 12] and {row["test_queries"] for row in with_test} == {24}
    assert [{name: value for name, value in row.items() if not name.startswith("test_")} for row in watching.rows] == alone.rows
    scores = [[published_score({key: row[f"{split}_{key}"] for key in METRICS}) for row in with_test] for split in ("val", "test")]
    assert np.argmax(scores[1]) != np.argmax([row["val_mAP"] for row in with_test]) and scores[0] != scores[1]


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing handles it."""


@pytest.mark.parametrize("at", range(1, 12))
def test_an_interrupted_run_ends_as_an_unbroken_one(model, training, target, engine, tmp_path, monkeypatch, at):
    start = {name: value.clone() for name, value in model.state_dict().items()}
    unbroken = train(model, training, target, engine, tmp_path / "a.pt")

    model.load_state_dict(start)
    state, save = tmp_path / "b.pt", loop._save

    def save_then_die(path, model, optimizer, progress):
        save(path, model, optimizer, progress)
        if progress.step == at:
            raise Killed

    monkeypatch.setattr(loop, "_save", save_then_die)
    with pytest.raises(Killed):
        train(model, training, target, engine, state)
    monkeypatch.setattr(loop, "_save", save)
    model.load_state_dict(start)
    resumed = train(model, training, target, engine, state)
    assert all(torch.equal(unbroken.best_weights[name], resumed.best_weights[name]) for name in unbroken.best_weights)
    assert history_csv(unbroken.rows) == history_csv(resumed.rows)


@pytest.fixture
def no_large_file():
    """Files of more than 20 kB find no room on the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("no_large_file")
def test_a_state_or_a_model_that_finds_no_room_is_named(model, training, target, engine, tmp_path):
    with refused(tmp_path / "a.pt"):
        train(model, training, target, engine, tmp_path / "a.pt")
    (tmp_path / "vocab.txt").write_text("x")
    with refused(tmp_path / "model/model.safetensors"):
        save_model(tmp_path / "model", weights_of(model), architecture=model.architecture, vocabulary=tmp_path / "vocab.txt")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"vocab.txt", "config.json"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", bytes(4096), b"{}", "half", "another"])
def test_a_damaged_state_is_named_and_the_training_begins_anew(model, training, target, engine, tmp_path, capfd, content):
    start = {name: value.clone() for name, value in model.state_dict().items()}
    state = tmp_path / "a.pt"
    unbroken = train(model, training, target, engine, state)
    if isinstance(content, bytes):
        state.write_bytes(content)
    elif content == "half":
        state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    else:
        torch.save({"epoch": 3}, state)
    model.load_state_dict(start)
    capfd.readouterr()
    anew = train(model, training, target, engine, state)
    assert line_with(capfd.readouterr().err, state, "anew")
    assert history_csv(unbroken.rows) == history_csv(anew.rows)


def test_the_best_epoch_is_kept_not_the_last(model, tmp_path):
    scores = iter([1.0, 3.0, 2.0])

    def losses_of(_batch):
        return {"loss": model.match_head.weight.square().sum()}

    def validate():
        assert not model.training
        return Validation(next(scores), {"val_mAP": 0.0})

    states = []
    progress = fit(
        model,
        lambda step: step,
        losses_of,
        settings=tiny_settings(OPTIMISATION.model_copy(update={"epochs": 3}), AUGMENTATION, log_every=1),
        seed=0,
        samples=16,
        state=tmp_path / "state.pt",
        validate=validate,
        report=lambda step, row: states.append(model.match_head.weight.detach().clone()),
    )
    assert torch.equal(progress.best_weights["match_head.weight"], states[3])


@pytest.mark.parametrize(("save_seconds", "seen_at", "saved"), [(60.0, 3, None), (0.0, 2, 1)])
def test_a_loss_that_is_no_number_stops_the_training_and_is_not_saved(model, tmp_path, save_seconds, seen_at, saved):
    """At the next row, or before the next state: a run that went on from that state could but end as this one."""
    with refused(f"step {seen_at}", "loss", "nan", by=FloatingPointError):
        fit(
            model,
            lambda step: math.nan if step == 1 else 1.0,
            lambda batch: {"loss": batch * model.match_head.weight.square().sum()},
            settings=tiny_settings(OPTIMISATION, AUGMENTATION, log_every=3, save_seconds=save_seconds),
            seed=0,
            samples=32,
            state=tmp_path / "state.pt",
        )
    assert (tmp_path / "state.pt").exists() == (saved is not None)
    if saved:
        state = torch.load(tmp_path / "state.pt", weights_only=True)
        assert state["progress"]["step"] == saved and all(value.isfinite().all() for value in state["model"].values())


@pytest.mark.parametrize("negatives", ["published", "hardest", "sampled"])
def test_features_that_are_no_numbers_stop_the_training(model, training, target, engine, tmp_path, negatives):
    """Under every way to choose negatives, in the words of a loss that is none; drawing them fails before there is a loss."""
    with torch.no_grad():
        model.text_projection.weight.fill_(math.nan)
    with refused("loss", "nan", by=FloatingPointError) as caught:
        train(model, training, target, engine, tmp_path / "state.pt", negatives=negatives)
    assert re.search(r"\bstep [12]\b", str(caught.value))


def test_pretraining_that_leaves_the_numbers_is_stopped_too(model, training, tmp_path):
    with torch.no_grad():
        model.image_projection.weight.fill_(math.nan)
    with refused("step 1", "loss", "nan", by=FloatingPointError):
        pretrain(
            model,
            training,
            settings=Pretraining(
                optimisation=OPTIMISATION,
                augmentation=AUGMENTATION,
                compute={"device": "cpu", "threads": 1},
                mask_rate=0.15,
                decoder_mask_rate=0.5,
                seed=0,
                log_every=1,
            ),
            device=torch.device("cpu"),
            state=tmp_path / "state.pt",
        )


def test_weights_that_are_no_numbers_are_not_kept(model, tmp_path):
    """The last step's loss is a number, and its gradient is not: nothing later would tell."""
    with refused("step 8", "weights", by=FloatingPointError):
        fit(
            model,
            lambda step: step,
            lambda step: {"loss": (model.match_head.weight.square().sum() * (0.0 if step == 7 else 1.0)).sqrt()},
            settings=tiny_settings(OPTIMISATION.model_copy(update={"epochs": 2, "clip_norm": None}), AUGMENTATION, log_every=3),
            seed=0,
            samples=32,
            state=tmp_path / "state.pt",
        )


def test_training_lowers_the_loss(model, training, target, engine, tmp_path):
    settings = OPTIMISATION.model_copy(update={"epochs": 40})
    progress = finetune(
        model,
        training,
        target,
        settings=tiny_settings(settings, Augmentation(flip=0.0, pad=0, erase=0.0), log_every=3),
        weights=WEIGHTS,
        switches=ROBUST,
        engine=engine,
        padded_to=None,
        seed=0,
        state=tmp_path / "state.pt",
    )
    first, last = progress.rows[0], progress.rows[-1]
    assert last["loss_global"] < 0.5 * first["loss_global"]
    assert last["loss_ara"] < first["loss_ara"]
    assert last["val_mAP"] > 60
