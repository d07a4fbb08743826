"""The log is strict JSON, a line a validation."""

import json
import math

from elman.train.log import lines


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def test_one_json_object_a_line():
    text = lines([{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}])
    assert [json.loads(line) for line in text.splitlines()] == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}]
    assert text.endswith("\n") and lines([]) == ""


def test_a_score_that_is_not_finite_becomes_null():
    text = lines([{"step": 1, "valid": math.inf, "loss": math.nan, "lr": 0.1}])
    assert json.loads(text, parse_constant=refuse) == {"step": 1, "valid": None, "loss": None, "lr": 0.1}
