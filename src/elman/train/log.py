"""The training log: one JSON object a line, one line a validation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def lines(history: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(dict(record), allow_nan=False, default=str) + "\n" for record in history)
