"""Speak: a sound for a text, learnt from recordings of one voice."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, in_order
from elman.data.met import fingerprints, met_in_words
from elman.data.ragged import Ragged
from elman.data.sound.manifest import Spoken as Recorded
from elman.data.sound.manifest import read_manifest
from elman.data.sound.reader import write_sound
from elman.data.sound.utterances import Utterances
from elman.data.sound.vocoder import Vocoder
from elman.data.stratify import dealt_out
from elman.data.text.reader import read_texts
from elman.data.text.tokens import Tokens
from elman.errors import InputError
from elman.evaluate.speech import report
from elman.evaluate.speech.metrics import focus
from elman.evaluate.wording import cut, lasting, some
from elman.nn.speaker import Said, SpeakerNetwork, Spoken, speech_loss
from elman.tasks.base import DOES, Judged, Prepared, Task, TaskConfig
from elman.train.config import require, require_least, require_share
from elman.train.pace import steps_a_pass, threads

LONGEST, LASTING = 2000, 60.0  # characters of a text, and seconds of a recording, at most
JUDGING = 0.05  # seconds, about, to speak a text and compare it
LOOKED_AT = 32  # rows of the validation part that an alarm looks at
FOCUSED, REACHED = 0.5, 0.8  # the focus, and the share of the text attended to at the end, below which it is raised


@dataclass(frozen=True, kw_only=True)
class SpeakConfig(TaskConfig):
    """Which columns, how sound becomes frames, and how the decoder attends.

    Parameters
    ----------
    text
        Column of the texts.
    sound
        Column of the names of the sound files.
    sample_rate
        Samples a second that are learnt and written (default: the commonest of the files, 16,000 at most).
    bands
        Mel bands of a frame.
    frames_a_step
        Frames of 12.5 ms that the decoder says at once: fewer sound finer, more align sooner.
    attention
        gmm, which can only move on through the text, or location, which looks for its place and loops over time.
    guided_attention
        Weight of the loss that draws the attention towards the diagonal.
    embedding
        Numbers that stand for a character.
    prenet_dropout
        Share dropped of what the decoder is told of the frame before.
    postnet
        Channels of a convolution that refines the frames; 0 for none.
    lower
        Read capital letters as small ones.
    valid_share
        Share of the rows that chooses when to stop.
    test_share
        Share of the rows that judges.
    """

    text: str
    sound: str
    sample_rate: int | None = None
    bands: int = 40
    frames_a_step: int = 5
    attention: Literal["gmm", "location"] = "gmm"
    guided_attention: float = 1.0
    embedding: int = 128
    prenet_dropout: float = 0.5
    postnet: int = 0
    lower: bool = True
    valid_share: float = 0.05
    test_share: float = 0.05
    epochs: float | None = 150
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    batch_size: int = 32
    dropout: float = 0.1
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "frames_a_step", "embedding")
        require_least(self, 8, "bands")
        require_least(self, 2, "hidden")
        require_least(self, 4000, "sample_rate")
        require_least(self, 0, "guided_attention", "postnet")
        require_share(self, "prenet_dropout", "valid_share", "test_share")
        left = 1 - self.valid_share
        require(self.test_share < left, "test_share", self.test_share, f"below {left:g}, 1 less --valid-share")


@dataclass(frozen=True, eq=False)
class Speech:
    """A text as it was spoken: wave (N,) float32 in -1 .. 1 at ``rate``.

    ``stopped`` says whether it came to an end by itself, ``focus`` is the mean of each step's largest attention weight,
    and ``unknown`` are the characters that were left out because training never saw them.
    """

    text: str
    wave: np.ndarray
    rate: int
    stopped: bool
    focus: float
    unknown: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.wave) / self.rate

    def save(self, path: str | Path) -> None:
        """Write a sound file, of the kind its suffix says."""
        write_sound(path, torch.from_numpy(self.wave), self.rate)


class Speaker(Task):
    """Learn a voice: ``Speaker(text="text", sound="file").fit("manifest.tsv").predict("hello")[0].save("x.wav")``."""

    name = "speak"
    help = "Learn to speak, from a table of recordings of one voice and what is said in each."
    file = "CSV, TSV, JSON lines or Parquet with a sound file and its text a row; files lie relative to the table."
    after = (('predict {} "a text" --out x.wav', "its sound"), ("evaluate {} NEW.tsv", "the score on new data"))
    Config = SpeakConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: SpeakConfig) -> Prepared:
        data = self._read(source, config.sample_rate)
        rate = data.recordings.rate
        parts = dealt_out(
            data,
            lambda part: self._read(part, rate),
            {"valid": valid, "test": test},
            shares={"valid": config.valid_share, "test": config.test_share},
            seed=config.seed,
            keys=data.texts,
        )
        train = parts["train"]
        self.met_ = fingerprints(train.texts)
        self.tokens_ = Tokens.fit([_plain(text) for text in train.texts], "char", lower=config.lower)
        self.vocoder_ = Vocoder.fit(train.recordings.waves, rate, config.bands)
        sets = {name: self._encoded(part) for name, part in parts.items() if len(part)}
        learnt = sets["train"]
        self.pace_ = float(learnt.x.lengths.sum() / learnt.lengths.sum())
        notes = (
            *data.notes,
            ", ".join(
                f"{len(parts[name]):,} sounds of {lasting(parts[name].recordings.seconds)} {does}"
                for name, does in DOES.items()
                if len(parts[name])
            ),
            f"{self.tokens_.size - 2:,} characters; {learnt.x.lengths.double().mean():.0f} a text, and "
            f"{learnt.lengths.double().mean():.0f} steps of {config.frames_a_step} frames",
        )
        return Prepared(learnt, sets.get("valid", learnt), sets.get("test"), notes, parts["test"])

    def _read(self, source: Any, rate: int | None) -> Recorded:
        config = self.config()
        return read_manifest(source, config.sound, config.text, rate=rate)

    def _encoded(self, data: Recorded) -> Utterances:
        texts = [self._known(text)[0] for text in data.texts]
        if "" in texts:
            raise InputError(
                f"the text {cut(data.texts[texts.index('')], 40)!r} has no character that is among the training texts: "
                "leave the row out"
            )
        self._short(texts)
        lasting = [len(wave) / data.recordings.rate for wave in data.recordings.waves]
        if max(lasting) > LASTING:
            raise InputError(
                f"{data.recordings.names[int(np.argmax(lasting))]} lasts {max(lasting):.0f} s, but {LASTING:g} s are "
                "learnt from at most: cut it into sentences"
            )
        frames = self.vocoder_.encode(data.recordings.waves)
        return Utterances(self._symbols(texts), frames, self.config().frames_a_step, self.vocoder_.silence)

    def _known(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text without the characters that training never saw, and these."""
        plain = _plain(text)
        read = plain.lower() if self.config().lower else plain
        symbols = set(self.tokens_.symbols)
        unknown = dict.fromkeys(sign for sign in read if sign not in symbols)
        return "".join(sign for sign in read if sign in symbols), tuple(unknown)

    def _short(self, texts: list[str]) -> None:
        long = max(texts, key=len, default="")
        if len(long) > LONGEST:
            raise InputError(
                f"the text {cut(long, 40)!r} has {len(long):,} characters, but {LONGEST:,} are spoken at a time: cut "
                "it into sentences"
            )

    def _symbols(self, texts: list[str]) -> Ragged:
        """Characters between a first and a last symbol, so that the silence before and after has one to attend to."""
        ids, size = self.tokens_.encode(texts), self.tokens_.size
        return Ragged.of([torch.cat([row.new_tensor([size]), row, row.new_tensor([size + 1])]) for row in _rows(ids)])

    def title(self) -> str:
        return "A voice that speaks"

    # The network and what it learns by.

    def sizes(self, config: SpeakConfig, examples: Examples) -> list[dict[str, Any]]:
        sizes = [config.hidden] if config.hidden else [256, 128] if config.minutes else [256]
        return [{"hidden": hidden} for hidden in sizes]

    def enough(self, config: SpeakConfig, examples: Examples) -> float:
        return 10 * steps_a_pass(examples, config)

    def network(self, config: SpeakConfig) -> nn.Module:
        assert config.hidden is not None
        return SpeakerNetwork(
            vocabulary=self.tokens_.size + 2,
            bands=config.bands,
            frames=config.frames_a_step,
            embedding=config.embedding,
            hidden=config.hidden,
            layers=config.layers,
            cell=config.cell,
            attention=config.attention,
            pace=self.pace_,
            prenet_dropout=config.prenet_dropout,
            postnet=config.postnet,
            dropout=config.dropout,
        )

    def loss(self, outputs: Spoken, batch: Batch) -> Tensor:
        assert batch.y is not None
        return speech_loss(outputs, batch.y, batch.inputs["lengths"], guided=self.config().guided_attention)

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """The loss without the guidance, the mean over the steps."""
        total = count = 0.0
        for batch in in_order(examples, 128):
            batch = batch.to(self.config_.device)
            assert batch.y is not None
            steps = int(batch.inputs["steps"].sum())
            total += steps * float(speech_loss(network(**batch.inputs), batch.y, batch.inputs["lengths"]))
            count += steps
        return total / max(count, 1)

    def alarm(self, network: nn.Module, examples: Examples) -> str | None:
        """Attention that blurs, or that ends before the text does."""
        batch = examples.batch(torch.arange(min(LOOKED_AT, len(examples)))).to(self.config_.device)
        attention = network(**batch.inputs).attention.cpu()
        ends, lengths = batch.inputs["steps"].tolist(), batch.inputs["lengths"].tolist()
        focused = float(np.mean([focus(weights[:end]) for weights, end in zip(attention, ends, strict=True)]))
        places = [(int(w[end - 1].argmax()) + 1) / n for w, end, n in zip(attention, ends, lengths, strict=True)]
        if focused < FOCUSED:
            return (
                f"attention does not focus: the largest weight of a step is {focused:.2f} on average, but "
                f"{FOCUSED:g} at least are usual by now; train longer, give a larger --frames-a-step, more data, or "
                "--attention gmm"
            )
        if np.mean(places) < REACHED:
            return (
                f"attention reaches only {100 * np.mean(places):.0f} % of the text by the end of the sound; train "
                "longer, give a larger --guided-attention, or look whether the texts are what is said"
            )
        return None

    def _judging_seconds(self, prepared: Prepared) -> float:
        return super()._judging_seconds(prepared) + JUDGING * len(prepared.test or ())

    # From outputs to what the user hears.

    def spoken(self, texts: list[str]) -> list[Said]:
        """The frames of each text, whose characters are all known, in scaled logarithms."""
        network, rows = self.network_, self._symbols(texts)
        assert isinstance(network, SpeakerNetwork)
        network.eval()
        found: dict[int, Said] = {}
        for part in rows.lengths.argsort(stable=True).split(64) if texts else ():
            x, lengths = rows.padded(part)
            longest = (3 * lengths / self.pace_).ceil().long() + 20
            with threads(1):
                said = network.speak(x.to(self.config_.device), lengths, longest)
            found |= dict(zip(part.tolist(), said, strict=True))
        return [found[row] for row in range(len(texts))]

    def _wave(self, said: Said) -> np.ndarray:
        with threads(1):  # of a transform this small each thread more is one to wait for
            return self.vocoder_.decode(said.frames.cpu()).numpy()

    def predict(self, source: Any = None) -> list[Speech]:
        """A `Speech` for each text that is not empty: of a list, a table's column, a .txt file's lines, or one text."""
        self.fitted()
        every = read_texts(source, self.config_.text, "speak")
        texts = [text for text in every if text.strip()]
        if every and not texts:
            raise InputError("there is nothing to speak: no text has a letter in it")
        empty = len(every) - len(texts)
        self.remark(*([f"{empty:,} of {len(every):,} texts are empty and left out"] if empty else []))
        known = [self._known(text) for text in texts]
        for text, (read, _) in zip(texts, known, strict=True):
            if not read.strip():
                raise InputError(
                    f"the text {cut(text, 40)!r} has nothing to speak: give one with letters that were learnt"
                )
        self._short([read for read, _ in known])
        said = self.spoken([read for read, _ in known])
        return [
            Speech(
                text,
                self._wave(one),
                self.vocoder_.rate,
                one.stopped,
                focus(one.attention.cpu()),
                unknown,
            )
            for text, one, (_, unknown) in zip(texts, said, known, strict=True)
        ]

    def judge(self, examples: Examples, judged: Recorded, notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, Utterances)
        return self._judge(examples, judged, notes)

    def judge_source(self, source: Any) -> Judged:
        data = self._read(source, self.vocoder_.rate)
        return self._judge(self._encoded(data), data, (*data.notes, *met_in_words(self.met_, data.texts)))

    def _judge(self, examples: Utterances, data: Recorded, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        texts = [self._known(text)[0] for text in data.texts]
        vocoder, said, errors = self.vocoder_, self.spoken(texts), self._errors(examples)
        trials = [
            report.Trial(
                text=text,
                frames=vocoder.logarithms(one.frames.cpu()).numpy(),
                truth=vocoder.logarithms(examples.frames.row(row)).numpy(),
                weights=one.attention.cpu().numpy(),
                symbols=["⊢", *self.tokens_.pieces(text), "⊣"],
                seconds=vocoder.seconds(len(one.frames)),
                stopped=one.stopped,
                mel_l1=errors[row],
            )
            for row, (text, one) in enumerate(zip(texts, said, strict=True))
        ]
        unknown = sorted({sign for text in data.texts for sign in self._known(text)[1]})
        if unknown:
            notes = (*notes, f"characters that training never saw are left out: {some(unknown)}")
        evaluation = report.judge(trials, vocoder.mean.numpy(), notes=notes, began=began)
        sounds = [
            (self._wave(said[row]), data.recordings.waves[row].numpy()) for row in range(min(report.SHOWN, len(data)))
        ]
        return Judged(evaluation, report.sections(evaluation, trials, sounds, vocoder.rate))

    def _errors(self, examples: Utterances) -> list[float]:
        """Of each row the mean absolute error, in logarithms, of frames that follow the recording's own."""
        errors = torch.zeros(len(examples))
        scale = self.vocoder_.scale.repeat(examples.r)
        for batch, outputs in self.outputs(examples, 128):
            assert batch.y is not None
            apart = ((outputs.refined - batch.y).abs().cpu() * scale).nanmean((0, 2))
            errors[batch.rows.cpu()] = apart
        return errors.tolist()

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {"tokens": self.tokens_.to_json(), "vocoder": self.vocoder_.to_json(), "pace": self.pace_}

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.tokens_ = Tokens.from_json(encoders["tokens"])
        self.vocoder_ = Vocoder.from_json(encoders["vocoder"])
        self.pace_ = encoders["pace"]
        if self.vocoder_.bands != self.config_.bands:
            raise InputError(
                f"--bands is {self.config_.bands}, but the sound is made of {self.vocoder_.bands}: use the model as it "
                "was saved"
            )


def _plain(text: str) -> str:
    """One blank wherever there are several, and none at the ends."""
    return " ".join(text.split())


def _rows(ragged: Ragged) -> list[Tensor]:
    return [ragged.row(at) for at in range(len(ragged))]
