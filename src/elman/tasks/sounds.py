"""Sounds as a medium: from files to frames, and what is changed while learning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from elman.data.augment import Way, chain
from elman.data.labelled import NOTHING, Labelled, Pairs
from elman.data.ragged import Ragged
from elman.data.sequences import Change, Rows
from elman.data.sound.augment import noise, spec_augment, speed, warp
from elman.data.sound.features import LOWEST, SoundEncoder
from elman.data.sound.manifest import Spoken, read_manifest, sound_column
from elman.data.sound.reader import SOUNDS
from elman.data.sound.recordings import Recordings, read_recordings
from elman.data.sound.takes import SPEEDS, Takes, at_speed
from elman.tasks.base import DOES
from elman.tasks.media import Medium
from elman.tasks.sequence import SequenceConfig
from elman.train.config import require_least

PASSES = 30.0  # over the training part: no two are alike
MOST_TAKEN = 2**28  # numbers of all takes: 1 GiB
# Speakers and microphones differ in pitch, which cepstra leave out, in level, colour and background.
FRAMES: dict[str, Any] = {"stack": 2, "floor": 40.0, "centre": True}
WHOLE = {"floor": None, "centre": False}  # what the level and the background of a whole sound are needed for


@dataclass(frozen=True, kw_only=True)
class SoundConfig(SequenceConfig):
    """How sound becomes numbers.

    Parameters
    ----------
    sound
        Column of a table that names files of sound.
    rate
        Samples a second that sounds are read at; the commonest of the files, 16,000 at most, when left out.
    trim
        Cut the silence off both ends of a sound.
    features
        What a frame of a sound is: mfcc (13 cepstra, without the voice's pitch) or mel (log power in mel bands).
    bands
        Mel bands.
    deltas
        The features' slopes, and the slopes of these, beside them.
    augment
        Change what is learnt from anew each time: a sound's speed, pitch, voice and noise; a picture's place, angle and
        size; the pace of movements. When left out, files of all these, but not arrays of numbers; of these and of
        movements jitter, scaling, warp, slice, or several of them, can be named instead.
    by_speaker
        Keep the sounds of a speaker in one part: a file's name up to its first _ is the speaker's.
    """

    sound: str | None = None
    rate: int | None = None
    trim: bool = True
    features: Literal["mel", "mfcc"] = "mfcc"
    bands: int = 40
    deltas: bool = True
    augment: bool | tuple[Way, ...] | None = None
    by_speaker: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.augment, str | list):
            object.__setattr__(
                self, "augment", (self.augment,) if isinstance(self.augment, str) else tuple(self.augment)
            )
        super().__post_init__()
        require_least(self, 1000, "rate")
        require_least(self, 13, "bands")


class Sounds(Medium):
    """Files of sound: of a folder with a subfolder a label, of a table's column, or one by one."""

    kind, what, suffixes, rows, passes = "sound", "sounds", SOUNDS, Recordings, PASSES
    others = "a table of them"

    encoder: SoundEncoder

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.trim = config.trim and not config.causal  # a stream's silence ends nobody knows when
        self.rate = config.rate  # of the sounds that were read first; later ones are read at the same

    @classmethod
    def holds(cls, source: Any, config: Any) -> bool:
        return super().holds(source, config) or (config.sound is not None and not isinstance(source, Pairs | Labelled))

    # From files to rows.

    def gather(self, files: list[Path]) -> Recordings:
        found = read_recordings(files, rate=self.rate, trim=self.trim)
        self.rate = found.rate
        return found

    def read_other(self, source: Any, label: str | None) -> Labelled:
        """Those that a table names."""
        if isinstance(source, Pairs):
            raise self.refusal(source.x)
        found = self._table(source, label)
        return Labelled(found.recordings, np.array(found.texts), found.notes)

    def unlabelled_other(self, source: Any) -> Labelled:
        found = self._table(source, None)
        return Labelled(found.recordings, NOTHING, found.notes)

    def _table(self, source: Any, label: str | None) -> Spoken:
        column = self.config.sound or sound_column(source)
        found = read_manifest(source, column, label, rate=self.rate, trim=self.trim)
        self.rate = found.recordings.rate
        return found

    def keys(self, data: Labelled) -> list[Any]:
        """Equal sounds, or those of one speaker."""
        assert isinstance(data.x, Recordings)
        if self.config.by_speaker:
            return [Path(name).name.partition("_")[0] for name in data.x.names]
        return data.x.keys

    # From rows to numbers.

    def fit(self, x: Recordings) -> None:
        config = self.config
        self.encoder = SoundEncoder.fit(
            x.waves,
            x.rate,
            kind=config.features,
            bands=config.bands,
            deltas=config.deltas,
            **FRAMES | (WHOLE if config.causal else {}),
        )

    def encode(self, x: Recordings) -> Ragged:
        return self.encoder.encode(x.waves)

    def learnt(self, x: Recordings, encoded: Any, longest: int | None) -> Rows:
        """Several takes of each sound."""
        if self.config.augment is False:
            return encoded
        takes = [encoded]
        # Where there are many sounds already, their takes would fill the memory and teach little.
        for quick in SPEEDS[1 : max(1, MOST_TAKEN // encoded.values.numel())]:
            takes.append(self.encoder.encode([at_speed(wave, x.rate, quick) for wave in x.waves]))
        return Takes(takes if longest is None else [take.cut(longest) for take in takes])

    def change(self) -> Change | None:
        if self.config.augment is False:
            return None
        encoder = self.encoder
        group = encoder.features // encoder.stack // (3 if encoder.deltas else 1)
        voice = [warp(encoder.rate, group, LOWEST)] if encoder.kind == "mel" else []
        return chain(speed(), *voice, noise(), spec_augment(group))

    def feature_names(self) -> list[str]:
        """Of each band or cepstrum; its slopes, and the frames that are read in one step, are of the same name."""
        return self.encoder.names

    def told(self, parts: dict[str, Labelled]) -> list[str]:
        sounds = parts["train"].x
        assert isinstance(sounds, Recordings)
        notes = [f"sounds are read at {sounds.rate:,} Hz and have {sounds.seconds / len(sounds):.2g} s on average"]
        if self.config.by_speaker:
            speakers = {name: len(set(self.keys(part))) for name, part in parts.items()}
            notes.append("speakers: " + ", ".join(f"{speakers[name]} {DOES[name]}" for name in speakers))
        return notes

    def hints(self) -> tuple[tuple[str, str], ...]:
        return (
            ("predict {} x.wav", "what it is"),
            ("predict {} FOLDER --out FOUND.csv", "what each sound of a folder is"),
            ("evaluate {} FOLDER", "the score on new data"),
        )

    def restore(self, state: dict[str, Any]) -> None:
        self.encoder = SoundEncoder.from_json(state)
        self.rate = self.encoder.rate
