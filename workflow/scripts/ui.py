"""Start MLflow's web interface and print the links that open on the comparison of the variants."""

from __future__ import annotations

import os
import sys

from cada.config import known_datasets
from cada.runtime.console import console
from cada.tracking import present, shown_uri, tracking_uri


def main() -> None:
    """Replace this process by the server, which listens some seconds later."""
    port, store = os.environ.get("PORT", "5000"), tracking_uri()
    server = shown_uri().rstrip("/") if store.startswith("http") else f"http://127.0.0.1:{port}"
    links = present(known_datasets())
    if not links:
        sys.exit(f"ui: {shown_uri()} has no runs yet. Run make reproduce, or cada track sync where there are results.")
    for title, link in links.items():
        print(f"{title}: {server}{link}", flush=True)
    if store.startswith("http"):
        return  # it runs already
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.environ["MLFLOW_BACKEND_STORE_URI"] = store  # in the arguments every user of the machine would see its password
    command = [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--port", port]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    with console("ui"):
        main()
