"""Beam search: the likeliest sequences that a decoder writes, for many rows at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from elman.nn.seq2seq import Decoder, Memory, States


@dataclass(frozen=True)
class Found:
    """A written sequence without its end symbol, its score, and the attention of each symbol, (T, S)."""

    symbols: list[int]
    score: float
    attention: Tensor


@torch.no_grad()
def search(
    decoder: Decoder,
    memory: Memory,
    states: States,
    *,
    start: int,
    end: int,
    longest: int,
    beam: int = 5,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
    no_repeat: int = 0,
    banned: tuple[int, ...] = (),
) -> list[list[Found]]:
    """For each row of the memory the ``beam`` best sequences, the best first; beam 1 is greedy.

    The score of symbols y_1 ... y_n, the end symbol included, is

        Σ_i log p(y_i) / n^length_penalty + coverage_penalty Σ_s log min(Σ_i a_is, 1)

    the second sum over the row's source steps, a_is their attention. No ``no_repeat`` symbols in a row come twice. A
    row is done when ``beam`` sequences have ended and no open one could still score better, or after ``longest``
    symbols.

    Source: Wu et al., arXiv:1609.08144, the length normalisation in its plain form; no_repeat: Paulus et al.,
    arXiv:1705.04304.
    """
    rows, device = len(memory.values), memory.values.device
    memory = memory.take(torch.arange(rows, device=device).repeat_interleave(beam))
    states = _take(states, torch.arange(rows, device=device).repeat_interleave(beam))
    symbols = torch.full((1, rows * beam), start, device=device)
    written = torch.zeros(rows, beam, 0, dtype=torch.long, device=device)
    # Of each step the attention of the sequences it went on from, and which of the step before these came from: kept
    # once, and put together for what is found in the end.
    trail: list[tuple[Tensor, Tensor]] = []
    came = torch.arange(rows * beam, device=device)
    covered = memory.values.new_zeros(rows, beam, memory.values.shape[1])
    scores = memory.values.new_full((rows, beam), -math.inf)
    scores[:, 0] = 0  # all begin alike: one of them is enough
    done: list[list[_Ended]] = [[] for _ in range(rows)]
    alive = torch.arange(rows, device=device)
    for step in range(1, longest + 1):
        logits, states, weights = decoder(symbols, memory, states)
        said = logits[0].log_softmax(-1)
        said[:, list(banned)] = -math.inf
        if 0 < no_repeat < step:
            said[_repeats(written.flatten(0, 1), no_repeat, said.shape[-1])] = -math.inf
        if step == longest:
            ended = said[:, end].clone()
            said.fill_(-math.inf)
            said[:, end] = ended
        total = (scores.reshape(-1, 1) + said).view(len(alive), -1)
        best, at = total.topk(2 * beam)
        vocabulary = said.shape[-1]
        parent, symbol = at // vocabulary, at % vocabulary
        ends = symbol == end
        trail.append((weights[:, 0], came))
        if coverage_penalty:
            covered = covered + weights.view(len(alive), beam, -1)
        # What ends among the best of the row is kept; what goes on are the best that do not end.
        for row, k in (ends & (best > -math.inf)).nonzero().tolist():
            if k < beam:
                from_, owner = int(parent[row, k]), int(alive[row])
                score = float(best[row, k]) / step**length_penalty
                if coverage_penalty:
                    past = None if memory.past is None else memory.past[row * beam]
                    score += coverage_penalty * _left(covered[row, from_], past)
                done[owner].append(_Ended(score, written[row, from_].tolist(), row * beam + from_))
                done[owner] = sorted(done[owner], key=lambda one: -one.score)[:beam]
        order = (ends | (best == -math.inf)).long().argsort(dim=1, stable=True)[:, :beam]
        scores = best.masked_fill(ends, -math.inf).gather(1, order)
        parent, symbol = parent.gather(1, order), symbol.gather(1, order)
        index = torch.arange(len(alive), device=device)[:, None]
        written = torch.cat([written[index, parent], symbol[..., None]], -1)
        if coverage_penalty:
            covered = covered[index, parent]
        # Log probabilities only fall, so that an open one scores at most what it has now over the longest length.
        hope = scores[:, 0] / (longest if length_penalty > 0 else 1) ** length_penalty
        open_ = [
            row
            for row, owner in enumerate(alive.tolist())
            if float(scores[row, 0]) > -math.inf and not _settled(done[owner], beam, float(hope[row]))
        ]
        if not open_ or step == longest:
            break
        keep = torch.tensor(open_, device=device)
        came = (keep[:, None] * beam + parent[keep]).flatten()
        states = _take(states, came)
        if len(keep) < len(alive):
            memory = memory.take((keep[:, None] * beam + torch.arange(beam, device=device)).flatten())
        alive, scores, written, covered = alive[keep], scores[keep], written[keep], covered[keep]
        symbols = symbol[keep].reshape(1, -1)
    return [[Found(one.symbols, one.score, _attention(trail, one)) for one in ended] for ended in done]


class _Ended(NamedTuple):
    """A sequence that has ended, and its place among those that its last step went on from."""

    score: float
    symbols: list[int]
    at: int


def _attention(trail: list[tuple[Tensor, Tensor]], ended: _Ended) -> Tensor:
    steps, at = [], ended.at
    for weights, came in reversed(trail[: len(ended.symbols) + 1]):
        steps.append(weights[at])
        at = int(came[at])
    return torch.stack(steps[::-1])


def _repeats(written: Tensor, n: int, vocabulary: int) -> Tensor:
    """(rows, vocabulary): the symbols that would end n symbols in a row that ``written`` (rows, T) holds already."""
    runs = written.unfold(1, n, 1)
    again = (runs[..., : n - 1] == written[:, None, written.shape[1] - n + 1 :]).all(-1)
    held = torch.zeros(len(written), vocabulary, dtype=torch.bool, device=written.device)
    row, at = again.nonzero(as_tuple=True)
    held[row, runs[row, at, -1]] = True
    return held


def _left(covered: Tensor, past: Tensor | None) -> float:
    """Σ_s log min(c_s, 1) over the steps s that are not past the row's end; c_s (S,) is what s got in all."""
    each = covered.clamp(1e-6, 1).log()
    return float(each.sum() if past is None else each[~past].sum())


def _settled(found: list[_Ended], beam: int, hope: float) -> bool:
    return len(found) == beam and found[-1].score >= hope


def _take(states: States, rows: Tensor) -> States:
    return tuple(tuple(part[:, rows] for part in state) for state in states)
