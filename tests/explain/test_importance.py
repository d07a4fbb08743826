"""Shuffled inputs: the one that matters is found, those that do not are not, and chance is told apart."""

import numpy as np
import torch

from elman.explain.importance import permutation_importance


def made(rows=600, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, 3, generator=generator)
    noise = 0.1 * torch.randn(rows, generator=generator)
    y = 2 * x[:, 1, 0] + x[:, 3, 2] + noise
    return {"x": x}, y


def column(at):
    mask = torch.zeros(3, dtype=torch.bool)
    mask[at] = True
    return {"x": mask}


def test_the_column_that_matters_comes_first_and_noise_last():
    inputs, y = made()
    errors = lambda given: (2 * given["x"][:, 1, 0] + given["x"][:, 3, 2] - y).abs().double().numpy()  # noqa: E731
    error, found = permutation_importance(errors, inputs, {"noise": column(1), "less": column(2), "most": column(0)})
    assert list(found) == ["most", "less", "noise"]
    assert found["most"].low > found["less"].high > found["less"].low > 0
    assert (found["noise"].share, found["noise"].low, found["noise"].high) == (0, 0, 0)
    assert error == np.mean(errors(inputs))


def test_what_a_model_reads_by_mistake_is_near_nothing_and_its_interval_holds_nothing():
    inputs, y = made()
    errors = lambda given: (2 * given["x"][:, 1, 0] + given["x"][:, 3, 2] + 0.02 * given["x"][:, 0, 1] - y).abs()  # noqa: E731
    _, found = permutation_importance(lambda given: errors(given).double().numpy(), inputs, {"noise": column(1)})
    assert abs(found["noise"].share) < 0.05 and found["noise"].low < 0.01


def test_a_group_is_exchanged_together_over_all_inputs():
    x = torch.arange(50.0)[:, None]
    inputs = {"x": x, "known": 10 * x}
    groups = {"both": {"x": torch.ones(1, dtype=torch.bool), "known": torch.ones(1, dtype=torch.bool)}}
    together = lambda given: 1 + (10 * given["x"] - given["known"])[:, 0].abs().double().numpy()  # noqa: E731
    assert permutation_importance(together, inputs, groups)[1]["both"].share == 0
    apart = {"one": {"x": torch.ones(1, dtype=torch.bool)}}
    assert permutation_importance(together, inputs, apart)[1]["one"].share > 1


def test_the_same_seed_gives_the_same():
    inputs, y = made(50)
    errors = lambda given: (given["x"][:, 1, 0] - y).abs().double().numpy()  # noqa: E731
    first, again, other = (permutation_importance(errors, inputs, {"a": column(0)}, seed=s)[1] for s in (0, 0, 1))
    assert first == again != other
