"""What both tools plan, record and restore, with a `cada` that only writes what the real one declares."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.messages import carries, line_with
from tests.workflow.project import NOTHING, UP_TO_DATE, Project, opened, wait_until

MATRIX = "datasets: [synthpedes]\nvariants: [global, dual]\nseeds: [0, 1]\n"

DUAL = [f"{step} synthpedes --variant dual --seed {seed}" for step in ("associate", "evaluate", "probe", "train") for seed in (0, 1)]
EVALUATIONS = [
    f"{step} synthpedes --variant {variant} --seed {seed}"
    for step in ("evaluate", "probe")
    for variant in ("dual", "global")
    for seed in (0, 1)
]
OF_THE_SET = ("association-tables", "attention", "chapter", "figures", "probe-tables", "release", "tables")
REPORTS = sorted(f"{step} --workflow params/workflow.yaml" for step in (*(f"{step} synthpedes" for step in OF_THE_SET), "report"))

OTHER_WEIGHT = ("procedure: robust", "procedure: robust\nweights: {ara: 0.2}")
CHANGES = {
    "a variant": ("params/variants/dual.yaml", *OTHER_WEIGHT, sorted([*DUAL, *REPORTS])),
    "the evaluation": ("params/synthpedes/evaluate.yaml", "bootstrap: 1000", "bootstrap: 999", sorted([*EVALUATIONS, *REPORTS])),
}


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project("project", matrix=MATRIX, fake=True)


@pytest.fixture(scope="module")
def run_once(make_projects: Callable[..., Project]) -> Path:
    """The folder of a project in which everything is made. Copy it before changing it."""
    project = make_projects("made", matrix=MATRIX, fake=True)
    project.snakemake()
    assert len(project.ran()) == 3 + 4 * 4 + 8
    return project.root


@pytest.fixture(scope="module")
def recorded_once(run_once: Path) -> Path:
    """The same, recorded."""
    project = copied(run_once, run_once.with_name("recorded"))
    project.run("workflow/scripts/record.sh")
    return project.root


@pytest.fixture
def made(run_once: Path, tmp_path: Path) -> Project:
    return copied(run_once, tmp_path / "project")


@pytest.fixture
def recorded(recorded_once: Path, tmp_path: Path) -> Project:
    return copied(recorded_once, tmp_path / "project")


def copied(root: Path, target: Path) -> Project:
    shutil.copytree(root, target)
    return opened(target, fake=True)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_what_follows_from_it_and_nothing_else(recorded: Project, change: str) -> None:
    name, old, new, expected = CHANGES[change]
    assert UP_TO_DATE in recorded.dvc("status")

    recorded.edit(name, old, new)
    recorded.dvc("repro", "--quiet")
    assert recorded.ran() == expected
    recorded.edit(name, new, old)
    recorded.dvc("repro", "--quiet")
    assert recorded.ran() == [], "DVC has these results in its cache"
    recorded.dvc("checkout", "--quiet")

    recorded.snakemake("--touch", "--forceall")
    recorded.edit(name, old, new)
    recorded.snakemake()
    assert recorded.ran() == expected


def test_recording_refuses_while_there_is_work(made: Project) -> None:
    made.edit("params/variants/dual.yaml", *OTHER_WEIGHT)
    assert line_with(made.run("workflow/scripts/record.sh", check=False), "Snakemake", "Run snakemake")
    assert not (made.root / "dvc.lock").exists()


def test_a_variant_comes_as_a_file_and_a_name_and_goes_without_a_trace_in_the_record(made: Project) -> None:
    """DVC's reports depend on folders: a file that no step makes would keep every clone from being up to date."""
    text = (made.root / "params/variants/dual.yaml").read_text()
    (made.root / "params/variants/rare_phrases.yaml").write_text(f"{text}switches: {{ara_rate: 0.4}}\n")
    made.edit("params/workflow.yaml", "[global, dual]", "[global, dual, rare_phrases]")
    made.snakemake()
    assert made.ran() == sorted([*(line.replace("dual", "rare_phrases") for line in DUAL), *REPORTS])

    made.edit("params/workflow.yaml", "[global, dual, rare_phrases]", "[global, rare_phrases]")
    made.snakemake()
    moved = line_with(made.run("workflow/scripts/record.sh"), "metrics/dual/0.json", "params/workflow.yaml", "moved")
    assert ".cada/unlisted" in moved
    made.dvc("remote", "add", "--default", "--quiet", "store", str(made.root.with_name("remote")))
    made.dvc("push", "--quiet")
    made.commit()
    clone = made.clone("clone")
    clone.dvc("pull", "--quiet")
    clone.run("workflow/scripts/restore.sh")
    assert NOTHING in clone.snakemake()

    made.ran()
    made.edit("params/workflow.yaml", "[global, rare_phrases]", "[global, dual, rare_phrases]")
    made.snakemake()
    assert made.ran() == REPORTS, "what was moved away is there again"


SWEEP = """
datasets: [synthpedes]
variants: [dual]
seeds: [0]
grid:
  switches: {ara_rate: [0.4, 0.8]}
  weights: {ara: [0.5]}
"""


def test_a_sweep_is_a_file_and_leaves_the_tables_alone(recorded: Project) -> None:
    before = recorded.files()
    (recorded.root / "params/sweeps/rates.yaml").write_text(SWEEP)
    recorded.snakemake("--configfile", "params/sweeps/rates.yaml")

    points = [f"dual,ara=0.5,ara_rate={rate}" for rate in ("0.4", "0.8")]
    cells = [f"{step} synthpedes --variant {point} --seed 0" for step in ("evaluate", "train") for point in points]
    reports = [
        line.replace("workflow.yaml", "sweeps/rates.yaml") for line in REPORTS if not line.startswith(("association", "probe", "release"))
    ]
    assert recorded.ran() == sorted([*cells, *reports])
    made = {name: text for name, text in recorded.files().items() if "recipes" not in name.split("/")}
    before = {name: text for name, text in before.items() if "recipes" not in name.split("/")}
    assert {name: made[name] for name in before} == before
    reports = {name for name in before if {"tables", "figures", "attention"} & set(name.split("/"))}
    pages = {name for name in before if name.startswith("report")}
    expected = {name.replace("synthpedes/", "synthpedes/sweeps/rates/") for name in reports} | {f"sweeps/rates/{name}" for name in pages}
    assert {name for name in made if "sweeps/" in name} == expected
    assert NOTHING in recorded.snakemake("--configfile", "params/sweeps/rates.yaml")
    assert NOTHING in recorded.snakemake()
    assert UP_TO_DATE in recorded.dvc("status")

    recorded.edit("params/sweeps/rates.yaml", "[0.5]", "[0.5, 1]")
    recorded.snakemake("--configfile", "params/sweeps/rates.yaml")
    assert len(recorded.ran()) == 9, "two more points, the tables, the figures, the attention and the report"


def test_a_workflow_file_anywhere_is_a_matrix_of_its_own(made: Project) -> None:
    """Its reports lie apart, whatever it is called and wherever it is, and the name of the file is no command."""
    before = made.files()
    for name in ("elsewhere/workflow.yaml", "params/sweeps/x$(touch RAN) y.yaml"):
        (made.root / name).parent.mkdir(exist_ok=True)
        (made.root / name).write_text(MATRIX.replace("[global, dual]", "[dual]"))
        made.snakemake("--configfile", name)
        assert {line.split()[0] for line in made.ran()} == {"tables", "figures", "attention", "chapter", "report"}
        assert NOTHING in made.snakemake("--configfile", name)
    assert not (made.root / "RAN").exists()
    found = made.files()
    assert {name: found[name] for name in before} == before
    new = {name.split("/")[-2] for name in found.keys() - before.keys() if name.endswith("report.html")}
    assert sorted(re.sub(r"-[0-9a-f]{6}$", "", name) for name in new) == ["workflow", "x__touch_RAN__y"]
    assert NOTHING in made.snakemake()
    shown = made.snakemake("--configfile", "params/workflow.yaml", "elsewhere/workflow.yaml", check=False)
    assert line_with(shown, "params/workflow.yaml", "elsewhere/workflow.yaml", "one file")


def test_a_part_of_the_matrix_is_named_on_the_command_line(project: Project) -> None:
    """It is checked as the file is, and is what runs, what the reports show, and what is recorded."""
    part = ("--config", "variants=[dual]", "seeds=[1]")
    project.snakemake(*part)
    cells = [f"{step} synthpedes --variant dual --seed 1" for step in ("associate", "evaluate", "probe", "train")]
    shared = ["data prepare synthpedes", "initial synthpedes", "phrases synthpedes"]
    assert project.ran() == sorted([*shared, *cells, *REPORTS])
    assert "Run snakemake" in project.run("workflow/scripts/record.sh", check=False), "the whole matrix is not there"
    project.run("workflow/scripts/record.sh", *part)
    changed = {name for name, changes in json.loads(project.dvc("status", "--json")).items() if changes != ["always changed"]}
    assert changed and not any(name.endswith("dual-1") or ("@synthpedes" in name and "-" not in name) for name in changed)
    for wrong, facts in (
        ("variants=[duall]", ("duall: ", "params/variants/", "dual")),
        ("seeds=[-1]", ("seeds.0", "-1")),
        ("datasets=[nowhere]", ("nowhere: ", "params/", "synthpedes")),
    ):
        shown = project.snakemake("--config", wrong, check=False)
        assert line_with(shown, *facts) and "Traceback" not in shown
    project.snakemake()
    assert sorted(line for line in project.ran() if line not in REPORTS) == sorted(
        f"{step} synthpedes --variant {variant} --seed {seed}"
        for step in ("associate", "evaluate", "probe", "train")
        for variant, seed in (("global", 0), ("global", 1), ("dual", 0))
    )


def test_a_missing_file_in_the_middle_is_named_when_the_run_is_recorded(made: Project) -> None:
    """Snakemake does not miss what it does not need: DVC would."""
    history = "results/synthpedes/history/dual/0.csv"
    (made.root / history).unlink()
    assert NOTHING in made.snakemake()
    shown = made.run("workflow/scripts/record.sh", check=False)
    assert history in shown and "Traceback" not in shown
    made.snakemake(history)
    made.run("workflow/scripts/record.sh")


def test_without_the_command_the_package_of_the_folder_is_run(project: Project) -> None:
    """As in an environment that Snakemake makes for a rule: it has what is needed, and not the project."""
    tools = project.root.parent / "tools"
    tools.mkdir()
    (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "python").chmod(0o755)
    project.environment["PATH"] = f"{tools}:/usr/bin:/bin"
    assert "Train one variant" in project.run("workflow/scripts/step.sh", "cada", "train", "--help")


def test_transfers_are_made_where_there_are_several_sets_and_made_again_after_a_restore(project: Project) -> None:
    """DVC does not keep them: after a pull they, and the report that shows them, are all that Snakemake has to do."""
    (project.root / "params/workflow.yaml").write_text("datasets: [synthpedes, smoke]\nvariants: [dual]\nseeds: [0]\n")
    project.snakemake()
    pairs = (("smoke", "synthpedes"), ("synthpedes", "smoke"))
    cells = [f"transfer {one} --to {other} --variant dual --seed 0" for one, other in pairs]
    transfers = [*cells, "transfer-tables --workflow params/workflow.yaml"]
    assert [line for line in project.ran() if line.startswith("transfer")] == transfers
    project.run("workflow/scripts/record.sh")
    before = project.files()
    for folder in ("transfer", "smoke/transfer", "synthpedes/transfer"):
        shutil.rmtree(project.root / "results" / folder)
    project.run("workflow/scripts/restore.sh")
    project.snakemake()
    assert project.ran() == ["report --workflow params/workflow.yaml", *transfers]
    assert project.files() == before


def test_the_second_call_refuses_while_the_first_is_at_work(project: Project) -> None:
    """Two of Snakemake, two of DVC: the second says who is at work, nothing is damaged, and both make the same files."""
    fake, go = project.root.parent / "bin" / "cada", project.root / "go"
    pause = "import time\nopen('begun', 'w').close()\nwhile not __import__('os').path.exists('go'): time.sleep(0.05)\n"
    fake.write_text(fake.read_text().replace("import hashlib", f"{pause}import hashlib"))
    made = []
    for command in (("snakemake", "--cores", "2", "all"), ("dvc", "repro", "--force")):
        with project.running(*command, output=project.root.with_name("first.txt")) as first:
            wait_until((project.root / "begun").exists, seconds=60, what="the first step to begin")
            assert carries(project.run(*command, check=False), f"(PID {first.pid}")
            go.touch()
            assert first.wait(timeout=120) == 0
        assert len(project.ran()) == 3 + 4 * 4 + 8
        made.append(project.files())
        go.unlink()
        (project.root / "begun").unlink()
    assert made[0] == made[1]
    project.run("workflow/scripts/restore.sh")
    assert NOTHING in project.snakemake()


def test_an_experiment_runs_in_a_folder_of_its_own(recorded: Project) -> None:
    """`dvc exp run --temp` with another value and an edit of the code: another model, and tables of the edited code."""
    recorded.commit()
    results = recorded.root / "results/synthpedes"
    model, recipe = results / "models/dual/0/model.safetensors", results / "recipes/tables.json"
    before, code = model.read_bytes(), json.loads(recipe.read_text())["code"]
    recorded.edit("cada/reporting/tables/ablation.py", 'f"Ablation on {dataset}"', 'f"Edited ablation on {dataset}"')
    recorded.dvc("exp", "run", "--temp", "--name", "weight", "--set-param", "params/variants/dual.yaml:+weights.ara=0.4")
    assert recorded.ran() == [], "the work tree is left alone"
    assert model.read_bytes() == before
    assert "weight" in recorded.dvc("exp", "show", "--csv")

    recorded.dvc("exp", "apply", "weight")
    assert model.read_bytes() != before
    assert json.loads(recipe.read_text())["code"] != code, "the step that writes recipes had the edited code"
    recorded.run("workflow/scripts/restore.sh")
    assert NOTHING in recorded.snakemake()
    assert UP_TO_DATE in recorded.dvc("repro")


def test_snakemake_s_own_report_is_one_file_that_needs_no_network(made: Project) -> None:
    made.run("snakemake", "--report", "workflow.html")
    page = (made.root / "workflow.html").read_text()
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?https?:""", page)
    for name in ("ablation.html", "ablation.csv", "ablation.tex", "comparison.html", "global/0.csv"):
        assert f"results/synthpedes/{'history' if name.endswith('0.csv') else 'tables'}/{name}" in page
    for name in ("ablation.svg", "recall.png", "failures.svg"):
        assert f"results/synthpedes/figures/{name}" in page
    for words in ("Tables", "Figures", "Training", "data set", "Text-to-image person retrieval", "standard deviation"):
        assert words in page


def test_the_overhead_is_measured(project: Project) -> None:
    shown = project.run("python", "workflow/scripts/overhead.py", "snakemake", "--cores", "2", "all")
    found = re.search(r"^27 steps\D+([0-9.]+) s\D+([0-9.]+) s\D+([0-9.]+) % overhead$", shown, re.MULTILINE)
    assert found is not None
    wall, running, share = map(float, found.groups())
    assert 0 < running <= wall and share == pytest.approx(100 * (wall - running) / wall, abs=1)


def test_a_failing_step_shows_its_message(project: Project) -> None:
    (project.root.parent / "bin" / "cada").write_text("#!/bin/sh\necho 'cada: what it prints' >&2\nexit 1\n")
    shown = project.snakemake(check=False)
    assert "cada: what it prints" in shown
    assert "results/synthpedes/logs/data.log" in shown


@pytest.mark.parametrize("command", [("snakemake", "--cores", "1", "all"), ("dvc", "repro")])
def test_outside_the_environment_both_tools_say_how_to_activate_it(project: Project, command: tuple[str, ...]) -> None:
    tool = shutil.which(command[0], path=project.environment["PATH"])
    assert tool
    project.environment["PATH"] = "/usr/bin:/bin"
    shown = project.run(tool, *command[1:], check=False)
    assert "source .venv/bin/activate" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("name", "old", "new", "facts"),
    [
        ("params/workflow.yaml", "seeds: [0, 1]", "seeds: [one]", ("params/workflow.yaml: seeds.0", "'one'")),
        ("params/synthpedes/train.yaml", "log_every", "log_evry", ("params/synthpedes/train.yaml: log_evry", "log_every")),
        ("params/workflow.yaml", "seeds", "grid: {weights: {ara: [1]}}\nseeds", ("params/workflow.yaml: grid", "params/sweeps/")),
        ("params/workflow.yaml", "dual", "duall", ("duall: ", "params/variants/", "ara, atp, dual")),
    ],
)
def test_a_wrong_parameter_stops_before_any_job(project: Project, name: str, old: str, new: str, facts: tuple[str, ...]) -> None:
    project.edit(name, old, new)
    shown = project.snakemake(check=False)
    assert line_with(shown, *facts)
    assert "Traceback" not in shown
    assert project.ran() == []
