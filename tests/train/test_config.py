"""A setting that cannot be used is refused in one sentence with its flag, its value and the need."""

import pytest

from elman.errors import InputError
from elman.train.config import TrainConfig


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("minutes", 0), ("minutes", float("nan")), ("epochs", -1), ("steps", 0), ("batch_size", 0),
        ("optimizer", "lion"), ("learning_rate", 0.0), ("schedule", "step"), ("warmup", 1.0), ("warmup", -0.1),
        ("clip", -1.0), ("weight_decay", -0.1), ("l1", -1e-3), ("average", 1.0), ("patience", -1),
    ],
)  # fmt: skip
def test_a_bad_setting_is_refused_with_its_flag_and_its_value(setting, value):
    with pytest.raises(InputError) as caught:
        TrainConfig(**{setting: value})
    message = str(caught.value)
    assert message.startswith(f"--{setting.replace('_', '-')} must be ") and repr(value) in message


def test_exact_steps_and_a_time_budget_exclude_each_other():
    assert TrainConfig(steps=10).steps == 10 and TrainConfig(minutes=1).minutes == 1
    with pytest.raises(InputError, match="--steps must be left out when --minutes is given, but is 10"):
        TrainConfig(steps=10, minutes=1)


def test_the_limits_themselves_are_usable():
    TrainConfig(warmup=0, clip=0, weight_decay=0, l1=0, patience=0, batch_size=1, steps=1)
