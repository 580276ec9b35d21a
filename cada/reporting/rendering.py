"""Jinja templates to text, and parameters as the YAML that readers know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import BaseModel

TEMPLATES = [Path(__file__).parent / room / "templates" for room in ("tables", "html")]


def as_yaml(section: BaseModel) -> str:
    """A parameter file with every key, and the value that is used."""
    return yaml.safe_dump(section.model_dump(mode="json"), sort_keys=False, allow_unicode=True, default_flow_style=None)


def render(template: str, /, **values: Any) -> str:
    """A template with these values; in HTML all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)
