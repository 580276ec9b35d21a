"""What MLflow is told about the runs: the only package that imports mlflow, and no step reads anything from it.

The store is MLFLOW_TRACKING_URI if set, else mlflow.db in the main git work tree; CADA_TRACKING=off turns all of this off.
A store that fails, in whatever way, is named once on stderr, without its password, and the work goes on; `cada track sync`
tells it later what it missed.
"""

from cada.tracking.opening import Description, Source, run
from cada.tracking.reports import tell_reports
from cada.tracking.runs import Past, Run, named_metrics
from cada.tracking.store import shown_uri, tracking_uri
from cada.tracking.sweeps import matrices, sweep_name
from cada.tracking.views import present
