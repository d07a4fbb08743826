"""Text to the frames of a sound: an encoder of symbols, and a decoder that attends to them and says when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from elman.nn.attention import LocationAttention, MixtureAttention
from elman.nn.conv import Conv
from elman.nn.initialise import initialise
from elman.nn.losses import masked_mean
from elman.nn.seq2seq import Memory
from elman.nn.sequence import CELLS, Cell, SequenceNetwork


class Spoken(NamedTuple):
    """T steps of r frames: ``frames`` (T, B, r F), ``refined`` alike, ``stop`` logits (T, B), attention (B, T, S)."""

    frames: Tensor
    refined: Tensor
    stop: Tensor
    attention: Tensor


@dataclass(frozen=True)
class Said:
    """One text spoken: frames (T r, F), the attention of each step (T, S), and whether it came to an end by itself."""

    frames: Tensor
    attention: Tensor
    stopped: bool


State = tuple[Any, Any, Tensor]  # of the lower and the upper layer, None before the first step; of the attention


class SpeakerNetwork(nn.Module):
    """Symbols x_1 ... x_S to steps of r frames each, every step told the last frame f_{t-1} (F,) of the one before.

        m_1 ... m_S = stack(relu(W * E x))            convolution and recurrent layer both ways (`SequenceNetwork`)
        p_t = dropout(relu(P' dropout(relu(P f_{t-1}))))
        l_t = lower(p_t, l_{t-1})
        c_t = attention(l_t, m)                       "gmm" (`MixtureAttention`) or "location" (`LocationAttention`)
        u_t = upper([l_t, c_t], u_{t-1})
        [y_t, s_t] = W dropout([u_t, c_t]) + b        y_t (r F,) frames, s_t the logit of stopping after them
        refined = y + conv(tanh(conv(tanh(conv(y))))) with ``postnet``, the channels; else y

    The narrow prenet with its dropout keeps f_{t-1} from saying so much that the text need not be read. The lower layer
    does not see the text, so that with "gmm" a whole sequence takes one call of each layer; "location" loops over time.
    ``pace`` is how many symbols a step passes on average.

    Source: Wang et al., arXiv:1703.10135 (r frames a step); Shen et al., arXiv:1712.05884 (stop logit, postnet).
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        bands: int,
        frames: int,
        embedding: int,
        hidden: int,
        layers: int = 1,
        cell: Cell = "lstm",
        attention: Literal["gmm", "location"] = "gmm",
        pace: float = 1.0,
        prenet: int = 128,
        prenet_dropout: float = 0.5,
        postnet: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.bands, self.r = bands, frames
        self.encoder = SequenceNetwork(
            vocabulary=vocabulary,
            embedding=embedding,
            conv=5,
            cell=cell,
            hidden=max(1, hidden // 2),
            layers=layers,
            dropout=dropout,
        )
        memory = self.encoder.outputs
        self.prenet = nn.Sequential(
            *(nn.Linear(bands, prenet), nn.ReLU(), nn.Dropout(prenet_dropout)),
            *(nn.Linear(prenet, prenet), nn.ReLU(), nn.Dropout(prenet_dropout)),
        )
        self.lower = CELLS[cell](prenet, hidden, 1)
        self.upper = CELLS[cell](hidden + memory, hidden, 1)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden + memory, frames * bands + 1)
        initialise(self)
        # These have starts of their own.
        self.attention: MixtureAttention | LocationAttention = (
            MixtureAttention(hidden, memory, pace=pace) if attention == "gmm" else LocationAttention(hidden, memory)
        )
        sizes = [(bands, postnet), (postnet, postnet), (postnet, bands)]
        self.postnet = nn.ModuleList([Conv(*pair, 5) for pair in sizes] if postnet else [])

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Memory, State]:
        """x (S, B) and lengths (B,) to what the decoder attends to, and its first state."""
        values = self.encoder(x, lengths).transpose(0, 1)
        past = torch.arange(len(x), device=x.device) >= lengths.to(x.device)[:, None]
        memory = Memory(values, self.attention.keys(values), past)
        return memory, (None, None, self.attention.begin(values))

    def decode(self, before: Tensor, memory: Memory, state: State) -> tuple[Tensor, Tensor, Tensor, State]:
        """before (T, B, F) to frames (T, B, r F), stop logits (T, B), attention (B, T, S) and the state after."""
        below, lower = self.lower(self.prenet(before), state[0])
        context, weights, place = self.attention(
            below.transpose(0, 1), memory.values, memory.keys, memory.past, state[2]
        )
        context = context.transpose(0, 1)
        above, upper = self.upper(torch.cat([below, context], -1), state[1])
        z = self.out(self.dropout(torch.cat([above, context], -1)))
        return z[..., :-1], z[..., -1], weights, (lower, upper, place)

    def forward(self, x: Tensor, lengths: Tensor, before: Tensor, steps: Tensor) -> Spoken:
        """x (S, B), lengths (B,), the frames before (T, B, F), and how many steps each row has, (B,)."""
        frames, stop, weights, _ = self.decode(before, *self.encode(x, lengths))
        return Spoken(frames, self.refine(frames, steps), stop, weights)

    def refine(self, frames: Tensor, steps: Tensor) -> Tensor:
        """(T, B, r F) to the same; steps (B,) of each row."""
        if not self.postnet:
            return frames
        y = x = frames.unflatten(-1, (self.r, self.bands)).transpose(1, 2).flatten(0, 1)
        for layer in self.postnet:
            y = layer(y if y is x else y.tanh(), self.r * steps)
        return (x + y).unflatten(0, (-1, self.r)).transpose(1, 2).flatten(2)

    @torch.no_grad()
    def speak(self, x: Tensor, lengths: Tensor, longest: Tensor) -> list[Said]:
        """Each row of x (S, B) step by step, until its stop logit is above 0 or ``longest`` (B,) steps are made."""
        memory, state = self.encode(x, lengths)
        rows = len(lengths)
        before = memory.values.new_zeros(1, rows, self.bands)
        ends = torch.zeros_like(longest)
        stopped = torch.zeros(rows, dtype=torch.bool)
        made, attended = [], []
        while not bool(ends.all()):
            frames, stop, weights, state = self.decode(before, memory, state)
            before = frames[..., -self.bands :]
            made.append(frames[0])
            attended.append(weights[:, 0])
            wants = (stop[0] > 0).cpu() & (ends == 0)
            stopped |= wants
            ends[wants | ((ends == 0) & (len(made) >= longest))] = len(made)
        frames = self.refine(torch.stack(made), ends)
        found = torch.stack(attended, 1)
        return [
            Said(
                frames[:end, row].reshape(-1, self.bands),
                found[row, :end, : int(lengths[row])],
                bool(stopped[row]),
            )
            for row, end in enumerate(ends.tolist())
        ]


def speech_loss(outputs: Spoken, y: Tensor, lengths: Tensor, *, guided: float = 0.0) -> Tensor:
    """How far a `Spoken` is from the frames y (T, B, r F), NaN past a row's end; lengths (B,) of the texts. A scalar.

        mean |e| + mean e²                          e = frames - y, and the same of what was refined, if it was
        + mean of -log p                            p of stopping after a row's last step and of going on after others
        + guided · mean_t Σ_i a_ti (1 - exp(-(t/T - i/S)² / (2 · 0.2²)))

    Source of the last line, which draws the attention to the diagonal: Tachibana et al., arXiv:1710.08969.
    """
    inside = ~y[..., 0].isnan()
    steps = inside.sum(0)
    observed, wanted = inside[..., None].expand_as(y), y.nan_to_num()
    loss = y.new_zeros(())
    for found in [outputs.frames] + [outputs.refined] * (outputs.refined is not outputs.frames):
        error = found - wanted
        loss = loss + masked_mean(error.abs() + error.square(), observed)
    ends = torch.zeros_like(outputs.stop).scatter_(0, steps[None] - 1, 1.0)
    each = nn.functional.binary_cross_entropy_with_logits(outputs.stop, ends, reduction="none")
    loss = loss + masked_mean(each, inside)
    if guided:
        loss = loss + guided * masked_mean(_strayed(outputs.attention, steps, lengths.to(y.device)), inside.T)
    return loss


def _strayed(attention: Tensor, steps: Tensor, lengths: Tensor) -> Tensor:
    """(B, T): how far each step's attention (B, T, S) lies from the diagonal, 0 to 1."""
    _, T, S = attention.shape
    t = torch.arange(T, device=attention.device)[:, None] / steps[:, None, None]
    i = torch.arange(S, device=attention.device) / lengths[:, None, None]
    return (attention * (1 - (-((t - i) ** 2) / (2 * 0.2**2)).exp())).sum(-1)
