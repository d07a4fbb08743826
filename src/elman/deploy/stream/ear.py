"""Sound as it comes: frames as soon as their samples are there, the same as of the whole sound."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from elman.data.sound.features import WIDTH, SoundEncoder, with_slopes
from elman.deploy.stream.reader import State, finite
from elman.errors import InputError

CONTEXT = 2 * WIDTH  # frames to either side that the slopes of slopes see


class Ear:
    """Samples to scaled frames, by a `SoundEncoder` that needs no whole sound.

    A frame lies about its sample t hop, so that it comes n_fft / 2 samples later, and with slopes ``CONTEXT`` frames
    later still. A stream keeps ``wave``, the samples that frames to come still need; ``raw``, the frames that slopes
    to come need, of which ``done`` were given out; ``pile``, frames that do not make up a step yet.
    """

    def __init__(self, encoder: SoundEncoder) -> None:
        assert encoder.mean is not None and encoder.scale is not None
        self.encoder, self.mean, self.scale = encoder, encoder.mean, encoder.scale
        self.hop, self.window = round(encoder.hop * encoder.rate), round(encoder.window * encoder.rate)
        self.static = encoder.features // encoder.stack // (3 if encoder.deltas else 1)
        self.hold = CONTEXT if encoder.deltas else 0

    @staticmethod
    def refusal(encoder: SoundEncoder) -> str | None:
        if encoder.centre or encoder.floor is not None:
            return "this model hears a sound against its loudest part and its mean, which come late: fit with --causal"
        return None

    def fresh(self) -> State:
        whole = self.encoder.features // self.encoder.stack
        return {
            "wave": torch.zeros(self.encoder.n_fft // 2),
            "raw": torch.zeros(0, self.static),
            "done": torch.zeros((), dtype=torch.int64),
            "pile": torch.zeros(0, whole),
        }

    def check(self, own: State) -> None:
        begun = self.fresh()
        fits = all(own[name].shape[1:] == begun[name].shape[1:] for name in ("raw", "pile"))
        if not fits or not 0 <= int(own["done"]) <= len(own["raw"]) or len(own["wave"]) > self.encoder.n_fft + self.hop:
            raise ValueError("it has another size")

    def hear(self, own: State, samples: Any) -> tuple[Tensor, State]:
        """The steps (S, F) that samples (N,) complete, and what the stream keeps then."""
        wave = finite(samples, "samples").float()
        if wave.dim() != 1 or not len(wave):
            raise InputError(
                f"samples have the shape {tuple(wave.shape)}, but (N,) of one channel is needed: give these"
            )
        return self._heard(own, wave, False)

    def rest(self, own: State) -> tuple[Tensor, State]:
        """The steps that are left when the sound has ended: silence follows, and the last frame fills the last step."""
        begun = self.fresh()
        if not len(own["raw"]) and torch.equal(own["wave"], begun["wave"]):
            return torch.zeros(0, self.encoder.features), own
        steps, after = self._heard(own, torch.zeros(self.encoder.n_fft // 2), True)
        pile = after["pile"]
        if len(pile):
            lacking = self.encoder.stack - len(pile)
            steps = torch.cat([steps, torch.cat([pile, pile[-1:].expand(lacking, -1)]).reshape(1, -1)])
        return steps, begun

    def _heard(self, own: State, samples: Tensor, ends: bool) -> tuple[Tensor, State]:
        encoder, wave = self.encoder, torch.cat([own["wave"], samples])
        count = max(0, (len(wave) - encoder.n_fft) // self.hop + 1)
        raw = torch.cat([own["raw"], self._frames(wave, count)])
        done, until = int(own["done"]), len(raw) if ends else max(int(own["done"]), len(raw) - self.hold)
        frames = (with_slopes(raw) if encoder.deltas and len(raw) else raw)[done:until]
        if encoder.deltas and not len(raw):
            frames = raw.new_zeros(0, 3 * self.static)
        kept = max(0, until - self.hold)  # once frames are dropped, the first ``hold`` are there to be looked at alone
        pile = torch.cat([own["pile"], (frames - self.mean) / self.scale])
        whole = len(pile) // encoder.stack * encoder.stack
        after = {
            "wave": wave[count * self.hop :].clone(),
            "raw": raw[kept:].clone(),
            "done": torch.tensor(until - kept),
            "pile": pile[whole:].clone(),
        }
        return pile[:whole].reshape(-1, encoder.features), after

    def _frames(self, wave: Tensor, count: int) -> Tensor:
        if not count:
            return wave.new_zeros(0, self.static)
        n_fft, w = self.encoder.n_fft, torch.hann_window(self.window)
        part = wave[: (count - 1) * self.hop + n_fft]
        found = torch.stft(part, n_fft, self.hop, self.window, w, center=False, return_complex=True)
        return self.encoder.static(found.abs().T)
