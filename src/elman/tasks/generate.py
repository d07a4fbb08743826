"""Generate: text that goes on as the text it learnt from, a symbol at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.batch import Batch, Examples
from elman.data.cut import Ordered
from elman.data.folder import files_in
from elman.data.labelled import is_folder
from elman.data.pictures.archive import is_archive
from elman.data.pictures.reader import PICTURES
from elman.data.text.chunks import Chunks
from elman.data.text.reader import read_plain
from elman.data.text.tokens import PAD, UNKNOWN, Tokens
from elman.errors import InputError
from elman.evaluate.costs import Costs
from elman.evaluate.language import report
from elman.evaluate.language.ngrams import KneserNey, unigram, unigram_nats
from elman.nn.language import LanguageEnsemble, LanguageNetwork
from elman.nn.sampling import Sampler, generate
from elman.tasks.base import Judged, Prepared, Task, TaskConfig
from elman.tasks.explain_text import explain_next
from elman.tasks.explained import Explained
from elman.train.config import require, require_least, require_share
from elman.train.pace import steps_a_pass

ORDERS = {"char": 6, "byte": 6, "word": 3, "subword": 3}  # of the n-gram model that the network is read beside
JUDGED = 256  # steps judged at a time


class Passage(str):
    """A text that is no path, however short."""


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(TaskConfig):
    """How text becomes symbols, and what keeps the network from learning it by heart.

    Parameters
    ----------
    level
        What a step is: char, word, subword or byte.
    vocabulary
        Symbols kept at most; the rarest become the unknown one.
    embedding
        Numbers that stand for a symbol.
    chunk
        Steps over which errors are propagated back; the state is carried on beyond.
    tied
        The embedding is the head's weights as well.
    input_dropout
        Share of the embedding's numbers dropped while training.
    embedding_dropout
        Share of the symbols hidden from a whole batch while training.
    weight_drop
        Share of the recurrent weights dropped while training.
    members
        Networks of different starts that learn together and whose logits are averaged: 1 when left out, but 3 where a
        budget of minutes has time for them.
    valid_share
        First share of the text, which chooses when to stop.
    test_share
        Last share of the text, which judges.
    """

    level: Literal["char", "word", "subword", "byte"] = "char"
    vocabulary: int | None = None
    embedding: int | None = None
    chunk: int = 32
    tied: bool = False
    input_dropout: float = 0.0
    embedding_dropout: float = 0.0
    weight_drop: float = 0.0
    members: int | None = None
    valid_share: float = 0.02
    test_share: float = 0.1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    batch_size: int = 32
    learning_rate: float = 8e-3
    beta2: float = 0.99
    schedule: Literal["cosine", "linear", "constant", "plateau"] = "linear"
    weight_decay: float = 0.01
    dropout: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "vocabulary", "embedding", "chunk", "members")
        require_share(self, "input_dropout", "embedding_dropout", "weight_drop", "valid_share", "test_share")
        left = 1 - self.valid_share
        require(self.test_share < left, "test_share", self.test_share, f"below {left:g}, 1 less --valid-share")


class Generator(Task):
    """Learn a text and go on with it: ``Generator(minutes=3).fit("shakespeare.txt").predict("ROMEO:", length=500)``."""

    name = "generate"
    help = "Learn to write like a text, by characters, words or parts of words; or, with --as pixels, to paint."
    file = "A text file in UTF-8."
    after = (
        ('predict {} --prompt "..." --length 500', "go on with a text"),
        ("evaluate {} NEW.txt", "how well it foresees another text"),
    )
    options = ("prompt", "length", "temperature", "top_k", "top_p", "seed")
    Config = GenerateConfig

    # From the source to chunks.

    def prepare(self, source: Any, valid: Any, test: Any, config: GenerateConfig) -> Prepared:
        text = self._read(source)
        # What chooses comes first, for the end of what is learnt from should be next to what judges: a text changes.
        first, last = int(len(text) * config.valid_share), int(len(text) * (1 - config.test_share))
        parts = {"train": text[first:last], "valid": text[:first], "test": text[last:]}
        notes = [
            f"split in order: the first {100 * config.valid_share:.3g} % of the text choose when to stop, the last "
            f"{100 * config.test_share:.3g} % judge, what lies between trains"
        ]
        if valid is not None or test is not None:
            parts = {"train": text, "valid": "", "test": ""}
            parts |= {name: self._read(part) for name, part in (("valid", valid), ("test", test)) if part is not None}
            if valid is None:
                cut = int(len(text) * config.valid_share)
                parts["valid"], parts["train"] = text[:cut], text[cut:]
            notes = [
                f"{' and '.join(name for name, part in (('valid', valid), ('test', test)) if part is not None)} given"
            ]
        need = 2 * config.batch_size + 2
        if len(parts["train"]) < need:
            raise InputError(
                f"the text that is learnt from has {len(parts['train']):,} characters, but {need:,} are needed for "
                f"{config.batch_size} streams: give a longer text, or a smaller --batch-size"
            )
        self.tokens_ = Tokens.fit(
            [parts["train"]],
            config.level,
            size=config.vocabulary,
            rarest=2 if config.level == "word" else 1,
            lines=True,
        )
        ids = {name: self.tokens_.encode([part]).values for name, part in parts.items() if len(part) > 1}
        if len(ids["train"]) <= config.batch_size:
            raise InputError(
                f"the text that is learnt from has {len(ids['train']):,} symbols, but more than --batch-size "
                f"{config.batch_size} are needed: give a longer text"
            )
        if "valid" not in ids or len(ids["valid"]) < 2:
            ids["valid"], parts["valid"] = ids["train"][-2000:], parts["train"][-2000:]
            notes.append("the end of the training part chooses when to stop")
        judged = "test" if "test" in ids and len(ids["test"]) > 1 else "valid"
        unknown = float((ids[judged] == UNKNOWN).double().mean())
        notes.append(
            f"{len(ids['train']):,} symbols to learn from, {self.tokens_.size:,} kinds of them; {100 * unknown:.2g} % "
            f"of those that {'judge' if judged == 'test' else 'choose'} are unknown"
        )
        self.shares_ = unigram(ids["train"].numpy(), self.tokens_.size)
        self.counted_ = None
        if judged == "test":
            self.counted_ = KneserNey.fit(ids["train"].numpy(), self.tokens_.size, ORDERS[config.level])
        return Prepared(
            Chunks(ids["train"], config.chunk, config.batch_size),
            Chunks(ids["valid"], JUDGED, min(8, len(ids["valid"]) - 1)),
            Chunks(ids["test"], JUDGED) if judged == "test" else None,
            tuple(notes),
            parts.get("test"),
        )

    @staticmethod
    def _read(source: Any) -> str:
        if isinstance(source, Passage):
            return source
        if is_archive(source) or (is_folder(source) and files_in(Path(source), PICTURES)):
            raise InputError(f"{source} holds no text, which is needed: give a text file; to paint say --as pixels")
        if isinstance(source, Path) or (isinstance(source, str) and "\n" not in source and len(source) < 1000):
            return read_plain(source)
        if isinstance(source, str):
            return source
        raise InputError(
            f"a {type(source).__name__} is no text: give the path of a text file, or the text itself as a str"
        )

    # The network and what it learns by.

    def sizes(self, config: GenerateConfig, examples: Examples) -> list[dict[str, Any]]:
        assert isinstance(examples, Chunks)
        symbols = len(examples.ids)
        largest = 128 if symbols < 50_000 else 256 if symbols < 300_000 else 1024
        if not config.minutes:
            wanted = [(config.hidden or min(largest, 512), config.members or 1)]
        else:
            # Not one of 1024 alone: three of 512 take no longer and foresee more.
            ladder = [(h, m) for h in (1024, 512, 256, 128, 64) for m in (3, 1) if h <= largest and (h, m) != (1024, 1)]
            wanted = [(config.hidden, 3), (config.hidden, 1)] if config.hidden else ladder
            if config.members:
                wanted = list(dict.fromkeys((h, config.members) for h, _ in wanted))
        small = self.tokens_.size <= 300
        return [
            {"hidden": h, "embedding": config.embedding or (64 if small else min(h, 256)), "members": members}
            for h, members in wanted
        ]

    def enough(self, config: GenerateConfig, examples: Examples) -> float:
        """Six passes: in fewer a smaller network gets further."""
        return min(20_000, 6 * steps_a_pass(examples, config))

    def network(self, config: GenerateConfig) -> nn.Module:
        assert config.hidden is not None and config.embedding is not None
        assert config.members is not None
        return LanguageEnsemble(
            LanguageNetwork(
                vocabulary=self.tokens_.size,
                embedding=config.embedding,
                cell=config.cell,
                hidden=config.hidden,
                layers=config.layers,
                residual=config.residual,
                dropout=config.dropout,
                input_dropout=config.input_dropout,
                embedding_dropout=config.embedding_dropout,
                weight_drop=config.weight_drop,
                tied=config.tied,
            )
            for _ in range(config.members)
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy of the next symbol, in nats; the members' mean."""
        assert batch.y is not None
        return nn.functional.cross_entropy(outputs.flatten(0, 2), batch.y.expand(outputs.shape[:-1]).flatten())

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Mean cross-entropy, in nats a symbol, over the text read once with its state carried along."""
        return float(np.concatenate(list(self._costs(network, examples))).mean())

    def _costs(self, network: nn.Module, examples: Examples) -> Iterator[np.ndarray]:
        assert isinstance(examples, Chunks)
        for rows in torch.arange(len(examples)).split(1):
            batch = examples.batch(rows).to(self.config_.device)
            assert batch.y is not None
            costs = nn.functional.cross_entropy(
                network(**batch.inputs).mean(0).flatten(0, 1), batch.y.flatten(), reduction="none"
            )
            yield costs.double().cpu().numpy()

    def cut(self, source: Any, test: Any) -> tuple[Ordered, Any]:
        text = self._read(source)
        return Ordered(len(text), lambda begin, end: Passage(text[begin:end]), "characters"), test

    def costs(self, examples: Examples, judged: str) -> Costs:
        """Bits per character: what each symbol cost, by the number of characters that a symbol stands for."""
        self.network_.eval()
        with torch.no_grad():
            nats = np.concatenate(list(self._costs(self.network_, examples)))
        bits = nats / np.log(2) * len(nats) / max(1, len(judged) - 1)
        return Costs("bits per character", bits, np.arange(len(bits)), report.block_of(len(bits)))

    # From outputs to what the user reads.

    def judge_source(self, source: Any) -> Judged:
        text = self._read(source)
        ids = self.tokens_.encode([text]).values
        if len(ids) < 2:
            raise InputError(f"the text has {len(ids)} symbol, but two at least are needed to judge: give a longer one")
        return self.judge(Chunks(ids, JUDGED), text, ())

    def judge(self, examples: Examples, judged: str, notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, Chunks)
        began = time.perf_counter()
        self.network_.eval()
        with torch.no_grad():
            nats = np.concatenate(list(self._costs(self.network_, examples)))
        ids = examples.ids.numpy()
        rivals = {"unigram": unigram_nats(self.shares_, ids)[1:]}
        if self.counted_ is not None:
            rivals["kneser-ney"] = self.counted_.nats(ids)[1:]
        evaluation = report.judge(nats, rivals, max(1, len(judged) - 1), notes=notes, began=began)
        samples = {
            f"Temperature {temperature}": "".join(self.stream(length=600, temperature=temperature, seed=0))
            for temperature in (0.5, 0.8, 1.0)
        }
        pieces = self.tokens_.pieces(judged[:8000])[1:]
        apart = " " if self.config_.level == "word" else ""
        shown = min(len(pieces), len(nats))
        return Judged(evaluation, report.sections(evaluation, samples, pieces[:shown], nats[:shown], apart))

    def stream(
        self,
        prompt: str = "",
        length: int = 500,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """The text that goes on from ``prompt``, piece by piece as it is drawn; ``length`` counts symbols.

        Raises InputError for settings outside their range.
        """
        self.fitted()
        draw = sampler(length, temperature, top_k, top_p, seed)
        network = self.network_
        assert isinstance(network, LanguageEnsemble)
        # Without a prompt it begins as after the end of a line.
        ids = self.tokens_.encode([prompt or "\n"]).values.tolist()
        drawn = generate(network.stream((PAD, UNKNOWN)), ids, draw)
        return self.tokens_.stream(islice(drawn, length))

    def unknown(self, prompt: str) -> list[str]:
        """The pieces of a prompt that the model does not know."""
        ids = self.tokens_.encode([prompt]).values.tolist()
        pieces = self.tokens_.pieces(prompt)
        return list(
            dict.fromkeys(piece for piece, number in zip(pieces, ids, strict=False) if number == UNKNOWN and piece)
        )

    def predict(self, source: Any = None, **drawing: Any) -> str:
        """The text that goes on from the prompt ``source``; for the settings see ``stream``."""
        return "".join(self.stream(source or "", **drawing))

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """What of the last 300 symbols of a prompt, ``source``, moved the likeliest next one."""
        if row is not None:
            raise InputError(f"--row is {row}, but a prompt has no rows: leave it out")
        return explain_next(self, source)

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {"tokens": self.tokens_.to_json(), "counted": self.counted_ is not None}

    def kept(self) -> dict[str, Tensor]:
        """What the baselines have counted."""
        counted = {} if self.counted_ is None else self.counted_.arrays()
        return {"shares": torch.from_numpy(self.shares_)} | {
            f"counted_{name}": torch.from_numpy(array) for name, array in counted.items()
        }

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.tokens_ = Tokens.from_json(encoders["tokens"])
        self.shares_ = kept["shares"].numpy()
        own = {name.removeprefix("counted_"): t.numpy() for name, t in kept.items() if name.startswith("counted_")}
        self.counted_ = KneserNey.from_arrays(own) if encoders["counted"] else None

    def title(self) -> str:
        return "Text, symbol by symbol"


def sampler(length: int, temperature: float, top_k: int | None, top_p: float | None, seed: int | None) -> Sampler:
    """What draws the symbols of a text of this length. Raises InputError for settings outside their range."""
    require(length >= 1, "length", length, "at least 1")
    require(0 <= temperature < float("inf"), "temperature", temperature, "at least 0")
    require(top_k is None or top_k >= 1, "top_k", top_k, "at least 1")
    require(top_p is None or 0 < top_p <= 1, "top_p", top_p, "above 0 and at most 1")
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return Sampler(temperature, top_k, top_p, generator)
