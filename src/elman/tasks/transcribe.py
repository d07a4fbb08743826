"""Transcribe: a sound for what is said in it, in its own language or in another."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from elman.data.augment import chain
from elman.data.batch import NO_LABEL, Batch, Examples, by_length, in_order
from elman.data.folder import files_in, names
from elman.data.frames import to_frame
from elman.data.labelled import is_folder
from elman.data.met import fingerprints, met_in_words
from elman.data.ragged import Ragged
from elman.data.sequence_pairs import SequencePairs
from elman.data.sequences import Change, Rows
from elman.data.sound import augment
from elman.data.sound.features import SoundEncoder
from elman.data.sound.manifest import Spoken, read_manifest
from elman.data.sound.reader import SOUNDS
from elman.data.sound.recordings import Recordings, read_recordings
from elman.data.stratify import dealt_out
from elman.data.text.tokens import UNKNOWN, Tokens, choose_level
from elman.errors import InputError
from elman.evaluate.transcription import report
from elman.evaluate.transcription.metrics import mistakes, require_scorer
from elman.evaluate.wording import cut, lasting
from elman.nn import ctc
from elman.nn.beam import Found
from elman.nn.listener import Listened, Listener, SpeechNetwork
from elman.nn.seq2seq import Decoder
from elman.tasks.base import DOES, Judged, Prepared
from elman.tasks.explain_written import explain_heard
from elman.tasks.explained import Explained
from elman.tasks.writing import LOOKED_AT, WritingConfig, WritingTask
from elman.train.config import require, require_least, require_share
from elman.train.pace import steps_a_pass, threads

BLANKS = 0.999  # a share of blanks from which on nothing else is said
CHOSEN_BY = 200  # rows of the validation part that are written down at each validation
TIE = 0.01  # share of the loss in what chooses
LEAST_STEPS = 1000  # below this not even clear speech is learnt
DRAWN = 3  # sounds whose alignment the report shows


@dataclass(frozen=True, kw_only=True)
class TranscribeConfig(WritingConfig):
    """Which columns, how sound becomes steps, and by what its steps are read.

    Parameters
    ----------
    sound
        Column that names the files of sound, from the manifest's folder on.
    text
        Column of what is said in them, or of its translation.
    by
        ctc: each step of sound says a symbol or nothing, in order; attention: a decoder writes and looks where it
        wants, which needs more data but may reorder, as translation does; both: learnt together, and what attention
        finds is weighed by ctc.
    ctc_share
        By both: the share of ctc in what is learnt, and in what is weighed.
    target_level
        What a symbol of a text is: char, subword, word, byte; auto is char.
    sample_rate
        Samples a second that all sounds are brought to (default: what most files have, 16,000 at most).
    bands
        Mel bands of a frame; there are 100 frames a second.
    stack
        Frames that are read as one step.
    join
        Steps of a layer that the next one reads as one.
    causal
        Hear in one direction alone, so that the model can be streamed: by ctc.
    noise
        Most noise added to the frames while training, in their standard deviations.
    speed
        Share by which a sound is read slower or quicker at most while training.
    mask
        Share of a sound's time, and of its bands, hidden at most at a time while training, twice each.
    """

    sound: str
    text: str
    by: Literal["ctc", "attention", "both"] = "ctc"
    ctc_share: float = 0.3
    sample_rate: int | None = None
    bands: int = 40
    stack: int = 3
    join: int = 1
    causal: bool = False
    noise: float = 0.3
    speed: float = 0.1
    mask: float = 0.1
    layers: int = 2
    valid_share: float = 0.1
    batch_size: int = 32
    warmup: float = 0.1
    patience: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "bands", "stack", "join")
        require_least(self, 1000, "sample_rate")
        require_least(self, 0, "noise")
        require_share(self, "ctc_share", "speed", "mask")
        require(not self.causal or self.by == "ctc", "causal", self.causal, f"left out: --by {self.by} hears all first")


class Transcriber(WritingTask):
    """Learn from sounds and texts: ``Transcriber(sound="file", text="text").fit("manifest.tsv").predict("x.wav")``."""

    name = "transcribe"
    help = "Learn to write down what is said, or its translation, from a table of sound files with a text each."
    file = "CSV, TSV, JSON lines or Parquet with the name of a sound file (wav, flac, ogg, mp3) and a text in each row."
    after = (("predict {} x.wav", "what is said in it"), ("evaluate {} NEW.tsv", "the score on new data"))
    options = ("beam",)
    Config = TranscribeConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: TranscribeConfig) -> Prepared:
        require_scorer()
        data = self._read(source, config.sample_rate)
        rate = data.recordings.rate
        parts = dealt_out(
            data,
            lambda part: self._read(part, rate),
            {"valid": valid, "test": test},
            shares={"valid": config.valid_share, "test": config.test_share},
            seed=config.seed,
            keys=data.recordings.names,
        )
        train = parts["train"]
        self.met_ = fingerprints(train.recordings.keys)
        self.frequent_ = report.most_frequent(train.texts)
        self.target_tokens_ = self.tokens(train.texts, "char" if config.target_level == "auto" else config.target_level)
        with threads(1):  # frames are small: threads would wait for each other
            self.encoder_ = SoundEncoder.fit(train.recordings.waves, rate, bands=config.bands)
            sets = {name: self._encoded(part) for name, part in parts.items() if len(part)}
        said, warned = self._sayable(sets["train"], config)
        sets["train"] = SequencePairs(said.x, said.y, self.target_tokens_.size, self._change(config))
        judged = dataclasses.replace(
            parts["test"], recordings=dataclasses.replace(parts["test"].recordings, waves=[])
        )  # the sounds themselves are no longer needed
        notes = (
            *data.notes,
            ", ".join(f"{len(parts[name]):,} sounds {does}" for name, does in DOES.items() if len(parts[name])),
            f"{lasting(train.recordings.seconds)} at {rate:,} Hz are learnt from; {self.target_tokens_.size:,} "
            f"symbols, {said.y.lengths.double().mean():.0f} a text",
            *warned,
        )
        return Prepared(sets["train"], sets.get("valid", sets["train"]), sets.get("test"), notes, judged)

    def _read(self, source: Any, rate: int | None) -> Spoken:
        config = self.config()
        data = read_manifest(source, config.sound, config.text, rate=rate)
        return dataclasses.replace(data, texts=[text.lower() for text in data.texts]) if config.lower else data

    def _encoded(self, part: Spoken) -> SequencePairs:
        x, y = self.encoder_.encode(part.recordings.waves), self.target_tokens_.encode(part.texts)
        return SequencePairs(x, y, self.target_tokens_.size)

    def _sayable(self, train: SequencePairs, config: TranscribeConfig) -> tuple[SequencePairs, list[str]]:
        """The examples whose sounds have steps enough for their texts, where that matters, and what is said of it."""
        if config.by == "attention":
            return train, []
        rows = torch.arange(len(train))
        steps = self._listener(config, 1).lengths(train.x.lengths)
        good = torch.cat([ctc.steps_needed(*train.y.padded(part)) for part in rows.split(1024)]) <= steps
        if good.all():
            return train, []
        few = int((~good).sum())
        remedy = "give a smaller --stack or --join, --target-level subword, or --by attention"
        which = f"{few:,} of {len(train):,} sounds are too short for ctc to say their texts"
        if few == len(train):
            raise InputError(f"{which}: {remedy}")
        if config.by == "both":
            return train, [f"WARNING: {which}, which attention alone learns from: {remedy}"]
        return train.take(rows[good]), [f"WARNING: {which} and are not learnt from: {remedy}"]

    def _change(self, config: TranscribeConfig) -> Change | None:
        """What is done to a sound each time it is learnt from."""
        changes = []
        if config.speed:
            changes.append(augment.speed(1 - config.speed, 1 + config.speed))
        if config.noise:
            changes.append(augment.noise(config.noise))
        if config.mask:
            changes.append(augment.spec_augment(config.bands, time_share=config.mask, band_share=config.mask))
        return chain(*changes) if changes else None

    def title(self) -> str:
        return f"Transcription of {self.config_.sound} to {self.config_.text}"

    # The network and what it learns by.

    def sizes(self, config: TranscribeConfig, examples: Examples) -> list[dict[str, Any]]:
        epoch = steps_a_pass(examples, config)
        usual = 60.0 if config.minutes else 30.0
        # Few sounds take many passes: it is the steps that lead away from saying nothing.
        epochs = config.epochs or max(usual, (4 if config.minutes else 2) * LEAST_STEPS / epoch)
        return [
            {"hidden": hidden, "embedding": config.embedding or hidden, "epochs": epochs}
            for hidden in ([config.hidden] if config.hidden else [256, 128] if config.minutes else [256])
        ]

    def enough(self, config: TranscribeConfig, examples: Examples) -> float:
        return max(LEAST_STEPS, super().enough(config, examples))

    def _listener(self, config: TranscribeConfig, hidden: int) -> Listener:
        return Listener(
            self.encoder_.features,
            hidden,
            config.layers,
            cell=config.cell,
            stack=config.stack,
            join=config.join,
            causal=config.causal,
            dropout=config.dropout,
            weight_drop=config.weight_drop,
        )

    def network(self, config: TranscribeConfig) -> nn.Module:
        assert config.hidden is not None and config.embedding is not None
        listener = self._listener(config, config.hidden)
        return SpeechNetwork(
            listener,
            symbols=0 if config.by == "attention" else self.target_tokens_.size,
            decoder=None if config.by == "ctc" else Decoder(**self.decoder_settings(listener, config)),
            dropout=config.dropout,
        )

    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        """Mean cost of a symbol in nats: by ctc, by attention (smoothed), or both, weighed."""
        y, share = batch.y, self.config().ctc_share
        assert isinstance(outputs, Listened) and y is not None
        costs = []
        if outputs.said is not None:
            # The last symbol is the end, which ctc does not need.
            costs.append(ctc.ctc_loss(outputs.said, outputs.lengths, y[:-1], (y != NO_LABEL).sum(0) - 1))
        if outputs.logits is not None:
            costs.append(super().loss(outputs.logits, batch))
        return costs[0] if len(costs) == 1 else share * costs[0] + (1 - share) * costs[1]

    def weigh(self, batch: Batch) -> float:
        """By ctc rows count alike, by attention symbols; by both it is the symbols that are counted."""
        return len(batch) if self.config().by == "ctc" else super().weigh(batch)

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """The share of wrong symbols where the likeliest one is written each time; equal ones are told by the loss."""
        assert isinstance(examples, SequencePairs)
        rows = torch.arange(min(CHOSEN_BY, len(examples)))
        some = examples.take(rows)
        cost = sum(
            float(self.loss(network(**batch.inputs), batch)) * len(batch)
            for batch in (batch.to(self.config_.device) for batch in in_order(some, 128))
        )
        guesses = [found[0].symbols for found in self.written(some.x, 1, network)]
        wrong, all_ = mistakes([*map(_letters, guesses)], [_letters(some.y.row(int(row))) for row in rows])
        return float(wrong.sum() / all_.sum()) + TIE * cost / len(rows)

    def alarm(self, network: nn.Module, examples: Examples) -> str | None:
        """Blanks alone, every sound answered alike, or attention that weighs all steps alike."""
        assert isinstance(examples, SequencePairs)
        if self.config_.by == "attention":
            return super().alarm(network, examples)
        some = torch.arange(min(LOOKED_AT, len(examples)))
        said, lengths, _ = network(**examples.batch(some).to(self.config_.device).inputs)
        best = [heard[0] for heard in ctc.decode(said, lengths)]
        blanks = ctc.blank_share(said, lengths)
        if blanks >= BLANKS or not any(heard.symbols for heard in best):
            return (
                f"ctc says nothing but blanks ({100 * blanks:.1f} % of the steps): train longer, or give a higher "
                "--learning-rate, a smaller --stack, less --noise and --mask, or sounds that are shorter"
            )
        if len(some) > 3 and len({tuple(heard.symbols) for heard in best}) == 1:
            text = self.target_tokens_.decode(best[0].symbols)
            return (
                f"all {len(some)} sounds that were looked at get the same answer, {cut(text, 40)!r}: the network does "
                "not hear what it is given; train longer, or change --learning-rate"
            )
        return super().alarm(network, examples) if self.config_.by == "both" else None

    # From steps of sound to text.

    def most_written(self, steps: int) -> int:
        """Nobody says more than 25 letters a second."""
        return min(1000, 10 + steps // 4)

    def attended(self, network: Any, lengths: Tensor) -> Tensor:
        found: Tensor = network.listener.lengths(lengths)
        return found

    def written(
        self, rows: Rows, beam: int | None = None, network: Any = None, longest: int | None = None
    ) -> list[list[Found]]:
        """The best texts for each row, the best first; of ctc with when each symbol was heard as its attention."""
        network, config = network or self.network_, self.config()
        beam = beam or config.beam
        found = [] if config.by == "ctc" else super().written(rows, beam, network, longest)
        if config.by == "attention" or (config.by == "both" and beam == 1):
            return found
        found = found or [[] for _ in range(len(rows))]
        for part, said, lengths in self._said(rows, network):
            if config.by == "ctc":
                best = ctc.decode(said, lengths, beam=beam, banned=(UNKNOWN,))
                for row, heard in zip(part.tolist(), best, strict=True):
                    found[row] = [Found(one.symbols, one.score, torch.empty(0)) for one in heard]
                continue
            for k, row in enumerate(part.tolist()):
                found[row] = self._weighed(found[row], said[:, k], lengths[k])
        return found

    def _said(self, rows: Rows, network: Any) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Numbers of rows, the log probabilities (S, B, V) of their steps, and the lengths; in order of length."""
        network.eval()
        with torch.no_grad():
            for part in by_length(rows.lengths, 256):
                x, lengths = rows.padded(part)
                y, lengths = network.hear(x.to(self.config_.device), lengths)
                yield part, network.said(y).cpu(), lengths

    def _weighed(self, found: list[Found], said: Tensor, length: Tensor) -> list[Found]:
        """What attention found for a row, in the order of ctc's and attention's log probabilities together."""
        config = self.config()
        sizes = torch.tensor([len(one.symbols) for one in found])
        symbols = Ragged.of([one.symbols for one in found]).padded(torch.arange(len(found)))[0]
        costs = ctc.ctc_costs(said[:, None].expand(-1, len(found), -1), length.expand(len(found)), symbols, sizes)
        scores = [
            (1 - config.ctc_share) * one.score * (len(one.symbols) + 1) ** config.length_penalty
            - config.ctc_share * cost
            for one, cost in zip(found, costs.tolist(), strict=True)
        ]
        order = sorted(range(len(found)), key=lambda at: -scores[at])
        return [dataclasses.replace(found[at], score=scores[at]) for at in order]

    def transcripts(self, waves: Sequence[Any], beam: int | None = None) -> list[str]:
        """What is said in waves (N,), tensors or arrays, at the model's ``encoder_.rate``.

        Raises InputError for a wave of another shape, without samples, or with NaN in it.
        """
        self.fitted()
        waves = [torch.as_tensor(wave, dtype=torch.float32) for wave in waves]
        for at, wave in enumerate(waves):
            if wave.ndim != 1 or not len(wave) or not wave.isfinite().all():
                held = f"shape {tuple(wave.shape)}" if wave.ndim != 1 or not len(wave) else "NaN or infinity"
                raise InputError(f"wave {at} has {held}, but samples (N,) of one channel are needed: give these")
        return [self.decoded(best[0]) for best in self.written(self.encoder_.encode(waves), beam)]

    def predict(self, source: Any = None, *, beam: int | None = None) -> Any:
        """Texts for a list of sound files; for one file, a folder of them, a manifest or a frame, a frame of both.

        A sound that is silent, or has no samples, has an empty text. ``beam`` instead of the one of the fit.
        """
        self.fitted()
        require(beam is None or beam >= 1, "beam", beam, "at least 1")
        config, recordings = self.config_, self.recordings(source)
        texts = self._heard(recordings, beam)
        if isinstance(source, list | tuple):
            return texts
        columns = {config.sound: list(recordings.asked), config.text: texts}
        return to_frame(columns, like=None if isinstance(source, str | Path) else source)

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """Why a sound was heard as it was: of one file, or of the ``row``-th, from 1, that are no silence."""
        return explain_heard(self, source, row)

    def recordings(self, source: Any) -> Recordings:
        """The sounds of a file, a folder, a manifest, a frame or a list of files."""
        if source is None:
            raise InputError("there is nothing to listen to: give a file of sound, a folder of them, or a manifest")
        if isinstance(source, list | tuple):
            return read_recordings(list(source), rate=self.encoder_.rate)
        if is_folder(source):
            paths = files_in(Path(source), SOUNDS)
            if not paths:
                raise InputError(f"{source} holds no files in {', '.join(SOUNDS)}: name another folder")
            return read_recordings(paths, rate=self.encoder_.rate)
        if isinstance(source, str | Path) and names(str(source), SOUNDS):
            return read_recordings([source], rate=self.encoder_.rate)
        return read_manifest(source, self.config_.sound, None, rate=self.encoder_.rate).recordings

    def _heard(self, recordings: Recordings, beam: int | None) -> list[str]:
        """The text of each file that was asked for, an empty one where it was left out."""
        self.remark(*recordings.notes)
        texts = [""] * len(recordings.asked)
        for at, text in zip(recordings.kept.tolist(), self.transcripts(recordings.waves, beam), strict=True):
            texts[at] = text
        return texts

    def judge(self, examples: Examples, judged: Spoken, notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, SequencePairs)
        return self._judge(examples.x, judged, notes)

    def judge_source(self, source: Any) -> Judged:
        data = self._read(source, self.encoder_.rate)
        told = *data.notes, *met_in_words(self.met_, data.recordings.keys)
        return self._judge(self.encoder_.encode(data.recordings.waves), data, told)

    def _judge(self, x: Rows, data: Spoken, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        found = [best[0] for best in self.written(x)]
        guesses = [self.decoded(one) for one in found]
        words = choose_level(data.texts) == "word"
        evaluation = report.judge(guesses, data.texts, self.frequent_, words=words, notes=notes, began=began)
        drawn = [at for at in range(0, len(found), max(1, len(found) // DRAWN))[:DRAWN] if found[at].symbols]
        alignments = [self.drawn(x, at, found[at]) for at in drawn]
        names = [Path(name).name for name in data.recordings.names]
        return Judged(evaluation, *report.sections(evaluation, names, guesses, data.texts, alignments))

    def drawn(self, x: Rows, row: int, found: Found) -> report.Alignment:
        """When each symbol was heard: by ctc, or where attention looked."""
        rows = torch.tensor([row])
        frames = x.lengths[rows]
        if self.config_.by == "ctc":
            one = Ragged.of([x.padded(rows)[0][:, 0]])
            _, said, _ = next(self._said(one, self.network_))
            weights = ctc.alignment(said[:, 0], found.symbols)
        else:
            weights = found.attention[: len(found.symbols), : int(self.attended(self.network_, frames))]
        symbols = [self.target_tokens_.symbols[symbol] for symbol in found.symbols]
        return report.Alignment(weights.numpy(), symbols, int(frames) * self.encoder_.hop)

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {
            "sound": self.encoder_.to_json(),
            "target": self.target_tokens_.to_json(),
            "most_frequent": self.frequent_,
        }

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.encoder_ = SoundEncoder.from_json(encoders["sound"])
        self.target_tokens_ = Tokens.from_json(encoders["target"])
        self.frequent_ = encoders["most_frequent"]


def _letters(symbols: Iterable[int] | Tensor) -> str:
    """A letter a symbol, so that what compares texts compares these."""
    return "".join(chr(0x4E00 + int(symbol)) for symbol in symbols)
