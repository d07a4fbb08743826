"""What the recurrent stack refuses, with the value given, what is needed and what to do."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from elman import nn
from elman.nn.recurrent import Recurrent

STEPS, ROWS, FEATURES, HIDDEN = 6, 4, 3, 5


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((3, 0), {}, ValueError, "hidden_size is 0, but it must be at least 1"),
        ((3, 5.0), {}, TypeError, "hidden_size is 5.0, but it must be an int"),
        ((0, 5), {}, ValueError, "input_size is 0"),
        (("3", 5), {}, TypeError, "input_size is '3'"),
        ((3, 5, 0), {}, ValueError, "num_layers is 0"),
        ((3, 5), {"dropout": 1.5}, ValueError, "dropout is 1.5, but it is a probability"),
        ((3, 5), {"dropout": True}, ValueError, "dropout is True"),
        ((3, 5), {"dropout": "0.5"}, ValueError, "dropout is '0.5'"),
        ((3, 5), {"bias": 1}, TypeError, "bias is 1, but it must be a bool"),
        ((3, 5), {"batch_first": None}, TypeError, "batch_first is None"),
        ((3, 5), {"residual": 1}, TypeError, "residual is 1"),
        ((3, 5), {"proj_size": 5}, ValueError, "proj_size is 5, but it must lie below hidden_size=5"),
        ((3, 5), {"proj_size": -1}, ValueError, "proj_size is -1"),
        ((3, 5), {"proj_size": 1.5}, TypeError, "proj_size is 1.5, but it must be an int"),
        ((True, 5), {}, TypeError, "input_size is True, but it must be an int"),
        ((3, 5), {"bidirectional": 0.5}, TypeError, "bidirectional is 0.5, but it must be a bool"),
        ((3, 5), {"peephole": 1}, TypeError, "peephole is 1, but it must be a bool"),
        ((3, 5), {"layer_norm": None}, TypeError, "layer_norm is None"),
        ((3, 5), {"zoneout": 1.5}, ValueError, "zoneout is 1.5, but it is a probability"),
        ((3, 5), {"zoneout": (0.1, -0.1)}, ValueError, "zoneout is -0.1"),
        ((3, 5), {"zoneout": (0.1, True)}, ValueError, "zoneout is True"),
        ((3, 5), {"zoneout": (0.1, 0.1, 0.1)}, ValueError, r"a number or a pair \(p_h, p_c\) is needed"),
        ((3, 5), {"zoneout": "0.1"}, ValueError, "zoneout is '0.1'"),
        ((3, 5), {"recurrent_dropout": -0.5}, ValueError, "recurrent_dropout is -0.5"),
        ((3, 5), {"clip": 0.0}, ValueError, "clip is 0.0, but a number above 0 is needed"),
        ((3, 5), {"clip": float("nan")}, ValueError, "clip is nan"),
        ((3, 5), {"clip": True}, ValueError, "clip is True"),
        ((3, 5), {"clip": "1"}, ValueError, "clip is '1'"),
    ],
)
def test_options_that_cannot_be_say_why(arguments, options, error, message):
    with pytest.raises(error, match=message):
        nn.LSTM(*arguments, **options)


def test_options_of_other_cells_say_why():
    with pytest.raises(ValueError, match=r"zoneout is \(0.1, 0.2\), but one number is needed"):
        nn.GRU(3, 5, zoneout=(0.1, 0.2))
    with pytest.raises(ValueError, match="layer_norm is True with reset_after=False"):
        nn.GRU(3, 5, layer_norm=True, reset_after=False)
    with pytest.raises(TypeError, match="reset_after is 0, but it must be a bool"):
        nn.GRU(3, 5, reset_after=0)
    with pytest.raises(ValueError, match="heads is 4, but it must divide hidden_size=6"):
        nn.SLSTM(3, 6, heads=4)
    with pytest.raises(ValueError, match="heads is 0, but it must be at least 1"):
        nn.SLSTM(3, 6, heads=0)
    with pytest.raises(TypeError, match=r"heads is 2\.0"):
        nn.SLSTM(3, 6, heads=2.0)
    for mode, option in [
        ("GRU", {"peephole": True}),
        ("RNN_TANH", {"reset_after": False}),
        ("LSTM", {"heads": 2}),
        ("SLSTM", {"layer_norm": True}),
        ("MINGRU", {"zoneout": 0.1}),
        ("RGLRU", {"clip": 1.0}),
        ("INDRNN_RELU", {"recurrent_dropout": 0.1}),
        ("MINLSTM", {"proj_size": 2}),
    ]:
        ((name, value),) = option.items()
        with pytest.raises(ValueError, match=f"mode is '{mode}' with {name}={value}, but only "):
            Recurrent(mode, 3, 6, **option)


def test_unknown_cells_are_refused():
    with pytest.raises(ValueError, match="nonlinearity is 'gelu', but there are 'tanh', 'relu' and 'sigmoid'"):
        nn.RNN(3, 5, nonlinearity="gelu")
    with pytest.raises(ValueError, match="nonlinearity is 'sigmoid', but there are 'relu' and 'tanh'"):
        nn.IndRNN(3, 5, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match="mode is 'GRU' with proj_size=2, but only LSTM has that"):
        Recurrent("GRU", 3, 5, proj_size=2)
    with pytest.raises(ValueError, match="mode is 'PEEPHOLE'"):
        Recurrent("PEEPHOLE", 3, 5)


X = torch.zeros(STEPS, ROWS, FEATURES)
H = torch.zeros(2, ROWS, HIDDEN)


@pytest.mark.parametrize(
    ("kind", "x", "hx", "error", "message"),
    [
        ("GRU", X[0, 0], None, ValueError, "input has 1 dimensions, but 3"),
        ("GRU", X[None], None, ValueError, "input has 4 dimensions"),
        (
            "GRU",
            X[..., :2],
            None,
            RuntimeError,
            "input has 2 features in its last dimension, but input_size is 3",
        ),
        ("GRU", X[:0], None, RuntimeError, "T=0 time steps"),
        ("GRU", X.double(), None, ValueError, "input is torch.float64, but the weights are torch.float32"),
        ("GRU", X.long(), None, ValueError, "input is torch.int64"),
        ("GRU", [[0.0]], None, TypeError, "input is of type list, but a Tensor is needed"),
        ("GRU", X, H[:1], RuntimeError, r"h_0 has the shape \(1, 4, 5\), but \(2, 4, 5\) is needed"),
        ("GRU", X, H[:, :3], RuntimeError, r"h_0 has the shape \(2, 3, 5\)"),
        ("GRU", X, H[:, 0], RuntimeError, r"h_0 has the shape \(2, 5\), but \(2, 4, 5\)"),
        ("GRU", X[:, 0], H, RuntimeError, r"h_0 has the shape \(2, 4, 5\), but \(2, 5\)"),
        ("GRU", X, H.double(), ValueError, "h_0 is torch.float64"),
        ("GRU", X, (H, H), TypeError, "hx is of type tuple, but a Tensor h_0 is needed"),
        ("LSTM", X, H, TypeError, r"hx is of type Tensor, but a pair of Tensors \(h_0, c_0\) is needed"),
        ("LSTM", X, (H, None), TypeError, "hx is of type tuple, but a pair"),
        ("LSTM", X, (H, H[..., :4]), RuntimeError, r"c_0 has the shape \(2, 4, 4\)"),
        ("LSTM", X, (H, H, H), TypeError, "hx is of type tuple"),
        ("LSTM", X, (H, H[0]), RuntimeError, r"c_0 has the shape \(4, 5\)"),
        ("LSTM", X, (H, H.half()), ValueError, "c_0 is torch.float16"),
        ("GRU", X.to("meta"), None, RuntimeError, "input is on meta, but the weights are on cpu"),
        ("GRU", X, H.to("meta"), RuntimeError, "h_0 is on meta, but the weights are on cpu"),
        ("MinGRU", X, (H,), TypeError, "hx is of type tuple, but a Tensor h_0"),
        ("MinLSTM", X, H[None], RuntimeError, r"h_0 has the shape \(1, 2, 4, 5\)"),
        ("SLSTM", X, (H, H), TypeError, r"four Tensors \(h_0, c_0, n_0, m_0\) is needed"),
        ("SLSTM", X, (H, H, H, H[:1]), RuntimeError, r"m_0 has the shape \(1, 4, 5\)"),
    ],
)
def test_calls_that_do_not_fit_say_why(kind, x, hx, error, message):
    with pytest.raises(error, match=message):
        getattr(nn, kind)(FEATURES, HIDDEN, 2)(x, hx)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([6, 2, 0, 1], ValueError, r"lengths\[2\] is 0, but a row here has between 1 and T=6 steps"),
        ([6, 2, 1, 7], ValueError, r"lengths\[3\] is 7"),
        ([6, -2, 1, 7], ValueError, r"lengths\[1\] is -2"),
        ([6, 2, 1], ValueError, r"lengths has the shape \(3,\), but \(4,\) is needed"),
        (torch.tensor(6), ValueError, r"lengths has the shape \(\)"),
        ([6.0, 2.0, 1.0, 1.0], TypeError, "lengths is torch.float32, but whole numbers"),
        (torch.ones(4, dtype=torch.bool), TypeError, "lengths is torch.bool"),
    ],
)
def test_lengths_that_do_not_fit_say_why(lengths, error, message):
    with pytest.raises(error, match=message):
        nn.GRU(FEATURES, HIDDEN)(X, lengths=lengths)


def test_packed_sequences_that_do_not_fit_say_why():
    for x, message in [
        (X[..., 0], "packed data has 1 dimensions, but 2 are needed"),
        (X[..., :2], "input has 2 features in its last dimension"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            nn.GRU(FEATURES, HIDDEN)(pack_padded_sequence(x, [6, 2, 1, 1]))
    with pytest.raises(ValueError, match="a PackedSequence carries its own"):
        nn.GRU(FEATURES, HIDDEN)(pack_padded_sequence(X, [6, 6, 6, 6]), lengths=[6, 6, 6, 6])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "SLSTM", "IndRNN", "MinGRU", "MinLSTM", "RGLRU"])
def test_only_an_lstm_shows_its_cells(kind):
    with pytest.raises(ValueError, match=r"cells is True, but .* keeps no c_t for it"):
        getattr(nn, kind)(FEATURES, HIDDEN)(X, cells=True)
