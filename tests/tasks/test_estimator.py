"""A task in scikit-learn's terms, and its settings: one declaration, checked before any work."""

import inspect

import pytest
from sklearn.base import clone

from elman.errors import InputError
from elman.tasks.forecast import ForecastConfig, Forecaster


def test_parameters_are_the_fields_of_the_config():
    params = Forecaster(target="y", horizon=3).get_params()
    assert set(params) == set(ForecastConfig.__dataclass_fields__)
    assert (params["target"], params["horizon"], params["lookback"]) == ("y", 3, None)
    assert set(inspect.signature(Forecaster).parameters) == set(params)


def test_set_params_changes_what_fit_will_use():
    model = Forecaster(target="y").set_params(horizon=7, known=["price"])
    assert (model.config().horizon, model.config().known) == (7, ("price",))
    with pytest.raises(ValueError, match="horizn"):
        model.set_params(horizn=3)


def test_clone_has_the_settings_and_not_what_was_learnt(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert hasattr(fitted, "network_")
    assert not hasattr(copy, "network_")
    with pytest.raises(InputError, match="not fitted yet"):
        copy.predict()


def test_representation_names_what_differs_from_the_defaults():
    assert repr(Forecaster(target="y", horizon=3)) == "Forecaster(horizon=3, target='y')"


def test_unknown_and_missing_parameters_are_type_errors():
    with pytest.raises(TypeError, match="horizn"):
        Forecaster(target="y", horizn=3)
    with pytest.raises(TypeError, match="target"):
        Forecaster()
    with pytest.raises(TypeError):
        Forecaster("y")


@pytest.mark.parametrize(
    ("setting", "value", "need"),
    [
        ("target", (), "the name of a column"),
        ("horizon", 0, "at least 1"),
        ("horizon", 2.5, "a whole number"),
        ("lookback", 0, "at least 1"),
        ("season", 1, "at least 2"),
        ("stride", 0, "at least 1"),
        ("point", "mode", "median or mean"),
        ("level", "first", "auto, last, window or none"),
        ("valid_share", 0.0, "between 0 and 1"),
        ("test_share", 1.0, "below 1"),
        ("cell", "transformer", "rnn, lstm or gru"),
        ("layers", 0, "at least 1"),
        ("hidden", 0, "at least 1"),
        ("dropout", 1.0, "below 1"),
        ("minutes", 0, "more than 0"),
        ("epochs", -1, "more than 0"),
        ("steps", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("optimizer", "lion", "adamw, adam, sgd or rmsprop"),
        ("learning_rate", 0.0, "more than 0"),
        ("learning_rate", float("nan"), "more than 0"),
        ("schedule", "step", "cosine, linear, constant or plateau"),
        ("warmup", 1.0, "below 1"),
        ("clip", -1.0, "at least 0"),
        ("weight_decay", -0.1, "at least 0"),
        ("l1", -0.1, "at least 0"),
        ("patience", -1, "at least 0"),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_name_need_and_value(setting, value, need):
    model = Forecaster(**{"target": "y", setting: value})
    with pytest.raises(InputError) as caught:
        model.config()
    said = str(caught.value)
    assert said.startswith(f"--{setting.replace('_', '-')} must be ")
    assert need in said
    assert said.endswith(f"but is {value!r}")


def test_steps_and_minutes_exclude_each_other():
    with pytest.raises(InputError, match="--steps must be left out when --minutes is given"):
        Forecaster(target="y", steps=10, minutes=1).config()
