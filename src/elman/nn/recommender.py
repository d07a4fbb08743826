"""From the items of a session so far to scores of the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from elman.nn.dropout import Embedding, VariationalDropout
from elman.nn.initialise import initialise
from elman.nn.sequence import CELLS, Cell

NEVER = 2**30
MOST_SCORES = 2**22  # held at a time when all items are scored
UNUSED = -1e9  # the score of what is not compared with
BANNED = 2  # the first numbers, padding and the unknown item, which are never recommended


class Recommender(nn.Module):
    r"""A recurrent stack over items, and the score of each item as the next.

        e_t = dropout(E x_t)
        h_1 ... h_T = stack(e_1 ... e_T; the state that the last chunk of the same session ended with)
        s_t(i) = w_i · P dropout(h_t) + b_i + [i among x_1 ... x_t] (r · dropout(h_t) + r_0)

    With ``tied`` w is E, else a table of its own; P (D, H) is the identity where H = D. The last term, with
    ``repeats``, tells an item that the session had already from a new one, by as much as the moment asks for: the
    network need not store each item in h to know that it comes back.

    Sources: Hidasi et al., arXiv:1511.06939 (GRU4Rec), tied weights as in Hidasi and Karatzoglou, arXiv:1706.03847;
    that repeating is a mode of its own is of Ren et al., arXiv:1812.02646.
    """

    def __init__(
        self,
        *,
        items: int,
        embedding: int,
        cell: Cell = "gru",
        hidden: int,
        layers: int = 1,
        residual: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        tied: bool = True,
        repeats: bool = False,
    ) -> None:
        super().__init__()
        self.scale = embedding**0.5
        self.embedding = Embedding(items, embedding, scale=1 / self.scale)
        self.input_dropout, self.dropout = VariationalDropout(input_dropout), VariationalDropout(dropout)
        between = dropout if layers > 1 else 0.0
        self.stack = CELLS[cell](embedding, hidden, layers, dropout=between, residual=residual)
        self.inner = nn.Linear(hidden, embedding, bias=False) if hidden != embedding else None
        self.weight = None if tied else nn.Parameter(nn.init.xavier_uniform_(torch.empty(items, embedding)))
        self.bias = nn.Parameter(torch.zeros(items))
        self.again = nn.Linear(hidden, 1) if repeats else None
        initialise(self)
        self._carried: Any = None
        self._first: Tensor | None = None

    def read(self, x: Tensor, lengths: Tensor, before: Any = None) -> tuple[Tensor, Any]:
        """States h (T, B, H) of the items x (T, B), and the state to go on from."""
        return self.stack(self.input_dropout(self.embedding(x) * self.scale), before, lengths=lengths)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor,
        fresh: Tensor,
        follows: Tensor,
        others: Tensor | None = None,
        log_chance: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Scores for training: of the M items that follow, (M,), and of N others at the same steps, (M, N).

        x, follows (T, B), -100 where nothing follows; ``fresh`` (B,) where a session begins: elsewhere the state of the
        call before is carried in, without its gradient. ``others`` (N,) are distinct; without them all items are
        compared with. ``log_chance`` (N,) is taken off their scores. An other that is the true one itself has the score
        UNUSED.
        """
        h, after = self.read(x, lengths, self._carry(fresh))
        self._carried = tuple(part.detach() for part in after) if isinstance(after, tuple) else after.detach()
        inside = follows >= 0
        step, row = inside.nonzero(as_tuple=True)
        y, moments = follows[step, row], self.dropout(h)[step, row]
        if others is None:
            others = torch.arange(BANNED, len(self.bias), device=x.device)
        weight, inner = self._weight(), moments if self.inner is None else self.inner(moments)
        bias = self.bias[others] if log_chance is None else self.bias[others] - log_chance
        own = (inner * weight[y]).sum(-1) + self.bias[y]
        rest = nn.functional.linear(inner, weight[others], bias)
        if self.again is not None:
            first, again = self._firsts(x, fresh), self.again(moments)[:, 0]
            own = own + again * (first[row, y] <= step)
            # Few of the others were there before, so that these alone are visited.
            there = first[:, others]
            session, other = (there < NEVER).nonzero(as_tuple=True)
            later = inside[:, session] & (steps_of(x)[:, session] >= there[session, other])
            at, pair = later.nonzero(as_tuple=True)
            moment = torch.full_like(follows, -1).masked_scatter(inside, torch.arange(len(y), device=x.device))
            moment = moment[at, session[pair]]
            rest = rest.index_put_((moment, other[pair]), again[moment], accumulate=True)
        place = torch.full_like(self.bias, -1, dtype=torch.int64).index_put_(
            (others,), torch.arange(len(others), device=x.device)
        )[y]
        hit = (place >= 0).nonzero()[:, 0]
        return own, rest.index_put_((hit, place[hit]), torch.full((), UNUSED, device=x.device))

    def _carry(self, fresh: Tensor) -> Any:
        """The states that the last chunk ended with, zero where a session begins."""
        if self._carried is None or fresh.all():
            return None
        kept = (~fresh)[:, None]
        if isinstance(self._carried, tuple):
            return tuple(part * kept for part in self._carried)
        return self._carried * kept

    def carried(self) -> list[Tensor]:
        """What training carries into its next call; nothing before the first."""
        if self._carried is None:
            return []
        state = list(self._carried) if isinstance(self._carried, tuple) else [self._carried]
        return state if self._first is None else [*state, self._first]

    def carry(self, state: Sequence[Tensor]) -> None:
        """Carry this into training's next call; of nothing it begins anew."""
        state = list(state)
        self._first = state.pop() if state and self.again is not None else None
        self._carried = None if not state else tuple(state) if len(state) > 1 else state[0]

    def _firsts(self, x: Tensor, fresh: Tensor) -> Tensor:
        """(B, V): the step at which the session first had each item, -1 in an earlier chunk, NEVER if it did not."""
        if self._first is None or len(self._first) != x.shape[1]:
            self._first = torch.full((x.shape[1], len(self.bias)), NEVER, dtype=torch.int32, device=x.device)
        self._first.masked_fill_(self._first < NEVER, -1).masked_fill_(fresh[:, None], NEVER)
        return self._first.scatter_reduce_(1, x.T, steps_of(x).T, "amin")

    @torch.no_grad()
    def asked(self, x: Tensor, lengths: Tensor, at: Tensor) -> Iterator[Tensor]:
        """Scores (M, V) of the next item at the moments ``at`` (T, B), session by session, some moments at a time.

        x (T, B) holds sessions from their beginning. Padding and the unknown item have -inf.
        """
        h, _ = self.read(x, lengths)
        first = None
        if self.again is not None:
            never = torch.full((x.shape[1], len(self.bias)), NEVER, dtype=torch.int32, device=x.device)
            first = never.scatter_reduce_(1, x.T, steps_of(x).T, "amin")
        row, step = at.T.nonzero(as_tuple=True)
        for some in torch.arange(len(row)).split(max(1, MOST_SCORES // len(self.bias))):
            moments = h[step[some], row[some]]
            z = nn.functional.linear(moments if self.inner is None else self.inner(moments), self._weight(), self.bias)
            if self.again is not None and first is not None:
                z = z + self.again(moments) * (first[row[some]] <= step[some][:, None])
            z[:, :BANNED] = -torch.inf
            yield z

    def _weight(self) -> Tensor:
        return self.embedding.weight if self.weight is None else self.weight


def steps_of(x: Tensor) -> Tensor:
    """(T, B): each step's number."""
    return torch.arange(len(x), dtype=torch.int32, device=x.device)[:, None].expand_as(x)
