"""A training that was interrupted goes on to the same bits: weights, optimizer, record and learning rates.

Whatever it is made of: the optimizer, the schedule, the order of the rows, how many batches make a step.
"""

import itertools
import json
import math
import os
import signal
import time

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from elman.data.batch import Batch
from elman.data.text.chunks import Chunks
from elman.errors import ElmanError, InputError
from elman.nn.language import LanguageNetwork
from elman.nn.losses import cross_entropy
from elman.stopping import Stopped, stopping
from elman.train.config import TrainConfig
from elman.train.kept import Kept
from elman.train.loop import train


class Sums:
    """Sequences of numbers (N, T, 1), each to be summed; of different lengths where they are ``ragged``."""

    def __init__(self, count=150, time=6, ragged=False):
        draw = torch.Generator().manual_seed(0)
        self.x = torch.randn(count, time, 1, generator=draw)
        if ragged:
            self.lengths = torch.randint(1, time + 1, (count,), generator=draw)
            self.x *= (torch.arange(time)[:, None] < self.lengths[:, None, None]).float()
        self.y = self.x.sum(1)

    def __len__(self):
        return len(self.x)

    def batch(self, rows):
        return Batch({"x": self.x[rows]}, self.y[rows], rows)


class Adder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.dropout, self.head = nn.GRU(1, 6, batch_first=True), nn.Dropout(0.3), nn.Linear(6, 1)

    def forward(self, x):
        return self.head(self.dropout(self.body(x)[0][:, -1]))


def adder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Adder()


def squared(outputs, batch):
    return (outputs - batch.y).square().mean()


def error(network):
    held = Sums(40)
    return float(squared(network(held.x), held.batch(torch.arange(40))))


class Notes:
    """A keeper that keeps all, as it would lie on a disk."""

    def __init__(self, every=1):
        self.every, self.count, self.all = every, 0, []

    def due(self, end):
        self.count += 1
        return end or self.count % self.every == 0

    def keep(self, kept):
        self.all.append((json.dumps(kept.facts, allow_nan=False), save(kept.tensors)))

    def at(self, place):
        facts, tensors = self.all[place]
        return Kept(json.loads(facts), load(tensors))


def run(config, examples, network=adder, loss=squared, validate=error, **options):
    fitted, rates = network(), []
    watch = lambda e: rates.append((e["step"], e["lr"], e["loss"])) if e["event"] == "step" else None  # noqa: E731
    training = train(fitted, examples, loss, validate, config, watch=watch, **options)
    return fitted, training, rates


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def timeless(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


MATRIX = list(itertools.product(["sgd", "adam"], ["constant", "cosine", "plateau"], ["shuffled", "bucketed"], [1, 3]))


def check_all(config, examples, every, **options):
    """From every point that was kept the training ends as if nothing had been."""
    notes = Notes(every)
    whole, training, rates = run(config, examples, keeper=notes, **options)
    plain, _, _ = run(config, examples, **options)
    assert same(whole, plain)  # to keep changes nothing
    end = notes.at(-1)
    for place in range(len(notes.all)):
        kept, again = notes.at(place), Notes()
        resumed, other, later = run(config, examples, kept=kept, keeper=again, **options)
        assert same(resumed, whole)
        assert timeless(other.history) == timeless(training.history)
        assert later == rates[kept.facts["place"]["step"] :]
        assert (other.steps, other.best_step, other.why) == (training.steps, training.best_step, training.why)
        assert other.plan.to_json() == training.plan.to_json()
        last = again.at(-1)
        assert last.tensors.keys() == end.tensors.keys()
        assert all(torch.equal(last.tensors[name], end.tensors[name]) for name in end.tensors)
    return len(notes.all)


@pytest.mark.parametrize(("optimizer", "schedule", "order", "accumulate"), MATRIX)
def test_it_goes_on_to_the_same_bits(optimizer, schedule, order, accumulate):
    config = TrainConfig(
        steps=24, batch_size=16, optimizer=optimizer, schedule=schedule, accumulate=accumulate, patience=0
    )
    assert check_all(config, Sums(ragged=order == "bucketed"), every=5) == 5


def test_early_stopping_and_the_plateau_are_remembered():
    config = TrainConfig(steps=60, batch_size=16, schedule="plateau", patience=9)
    fall = [5.0, 4.0, 3.0] + [3.5] * 50

    def validate(network):
        return fall[min(len(fall) - 1, int(network.steps))]

    class Counting(Adder):
        def __init__(self):
            super().__init__()
            self.register_buffer("steps", torch.zeros(()))

        def forward(self, x):
            self.steps += 0.25
            return super().forward(x)

    whole = train(Counting(), Sums(), squared, validate, config)
    assert whole.why == "no better validation in 9 tries"
    assert {round(record["lr"] / 3e-3, 3) for record in whole.history[1:]} >= {1.0, 0.3, 0.09}
    network = lambda: torch.manual_seed(0) and Counting()  # noqa: E731
    assert check_all(config, Sums(), every=7, network=network, validate=validate) > 3


def language():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return LanguageNetwork(vocabulary=7, embedding=8, hidden=8, dropout=0.2)


def test_a_state_that_is_carried_from_batch_to_batch_is_kept_too():
    text = torch.randint(0, 7, (600,), generator=torch.Generator().manual_seed(0))
    loss = lambda z, batch: cross_entropy(z.flatten(0, 1), batch.y.flatten())  # noqa: E731
    config = TrainConfig(steps=30, batch_size=4, patience=0)
    validate = lambda network: float(network(text[:50, None], fresh=True).square().mean())  # noqa: E731
    assert check_all(config, Chunks(text, 12, 4), every=7, network=language, loss=loss, validate=validate) == 5


def test_a_timed_training_goes_on_as_its_plan_says():
    """What it will have done in its time nobody knows before; but its record, replayed, gives its bits."""
    notes, config = Notes(2), TrainConfig(batch_size=8, patience=0)
    run(config, Sums(), keeper=notes, deadline=time.perf_counter() + 1.0)
    resumed, training, _ = run(config, Sums(), kept=notes.at(0))
    assert training.resumed == 2 and len(training.plan.record) >= 1
    replayed, again, _ = run(config, Sums(), plan=training.plan)
    assert same(resumed, replayed) and timeless(again.history) == timeless(training.history)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["step", "validation"])
def test_a_signal_stops_it_within_the_step_and_it_goes_on_to_the_same_bits(where, number):
    config, notes, count = TrainConfig(steps=20, batch_size=16, patience=0), Notes(every=10**9), itertools.count(1)

    def sent(value, at):
        if next(count) == at:
            os.kill(os.getpid(), number)
        return value

    loss = (lambda o, b: sent(squared(o, b), 12)) if where == "step" else squared
    validate = (lambda network: sent(error(network), 5)) if where == "validation" else error
    with stopping(), pytest.raises(Stopped) as caught:
        run(config, Sums(), loss=loss, validate=validate, keeper=notes)
    assert caught.value.signal == number and len(notes.all) == 1
    kept = notes.at(0)
    assert kept.facts["place"]["step"] == (12 if where == "step" else 10)
    assert kept.facts["validating"] == (where == "validation" or 12 % 2 == 0)
    whole, training, _ = run(config, Sums())
    resumed, other, _ = run(config, Sums(), kept=kept)
    assert same(whole, resumed) and timeless(other.history) == timeless(training.history)


def test_without_anybody_to_keep_it_a_signal_still_stops_it_between_two_steps():
    before = signal.getsignal(signal.SIGINT)
    calls = []

    def loss(outputs, batch):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return squared(outputs, batch)

    with pytest.raises(KeyboardInterrupt):
        run(TrainConfig(steps=20, batch_size=16), Sums(), loss=loss)
    assert len(calls) == 3 and signal.getsignal(signal.SIGINT) is before


def harmed(kept, name):
    tensors = dict(kept.tensors)
    tensors[name] = tensors[name].reshape(-1)[:1].clone()
    return Kept(kept.facts, tensors)


@pytest.mark.parametrize("name", ["optimizer.0.exp_avg", "average.0", "network.head.weight", "best.head.weight"])
def test_tensors_that_do_not_fit_are_noticed_before_anything_is_computed_with_them(name):
    notes = Notes(5)
    config = TrainConfig(steps=10, batch_size=16, optimizer="adam")
    run(config, Sums(), keeper=notes)
    with pytest.raises((ValueError, RuntimeError)):
        run(config, Sums(), kept=harmed(notes.at(0), name))


# Batches that nothing good can be learnt from.


class Poisoned(Sums):
    """In some of its rows a number that no network can learn from."""

    def __init__(self, value, rows=(7,), **options):
        super().__init__(**options)
        if value == "empty":
            self.y[list(rows)] = math.nan
        elif value == "target":
            self.y[list(rows)] = math.inf
        else:
            self.x[list(rows)] = value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e38, "target"])
@pytest.mark.parametrize("policy", ["skip", "rollback"])
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_poison_is_named_and_leaves_the_weights_finite(value, policy, clip):
    told = []
    network = adder()
    config = TrainConfig(steps=30, batch_size=16, bad_batch=policy, clip=clip, patience=0)
    linear = lambda outputs, batch: outputs.square().mean() if value == 1e38 else squared(outputs, batch)  # noqa: E731
    training = train(
        network, Poisoned(value), linear, error, config, watch=lambda e: told.append(e) if e["event"] == "spoilt" else 0
    )
    assert all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())
    assert math.isfinite(training.best_score)
    if value == 1e38:  # a gate that it closes learns nothing from it; what it does to the target is another matter
        return
    assert len(told) == len(training.spoilt) >= 2
    assert all(event["rows"] == [7] and f"step {event['step']}" in event["told"] for event in told)
    assert all("row 8 of the training part" in event["told"] for event in told)


def test_it_stops_at_the_first_if_that_is_wanted():
    config = TrainConfig(steps=30, batch_size=16, bad_batch="stop")
    with pytest.raises(ElmanError, match=r"step \d+ cannot be learnt from: it holds NaN.*row 8 of the training part"):
        run(config, Poisoned(math.nan))


def test_a_batch_of_which_nothing_is_scored_teaches_nothing():
    data = Sums(count=64)
    data.y[:] = math.nan
    scored = lambda outputs, batch: ((outputs - batch.y.nan_to_num()) ** 2)[~batch.y.isnan()].mean()  # noqa: E731
    with pytest.raises(ElmanError, match="nothing in it is scored"):
        run(TrainConfig(steps=30, batch_size=16), data, loss=scored)
    before = adder()
    data.y[20:] = 1.0
    config = TrainConfig(steps=12, batch_size=4, bad_batch="skip")
    fitted, training, _ = run(config, data, loss=scored)
    assert not same(fitted, before) and all(torch.isfinite(t).all() for t in fitted.state_dict().values())
    assert all(entry["why"] == "nothing in it is scored" for entry in training.spoilt)


def test_going_back_takes_the_best_weights():
    seen = []
    data = Poisoned(math.nan, rows=(7, 70))
    network = adder()
    watch = lambda e: seen.append((e["event"], [p.clone() for p in network.parameters()]))  # noqa: E731
    config = TrainConfig(steps=24, batch_size=10, bad_batch="rollback", average=0.0, patience=0)
    training = train(network, data, squared, error, config, watch=watch)
    assert training.spoilt
    kinds = [kind for kind, _ in seen]
    at = next(place for place, kind in enumerate(kinds) if kind == "spoilt" and "valid" in kinds[:place])
    best = [p for kind, p in seen[:at] if kind == "valid"]
    after = next(p for kind, p in seen[at + 1 :] if kind == "step")
    assert any(all(torch.equal(a, b) for a, b in zip(after, one, strict=True)) for one in best)


# Several batches as one.


def test_more_batches_than_a_pass_has_are_refused():
    with pytest.raises(InputError, match="--accumulate is 4, but a pass over the training part has 3 batches of 64"):
        run(TrainConfig(steps=2, batch_size=64, accumulate=4), Sums(150))


def test_batches_that_are_added_up_are_one_large_batch():
    data = Sums(count=96)

    def step_of(batch_size, accumulate):
        network = adder().eval()  # without dropout, whose masks no two sizes share
        config = TrainConfig(steps=6, batch_size=batch_size, accumulate=accumulate, average=0.0, l1=1e-3, patience=0)
        training = train(network, data, squared, lambda module: 0.0, config)
        return training.history, network.state_dict()

    class Undropped(Adder):
        def __init__(self):
            super().__init__()
            self.dropout = nn.Identity()

    globals()["Adder"], kept = Undropped, globals()["Adder"]
    try:
        (one, large), (other, small) = step_of(48, 1), step_of(16, 3)
    finally:
        globals()["Adder"] = kept
    for name in large:
        torch.testing.assert_close(large[name], small[name], rtol=1e-5, atol=1e-6)
    assert [r["loss"] for r in one] == pytest.approx([r["loss"] for r in other], rel=1e-5)
