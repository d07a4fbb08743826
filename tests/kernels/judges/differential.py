"""2,000 random configurations against three judges who do not know one another: what their three tests share."""

import torch
from hypothesis import HealthCheck, given, settings

TRIED = {"torch": {torch.float64: 140, torch.float32: 140}, "onnx": 130, "keras": 70}
CELLS = {
    "tanh": ("RNN", {"nonlinearity": "tanh"}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm-projected": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
}
OPERATIONS = ("rnn", "lstm", "gru")
VALUES = {torch.float64: 1e-12, torch.float32: 1e-6}
GRADIENTS = {torch.float64: 1e-12, torch.float32: 1e-5}


def drawn(shape, random):
    """Random numbers of float32 in float64, so that either type starts from the very same ones."""
    return torch.randn(shape, generator=random).double()


def held(count, configurations, judge):
    """Put `judge` to `count` different draws of `configurations`."""
    seen = set()

    @settings(max_examples=2 * count, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(configuration=configurations)
    def run(configuration):
        if len(seen) < count and configuration not in seen:
            judge(configuration)
            seen.add(configuration)

    run()
    assert len(seen) == count


def assert_close(found, expected, tolerances):
    """Compare by name: errors are of the largest value, or of 1 where all are smaller."""
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        here, right = torch.as_tensor(found[name]).detach(), torch.as_tensor(right).detach()
        assert here.shape == right.shape, name
        if right.numel():
            error = (here.double() - right.double()).abs().max() / right.abs().max().clamp(min=1)
            limit = (GRADIENTS if name.startswith("gradient") else VALUES)[tolerances]
            assert error <= limit, f"{name} is off by {error:.1e}"
