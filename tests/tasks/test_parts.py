"""Every task weighs the parts of a batch so that their gradients together are the whole batch's."""

import pytest
import torch

from elman.data.batch import Feed
from elman.tasks.load import TASKS
from elman.train.kept import let_go
from elman.train.world import World
from small_sources import EXACT, sources
from small_sources import TASKS as NAMES


def gradient(task, network, batches):
    """The mean loss over what is scored in these batches, and its gradient."""
    network.zero_grad()
    total = weight = 0.0
    for batch in batches:
        if share := task.weigh(batch) if len(batch) else 0:
            let_go(network)  # of a text each part carries the states of its own streams
            value = task.loss(network(**batch.inputs), batch) * share
            value.backward()
            total, weight = total + value.item(), weight + share
    return total / weight, [p.grad / weight for p in network.parameters() if p.grad is not None]


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_have_the_gradient_of_the_whole(tmp_path, name):
    file, settings = sources(tmp_path)[name]
    task = TASKS[name](**settings, **EXACT, steps=4)
    config = task.config()
    prepared = task.prepare(tmp_path / file, None, None, config)
    task.config_, network = task._sized(config, prepared.train, None)
    network.train()
    whole, parts = Feed(prepared.train, 16, 0), [Feed(prepared.train, 16, 0, World(rank, 3).part) for rank in range(3)]
    for _ in range(3):
        value, expected = gradient(task, network, [next(whole)])
        other, found = gradient(task, network, [next(part) for part in parts])
        assert other == pytest.approx(value, rel=1e-6)
        largest = max(float(g.abs().max()) for g in expected)
        assert largest > 1e-4
        for one, two in zip(expected, found, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=3e-6 * largest)
