"""Beam search: the likeliest sequences that a decoder writes, for many rows at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    attended = memory.values.new_zeros(rows, beam, 0, memory.values.shape[1])
    scores = memory.values.new_full((rows, beam), -math.inf)
    scores[:, 0] = 0  # all begin alike: one of them is enough
    done: list[list[Found]] = [[] for _ in range(rows)]
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
        weights = weights.view(len(alive), beam, -1)
        # What ends among the best of the row is kept; what goes on are the best that do not end.
        for row, k in (ends & (best > -math.inf)).nonzero().tolist():
            if k < beam:
                from_, owner = int(parent[row, k]), int(alive[row])
                attention = torch.cat([attended[row, from_], weights[row, from_][None]])
                score = float(best[row, k]) / step**length_penalty
                if coverage_penalty:
                    past = None if memory.past is None else memory.past[row * beam]
                    score += coverage_penalty * _covered(attention, past)
                done[owner].append(Found(written[row, from_].tolist(), score, attention))
        order = (ends | (best == -math.inf)).long().argsort(dim=1, stable=True)[:, :beam]
        scores = best.masked_fill(ends, -math.inf).gather(1, order)
        parent, symbol = parent.gather(1, order), symbol.gather(1, order)
        index = torch.arange(len(alive), device=device)[:, None]
        written = torch.cat([written[index, parent], symbol[..., None]], -1)
        attended = torch.cat([attended[index, parent], weights[index, parent][:, :, None]], 2)
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
        flat = (keep[:, None] * beam + parent[keep]).flatten()
        states = _take(states, flat)
        if len(keep) < len(alive):
            memory = memory.take((keep[:, None] * beam + torch.arange(beam, device=device)).flatten())
        alive, scores, written, attended = alive[keep], scores[keep], written[keep], attended[keep]
        symbols = symbol[keep].reshape(1, -1)
    return [sorted(found, key=lambda one: -one.score)[:beam] for found in done]


def _repeats(written: Tensor, n: int, vocabulary: int) -> Tensor:
    """(rows, vocabulary): the symbols that would end n symbols in a row that ``written`` (rows, T) holds already."""
    runs = written.unfold(1, n, 1)
    again = (runs[..., : n - 1] == written[:, None, written.shape[1] - n + 1 :]).all(-1)
    held = torch.zeros(len(written), vocabulary, dtype=torch.bool, device=written.device)
    row, at = again.nonzero(as_tuple=True)
    held[row, runs[row, at, -1]] = True
    return held


def _covered(attention: Tensor, past: Tensor | None) -> float:
    """Σ_s log min(Σ_i a_is, 1) of the attention (T, S), over the steps s that are not past the row's end."""
    covered = attention.sum(0).clamp(1e-6, 1).log()
    return float(covered.sum() if past is None else covered[~past].sum())


def _settled(found: list[Found], beam: int, hope: float) -> bool:
    return len(found) >= beam and sorted((one.score for one in found), reverse=True)[beam - 1] >= hope


def _take(states: States, rows: Tensor) -> States:
    return tuple(tuple(part[:, rows] for part in state) for state in states)
