"""What a person opens: views that MLflow's interface keeps as tags of an experiment, and the links to them.

Without a view MLflow shows no metric columns, ten runs, and a chart for every metric, the first letters first. A view
groups the runs of a sweep by variant, means over seeds, and shows the few charts and columns that compare variants. The
format is that of the interface's own "Save as new view"; the browser test tells when another version has another one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cada.storage.paths import DEFAULT
from cada.tracking.store import awaited, connect, experiment_of
from cada.tracking.sweeps import SWEEP, matrices, regroup

TAG = "mlflow.sharedViewState."
BARS = ("test_R1", "test_mAP", "test_cosine_mAP")
LINES = ("loss", "val_mAP", "val_R1")
COLUMNS = (*BARS, "val_mAP", "loss")
# Without the type, MLflow opens in a mode that hides the metrics.
LINK = "/#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode={mode}&viewStateShareKey={key}"


def present(datasets: Sequence[str]) -> dict[str, str]:
    """Bring the views of the data sets' experiments up to date; titles and links (behind the server's address).

    Errors: `CadaError` when the store fails; here somebody waits for it.
    """
    with awaited():
        return _present(datasets)


def _present(datasets: Sequence[str]) -> dict[str, str]:
    client, links = connect(), {}
    for dataset in datasets:
        if (experiment := experiment_of(client, dataset)) is None:
            continue
        regroup(client, experiment, dataset)
        for sweep, _ in matrices(dataset):
            if not client.search_runs([experiment], filter_string=in_sweep(sweep), max_results=1):
                continue  # nothing of it has been run
            name = "Variants" if sweep == DEFAULT else f"Sweep {sweep}"
            _save(client, experiment, f"cada-{sweep}", name, comparison(sweep))
            links[f"{dataset}, {name.lower()}"] = LINK.format(experiment=experiment, mode="CHART", key=f"cada-{sweep}")
        _save(client, experiment, "cada-all", "All runs", everything())
        links[f"{dataset}, all runs"] = LINK.format(experiment=experiment, mode="TABLE", key="cada-all")
    return links


def in_sweep(sweep: str) -> str:
    """MLflow's query for the current runs of a sweep."""
    return f"tags.`{SWEEP}{sweep}` = 'yes'"


def comparison(sweep: str) -> dict[str, Any]:
    """The current runs of a sweep, grouped by variant: bars of the test metrics, curves of the training."""
    charts = [_chart("BAR", metric, "test") for metric in BARS] + [_chart("LINE", metric, "training") for metric in LINES]
    group = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "variant"}]}
    return _state(in_sweep(sweep)) | {
        "orderByKey": "metrics.`test_mAP`",
        "groupBy": group,
        "compareRunCharts": charts,
        "compareRunSections": [
            {"uuid": uuid, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": False}
            for uuid, name in (("test", "Test split, means over seeds"), ("training", "Training, means over seeds"))
        ],
    }


def everything() -> dict[str, Any]:
    """All runs, the superseded, the experiments of DVC and the pre-training among them, the newest first."""
    columns = ["tags.`superseded`", *(f"metrics.`{name}`" for name in COLUMNS)]
    return _state("") | {"selectedColumns": columns, "orderByKey": "attributes.start_time", "groupBy": None}


def _state(query: str) -> dict[str, Any]:
    return {
        "searchFilter": query,
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [f"metrics.`{name}`" for name in COLUMNS],
        "columnOrder": [],
        "columnWidths": {},
        "runsHiddenMode": "SHOW_ALL",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupsExpanded": {},
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }


def _chart(kind: str, metric: str, section: str) -> dict[str, Any]:
    chart = {
        "uuid": f"{section}-{metric}",
        "type": kind,
        "runsCountToCompare": 100,
        "metricSectionId": section,
        "deleted": False,
        "isGenerated": False,
        "displayName": metric,
        "metricKey": metric,
    }
    if kind == "LINE":
        chart |= {
            "selectedMetricKeys": [metric],
            "lineSmoothness": 0,
            "xAxisScaleType": "linear",
            "scaleType": "linear",
            "range": {},
            "xAxisKey": "step",
            "selectedXAxisMetricKey": "",
            "yAxisKey": "metric",
            "yAxisExpressions": [],
            "ignoreOutliers": False,
            "useGlobalXaxisKey": True,
            "useGlobalLineSmoothing": True,
        }
    return chart


def _save(client: Any, experiment: str, key: str, name: str, state: dict[str, Any]) -> None:
    view = {"name": name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    client.set_experiment_tag(experiment, TAG + key, json.dumps(view))
