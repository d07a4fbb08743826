"""What translator, summarizer and transcriber share: a text written symbol by symbol, attending to what was read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from elman.data.batch import NO_LABEL, Batch, Examples, by_length, in_order
from elman.data.sequence_pairs import SequencePairs
from elman.data.sequences import Rows
from elman.data.text.tokens import PAD, UNKNOWN, Tokens, choose_level
from elman.evaluate.wording import cut
from elman.nn.beam import Found, search
from elman.nn.listener import Listener
from elman.nn.losses import cross_entropy
from elman.nn.seq2seq import Decoder, Seq2Seq
from elman.nn.sequence import SequenceNetwork
from elman.tasks.base import Prepared, Task, TaskConfig
from elman.train.config import require, require_least, require_share
from elman.train.pace import steps_a_pass

MOST_WRITTEN = 500  # symbols of a text, whatever is read
TRIED = 32  # rows that are written to see how long judging will take
LOOKED_AT = 32  # rows of the validation part that an alarm looks at
FOCUSED = 2.0  # times the weight that each step would have without any attention


@dataclass(frozen=True, kw_only=True)
class WritingConfig(TaskConfig):
    """How the text that is written becomes symbols, how the decoder learns, and how what it writes is searched.

    Parameters
    ----------
    target_level
        What a step of a written text is: subword, char, word, byte, or auto: char for Chinese, Japanese and Korean.
    vocabulary
        Symbols kept at most.
    lower
        Read and write small letters alone.
    embedding
        Numbers that stand for a symbol.
    attention
        additive, multiplicative or dot.
    input_feeding
        Hand each step what the step before was about to say; slower, since steps then wait for each other.
    scheduled_sampling
        Share of the symbols before that are the network's own guess while training, instead of the true ones.
    embedding_dropout
        Share of the symbols that are hidden from a whole batch while training.
    weight_drop
        Share of the recurrent weights dropped while training.
    label_smoothing
        Share of the target that goes to all symbols alike.
    beam
        Texts kept open while searching; 1 takes the likeliest symbol each time.
    length_penalty
        Exponent of the length that a text's log probability is divided by.
    coverage_penalty
        Weight of what a text leaves unattended of its source; 0 for none.
    no_repeat
        Symbols in a row that are written once at most in a text; 0 lets them repeat.
    valid_share
        Share of the rows that chooses when to stop.
    test_share
        Share of the rows that judges.
    """

    target_level: Literal["auto", "subword", "char", "word", "byte"] = "auto"
    vocabulary: int = 8000
    lower: bool = False
    embedding: int | None = None
    attention: Literal["additive", "multiplicative", "dot"] = "additive"
    input_feeding: bool = False
    scheduled_sampling: float = 0.0
    embedding_dropout: float = 0.1
    weight_drop: float = 0.0
    label_smoothing: float = 0.1
    beam: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    no_repeat: int = 0
    valid_share: float = 0.05
    test_share: float = 0.1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    dropout: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "vocabulary", "embedding", "beam")
        require_least(self, 0, "length_penalty", "coverage_penalty", "no_repeat")
        require_share(self, "embedding_dropout", "weight_drop", "label_smoothing", "scheduled_sampling")
        require_share(self, "valid_share", "test_share")
        left = 1 - self.valid_share
        require(self.test_share < left, "test_share", self.test_share, f"below {left:g}, 1 less --valid-share")


class WritingTask(Task):
    """Its network has ``encode(x, lengths)`` to a memory and first states, and a ``decoder`` (`nn.seq2seq`)."""

    config_: Any
    target_tokens_: Tokens

    def tokens(self, texts: list[str], wanted: Literal["auto", "subword", "char", "word", "byte"]) -> Tokens:
        config = self.config()
        parted: Literal["char", "subword"] = "char" if choose_level(texts) == "char" else "subword"
        level = parted if wanted == "auto" else wanted
        return Tokens.fit(texts, level, size=config.vocabulary, rarest=2, lower=config.lower)

    def sizes(self, config: Any, examples: Examples) -> list[dict[str, Any]]:
        return [
            {"hidden": hidden, "embedding": config.embedding or min(hidden, 256)}
            for hidden in ([config.hidden] if config.hidden else [512, 256, 128] if config.minutes else [256])
        ]

    def enough(self, config: Any, examples: Examples) -> float:
        return 10 * steps_a_pass(examples, config)

    def seq2seq(self, encoder: SequenceNetwork, config: Any) -> Seq2Seq:
        """The encoder with a decoder of the target's symbols."""
        decoder = Decoder(**self.decoder_settings(encoder, config))
        return Seq2Seq(encoder, decoder, dropout=config.dropout, scheduled_sampling=config.scheduled_sampling)

    def decoder_settings(self, encoder: SequenceNetwork | Listener, config: Any) -> dict[str, Any]:
        return {
            "vocabulary": self.target_tokens_.size + 2,
            "embedding": config.embedding,
            "hidden": config.hidden,
            "memory": encoder.outputs,
            "cell": config.cell,
            "attention": config.attention,
            "input_feeding": config.input_feeding,
            "dropout": config.dropout,
            "embedding_dropout": config.embedding_dropout,
            "weight_drop": config.weight_drop,
        }

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy of the target's symbols, smoothed, in nats."""
        assert batch.y is not None
        return cross_entropy(outputs.flatten(0, 1), batch.y.flatten(), self.config().label_smoothing)

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Mean cross-entropy of the target's symbols, in nats."""
        total = count = 0.0
        for batch in in_order(examples, 128):
            batch = batch.to(self.config_.device)
            assert batch.y is not None
            scored = int((batch.y != NO_LABEL).sum())
            total += scored * float(cross_entropy(network(**batch.inputs).flatten(0, 1), batch.y.flatten()))
            count += scored
        return total / max(count, 1)

    def most_written(self, steps: int) -> int:
        """Symbols written at most for a row of so many steps."""
        return min(MOST_WRITTEN, 10 + 3 * steps)

    def attended(self, network: Any, lengths: Tensor) -> Tensor:
        """How many steps attention has to choose from, of rows of these lengths."""
        return lengths

    def written(
        self, rows: Rows, beam: int | None = None, network: Any = None, longest: int | None = None
    ) -> list[list[Found]]:
        """The best texts for each row, the best first; of at most ``longest`` symbols, if that is less than usual."""
        network, config = network or self.network_, self.config()
        network.eval()
        end = self.target_tokens_.size + 1
        found: list[list[Found]] = [[] for _ in range(len(rows))]
        with torch.no_grad():
            for part in by_length(rows.lengths, 64):
                x, lengths = rows.padded(part)
                best = search(
                    network.decoder,
                    *network.encode(**rows.inputs(x.to(self.config_.device)), lengths=lengths),
                    start=end - 1,
                    end=end,
                    longest=min(self.most_written(int(lengths.max())), longest or MOST_WRITTEN),
                    beam=beam or config.beam,
                    length_penalty=config.length_penalty,
                    coverage_penalty=config.coverage_penalty,
                    no_repeat=config.no_repeat,
                    banned=(PAD, UNKNOWN, end - 1),
                )
                for row, one in zip(part.tolist(), best, strict=True):
                    found[row] = one
        return found

    def _judging_seconds(self, prepared: Prepared) -> float:
        """What it takes to write a text for each row that judges, from some of them: as long as their own are."""
        seconds = super()._judging_seconds(prepared)
        test = prepared.test
        if test is None or not len(test):
            return seconds
        assert isinstance(test, SequencePairs)
        some = torch.arange(0, len(test), max(1, len(test) // TRIED))[:TRIED]
        begin = time.perf_counter()
        self.written(Part(test.x, some), longest=int(test.y.lengths[some].double().mean()) + 2)
        return seconds + (time.perf_counter() - begin) * len(test) / len(some)

    def decoded(self, found: Found) -> str:
        return self.target_tokens_.decode(found.symbols)

    def texts(self, rows: Rows, found: list[Found]) -> list[str]:
        """The text that was written for each of the rows, or of the first ones."""
        return [self.decoded(one) for one in found]

    def alarm(self, network: nn.Module, examples: Examples) -> str | None:
        """Every row answered alike, or attention that weighs all steps alike."""
        assert isinstance(examples, SequencePairs)
        some = torch.arange(min(LOOKED_AT, len(examples)))
        best = [found[0] for found in self.written(Part(examples.x, some), 1, network)]
        texts = set(self.texts(examples.x, best))
        if len(some) > 3 and len(texts) == 1:
            return (
                f"all {len(some)} texts that were looked at get the same answer, {cut(texts.pop(), 40)!r}: the network "
                "does not read what it is given; train longer, or change --learning-rate"
            )
        lengths = self.attended(network, examples.x.lengths[some]).tolist()
        each = [float(found.attention.amax(1).mean()) * n for found, n in zip(best, lengths, strict=True)]
        focus = sum(each) / len(each)
        if focus < FOCUSED and min(lengths) > FOCUSED:
            return (
                f"attention does not focus: a written symbol's heaviest step has {focus:.1f} times the weight it would "
                f"have by chance, but {FOCUSED:g} at least are usual; train longer, or give another --attention, more "
                "data, or shorter rows"
            )
        return None


class Part:
    """Some of the rows of another `Rows`."""

    def __init__(self, of: Rows, rows: Tensor) -> None:
        self.of, self.rows, self.lengths, self.inputs = of, rows, of.lengths[rows], of.inputs

    def __len__(self) -> int:
        return len(self.rows)

    def padded(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.of.padded(self.rows[rows])
