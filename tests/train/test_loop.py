"""Training learns, is the same bits every time, keeps the best weights and leaves nothing behind but the network.

Run as a script it trains once and prints the digest of the weights, so that two processes can be compared.
"""

import hashlib
import math
import subprocess
import sys

import pytest
import torch
from torch import nn

from elman.data.batch import Batch
from elman.errors import ElmanError
from elman.train.config import TrainConfig
from elman.train.loop import train
from elman.train.pace import first_plan, measure
from elman.train.step import Step


class Sums:
    """Sequences of numbers (N, T, 1), each to be summed."""

    def __init__(self, count=256, time=5, seed=0):
        self.x = torch.randn(count, time, 1, generator=torch.Generator().manual_seed(seed))
        self.y = self.x.sum(1)

    def __len__(self):
        return len(self.x)

    def batch(self, rows):
        return Batch({"x": self.x[rows]}, self.y[rows], rows)


class Adder(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.body, self.dropout, self.head = nn.GRU(1, 12, batch_first=True), nn.Dropout(dropout), nn.Linear(12, 1)

    def forward(self, x):
        return self.head(self.dropout(self.body(x)[0][:, -1]))


def adder(dropout=0.0, seed=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Adder(dropout)


def squared(outputs, batch):
    return (outputs - batch.y).square().mean()


def error(network):
    """Mean squared error on sums that were not trained on."""
    held = Sums(128, seed=1)
    with torch.no_grad():
        return float((network(held.x) - held.y).square().mean())


def fit(network=None, loss=squared, validate=error, watch=lambda event: None, **settings):
    network = network or adder(0.2)
    settings = {"steps": 20, "batch_size": 32, "patience": 0, **settings}
    return network, train(network, Sums(), loss, validate, TrainConfig(**settings), watch=watch)


def weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def digest():
    network, _ = fit(seed=5)
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in network.state_dict().values())).hexdigest()


# The same bits.


def test_one_seed_gives_the_same_bits_twice_and_another_seed_others():
    (first, a), (second, b), (third, _) = fit(seed=5), fit(seed=5), fit(seed=6)
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(third))
    timeless = [[{k: v for k, v in record.items() if k != "seconds"} for record in t.history] for t in (a, b)]
    assert timeless[0] == timeless[1]


def test_two_processes_give_the_same_bits():
    other = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest()


def test_what_was_drawn_before_does_not_matter():
    first, _ = fit()
    torch.rand(7)
    second, _ = fit()
    assert same(weights(first), weights(second))


def test_validation_takes_no_random_number_from_training():
    def drawing(network):
        assert not (network.training or torch.is_grad_enabled())
        torch.rand(3)
        return error(network)

    quiet, _ = fit()
    noisy, _ = fit(validate=drawing)
    assert same(weights(quiet), weights(noisy))


@pytest.mark.parametrize("fails", [False, True])
def test_generator_and_threads_are_as_before_however_training_ends(fails):
    torch.set_num_threads(2)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    if fails:
        with pytest.raises(ElmanError):
            fit(loss=lambda outputs, batch: squared(outputs, batch) * math.nan)
    else:
        fit()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == 2


def test_measuring_leaves_weights_generator_and_threads_alone():
    torch.set_num_threads(2)
    network = adder(0.5).train()
    before, state = weights(network), torch.get_rng_state()
    assert measure(network, Sums(), squared, TrainConfig(batch_size=32)) > 0
    assert same(weights(network), before) and torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == 2 and all(p.grad is None for p in network.parameters())


def test_the_order_of_the_examples_is_the_seeds():
    def order(seed):
        rows = []
        fit(adder(), loss=lambda outputs, batch: rows.append(batch.rows.tolist()) or squared(outputs, batch), seed=seed)
        return rows

    first = order(1)
    assert sorted(row for rows in first[:8] for row in rows) == list(range(256))
    assert first == order(1) != order(2)


def test_a_replay_computes_with_the_recorded_threads_and_then_as_before():
    counts = []
    watch = lambda event: counts.append(torch.get_num_threads())  # noqa: E731
    _, training = fit()
    torch.set_num_threads(2)
    config = TrainConfig(batch_size=32, patience=0)
    train(adder(), Sums(), squared, error, config, plan=training.plan, watch=watch)
    assert set(counts) == {1} and torch.get_num_threads() == 2


# What a step does.


@pytest.mark.parametrize(("name", "rate"), [("adamw", 0.02), ("adam", 0.02), ("sgd", 0.05), ("rmsprop", 0.005)])
def test_every_optimizer_learns_to_add(name, rate):
    network = adder()
    before = error(network)
    fit(network, steps=150, optimizer=name, learning_rate=rate, weight_decay=0.0)
    assert error(network) < 0.1 * before


def moved(clip):
    """How far one step of SGD at learning rate 1 moves, and the norm of its gradient."""
    network = adder()
    before = weights(network)
    step = Step(network, squared, TrainConfig(optimizer="sgd", clip=clip, weight_decay=0.0))
    _, norm = step(Sums().batch(torch.arange(32)), 1.0)
    after = weights(network)
    return math.sqrt(sum(float((after[name] - before[name]).square().sum()) for name in before)), norm


def test_clip_bounds_the_update():
    nesterov = 1.9  # the first step of SGD with Nesterov momentum 0.9 moves by g + 0.9 g
    far, norm = moved(clip=0)
    assert norm > 1 and far == pytest.approx(nesterov * norm, rel=1e-4)
    far, reported = moved(clip=0.01)
    assert far == pytest.approx(nesterov * 0.01, rel=1e-3) and reported == pytest.approx(norm)
    assert moved(clip=1000 * norm)[0] == pytest.approx(nesterov * norm, rel=1e-4)


def test_l1_pulls_matrices_towards_zero_and_leaves_biases():
    network = adder()
    before = weights(network)
    step = Step(network, lambda outputs, batch: 0 * outputs.sum(), TrainConfig(l1=0.1, weight_decay=0.0))
    value, norm = step(Sums().batch(torch.arange(8)), 1e-3)
    assert value == 0 and norm > 0
    for name, tensor in weights(network).items():
        assert torch.equal(tensor, before[name]) if tensor.dim() == 1 else tensor.abs().sum() < before[name].abs().sum()


def test_l2_leaves_smaller_weights_than_none():
    size = {}
    for decay in (0.0, 0.5):
        network, _ = fit(adder(), weight_decay=decay, learning_rate=0.02, steps=40)
        size[decay] = sum(p.norm().item() for p in network.parameters() if p.dim() > 1)
    assert size[0.5] < 0.95 * size[0.0]


def test_the_first_steps_are_small():
    rates = []
    fit(steps=100, warmup=0.1, learning_rate=0.01, watch=lambda e: rates.append(e["lr"]) if e["event"] == "step" else 0)
    assert len(rates) == 100 and rates[0] < 0.02 * 0.01
    assert rates.index(max(rates)) == 10 and rates[-1] < 0.01 * 0.01


def spoiling(steps, by=math.nan):
    """A loss that is spoilt in these steps, counted from 1."""
    count = iter(range(1, 10_000))
    return lambda outputs, batch: squared(outputs, batch) * (by if next(count) in steps else 1.0)


@pytest.mark.parametrize("by", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_leaves_the_weights_untouched(by):
    network, seen = adder(), []
    watch = lambda e: seen.append((weights(network), e["grad_norm"])) if e["event"] == "step" else None  # noqa: E731
    bad = {4, 5, 6, 7, 9, 10, 11, 12}  # twice four in a row, which is still borne
    _, training = fit(network, loss=spoiling(bad, by), watch=watch, learning_rate=0.01)
    for step in range(2, 21):
        (before, _), (after, norm) = seen[step - 2], seen[step - 1]
        assert same(before, after) == (step in bad) == (not math.isfinite(norm)), step
    assert training.steps == 20 and all(math.isfinite(r["loss"]) for r in training.history if r["loss"] is not None)


def test_five_such_gradients_in_a_row_end_training_with_the_remedy():
    with pytest.raises(
        ElmanError, match=r"5 steps in a row could not be made; the last: step 8 .*--learning-rate \(now 0.01"
    ):
        fit(loss=spoiling({4, 5, 6, 7, 8}), learning_rate=0.01)


# Which weights are kept, and when it ends.


def test_the_weights_of_the_best_validation_are_restored():
    network, snapshots, scores = adder(), [], [5.0, 2.0, 4.0, 1.0, 3.0, 1.0, 2.0, 2.0, 2.0, 2.0]

    def validate(module):
        snapshots.append(weights(module))
        return scores[len(snapshots) - 1]

    _, training = fit(network, validate=validate)
    assert [record["valid"] for record in training.history] == scores
    assert training.best_score == 1.0 and training.best_step == training.history[3]["step"]
    assert same(weights(network), snapshots[3]) and not same(weights(network), snapshots[-1])
    assert not network.training


def test_what_is_validated_and_kept_is_the_average_of_the_weights():
    raw, averaged = [], []
    watch = lambda e: raw.append(weights(network)) if e["event"] == "step" else None  # noqa: E731
    network = adder()
    validate = lambda module: averaged.append(weights(module)) or -len(averaged)  # noqa: E731
    fit(network, validate=validate, watch=watch, steps=6, learning_rate=0.02, average=0.9)
    assert len(averaged) == 6 and same(weights(network), averaged[-1])
    mean = weights(adder())
    for n, (step, seen) in enumerate(zip(raw, averaged, strict=True), 1):
        d = min(0.9, (1 + n) / (10 + n))
        mean = {name: d * mean[name] + (1 - d) * step[name] for name in mean}
        for name in mean:
            torch.testing.assert_close(seen[name], mean[name])


def test_a_score_of_nan_is_the_worst():
    network = adder()
    before = weights(network)
    _, training = fit(network, validate=lambda module: math.nan)
    assert same(weights(network), before) and training.best_step == 0 and training.best_score == math.inf
    scores = iter([3.0, math.nan] + [4.0] * 20)
    assert fit(validate=lambda module: next(scores))[1].best_score == 3.0


def test_training_stops_after_as_many_validations_without_a_better_one():
    scores = iter([3.0, 2.0] + [2.0] * 50)
    _, training = fit(validate=lambda module: next(scores), steps=200, patience=3)
    assert len(training.history) == 5 and training.steps == training.history[-1]["step"] < 200
    assert training.best_step == training.history[1]["step"]
    assert training.why == "no better validation in 3 tries" and training.plan.last == training.steps


def test_patience_0_makes_all_steps():
    _, training = fit(validate=lambda module: 1.0, patience=0)
    assert training.steps == 20 and training.why == "the planned steps were made"


def test_the_watcher_is_told_of_everything_in_order():
    events = []
    _, training = fit(watch=events.append)
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start" and kinds[-1] == "end" and kinds.count("step") == 20
    assert kinds.count("valid") == len(training.history) >= 10
    assert [event["step"] for event in events if event["event"] == "step"] == list(range(1, 21))
    assert all(event["steps"] == 20 for event in events)


# The plan without a deadline.


@pytest.mark.parametrize("settings", [{}, {"epochs": 3}, {"epochs": 0.5}, {"steps": 11}, {"steps": 95}, {"steps": 1}])
@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_the_first_plan_validates_ten_times_at_least(settings, batch_size):
    plan = first_plan(Sums(), TrainConfig(batch_size=batch_size, **settings))
    epoch = math.ceil(256 / batch_size)
    wanted = settings.get("steps") or max(1, round(settings.get("epochs", 30) * epoch))
    assert plan.total == (wanted if settings else min(wanted, 5000))
    validations = math.ceil(plan.total / plan.every)
    assert validations >= min(10, plan.total)
    assert validations <= max(math.ceil(2 * plan.total / epoch), 20)


def test_a_recorded_plan_is_replayed_to_the_same_bits():
    first, training = fit(seed=2)
    second = adder(0.2)
    config = TrainConfig(seed=2, batch_size=32, patience=0, steps=7)
    again = train(second, Sums(), squared, error, config, plan=training.plan)
    assert same(weights(first), weights(second))
    assert again.steps == 20 and again.plan.to_json() == training.plan.to_json()


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(digest())


def test_an_alarm_looks_at_a_network_that_has_had_time_and_changes_no_bit():
    seen = []

    def alarm(network):
        seen.append(network.training)
        torch.rand(3)
        return "wrong" if len(seen) < 3 else None

    config = TrainConfig(steps=40, batch_size=16, patience=0)
    plain, watched = adder(0.2), adder(0.2)
    train(plain, Sums(), squared, error, config)
    history = train(watched, Sums(), squared, error, config, alarm=alarm).history
    told = [record.get("alarm") for record in history]
    assert seen == [False] * len(seen) and 3 <= len(seen) < len(history)
    first = len(history) - len(seen)
    assert told == [None] * first + ["wrong", "wrong"] + [None] * (len(seen) - 2)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), watched.parameters(), strict=True))


# Looking inside.


def looking(network, batch):
    network(batch.inputs["x"])
    torch.rand(3)  # whatever it draws, training draws as if it had not
    return [len(batch)]


def followed(look=looking, follow=False, **settings):
    network, events = adder(0.2), []
    config = TrainConfig(**{"steps": 40, "batch_size": 32, "patience": 0, **settings})
    training = train(network, Sums(), squared, error, config, look=look, follow=follow, watch=events.append)
    return network, training, [event for event in events if event["event"] == "look"]


def test_it_looks_at_the_start_and_at_the_end_and_leaves_no_trace():
    blind, _, none = followed(look=None)
    seeing, training, events = followed()
    assert same(weights(blind), weights(seeing)) and none == []
    assert training.looks == [{"step": 0, "inside": [16]}, {"step": training.best_step, "inside": [16]}]
    assert [event["moved"] for event in events] == [None, None]


def test_it_follows_as_long_as_that_takes_a_small_share_of_the_time(monkeypatch):
    monkeypatch.setattr("elman.train.eyes.LOOKING", 1.0)
    blind, _, _ = followed(look=None)
    seeing, training, events = followed(follow=True)
    assert same(weights(blind), weights(seeing))
    assert [look["step"] for look in training.looks[1:-1]] == [record["step"] for record in training.history]
    assert all(event["moved"] > 0 for event in events[1:-1])
    monkeypatch.setattr("elman.train.eyes.LOOKING", 0.0)
    assert len(followed(follow=True)[2]) == 2


def test_the_record_says_how_far_a_step_moved_the_weights_and_how_many_were_clipped():
    network = adder()
    before = [w.detach().clone() for w in network.parameters() if w.dim() > 1]
    config = TrainConfig(steps=1, batch_size=32, clip=1e-6, average=0.0, optimizer="sgd", weight_decay=0.0)
    _, training = network, train(network, Sums(), squared, lambda module: 0.0, config)
    after = [w.detach() for w in network.parameters() if w.dim() > 1]
    moved = sum((b - a).square().sum() for a, b in zip(after, before, strict=True)).sqrt()
    size = sum(b.square().sum() for b in before).sqrt()
    assert training.history[0]["moved"] == pytest.approx(float(moved / size), rel=1e-3)
    assert training.history[0]["clipped"] == 1.0
