"""module.slots(): many streams, each as it would step alone, to the bit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman import nn
from elman.kernels import library
from elman.kernels.slots import Affine

CASES = [
    (nn.RNN, {"num_layers": 2}),
    (nn.LSTM, {"num_layers": 2, "residual": True}),
    (nn.LSTM, {"proj_size": 3, "peephole": True, "zoneout": (0.1, 0.3)}),
    (nn.LSTM, {"layer_norm": True, "clip": 0.5}),
    (nn.GRU, {"num_layers": 3, "residual": True}),
    (nn.GRU, {"reset_after": False}),
    (nn.SLSTM, {"heads": 3}),
    (nn.MinGRU, {}),
]
COUNT = 9


def made(make, settings, hidden=18):
    torch.manual_seed(0)
    return make(5, hidden, **settings).eval()


@pytest.mark.parametrize("native", [True, False], ids=["native", "by definition"])
@pytest.mark.parametrize(("make", "settings"), CASES, ids=str)
@given(st.lists(st.lists(st.integers(0, COUNT - 1), unique=True, min_size=1), min_size=1, max_size=6), st.data())
def test_a_stream_steps_as_it_would_alone(make, settings, native, rounds, data):
    with pytest.MonkeyPatch.context() as patch:
        if not native:
            patch.setattr(library, "native", lambda: None)
        module = made(make, settings)
        many, alone = module.slots(COUNT, data.draw(st.sampled_from([1, 2, 4, 32]))), module.slots(COUNT, 1)
        for which in rounds:
            x = torch.randn(len(which), 5)
            y = many.step(x, torch.tensor(which)).clone()
            for row, slot in enumerate(which):
                own = alone.step(x[row : row + 1], torch.tensor([slot]))
                assert torch.equal(y[row], own[0])
        for slot in range(COUNT):
            assert all(map(torch.equal, many.state(slot), alone.state(slot)))


@pytest.mark.parametrize(("make", "settings"), CASES, ids=str)
def test_steps_are_the_forward_pass_and_a_state_can_be_put_elsewhere(make, settings):
    module = made(make, settings).double()
    slots, x = module.slots(4), torch.randn(7, 2, 5, dtype=torch.float64)
    with torch.no_grad():
        expected = module(x)[0]
    first = [slots.step(x[t], torch.tensor([3, 1])).clone() for t in range(4)]
    slots.put(0, slots.state(3))
    slots.put(3, None)
    later = [slots.step(x[t], torch.tensor([0, 1])).clone() for t in range(4, 7)]
    torch.testing.assert_close(torch.stack([*first, *later]), expected, rtol=0, atol=1e-12)
    again = slots.step(x[0, :1], torch.tensor([3]))
    torch.testing.assert_close(again, expected[0, :1], rtol=0, atol=1e-12)


def test_a_nan_stays_in_its_stream():
    module = made(nn.GRU, {})
    slots, alone = module.slots(8), module.slots(8)
    x = torch.randn(3, 8, 5)
    x[0, 4] = torch.nan
    for t in range(3):
        y = slots.step(x[t], torch.arange(8)).clone()
        for slot in (0, 3, 5, 7):
            assert torch.equal(y[slot], alone.step(x[t, slot : slot + 1], torch.tensor([slot]))[0])
    assert y[4].isnan().all()


@pytest.mark.parametrize("at", [[0, 0], [8], [-1]])
def test_streams_that_are_none_are_refused(at):
    slots = made(nn.GRU, {}).slots(8)
    with pytest.raises(ValueError, match="distinct numbers below 8"):
        slots.step(torch.zeros(len(at), 5), torch.tensor(at))


def test_what_does_not_fit_is_refused():
    slots = made(nn.GRU, {}).slots(8)
    with pytest.raises(ValueError, match=r"\(1, 5\) of torch.float32 is needed"):
        slots.step(torch.zeros(1, 4), torch.tensor([0]))
    with pytest.raises(ValueError, match="pass what `state` gave"):
        slots.put(0, (torch.zeros(2, 18),))
    with pytest.raises(ValueError, match="both must be at least 1"):
        made(nn.GRU, {}).slots(0)
    with pytest.raises(ValueError, match="bidirectional is True"):
        made(nn.GRU, {"bidirectional": True}).slots(2)


@pytest.mark.parametrize("native", [True, False], ids=["native", "by definition"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (7, 40), (64, 3), (130, 257)])
def test_rows_of_a_head_do_not_depend_on_each_other(monkeypatch, native, bias, inputs, outputs):
    if not native:
        monkeypatch.setattr(library, "native", lambda: None)
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(inputs, outputs, bias=bias), torch.randn(70, inputs)
    many, alone = (Affine(layer.weight, layer.bias, together) for together in (32, 1))
    found = many(x).clone()
    with torch.no_grad():
        torch.testing.assert_close(found, layer(x), rtol=1e-5, atol=1e-5)
    for row in range(70):
        assert torch.equal(alone(x[row : row + 1])[0], found[row])
    with pytest.raises(ValueError, match="reshape it"):
        many(x[:, :-1] if inputs > 1 else x[0])
