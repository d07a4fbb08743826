"""One training in several processes is that of one: their parts are the batch, and their step is its step.

Here threads stand for the processes; tests/cli/test_torchrun.py starts real ones.
"""

import math
import threading
import time
from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from elman.data.batch import NO_LABEL, Batch, Feed
from elman.data.ragged import Ragged
from elman.data.sessions.streams import Streams
from elman.data.text.chunks import Chunks
from elman.errors import ElmanError, InputError
from elman.train.config import TrainConfig
from elman.train.loop import train
from elman.train.step import Step
from elman.train.world import World, joined, restarted


class Threads:
    """Processes that are threads: what each brings is added up when all have brought it."""

    def __init__(self, size):
        self.size, self.brought = size, {}
        self.barrier = threading.Barrier(size, timeout=20)

    def together(self, rank, value):
        self.brought[rank] = value
        self.barrier.wait()
        found = [self.brought[other] for other in range(self.size)]
        self.barrier.wait()
        return found

    def run(self, work):
        """What ``work(world)`` gives in each; the first exception of one is raised."""
        found, wrong = {}, []

        def one(rank):
            try:
                found[rank] = work(Thread(self, rank))
            except Exception as error:
                wrong.append((rank, error))
                self.barrier.abort()

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise next((e for _, e in wrong if not isinstance(e, threading.BrokenBarrierError)), wrong[0][1])
        return [found[rank] for rank in range(self.size)]


class Thread(World):
    def __init__(self, threads, rank):
        super().__init__(rank, threads.size)
        self.threads = threads

    def add(self, tensors):
        brought = self.threads.together(self.rank, [tensor.detach().clone() for tensor in tensors])
        for tensor, *parts in zip(tensors, *brought, strict=True):
            tensor.detach().copy_(sum(parts[1:], parts[0]))

    def agree(self, *votes):
        return [sum(parts) for parts in zip(*self.threads.together(self.rank, votes), strict=True)]

    def hand_on(self, raw, patient=False):
        return self.threads.together(self.rank, raw)[0]

    def collect(self, raw, patient=False):
        return list(self.threads.together(self.rank, raw))


# The parts of a batch.


class Rows:
    """Examples whose batches say which rows they hold, of different lengths if they are ragged."""

    def __init__(self, count, ragged):
        self.count = count
        if ragged:
            self.lengths = torch.randint(1, 9, (count,), generator=torch.Generator().manual_seed(count))

    def __len__(self):
        return self.count

    def batch(self, rows):
        assert len(rows)  # of nothing no batch is built
        return Batch({"x": rows}, rows.clone(), rows)


def feeds(examples, size, world):
    return [Feed(examples, size, 0, World(rank, world).part) for rank in range(world)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 7), st.booleans())
def test_the_parts_of_a_batch_hold_each_row_once(count, size, world, ragged):
    examples = Rows(count, ragged)
    whole, parts = Feed(examples, size, 0), feeds(examples, size, world)
    for _ in range(3 * -(-count // size)):
        batch = next(whole)
        found = torch.cat([next(part).rows for part in parts])
        assert sorted(found.tolist()) == sorted(batch.rows.tolist())


@settings(max_examples=40, deadline=None)
@given(st.integers(30, 200), st.integers(1, 9), st.integers(1, 6), st.integers(1, 7))
def test_the_streams_of_a_text_are_shared_out(symbols, steps, streams, world):
    examples = Chunks(torch.arange(symbols), steps, streams)
    whole, parts = Feed(examples, 1, 0), feeds(examples, 1, world)
    for _ in range(2 * len(examples)):
        batch = next(whole)
        mine = [part for part in (next(feed) for feed in parts) if len(part)]
        assert sorted(torch.cat([part.y for part in mine], 1).T.tolist()) == sorted(batch.y.T.tolist())
        assert all(part.inputs["fresh"] == batch.inputs["fresh"] for part in mine)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))
def test_the_sessions_side_by_side_are_shared_out(lengths, steps, streams, world):
    lengths = [*lengths, 3]
    starts = torch.tensor([0, *lengths]).cumsum(0)
    examples = Streams(Ragged(torch.arange(int(starts[-1])), starts), steps, streams)
    whole, parts = Feed(examples, 1, 0), feeds(examples, 1, world)

    def events(batch):
        return sorted(batch.y[batch.y != NO_LABEL].tolist())

    for _ in range(12):
        batch = next(whole)
        mine = [part for part in (next(feed) for feed in parts) if len(part)]
        assert sorted(event for part in mine for event in events(part)) == events(batch)
        assert sum(len(part.inputs["lengths"]) for part in mine) == len(batch.inputs["lengths"])


# A step.


class Gaps:
    """Rows (T,) with targets some of which are missing; in some rows all are."""

    def __init__(self, count=45, missing=0.4):
        draw = torch.Generator().manual_seed(1)
        self.x = torch.randn(count, 5, generator=draw, dtype=torch.float64)
        self.y = self.x.cumsum(1)
        self.y[torch.rand(count, 5, generator=draw) < missing] = math.nan
        self.y[::7] = math.nan

    def __len__(self):
        return len(self.x)

    def batch(self, rows):
        return Batch({"x": self.x[rows]}, self.y[rows], rows)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 5)).double()


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = network()

    def forward(self, x):
        return self.body(x)


def squared(outputs, batch):
    return (outputs - batch.y.nan_to_num()).square()[~batch.y.isnan()].mean()


def error(module):
    data = Gaps(30)
    return float(squared(module(data.x), data.batch(torch.arange(30))))


SETTINGS = {
    "plain": {},
    "clip": {"clip": 0.05},
    "no clip": {"clip": 0.0},
    "l1": {"l1": 1e-2},
    "accumulate": {"accumulate": 3},
    "few rows": {"batch_size": 2},
    "sgd": {"optimizer": "sgd"},
    "adam": {"optimizer": "adam", "schedule": "plateau", "accumulate": 2, "l1": 1e-3},
}


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_training_of_several_is_that_of_one(name, size):
    """In double precision, where no rounding hides a share that is not quite right."""
    config = TrainConfig(**{"batch_size": 8, **SETTINGS[name]})

    begun = Named()  # threads share the generator that draws its weights

    def work(world):
        module = deepcopy(begun)
        step = Step(module, squared, config, world=world)
        feed = Feed(Gaps(), config.batch_size, config.seed, world.part)
        each = [step([next(feed) for _ in range(config.accumulate)], 3e-3) for _ in range(30)]
        return torch.tensor(each), module

    found, (expected, _) = Threads(size).run(work), work(World())
    assert (expected[:, 0] - expected[0, 0]).abs().nan_to_num().max() > 1e-3  # something is learnt
    for losses, module in found:
        torch.testing.assert_close(losses, expected, rtol=2e-6, atol=1e-7, equal_nan=True)  # they are sums of float32
        for weights, others in zip(module.parameters(), found[0][1].parameters(), strict=True):
            assert torch.equal(weights, others)


def test_the_whole_loop_is_that_of_one():
    config = TrainConfig(steps=40, batch_size=8, patience=0, accumulate=2)
    begun, told = Named(), []
    alone = train(deepcopy(begun), Gaps(), squared, error, config)

    def work(world):
        def watch(event):
            told.append((world.rank, event["event"]))

        return train(deepcopy(begun), Gaps(), squared, error, config, world=world, watch=watch)

    for training in Threads(3).run(work):
        assert (training.steps, training.best_step, training.why) == (40, alone.best_step, alone.why)
        for record, other in zip(training.history, alone.history, strict=True):
            assert record["valid"] == pytest.approx(other["valid"], rel=1e-6)
            assert record["loss"] == pytest.approx(other["loss"], rel=1e-6)
    assert {rank for rank, _ in told} == {0}


# What goes wrong.


def test_what_goes_wrong_in_one_ends_all_with_its_sentence():
    said = []

    def work(world):
        try:
            with world.all_or_none():
                if world.rank == 1:
                    raise InputError("the file lacks column y: give another")
        except InputError as error:
            said.append(str(error))

    Threads(3).run(work)
    assert said == ["process 1 of 3: the file lacks column y: give another"] * 3


def test_what_goes_wrong_in_all_is_said_as_by_one_alone():
    said = []

    def work(world):
        try:
            with world.all_or_none():
                raise InputError("the file lacks column y: give another")
        except InputError as error:
            said.append(str(error))

    Threads(2).run(work)
    assert said == ["the file lacks column y: give another"] * 2


def test_who_works_alone_is_waited_for_as_long_as_it_says_that_it_is_there():
    signs = []

    class Listening(Thread):
        def __init__(self, threads, rank):
            super().__init__(threads, rank)
            self.patience = 0.05

        def hand_on(self, raw, patient=False):
            found = super().hand_on(raw)
            if not self.first:
                signs.append(found)
            return found

    def work(world):
        world = Listening(world.threads, world.rank)
        with world.by_the_first():
            if world.first:
                time.sleep(0.2)
        return world.tell("after" if world.first else None)

    assert Threads(2).run(work) == ["after", "after"]
    assert signs[-2] == b"done" and signs.count(b"working") >= 2


def test_an_error_of_the_system_stays_what_it_is_and_ends_the_others():
    kinds = {}

    def work(world):
        try:
            with world.all_or_none():
                if world.rank == 1:
                    raise PermissionError(13, "Permission denied")
        except Exception as error:
            kinds[world.rank] = type(error)

    Threads(2).run(work)
    assert kinds[1] is PermissionError and issubclass(kinds[0], InputError)


def test_another_file_or_setting_is_named():
    def work(world):
        world.alike({"file": "abc", "--steps": 30 + (world.rank == 2)})

    with pytest.raises(InputError, match=r"process 2 of 3 has another --steps than process 0: .* same command"):
        Threads(3).run(work)
    Threads(3).run(lambda world: world.alike({"file": "abc"}))


def test_alone_nothing_is_asked_of_anybody():
    world = World()
    tensor = torch.ones(3)
    world.add([tensor])
    world.alike({"file": "abc"})
    with world.all_or_none():
        pass
    assert tensor.tolist() == [1, 1, 1] and world.agree(2.0) == [2.0] and world.tell({"a": 1}) == {"a": 1}
    assert world.collect(b"x") == [b"x"] and world.first and world.part == slice(0, None, 1)
    with pytest.raises(OSError), world.all_or_none():
        raise OSError("as it is")


def test_without_torchrun_it_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv("TORCHELASTIC_RESTART_COUNT", raising=False)
    with joined("cpu") as world:
        assert world.size == 1
    assert not restarted()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert restarted()


@pytest.mark.parametrize("given", ["soon", "0", "-3", "inf", "nan"])
def test_patience_is_a_number_of_seconds(monkeypatch, given):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost", "ELMAN_PATIENCE": given}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="ELMAN_PATIENCE must be a number of seconds"), joined("cpu"):
        pass


@pytest.mark.parametrize("device", ["cuda:0", "mps"])
def test_a_device_that_cannot_be_shared_is_refused(monkeypatch, device):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"--device {device} is not for several processes"), joined(device):
        pass


def test_who_does_not_come_is_told(monkeypatch):
    """Nobody listens at that port: the first would open it."""
    settings = {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1", "ELMAN_PATIENCE": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ElmanError, match="process 1 of 2 did not meet the others at localhost"), joined("cpu"):
        pass
