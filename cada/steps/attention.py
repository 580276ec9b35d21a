"""The attention step: the patches that the phrases of a few test captions attend to, in the images that were found first."""

from __future__ import annotations

from pathlib import Path

from cada.analysis.explanation import explain
from cada.config import Compute
from cada.datasets.decoding import read_rgb
from cada.datasets.prepared import load_records
from cada.datasets.records import image_path
from cada.model.folder import load_model
from cada.objectives import OBJECTIVES
from cada.phrases.table import read_phrases
from cada.recipes import Recipe, take
from cada.recipes.models import AttentionRecipe
from cada.reporting.figures.attention import MAX_PHRASES, AttendedQuery, attention_figure
from cada.reporting.figures.ranked_lists import LISTED, RankedList, draw_lists, failures, successes
from cada.reporting.figures.style import save, style
from cada.reporting.results.rankings import read_rankings
from cada.runtime import compute
from cada.storage.files import write_json
from cada.storage.paths import Layout
from cada.tracking import sweep_name, tell_reports

EACH = 2  # successes, and failures


def draw_attention(dataset: str, *, workflow: Path) -> None:
    """Write attention.{png,svg} and captions.json for the first seed of the listed variant with ATP that has the most objectives.

    The queries are the first of those that the ranked lists show. It runs on the CPU: there are only a few images.
    """
    recipe, folder = take(Recipe("attention", dataset, workflow=workflow), AttentionRecipe), Layout(dataset).attention(workflow)
    matched = [name for name, objectives in recipe.objectives.items() if any(OBJECTIVES[own].reranks for own in objectives)]
    shown = max(matched, key=lambda name: len(recipe.objectives[name]), default=None)  # of equal ones the first
    decodes = shown is not None and any(OBJECTIVES[own].decodes for own in recipe.objectives[shown])
    attended = attended_queries(dataset, shown, recipe, decodes=decodes) if shown else []
    with style():
        save(attention_figure(attended), folder, "attention")
    caption = figure_caption(shown, recipe.seeds[0], decodes=decodes) if shown else "No listed variant trains a match head."
    write_json(folder / "captions.json", {"attention": caption})
    tell_reports(dataset, folder, sweep=sweep_name(workflow))


def attended_queries(dataset: str, variant: str, recipe: AttentionRecipe, *, decodes: bool) -> list[AttendedQuery]:
    """The maps of a trained model for a few queries that find their person first, and a few that do not find it at all."""
    layout, source, seed = Layout(dataset), recipe.source, recipe.seeds[0]
    compute.prepare(Compute(device="cpu", threads=recipe.threads))
    table = read_rankings(dataset, [variant], [seed], layout.root / "rankings")[variant][0]
    records = load_records(dataset, source, manifest=layout.manifest)
    captions = {(record.image, number): text for record in records for number, text in enumerate(record.captions)}
    persons = {record.image: record.person for record in records}
    paths = {record.image: image_path(source.root, record) for record in records}
    phrases = read_phrases(layout.phrases, dataset).set_index(["image", "caption"])
    model = load_model(layout.model(variant, seed))

    def attend(query: RankedList) -> AttendedQuery:
        found = phrases.loc[[(query.image, query.number)]]
        spans = list(zip(found["start"], found["end"], strict=True))
        told = explain(model, read_rgb(paths[query.found[0]]), query.caption, spans=spans, decodes=decodes)
        return AttendedQuery(query, persons[query.found[0]] == query.person, told.image, told.phrases, told.maps)

    queries = []
    for among in (successes(table), failures(table)):
        drawn = draw_lists(table, among, captions)
        queries += [query for query in drawn if (query.image, query.number) in phrases.index][:EACH]  # a caption may have no phrase
    return [attend(query) for query in queries]


def figure_caption(variant: str, seed: int, *, decodes: bool) -> str:
    """What the figure shows, and what it does not."""
    decoder = " masked word: the same in the attribute decoder, with the phrase masked, for the logits of its own words." if decodes else ""
    return (
        f"{variant}, seed {seed}: up to {EACH} random queries that find the described person first, then up to {EACH} that do not find "
        f"the person among the first {LISTED} images. On the left is the first image found; then follow, for each of the first "
        f"{MAX_PHRASES} attribute phrases, the patches that its words attend to. match: cross-attention of the match encoder times the "
        f"positive gradient of the match logit, mean over heads and layers, each map scaled by its own maximum.{decoder} Attention is not "
        "an explanation: a map shows what was weighed, not why the model decided so."
    )
