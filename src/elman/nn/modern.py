"""Cells that torch.nn lacks, in the same stack: an LSTM with exponential gates, and four of elementwise recurrence."""

import torch

from elman.nn.recurrent import Recurrent


class SLSTM(Recurrent):
    """The sLSTM of xLSTM, L layers, gates in the order i, f, z, o, each with its own W x_t + b + R h_{t-1}.

        m_t = max(log σ(f~) + m_{t-1}, i~)                      keeps the exponentials in range
        i = exp(i~ - m_t),  f = exp(log σ(f~) + m_{t-1} - m_t)
        c_t = f c_{t-1} + i tanh(z~),  n_t = f n_{t-1} + i
        h_t = σ(o~) c_t / n_t

    R is block diagonal: `heads` groups of H/heads units see only their own h; weight_hh is (4H, H/heads). The
    state is (h, c, n, m), each (L*D, B, H). Shapes and errors: `Recurrent.forward`.
    Source: Beck et al., arXiv:2405.04517, section 2.2; the layer alone, without the block around it.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
        heads: int = 1,
    ) -> None:
        options = (num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        super().__init__("SLSTM", input_size, hidden_size, *options, residual=residual, heads=heads)


class IndRNN(Recurrent):
    """An independently recurrent network of L layers: each unit sees of the past only itself.

        h_t = f(W x_t + b + u h_{t-1}),    f = relu or tanh by `nonlinearity`, u (H,) in weight_hh

    u starts in U(-1, 1). Shapes and errors: `Recurrent.forward`.
    Source: Li et al., arXiv:1803.04831.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "relu",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
    ) -> None:
        if nonlinearity not in ("relu", "tanh"):
            raise ValueError(f"nonlinearity is {nonlinearity!r}, but there are 'relu' and 'tanh': choose one")
        self.nonlinearity = nonlinearity
        options = (num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        super().__init__(f"INDRNN_{nonlinearity.upper()}", input_size, hidden_size, *options, residual=residual)


class Scan(Recurrent):
    """A cell whose gates see x_t alone, so that each unit's h_t is a h_{t-1} + b with known a and b."""

    mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
    ) -> None:
        options = (num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        super().__init__(type(self).mode, input_size, hidden_size, *options, residual=residual)


class MinGRU(Scan):
    """minGRU of L layers, gates in the order z, h, each of its own W x_t + b.

        h_t = (1 - z) h_{t-1} + z h~,    z = σ(z~)

    Shapes and errors: `Recurrent.forward`.
    Source: Feng et al., "Were RNNs All We Needed?", arXiv:2410.01201, section 3.1.
    """

    mode = "MINGRU"


class MinLSTM(Scan):
    """minLSTM of L layers, gates in the order f, i, h, each of its own W x_t + b.

        h_t = f' h_{t-1} + i' h~,    f' = σ(f~) / (σ(f~) + σ(i~)),  i' = 1 - f'

    Shapes and errors: `Recurrent.forward`.
    Source: Feng et al., "Were RNNs All We Needed?", arXiv:2410.01201, section 3.2.
    """

    mode = "MINLSTM"


class RGLRU(Scan):
    """Real-gated linear recurrent units of L layers, gates in the order r, i, u, each of its own W x_t + b.

        a = exp(-8 softplus(Λ) σ(r~)),    h_t = a h_{t-1} + sqrt(1 - a²) (σ(i~) u~)

    Λ (H,), in decay, starts so that a at σ(r~) = 1 is uniform in [0.9, 0.999]. Shapes and errors:
    `Recurrent.forward`.
    Source: De et al. (Griffin), arXiv:2402.19427, section 2.4, whose u~ comes from outside the cell.
    """

    mode = "RGLRU"
