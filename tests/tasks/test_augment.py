"""--augment: named changes of windows and sequences, the same bits by the same seed, and refused where it cannot be."""

import numpy as np
import pytest
import torch

from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.load import load
from elman.tasks.regress import Regressor

EVERY = ("jitter", "scaling", "warp", "slice")


def rows(count=60):
    draw = np.random.default_rng(0)
    return [draw.normal(at % 2, 1, (draw.integers(6, 12), 2)) for at in range(count)], np.arange(count) % 2


def weights(model):
    return torch.cat([value.flatten() for value in model.network_.state_dict().values()])


@pytest.mark.parametrize("ways", [("warp",), EVERY])
def test_a_forecaster_learns_from_changed_windows_and_repeats_its_bits(ways, quick, prices, tmp_path):
    plain, first, again = (quick(augment=given).fit(prices) for given in ((), ways, list(ways)))
    assert torch.equal(weights(first), weights(again)) and not torch.equal(weights(first), weights(plain))
    loaded = load(first.save(tmp_path / "m.elman"))
    assert loaded.config_.augment == ways
    assert loaded.predict().equals(first.predict())
    repeated = quick(augment=ways).fit(prices, plan=loaded.plan_)
    assert torch.equal(weights(repeated), weights(first))


def test_only_what_is_learnt_from_is_changed(quick, weekly):
    model = quick(augment=EVERY)
    prepared = model.prepare(weekly(), None, None, model.config())
    assert prepared.train.change is not None and prepared.valid.change is None and prepared.test.change is None


@pytest.mark.parametrize("task", [Classifier, Regressor])
def test_sequences_of_numbers_take_the_same_names(task):
    x, y = rows()
    settings = {"hidden": 4, "steps": 6, "blend": False}
    made = {
        given: weights(task(augment=given, **settings).fit(x, y)) for given in (None, False, True, ("warp",), EVERY)
    }
    assert torch.equal(made[None], made[False])  # arrays are left as they are unless asked for
    different = [made[given] for given in (None, True, ("warp",), EVERY)]
    assert not any(torch.equal(a, b) for at, a in enumerate(different) for b in different[:at])
    assert torch.equal(weights(task(augment=list(EVERY), **settings).fit(x, y)), made[EVERY])


def test_texts_cannot_be_warped():
    with pytest.raises(
        InputError, match="--augment warp is for sequences of numbers and movements, but these are texts"
    ):
        Classifier(augment="warp", steps=2).fit(["a b", "b c"] * 10, [0, 1] * 10)


def test_another_name_is_refused(quick, prices):
    with pytest.raises(InputError, match=r"--augment must be jitter, scaling, warp or slice, but is \('bend',\)"):
        Classifier(augment=("bend",)).fit(*rows())
    with pytest.raises(InputError, match="--augment must be jitter, scaling, warp or slice, but is"):
        quick(augment="bend").fit(prices)
