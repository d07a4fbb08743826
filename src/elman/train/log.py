"""The training log: one JSON object a line, one line a validation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any


def lines(history: Iterable[Mapping[str, Any]]) -> str:
    """JSON lines; a number that is not finite, as of a validation that failed, becomes null."""
    return "".join(
        json.dumps({name: _finite(value) for name, value in record.items()}, allow_nan=False, default=str) + "\n"
        for record in history
    )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
