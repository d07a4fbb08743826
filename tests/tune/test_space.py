"""What is searched: as it is written, around the task's own settings, and refused in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from elman.errors import InputError
from elman.tasks.base import TaskConfig
from elman.tasks.classify import ClassifyConfig
from elman.tasks.forecast import ForecastConfig
from elman.tune.space import Choice, Range, names, parsed, searched, usual_values

CONFIG = ForecastConfig(target="y")
RESOLVED = replace(CONFIG, hidden=32, lookback=48)


@dataclass(frozen=True, kw_only=True)
class Shaken(TaskConfig):
    """A setting of several words, as an augmentation may be."""

    augment: tuple[str, ...] = ()


def test_the_usual_space_lies_around_the_default():
    space = {dimension.name: dimension for dimension in searched(CONFIG, RESOLVED, [])}
    assert list(space) == ["cell", "hidden", "layers", "learning_rate", "dropout", "lookback"]
    assert space["cell"].values == {"rnn": "rnn", "lstm": "lstm", "gru": "gru"}
    assert (space["hidden"].low, space["hidden"].high, space["hidden"].log) == (8, 128, True)
    assert list(space["lookback"].values.values()) == [12, 24, 48, 96]
    for name, dimension in space.items():
        assert dimension.word(getattr(RESOLVED, name)) is not None, name


def test_what_was_given_is_not_searched_unless_it_is_written():
    given = replace(CONFIG, cell="gru", hidden=20)
    found = [dimension.name for dimension in searched(given, replace(given, lookback=48), [])]
    assert "cell" not in found
    assert "hidden" not in found
    found = searched(given, replace(given, lookback=48), ["cell=rnn,gru"])
    assert found[-1] == Choice("cell", {"rnn": "rnn", "gru": "gru"})


def test_a_grid_has_what_is_written_alone():
    assert searched(CONFIG, RESOLVED, ["layers=1,2"], own=False) == (Choice("layers", {"1": 1, "2": 2}),)
    with pytest.raises(InputError, match="nothing to search: name values with --search, of batch_size"):
        searched(CONFIG, RESOLVED, [], own=False)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("cell=rnn,gru", ["rnn", "gru"]),
        ("hidden=16, 64", [16, 64]),
        ("hidden=none,8", [None, 8]),
        ("residual=true,false", [True, False]),
        ("learning-rate=1e-3,0.01", [1e-3, 0.01]),
        ("level=none,last", ["none", "last"]),
    ],
)
def test_listed_values_have_the_settings_types(written, values):
    found = list(parsed(CONFIG, written).values.values())
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_several_words_are_parted_by_a_plus():
    found = parsed(Shaken(), "augment=none,jitter,jitter+scale")
    assert list(found.values.values()) == [(), ("jitter",), ("jitter", "scale")]
    assert found.word(()) == "none"


@pytest.mark.parametrize(
    ("written", "low", "high", "whole", "log"),
    [
        ("hidden=16..128", 16, 128, True, True),
        ("layers=1..3", 1, 3, True, False),
        ("learning_rate=1e-4..1e-2", 1e-4, 1e-2, False, True),
        ("dropout=0..0.5", 0.0, 0.5, False, False),
    ],
)
def test_ranges(written, low, high, whole, log):
    found = parsed(CONFIG, written)
    assert found == Range(written.partition("=")[0], low, high, whole)
    assert found.log is log
    assert found.word(low) == low
    assert found.word(high + 1) is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("hiden=16,32", "'hiden' cannot be searched: name one of batch_size, "),
        ("target=y", "'target' cannot be searched"),
        ("minutes=1,2", "'minutes' cannot be searched"),
        ("hidden", "names no values: write name=a,b,c or name=low..high"),
        ("hidden=", "names no values"),
        ("hidden=16,16", "names a value twice"),
        ("hidden=16,many", "hidden cannot be 'many': a whole number or none is needed"),
        ("hidden=1.5", "hidden cannot be '1.5': a whole number or none is needed"),
        ("hidden=64..16", "does not rise"),
        ("cell=lstm,transformer", "cell cannot be 'transformer': rnn, lstm, gru is needed"),
        ("cell=a..b", "cell takes no numbers"),
        ("dropout=0.5,2", "--dropout must be at least 0 and below 1, but is 2.0"),
        ("dropout=0..1.5", "--dropout must be at least 0 and below 1, but is 1.5"),
        ("learning_rate=nan,1", "learning_rate cannot be 'nan': a number is needed"),
        ("residual=maybe", "residual cannot be 'maybe': true or false is needed"),
    ],
)
def test_what_cannot_be_searched_is_refused(written, said):
    with pytest.raises(InputError) as caught:
        searched(CONFIG, RESOLVED, [written])
    assert said in str(caught.value)


def test_a_setting_is_named_once():
    with pytest.raises(InputError, match="--search names layers twice"):
        searched(CONFIG, RESOLVED, ["layers=1,2", "layers=3"])


def test_values_to_compare():
    assert usual_values(CONFIG, "cell") == "cell=rnn,lstm,gru"
    assert usual_values(CONFIG, "layers") == "layers=1,2,3"
    assert usual_values(CONFIG, "residual") == "residual=false,true"
    assert usual_values(ClassifyConfig(label="y"), "augment") == "augment=false,true"
    with pytest.raises(InputError, match="hidden has no few values of its own: name some, hidden=a,b"):
        usual_values(CONFIG, "hidden")


def test_no_name_of_what_is_given_is_offered():
    assert not {"target", "seed", "test_share", "device"} & set(names(CONFIG))
