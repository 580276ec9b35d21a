"""A step reads every value of its recipe: one that it does not read would run it again for nothing.

That every key of the parameter files is in some recipe holds in tests/recipes/.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from cada.recipes.places import OF_DATASET, OF_MATRIX, OF_REPORT, OF_VARIANT
from tests.steps.conftest import shrunk

RERANKS_NOTHING = "a variant without ATP re-ranks nothing; its results are made again when the number of another one changes"
TRAINED_ANEW = "whoever changes the objectives trains anew, and the tables follow"
DRAWN_LAST = "their ids come last, so those of other persons do not depend on their number"
# Values that their step does not read, each with the reason why they are in its recipe.
UNREAD = {
    ("data", "data.remark"): "always None: the chapter alone shows it",
    ("phrases", "phrases.tagger"): "there is one",
    ("train global", "train.validation.top_k"): RERANKS_NOTHING,
    ("evaluate global", "evaluate.top_k"): RERANKS_NOTHING,
    ("evaluate global", "evaluate.fusion_weights"): RERANKS_NOTHING,
    ("probe global", "search.top_k"): RERANKS_NOTHING,
    ("transfer global", "search.top_k"): RERANKS_NOTHING,
    ("associate dual", "synthesis.persons.pretrain"): DRAWN_LAST,
    ("associate global", "synthesis.persons.pretrain"): DRAWN_LAST,
    ("probe dual", "synthesis.persons.pretrain"): DRAWN_LAST,
    ("probe global", "synthesis.persons.pretrain"): DRAWN_LAST,
    ("probe-tables", "synthesis.persons.pretrain"): DRAWN_LAST,
    ("transfer-tables", "rows.0.objectives"): TRAINED_ANEW,
    ("transfer-tables", "rows.1.objectives"): TRAINED_ANEW,
}
# Lists that a step copies into its output as they are, which is not seen while it runs.
COPIED = {"chapter": ("choices.", "deviations.")}

SCRIPT = """
import json, pathlib
from tests.steps import recorder
from cada.steps import associate, association_tables, attention, chapter, data, evaluate, figures, initial, phrases, probe, probe_tables
from cada.steps import release, report, tables, train, transfer, transfer_tables

data.prepare_data('smoke')
phrases.parse_phrases('smoke')
initial.make_initial('smoke')
for cell in (('smoke', 'dual', 0), ('smoke', 'global', 0)):
    train.train_variant(*cell)
    evaluate.evaluate_variant(*cell)
    probe.probe_variant(*cell)
    associate.associate_variant(*cell)

for write in (
    tables.write_tables,
    figures.write_figures,
    attention.draw_attention,
    probe_tables.tabulate_probes,
    association_tables.tabulate_associations,
    chapter.write_chapter_of,
    release.write_release,
):
    write('smoke', workflow=pathlib.Path('params/smoke/workflow.yaml'))
report.write_report(pathlib.Path('params/smoke/workflow.yaml'))

data.prepare_data('twin')
transfer.transfer_variant('smoke', 'twin', 'dual', 0)
transfer.transfer_variant('smoke', 'twin', 'global', 0)
for variant in ('dual', 'global'):  # the twin's models would say the same of both sets
    for here, there, sets in (
        ('smoke/metrics', 'twin/metrics', {'dataset': 'twin'}),
        ('smoke/transfer/twin', 'twin/transfer/smoke', {'dataset': 'smoke', 'trained_on': 'twin'}),
    ):
        path = pathlib.Path(f'results/{there}/{variant}/0.json')
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(json.loads(pathlib.Path(f'results/{here}/{variant}/0.json').read_text()) | sets))
transfer_tables.tabulate_transfers(workflow=pathlib.Path('params/workflow.yaml'))

pathlib.Path('unread.json').write_text(json.dumps(recorder.unread()))
"""


def test_a_step_reads_its_whole_recipe(tmp_path: Path) -> None:
    project = shrunk(tmp_path / "project")
    project.edit("params/smoke/train.yaml", "epochs: 2", "epochs: 1")
    project.edit("params/smoke/workflow.yaml", "variants: .*", "variants: [global, dual]")
    project.edit("params/workflow.yaml", "datasets: .*", "datasets: [smoke, twin]")
    project.edit("params/workflow.yaml", "variants: .*", "variants: [global, dual]")
    project.edit("params/workflow.yaml", "seeds: .*", "seeds: [0]")
    shutil.copytree(project.root / "params/smoke", project.root / "params/twin")
    project.run(SCRIPT)
    unread = json.loads((project.root / "unread.json").read_text())
    assert {name.split()[0] for name in unread} == {*OF_DATASET, *OF_VARIANT, *OF_MATRIX, *OF_REPORT, "transfer"}
    found = {(name, key) for name, keys in unread.items() for key in keys}
    assert {(name, key) for name, key in found if not key.startswith(COPIED.get(name, ()))} == UNREAD.keys()
