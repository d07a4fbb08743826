"""Recommend: the next item of a session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, by_length, in_order
from elman.data.files import short
from elman.data.frames import to_frame
from elman.data.labelled import names_file
from elman.data.ragged import Ragged
from elman.data.sessions.items import FIRST, UNKNOWN, Items
from elman.data.sessions.reader import Sessions, of_names, of_text, read_sessions
from elman.data.sessions.streams import Draw, Histories, Streams
from elman.errors import InputError
from elman.evaluate.recommendation import report
from elman.evaluate.recommendation.metrics import LONGEST, Ranking, ranked
from elman.evaluate.recommendation.neighbours import Rival, rivals
from elman.evaluate.report import evenly
from elman.nn.losses import bpr_max, sampled_cross_entropy, top1_max
from elman.nn.recommender import Recommender as Network
from elman.tasks.base import DOES, Judged, Prepared, Task, TaskConfig
from elman.tasks.explain_text import explain_recommended
from elman.tasks.explained import Explained
from elman.train.config import require, require_least, require_share
from elman.train.pace import steps_a_pass

ALL = 1000  # items up to which each is compared with all others
DRAWN = 512  # items that are drawn to be compared with, where there are more
JUDGED = 6000  # events that are judged at most
CHOSEN = 4000  # and that choose when to stop
SHOWN, NAMED = 12, 5  # sessions in the report, and items named of each
TRIED = 20  # sessions that judging is timed on

Asked = tuple[np.ndarray, int, int]  # items had, the one that came, the session's number among those learnt from


@dataclass(frozen=True, kw_only=True)
class RecommendConfig(TaskConfig):
    """Which columns, what is held back, and what the true item is compared with.

    Parameters
    ----------
    session
        Column that tells which events belong together: a visit, a customer, a playlist.
    item
        Column of the items.
    time
        Column of the times; without it events follow each other as the rows do.
    hold
        What judges: sessions, those that end last, all their events but the first; or last, the last event of every
        session, the rest of which is learnt from.
    objective
        cross_entropy, bpr_max or top1_max.
    negatives
        Items drawn to be compared with, for each batch; left out, all where there are 1,000 at most, else 512.
    exponent
        An item is drawn by its count to this power: 0 draws all alike, 1 by popularity.
    logq
        Weigh drawn items by how likely they were to be drawn (cross_entropy).
    tied
        Items have one vector, as what is read and as what is scored.
    repeats
        A term for items that the session had already.
    embedding
        Numbers that stand for an item; as many as hidden when left out.
    input_dropout
        Share of an item's numbers dropped while training.
    chunk
        Events over which errors are propagated back; the state is carried on beyond.
    rarest
        Items that occur less often in training are left out.
    valid_share
        Share of the sessions that choose when to stop.
    test_share
        Share of the sessions that judge; of no account with --hold last.
    """

    session: str
    item: str
    time: str | None = None
    hold: Literal["sessions", "last"] = "sessions"
    objective: Literal["cross_entropy", "bpr_max", "top1_max"] = "cross_entropy"
    negatives: int | None = None
    exponent: float = 0.75
    logq: bool = True
    tied: bool = True
    repeats: bool = True
    embedding: int | None = None
    input_dropout: float = 0.25
    chunk: int = 32
    rarest: int = 1
    valid_share: float = 0.1
    test_share: float = 0.1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    cell: Literal["rnn", "lstm", "gru"] = "gru"
    dropout: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "embedding", "chunk", "rarest")
        require_least(self, 2, "negatives")
        require_least(self, 0, "exponent")
        require_share(self, "input_dropout", "valid_share", "test_share")
        left = 1 - self.valid_share
        require(self.test_share < left, "test_share", self.test_share, f"below {left:g}, 1 less --valid-share")


@dataclass(frozen=True)
class Part:
    """Sessions of which the events from ``first`` (S,) on are to be foretold; ``own`` (S,): their numbers among those
    that are learnt from, -1 where they are none of these."""

    sessions: Sessions
    first: Tensor
    own: Tensor

    @classmethod
    def whole(cls, sessions: Sessions) -> Part:
        """All events but the first."""
        ones = torch.ones(len(sessions), dtype=torch.int64)
        return cls(sessions, ones, -ones)

    def take(self, rows: Tensor) -> Part:
        return Part(self.sessions.take(rows), self.first[rows], self.own[rows])

    def usable(self, most: int) -> Part:
        """The sessions with something to foretell; evenly spaced ones where that would be far more than ``most``."""
        rows = (self.sessions.events.lengths > self.first).nonzero()[:, 0]
        events = int((self.sessions.events.lengths - self.first)[rows].sum())
        return self.take(rows[:: max(1, round(events / most))])


def last_apart(data: Sessions, share: float, seed: int) -> tuple[Sessions, Part, Part]:
    """What is learnt from, what chooses and what judges: of every session its last event, of some the one before it."""
    lengths, rows = data.events.lengths, torch.arange(len(data))
    some = torch.rand(len(data), generator=torch.Generator().manual_seed(seed)) < share
    judges, chooses = lengths > 1, some & (lengths > 2)
    before = replace(data, events=data.events.heads(lengths - judges.long()))
    train = replace(data, events=data.events.heads(lengths - judges.long() - chooses.long()))
    parts = Part(before, lengths - 2, rows).take(rows[chooses]), Part(data, lengths - 1, rows).take(rows[judges])
    return train, *parts


def latest_apart(data: Sessions, valid: float, test: float) -> tuple[Sessions, Part, Part]:
    """Whole sessions, those that end last to judge, those that end before them to choose."""
    cut = len(data) - round(test * len(data))
    parts = torch.arange(len(data)).tensor_split([cut - round(valid * len(data)), cut])
    train, chooses, judges = (data.take(rows) for rows in parts)
    return train, Part.whole(chooses), Part.whole(judges)


class Recommender(Task):
    """Learn from sessions: ``Recommender(session="user", item="song").fit("plays.tsv").predict([["a", "b"]])``."""

    name = "recommend"
    help = "Learn what comes next in a session, from a table with a row an event."
    file = "CSV, TSV, JSON lines or Parquet with a row an event: its session, its item, its time."
    after = (
        ('predict {} --session "a,b,c" --top 10', "the items that are likely next"),
        ("evaluate {} NEW.tsv", "how well it tells the events of new sessions"),
    )
    options = ("session", "top", "new")
    Config = RecommendConfig

    items_: Items
    learnt_: Ragged
    rivals_: dict[str, Rival] | None

    # From the source to streams and histories.

    def prepare(self, source: Any, valid: Any, test: Any, config: RecommendConfig) -> Prepared:
        data = self._read(source)
        given = {name: self._read(part) for name, part in (("valid", valid), ("test", test)) if part is not None}
        shares = {"valid": config.valid_share, "test": config.test_share} | dict.fromkeys(given, 0.0)
        last = config.hold == "last" and "test" not in given
        if last:
            train, chooses, judges = last_apart(data, shares["valid"], config.seed)
        else:
            train, chooses, judges = latest_apart(data, shares["valid"], shares["test"])
        chooses = (Part.whole(given["valid"]) if "valid" in given else chooses).usable(CHOSEN)
        judges = (Part.whole(given["test"]) if "test" in given else judges).usable(JUDGED)
        self.items_ = Items.fit(train, config.rarest)
        self.learnt_, self.rivals_ = self.items_.encode(train), None
        streams = Streams(self.learnt_, config.chunk, config.batch_size, self._draw(config))
        if not streams.events or len(self.items_) < FIRST + 3:
            raise InputError(
                f"{len(train):,} sessions of {len(self.items_) - FIRST:,} items are left to learn from, but a session "
                "of two events and three items are needed: give more sessions, or a smaller --rarest"
            )
        held = "the last event of each session judges" if last else "the sessions that end last judge"
        known = f"{len(train):,} sessions of {len(self.items_) - FIRST:,} items train"
        notes = [*data.notes, f"{known}, {streams.events:,} events to foretell" + ("" if given else f"; {held}")]
        if not len(chooses.sessions):
            chooses = Part.whole(train).usable(CHOSEN)
            notes.append("part of what is learnt from chooses when to stop, since nothing else is left to")
        examples = [self._histories(part) for part in (chooses, judges)]
        for part, name in zip(examples, ("valid", "test"), strict=True):
            notes.append(f"{part.targets:,} events of {len(part):,} sessions {DOES[name]}")
        return Prepared(streams, examples[0], examples[1], (*notes, *self._unmet(examples[1])), judges)

    def _read(self, source: Any) -> Sessions:
        config = self.config()
        return read_sessions(source, config.session, config.item, config.time)

    def _histories(self, part: Part) -> Histories:
        return Histories(self.items_.encode(part.sessions), part.first)

    def _unmet(self, judged: Histories) -> list[str]:
        """In words how many of the items that judge were not met in training."""
        ragged = judged.sessions
        place = torch.arange(len(ragged.values)) - ragged.starts[:-1].repeat_interleave(ragged.lengths)
        asked = place >= judged.first.repeat_interleave(ragged.lengths)
        unmet = int((ragged.values[asked] == UNKNOWN).sum())
        if not unmet:
            return []
        return [f"{unmet:,} of the {judged.targets:,} items that judge were not met in training, and count as missed"]

    def _draw(self, config: RecommendConfig) -> Draw | None:
        """Draws the items that a batch is compared with; None where all are."""
        items = len(self.items_) - FIRST
        wanted = config.negatives or (None if items <= ALL else DRAWN)
        if wanted is None or wanted >= items:
            return None
        weight = self._counts()[FIRST:].clamp(min=1).double() ** config.exponent
        # The chance that an item is among so many that are drawn one after the other.
        log_chance = (-torch.expm1(wanted * torch.log1p(-weight / weight.sum()))).log().float()
        weighed = config.logq and config.objective == "cross_entropy"

        def draw() -> dict[str, Tensor]:
            drawn = torch.multinomial(weight, wanted, replacement=True).unique()
            return {"others": drawn + FIRST} | ({"log_chance": log_chance[drawn]} if weighed else {})

        return draw

    def _counts(self) -> Tensor:
        """(V,): how often each number occurs in what is learnt from."""
        return torch.bincount(self.learnt_.values, minlength=len(self.items_))

    # The network and what it learns by.

    def sizes(self, config: RecommendConfig, examples: Examples) -> list[dict[str, Any]]:
        hidden = [config.hidden] if config.hidden else [256, 128, 64] if config.minutes else [128]
        return [{"hidden": h, "embedding": config.embedding or h} for h in hidden]

    def enough(self, config: RecommendConfig, examples: Examples) -> float:
        return 6 * steps_a_pass(examples, config)

    def network(self, config: RecommendConfig) -> nn.Module:
        assert config.hidden is not None and config.embedding is not None
        return Network(
            items=len(self.items_),
            embedding=config.embedding,
            cell=config.cell,
            hidden=config.hidden,
            layers=config.layers,
            residual=config.residual,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            tied=config.tied,
            repeats=config.repeats,
        )

    def loss(self, outputs: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        """By ``objective`` of the settings, mean over the events of a batch."""
        own, others = outputs
        config = self.config()
        if config.objective == "bpr_max":
            return bpr_max(own, others)
        if config.objective == "top1_max":
            return top1_max(own, others)
        return sampled_cross_entropy(own, others)

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """1 - MRR@20."""
        ranks = Ranking.joined([ranking for ranking, _ in self._rankings(network, examples)]).ranks
        return 1 - float(np.where(ranks <= LONGEST, 1 / ranks, 0.0).mean())

    def _rankings(self, network: Any, examples: Examples) -> Iterator[tuple[Ranking, np.ndarray]]:
        """Of the events to foretell, some at a time, with the number of each event's session."""
        for batch in in_order(examples, 64):
            batch = batch.to(self.config_.device)
            assert batch.y is not None
            at, begin = batch.y >= 0, 0
            y, rows = batch.y.T[at.T].cpu().numpy(), batch.rows[at.T.nonzero()[:, 0]].cpu().numpy()
            for z in network.asked(batch.inputs["x"], batch.inputs["lengths"], at):
                end = begin + len(z)
                yield ranked(z.cpu().numpy(), y[begin:end], FIRST), rows[begin:end]
                begin = end

    # From scores to what the user gets.

    def judge_source(self, source: Any) -> Judged:
        data = self._read(source)
        part = Part.whole(data)
        if self.config().hold == "last":
            part = replace(part, first=data.events.lengths.clamp(min=2) - 1)
        part = part.usable(JUDGED)
        if not len(part.sessions):
            raise InputError("no session has two events, but one is needed to judge: give longer sessions")
        examples = self._histories(part)
        return self.judge(examples, part, (*data.notes, *self._unmet(examples)))

    def judge(self, examples: Examples, judged: Part, notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, Histories)
        began = time.perf_counter()
        self.network_.eval()
        found = list(self._rankings(self.network_, examples))
        ranking, sessions = Ranking.joined([one for one, _ in found]), np.concatenate([rows for _, rows in found])
        order = np.argsort(sessions, kind="stable")
        ranking, sessions = Ranking(ranking.ranks[order], ranking.top[order]), sessions[order]
        asked = [
            (codes[:at], codes[at], int(judged.own[row]))
            for row, first in enumerate(examples.first.tolist())
            for codes in [examples.sessions.row(row).numpy().astype(np.int64)]
            for at in range(first, len(codes))
        ]
        others = {name: self._rival(name, asked) for name in self._rivals()}
        counts = self._counts().numpy()
        evaluation = report.judge(ranking, others, counts, sessions, notes=notes, began=began)
        names = self.items_.names
        shown = [
            report.Shown(
                [names[code] for code in asked[at][0][-NAMED:]],
                [names[code] for code in ranking.top[at, :NAMED]],
                judged.sessions.row(sessions[at])[len(asked[at][0])],
            )
            for at in evenly(len(asked), SHOWN)
        ]
        targets = np.array([target for _, target, _ in asked])
        came = np.where(targets < FIRST, 0, counts[targets])
        return Judged(evaluation, report.sections(evaluation, ranking, others, came, shown))

    def _rivals(self) -> dict[str, Rival]:
        if self.rivals_ is None:
            values, starts = self.learnt_.values.numpy().astype(np.int64), self.learnt_.starts.numpy()
            self.rivals_ = rivals(values, starts, len(self.items_), FIRST)
        return self.rivals_

    def _rival(self, name: str, asked: list[Asked]) -> Ranking:
        rival, found = self._rivals()[name], []
        for had, target, own in asked:
            scores = rival.scores(had, own).astype(np.float64)
            scores[:FIRST] = -np.inf
            found.append(ranked(scores[None], [target], FIRST))
        return Ranking.joined(found)

    def _judging_seconds(self, prepared: Prepared) -> float:
        """The baselines take longer than the network."""
        part = prepared.judged
        if not len(part.sessions):
            return 0.0
        few = part.take(torch.arange(0, len(part.sessions), max(1, len(part.sessions) // TRIED)))
        examples = self._histories(few)
        self._rivals()
        begin = time.perf_counter()
        some = self.judge(examples, few, ())
        assert isinstance(prepared.test, Histories)
        return (time.perf_counter() - begin) * prepared.test.targets / some.evaluation.rows

    def predict(self, source: Any = None, *, session: str | None = None, top: int = 10, new: bool = False) -> Any:
        """The ``top`` items that are likely next, with their probabilities (softmax of all scores), a row each.

        source: lists of items' names; or a path or frame with the columns of the fit, whose sessions are gone on with.
        ``session``: one session instead, its items parted by commas. ``new`` leaves out what a session had already.
        Raises InputError for what cannot be read, and for a session none of whose items is known.
        """
        self.fitted()
        require(top >= 1, "top", top, "at least 1")
        if (source is None) == (session is None):
            raise InputError("give either a file of sessions or one --session, its items parted by commas")
        data = self.sessions(source) if session is None else of_text(session)
        codes = self.items_.encode(data)
        for row in range(len(data)):
            if not (codes.row(row) != UNKNOWN).any():
                raise self._strange(data, row, session is not None)
        strange = [name for row in range(len(data)) for name in self._unknown(data, codes, row)]
        shown = short(", ".join(dict.fromkeys(strange)))
        self.remark(*([f"{len(strange):,} items are not known and passed over: {shown}"] if strange else []))
        columns: dict[str, list[Any]] = {"session": [], "rank": [], "item": [], "probability": []}
        top = min(top, len(self.items_) - FIRST)
        self.network_.eval()
        found: dict[int, Tensor] = {}
        for rows in by_length(codes.lengths, 64):
            x, lengths = codes.padded(rows)
            last = torch.arange(len(x))[:, None] == lengths - 1
            x, lengths, last = (one.to(self.config_.device) for one in (x, lengths, last))
            z = torch.cat(list(self.network_.asked(x, lengths, last))).softmax(-1).cpu()  # type: ignore[operator]
            if new:
                z = z.scatter(1, x.T.cpu(), -1.0)
            found |= dict(zip(rows.tolist(), z, strict=True))
        for row in range(len(data)):
            shares, best = found[row].topk(top)
            for rank, (share, code) in enumerate(zip(shares.tolist(), best.tolist(), strict=True), 1):
                if share > 0:
                    columns["session"].append(data.names[row])
                    columns["rank"].append(rank)
                    columns["item"].append(self.items_.names[code])
                    columns["probability"].append(share)
        return to_frame(columns, like=None if isinstance(source, str | Path | list | tuple) else source)

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """Which items moved the first recommendation: items parted by commas, or session ``row`` of a file or list.

        Raises InputError where there are not two items that the model knows.
        """
        if source is None:
            raise InputError("there is nothing to explain: give a file of sessions, or items parted by commas")
        held = isinstance(source, str) and not names_file(source)
        return explain_recommended(self, of_text(source) if held else self.sessions(source), row)

    def sessions(self, source: Any) -> Sessions:
        """Those of a path or frame, or of lists of items' names."""
        if isinstance(source, list | tuple):
            return of_names([list(map(str, row)) for row in source])
        return self._read(source)

    def log_p(self, x: Tensor) -> Tensor:
        """(B, V): log probabilities of the next item after sessions x (T, B) of one length."""
        self.network_.eval()
        x, lengths = x.to(self.config_.device), torch.full((x.shape[1],), len(x))
        last = torch.arange(len(x), device=x.device)[:, None].expand_as(x) == len(x) - 1
        return torch.cat(list(self.network_.asked(x, lengths, last))).log_softmax(-1).cpu()  # type: ignore[operator]

    def _unknown(self, data: Sessions, codes: Ragged, row: int) -> list[str]:
        known = (codes.row(row) != UNKNOWN).tolist()
        return [str(name) for name, found in zip(data.row(row), known, strict=True) if not found]

    def _strange(self, data: Sessions, row: int, alone: bool) -> InputError:
        names = data.row(row)
        if not names:
            return InputError("the session holds no item: give at least one")
        near = get_close_matches(names[-1], self.items_.names[FIRST:], n=3)
        some = ", ".join(near or self.items_.names[FIRST:][:NAMED])
        hint = f" (did you mean {some}?)" if near else f": known are {some} ..."
        which = "the session" if alone else f"session {data.names[row]!r}"
        return InputError(f"{which} holds no item that the model knows, its last is {names[-1]!r}{hint}")

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {"items": self.items_.to_json()}

    def kept(self) -> dict[str, Tensor]:
        """The sessions that the baselines count."""
        return {"events": self.learnt_.values, "starts": self.learnt_.starts}

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.items_ = Items.from_json(encoders["items"])
        self.learnt_, self.rivals_ = Ragged(kept["events"], kept["starts"]), None

    def title(self) -> str:
        return "What comes next"
