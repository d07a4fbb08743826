"""The three cells that torch.nn has too, in its place: RNN, LSTM and GRU."""

import torch

from elman.nn.recurrent import Recurrent


class RNN(Recurrent):
    """A simple (Elman) recurrent network of L layers, the drop-in for torch.nn.RNN.

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),    f = tanh, relu or sigmoid by `nonlinearity`

    Shapes and errors: `Recurrent.forward`; layer_norm, zoneout, recurrent_dropout and clip: `Recurrent`. The
    output equation y_t = g(W_hy h_t + b_y) is a head's.
    Source: Elman, "Finding structure in time", Cognitive Science 14 (1990), whose f is the sigmoid.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
        layer_norm: bool = False,
        zoneout: float = 0.0,
        recurrent_dropout: float = 0.0,
        clip: float | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu", "sigmoid"):
            raise ValueError(
                f"nonlinearity is {nonlinearity!r}, but there are 'tanh', 'relu' and 'sigmoid': choose one"
            )
        self.nonlinearity = nonlinearity
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            *(num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype),
            residual=residual,
            layer_norm=layer_norm,
            zoneout=zoneout,
            recurrent_dropout=recurrent_dropout,
            clip=clip,
        )


class LSTM(Recurrent):
    """Long short-term memory of L layers, gates in the order i, f, g, o: the drop-in for torch.nn.LSTM.

        i, f, o = σ(·), g = tanh(·), each of its own W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
        c_t = f c_{t-1} + i g
        h_t = o tanh(c_t),    or W_hr (o tanh(c_t)) of size P = proj_size

    With `peephole` i and f also see w_ci c_{t-1} and w_cf c_{t-1}, and o sees w_co c_t; the three, unit by unit,
    are weight_ch (3H,). zoneout is one probability for h and c, or a pair (p_h, p_c).

    Shapes and errors: `Recurrent.forward`; layer_norm, zoneout, recurrent_dropout and clip: `Recurrent`.
    Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997), with a forget gate; the peepholes of Gers,
    Schraudolph and Schmidhuber, JMLR 3 (2002); the projection of Sak, Senior and Beaufays, arXiv:1402.1128.
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
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
        peephole: bool = False,
        layer_norm: bool = False,
        zoneout: float | tuple[float, float] = 0.0,
        recurrent_dropout: float = 0.0,
        clip: float | None = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            *(num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype),
            residual=residual,
            peephole=peephole,
            layer_norm=layer_norm,
            zoneout=zoneout,
            recurrent_dropout=recurrent_dropout,
            clip=clip,
        )


class GRU(Recurrent):
    """Gated recurrent units of L layers, gates in the order r, z, n: the drop-in for torch.nn.GRU.

        r, z = σ(·), each of its own W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
        n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn)),    or with reset_after=False, as the paper and
        n = tanh(W_in x_t + b_in + W_hn (r h_{t-1}) + b_hn)     older Keras models have it
        h_t = (1 - z) n + z h_{t-1}

    Shapes and errors: `Recurrent.forward`; layer_norm (which needs reset_after), zoneout, recurrent_dropout and
    clip: `Recurrent`.
    Source: Cho et al., arXiv:1406.1078; with the reset after the recurrent product as cuDNN and torch have it.
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
        reset_after: bool = True,
        layer_norm: bool = False,
        zoneout: float = 0.0,
        recurrent_dropout: float = 0.0,
        clip: float | None = None,
    ) -> None:
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            *(num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype),
            residual=residual,
            reset_after=reset_after,
            layer_norm=layer_norm,
            zoneout=zoneout,
            recurrent_dropout=recurrent_dropout,
            clip=clip,
        )
