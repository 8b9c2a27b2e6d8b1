"""What all models share: frozen, and an unknown field is an error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of every model."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
