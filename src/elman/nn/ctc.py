"""Connectionist temporal classification: symbols learnt from rows of steps without being told when each is there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from elman.nn.pool import inside

BLANK = 0  # what a step says that says nothing; the vocabularies here keep 0 for padding, which is never said
NEVER = -1e30  # log of 0, where -inf would make NaN of a gradient


@dataclass(frozen=True)
class Heard:
    """What was heard, and its log probability, summed over all the ways in which the steps can say it."""

    symbols: list[int]
    score: float


def ctc_costs(said: Tensor, lengths: Tensor, symbols: Tensor, sizes: Tensor) -> Tensor:
    """-log p(symbols_b | row b), (B,): of log probabilities said (S, B, V), lengths (B,), symbols (T, B), sizes (B,).

        p(l | x) = Σ_π Π_s said_s(π_s)     over all paths π_1 ... π_S that give l when repeats are made one and then
                                           blanks taken out

    Infinite where a row has fewer steps than ``steps_needed``. Source: Graves et al., Connectionist temporal
    classification, 2006.
    """
    return nn.functional.ctc_loss(said, symbols.T.clamp(min=0), lengths, sizes, BLANK, "none")


def ctc_loss(said: Tensor, lengths: Tensor, symbols: Tensor, sizes: Tensor) -> Tensor:
    """The mean over rows of ``ctc_costs`` / size; a row that cannot be said counts 0 and teaches nothing."""
    return nn.functional.ctc_loss(said, symbols.T.clamp(min=0), lengths, sizes, BLANK, "mean", zero_infinity=True)


def steps_needed(symbols: Tensor, sizes: Tensor) -> Tensor:
    """(B,): the fewest steps that can say each row of symbols (T, B): its size, and a blank between any two alike."""
    repeats = (symbols[1:] == symbols[:-1]) & (torch.arange(1, len(symbols))[:, None] < sizes)
    return sizes + repeats.sum(0)


def blank_share(said: Tensor, lengths: Tensor) -> float:
    """The share of all rows' steps whose likeliest symbol is the blank."""
    blank = (said.argmax(-1) == BLANK) & inside(len(said), lengths.to(said.device))
    return float(blank.sum()) / float(lengths.sum())


def _best_path(said: Tensor, lengths: Tensor, banned: tuple[int, ...] = ()) -> list[Heard]:
    """The symbols of each step's likeliest one, for each row; the score is that of the one path."""
    best, path = _allowed(said, banned).max(-1)
    within = inside(len(said), lengths.to(said.device))
    path = path.masked_fill(~within, BLANK)
    new = torch.ones_like(within)
    new[1:] = path[1:] != path[:-1]
    kept = new & (path != BLANK)
    scores = best.masked_fill(~within, 0).sum(0).tolist()
    return [Heard(path[kept[:, row], row].tolist(), scores[row]) for row in range(said.shape[1])]


@torch.no_grad()
def decode(
    said: Tensor, lengths: Tensor, *, beam: int = 1, banned: tuple[int, ...] = (), symbols: int = 40
) -> list[list[Heard]]:
    """For each row of said (S, B, V) the ``beam`` likeliest texts, the best first; beam 1 reads the best path.

    Each prefix l holds the probabilities of having been said so far with a blank at the end, b, and without one, n:

        b_s(l) = said_s(blank) (b_{s-1}(l) + n_{s-1}(l))
        n_s(l) = said_s(l_end) (n_{s-1}(l) + b_{s-1}(m) + [the ends of m and l differ] n_{s-1}(m))

    with m = l without its end. After each step the ``beam`` prefixes of largest b + n stay. A prefix grows by the
    ``symbols`` likeliest symbols of a step alone. Banned symbols are never said.

    Source: Graves, Sequence transduction with recurrent neural networks, arXiv:1211.3711; in this form Hannun et al.,
    arXiv:1408.2873.
    """
    if beam == 1:
        return [[heard] for heard in _best_path(said, lengths, banned)]
    steps, rows, vocabulary = said.shape
    said = _allowed(said, banned)
    # Past its end a row says blanks for sure, which change no prefix and no probability.
    past = ~inside(steps, lengths.to(said.device))
    said = said.masked_fill(past[..., None], NEVER)
    said[..., BLANK] = said[..., BLANK].masked_fill(past, 0.0)
    likely, choice = said[..., 1:].topk(min(symbols, vocabulary - 1))
    choice = choice + 1
    at = torch.arange(rows)[:, None]
    text = torch.zeros(rows, beam, 1, dtype=torch.long)  # each prefix after a 0, so that the empty one has an end too
    size = torch.zeros(rows, beam, dtype=torch.long)
    blank = torch.full((rows, beam), NEVER)
    other = torch.full((rows, beam), NEVER)
    blank[:, 0] = 0.0  # the empty prefix; the others are not there yet
    for step in range(steps):
        now = said[step]
        end = text[at, torch.arange(beam), size]
        total = torch.logaddexp(blank, other)
        stay_blank = total + now[:, BLANK, None]
        stay_other = (other + now.gather(1, end)).masked_fill(end == BLANK, NEVER)
        # grown[r, k, c]: prefix k with the c-th likeliest symbol after it
        same = end[:, :, None] == choice[step][:, None]
        grown = torch.where(same, blank[:, :, None], total[:, :, None]) + likely[step][:, None]
        # A grown prefix that is there already adds to it: j is k and its own end.
        longest = int(size.max()) + 1
        ends = torch.arange(longest)
        agree = (text[:, :, None, :longest] == text[:, None, :, :longest]) | (ends > size[:, :, None, None])
        child = agree.all(-1) & (size[:, None] == size[:, :, None] + 1) & (total[:, None] > NEVER / 2)
        gain = torch.where(end[:, :, None] == end[:, None], blank[:, :, None], total[:, :, None])
        gain = gain.masked_fill(~child, NEVER).amax(1) + now.gather(1, end)
        stay_other = torch.logaddexp(stay_other, gain.masked_fill(~child.any(1), NEVER))
        doubled = (child[:, :, :, None] & (end[:, None, :, None] == choice[step][:, None, None])).any(2)
        grown = grown.masked_fill(doubled, NEVER)
        pool = torch.cat([torch.logaddexp(stay_blank, stay_other), grown.flatten(1)], 1)
        found = pool.topk(beam)[1]
        stays = found < beam
        parent = torch.where(stays, found, (found - beam) // likely.shape[-1])
        symbol = choice[step].gather(1, ((found - beam) % likely.shape[-1]).masked_fill(stays, 0))
        blank = stay_blank.gather(1, parent).masked_fill(~stays, NEVER)
        other = torch.where(stays, stay_other.gather(1, parent), pool.gather(1, found))
        text, size = text[at, parent], size.gather(1, parent) + ~stays
        if int(size.max()) >= text.shape[-1]:
            text = nn.functional.pad(text, (0, text.shape[-1]))
        text[at, torch.arange(beam), size] = torch.where(stays, text[at, torch.arange(beam), size], symbol)
    scores, texts, sizes = torch.logaddexp(blank, other).tolist(), text.tolist(), size.tolist()
    return [
        [Heard(texts[row][k][1 : sizes[row][k] + 1], scores[row][k]) for k in range(beam) if scores[row][k] > NEVER / 2]
        for row in range(rows)
    ]


def alignment(said: Tensor, symbols: list[int]) -> Tensor:
    """(T, S): the probability that step s of said (S, V), one row's log probabilities, says the t-th of the symbols.

    Given that the row says these symbols at all; 0 where it cannot. A derivative of log p(symbols | row).
    """
    states = torch.zeros(2 * len(symbols) + 1, dtype=torch.long)
    states[1::2] = torch.tensor(symbols, dtype=torch.long)
    leaps = torch.zeros(len(states), dtype=torch.bool)  # from a symbol to another one no blank is needed
    leaps[3::2] = states[3::2] != states[1:-2:2]
    with torch.enable_grad():
        e = said.detach().double()[:, states].requires_grad_()
        a = torch.where(torch.arange(len(states)) < 2, e[0], NEVER)
        for e_s in e[1:]:
            before = nn.functional.pad(a, (2, 0), value=NEVER)
            a = torch.stack([a, before[1:-1], before[:-2].where(leaps, NEVER)]).logsumexp(0) + e_s
        total = a[-2:].logsumexp(0)
        if float(total.detach()) < NEVER / 2:
            return said.new_zeros(len(symbols), len(said))
        (gradient,) = torch.autograd.grad(total, e)
    return gradient[:, 1::2].T.to(said.dtype)


def _allowed(said: Tensor, banned: tuple[int, ...]) -> Tensor:
    said = said.detach().float().clone()
    said[..., list(banned)] = NEVER
    return said
