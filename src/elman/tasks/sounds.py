"""What classifier and regressor do with sounds: from files to frames, and what is changed while learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch

from elman.data.batch import Examples
from elman.data.files import short
from elman.data.labelled import NOTHING, Labelled, Pairs, X, flat, is_folder, names_file
from elman.data.ragged import Ragged
from elman.data.sequences import Change, Rows
from elman.data.sound.augment import chain, noise, spec_augment, speed, warp
from elman.data.sound.features import LOWEST, SoundEncoder
from elman.data.sound.folder import labelled_sounds, sounds_in
from elman.data.sound.manifest import read_manifest, sound_column
from elman.data.sound.reader import names_sound
from elman.data.sound.recordings import Recordings, read_recordings
from elman.data.sound.takes import SPEEDS, Takes, at_speed
from elman.data.text.spelling import Spelled
from elman.errors import InputError
from elman.tasks.base import DOES
from elman.tasks.sequence import SequenceConfig, SequenceTask, something
from elman.train.config import require_least

PASSES = 30  # over the training part: no two are alike
MOST_TAKEN = 2**28  # numbers of all takes: 1 GiB
# Speakers and microphones differ in pitch, which cepstra leave out, in level, colour and background.
FRAMES: dict[str, Any] = {"stack": 2, "floor": 40.0, "centre": True}


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
        Change sounds anew each time they are learnt from: speed, pitch, voice, noise, and parts that are hidden.
    by_speaker
        Keep the sounds of a speaker in one part: a file's name up to its first _ is the speaker's.
    """

    sound: str | None = None
    rate: int | None = None
    trim: bool = True
    features: Literal["mel", "mfcc"] = "mfcc"
    bands: int = 40
    deltas: bool = True
    augment: bool = True
    by_speaker: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1000, "rate")
        require_least(self, 13, "bands")


class SoundTask(SequenceTask):
    """A SequenceTask that also reads files of sound: of a folder, of a table's column, or one by one."""

    rate_: int | None = None  # of the sounds that were read first; later ones are read at the same

    def fit(self, source: Any, y: Any = None, **options: Any) -> Self:
        """As SequenceTask.fit; ``source`` may also be a folder of sounds, or a list of their files with ``y``."""
        self.rate_ = self.config().rate
        return super().fit(source, y, **options)

    # From files to rows.

    def read(self, source: Any, label: str | None, *, number: bool = False) -> Labelled:
        """As SequenceTask.read, of sounds where the source names some."""
        sound = self.config().sound
        if isinstance(source, Pairs) and _all_sounds(source.x):
            return self._labelled_sounds(list(map(Path, source.x)), flat(source.y), ())
        if is_folder(source) and sounds_in(Path(source)):
            files, labels, notes = labelled_sounds(Path(source))
            return self._labelled_sounds(files, np.array(labels), notes)
        if sound is not None and not isinstance(source, Pairs):
            found = read_manifest(source, sound, label, rate=self.rate_, trim=self.config().trim)
            self.rate_ = found.recordings.rate
            return Labelled(found.recordings, np.array(found.texts), found.notes)
        return super().read(source, label, number=number)

    def _labelled_sounds(self, files: list[Path], y: np.ndarray, notes: tuple[str, ...]) -> Labelled:
        if len(y) != len(files):
            raise InputError(f"{len(files):,} sounds have {len(y):,} labels: give one label a sound")
        found = self._recordings(files)
        return Labelled(found, y[found.kept.numpy()], (*notes, *found.notes))

    def _recordings(self, files: Sequence[Path]) -> Recordings:
        found = read_recordings(files, rate=self.rate_, trim=self.config().trim)
        self.rate_ = found.rate
        return found

    def unlabelled(self, source: Any) -> Labelled:
        """As SequenceTask.unlabelled; for a model of sounds a file, a folder, a list of files, or a table of them."""
        if not isinstance(self.encoder_, SoundEncoder):
            return super().unlabelled(source)
        something(source)
        sound = self.config().sound
        if is_folder(source):
            files = sounds_in(Path(source))
            if not files:
                raise InputError(f"{source} holds no files of sound: name another folder")
            found = self._recordings(files)
            return Labelled(found, NOTHING, found.notes)
        if _all_sounds(source):
            found = self._recordings([Path(source)] if isinstance(source, str | Path) else list(map(Path, source)))
            return Labelled(found, NOTHING, found.notes)
        if isinstance(source, str) and not names_file(source):
            raise InputError(
                f"the model reads sounds, but {short(source)} was given: give a file, a folder or a table of them"
            )
        spoken = read_manifest(source, sound or sound_column(source), None, rate=self.rate_, trim=self.config().trim)
        return Labelled(spoken.recordings, NOTHING, spoken.notes)

    def answers_frame(self, source: Any) -> bool:
        """As SequenceTask's; of sounds for all but a list of files."""
        return not isinstance(source, list | tuple) if self.hears else super().answers_frame(source)

    def asked(self, x: X) -> dict[str, list[str]]:
        """The column of names that answers for sounds begin with."""
        return {"file": list(x.asked)} if isinstance(x, Recordings) else {}

    def spread(self, x: X, answers: np.ndarray) -> np.ndarray:
        """Answers (N, ...) for rows, for each row that was asked for: NaN for the sounds that were left out."""
        if not isinstance(x, Recordings):
            return answers
        found = np.full((len(x.asked), *answers.shape[1:]), np.nan)
        found[x.kept.numpy()] = answers
        return found

    def hints(self) -> tuple[tuple[str, str], ...]:
        if not self.hears:
            return super().hints()
        return (
            ("predict {} x.wav", "what it is"),
            ("predict {} FOLDER --out FOUND.csv", "what each sound of a folder is"),
            ("evaluate {} FOLDER", "the score on new data"),
        )

    @property
    def hears(self) -> bool:
        return isinstance(self.encoder_, SoundEncoder)

    def keys(self, data: Labelled) -> list[Any] | None:
        """Rows of equal keys come to one part: equal sounds, or those of one speaker."""
        if not isinstance(data.x, Recordings):
            return super().keys(data)
        if self.config().by_speaker:
            return [Path(name).name.partition("_")[0] for name in data.x.names]
        return self.same(data.x)

    def same(self, x: X) -> list[Any] | None:
        return x.keys if isinstance(x, Recordings) else super().same(x)

    # From rows to numbers.

    def fit_encoder(self, x: X) -> None:
        if not isinstance(x, Recordings):
            super().fit_encoder(x)
            return
        config = self.config()
        self.spelling_ = None
        self.encoder_ = SoundEncoder.fit(
            x.waves, x.rate, kind=config.features, bands=config.bands, deltas=config.deltas, **FRAMES
        )

    def numbered(self, x: X) -> Any:
        """Recordings as frames, everything else as SequenceTask does it."""
        if isinstance(x, Recordings) != self.hears:
            learnt, given = ("sounds", "texts or numbers")[not self.hears], ("sounds", "texts or numbers")[self.hears]
            raise InputError(f"the model reads {learnt}, but {given} were given: give what it was fitted on")
        if not isinstance(x, Recordings):
            return super().numbered(x)
        assert isinstance(self.encoder_, SoundEncoder)
        return self.encoder_.encode(x.waves)

    def learnt(self, x: X, encoded: Ragged | Spelled) -> Rows:
        """What is learnt from: of sounds several takes."""
        if not isinstance(x, Recordings) or not self.config().augment:
            return super().learnt(x, encoded)
        assert isinstance(encoded, Ragged)
        takes = [encoded]
        # Where there are many sounds already, their takes would fill the memory and teach little.
        for quick in SPEEDS[1 : max(1, MOST_TAKEN // encoded.values.numel())]:
            takes.append(self.encoder_.encode([at_speed(wave, x.rate, quick) for wave in x.waves]))  # type: ignore[arg-type]
        longest = self.config().longest
        return Takes(takes if longest is None else [take.cut(longest) for take in takes])

    def change(self) -> Change | None:
        if not isinstance(self.encoder_, SoundEncoder):
            return super().change()
        if not self.config().augment:
            return None
        encoder = self.encoder_
        group = encoder.features // encoder.stack // (3 if encoder.deltas else 1)
        voice = [warp(encoder.rate, group, LOWEST)] if encoder.kind == "mel" else []
        return chain(speed(), *voice, noise(), spec_augment(group))

    def sizes(self, config: Any, examples: Examples) -> list[dict[str, Any]]:
        sizes = super().sizes(config, examples)
        if not self.hears or config.epochs or config.steps:
            return sizes
        return [{**size, "epochs": float(PASSES)} for size in sizes]

    def told(self, parts: dict[str, Labelled], encoded: dict[str, Any]) -> list[str]:
        if not isinstance(self.encoder_, SoundEncoder):
            return super().told(parts, encoded)
        sounds = parts["train"].x
        assert isinstance(sounds, Recordings)
        notes = [f"sounds are read at {sounds.rate:,} Hz and have {sounds.seconds / len(sounds):.2g} s on average"]
        if self.config().by_speaker:
            speakers = {name: len(set(self.keys(part) or ())) for name, part in parts.items()}
            notes.append("speakers: " + ", ".join(f"{speakers[name]} {DOES[name]}" for name in speakers))
        return [*notes, *super().told(parts, encoded)]

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {**super().encoders(), **({"kind": "sound"} if self.hears else {})}

    def restore(self, encoders: dict[str, Any], kept: dict[str, torch.Tensor]) -> None:
        self.rate_ = self.config().rate
        if encoders["kind"] != "sound":
            super().restore(encoders, kept)
            return
        self.encoder_, self.spelling_ = SoundEncoder.from_json(encoders["encoder"]), None
        self.rate_ = self.encoder_.rate


def _all_sounds(source: Any) -> bool:
    """Whether this names a file of sound, or is a list of such names."""
    every = source if isinstance(source, list | tuple) else [source]
    return bool(every) and all(isinstance(one, str | Path) and names_sound(str(one)) for one in every)
