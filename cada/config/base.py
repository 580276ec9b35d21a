"""What all parameter models share: unknown keys are errors, values do not change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

Positive = Annotated[int, Field(gt=0)]
Several = Annotated[int, Field(ge=2)]
Probability = Annotated[float, Field(ge=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def described_as(expected: str) -> WrapValidator:
    """Annotates a union, whose own error would list every type that the value is not: the error says what is `expected`."""

    def check(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        try:
            return inner(value)
        except ValidationError as error:
            raise ValueError(f"{expected} (found {value!r})") from error

    return WrapValidator(check)


class Parameters(BaseModel):
    """Base of all parameter models. A `yes` is no number, and no number is infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and "bool" not in str(cls.model_fields[str(info.field_name)].annotation):
            raise ValueError(f"yes and no, true and false are no value here (found {value})")
        return value


class Pinned(Parameters):
    """A file that is no step's output, with its SHA-256: what both graphs see of it is this text."""

    path: Path  #: the file or folder, from the project's root
    sha256: Digest  #: its digest; another one is refused
