"""From sound to frames that can be turned into sound again: log magnitudes in mel bands, and Griffin-Lim back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from elman.data.ragged import Ragged
from elman.data.sound.features import mel_filters, spectrogram
from elman.errors import InputError

QUIETEST = 1e-3  # of the loudest band of the training part, 60 dB below it: what lies lower is silence
UPDATES = 30  # of the magnitudes that fit the bands


@dataclass(frozen=True, eq=False)
class Vocoder:
    """Waves (N,) at ``rate`` to frames (T, bands), and back.

        Y_t = |X_t| Mᵀ                               magnitudes in mel bands, of 50 ms every 12.5 ms
        x_t = (log max(Y_t, floor) - mean) / scale   each band scaled as in the training part

    ``mean`` and ``scale`` are (bands,); ``window`` and ``hop`` are in seconds.
    """

    rate: int
    bands: int
    floor: float
    mean: Tensor
    scale: Tensor
    window: float = 0.05
    hop: float = 0.0125

    @classmethod
    def fit(cls, waves: Sequence[Tensor], rate: int, bands: int = 40) -> Self:
        """The floor and the scale of these waves. Raises InputError for more bands than the rate allows."""
        plain = cls(rate, bands, 0.0, torch.zeros(bands), torch.ones(bands))
        heard = torch.cat([plain.magnitudes(wave) for wave in waves])
        floor = QUIETEST * float(heard.max())
        logarithms = heard.clamp(min=floor).log().double()
        mean, scale = logarithms.mean(0), logarithms.std(0, correction=0)
        return cls(rate, bands, floor, mean.float(), scale.where(scale > 1e-6, 1).float())

    @property
    def n_fft(self) -> int:
        """The power of 2 from the window's length on."""
        return 2 ** math.ceil(math.log2(self.window * self.rate))

    @property
    def step(self) -> int:
        """Samples from one frame to the next."""
        return round(self.hop * self.rate)

    @property
    def silence(self) -> Tensor:
        """(bands,): a frame in which nothing is heard."""
        return (math.log(self.floor) - self.mean) / self.scale

    def seconds(self, frames: int) -> float:
        return (frames - 1) * self.step / self.rate

    def magnitudes(self, wave: Tensor) -> Tensor:
        """(T, bands)"""
        return spectrogram(wave, self.n_fft, self.step, round(self.window * self.rate)) @ self.filters().T

    def encode(self, waves: Sequence[Tensor]) -> Ragged:
        """Rows (T, bands)."""
        rows = [(self.magnitudes(wave).clamp(min=self.floor).log() - self.mean) / self.scale for wave in waves]
        return Ragged.of(rows)

    def logarithms(self, frames: Tensor) -> Tensor:
        """log Y_t, (T, bands) to the same."""
        return frames * self.scale + self.mean

    def decode(self, frames: Tensor, iterations: int = 30) -> Tensor:
        """The wave ((T - 1) step,) of frames (T, bands), in -1 .. 1."""
        heard = self.logarithms(frames).exp()
        # What was held at the floor was silence, and would else come back as a hiss.
        heard = torch.where(heard > 1.01 * self.floor, heard, 0)
        wave = griffin_lim(
            unfiltered(heard, self.filters()), self.n_fft, self.step, round(self.window * self.rate), iterations
        )
        return wave / wave.abs().clamp(min=1).amax() if len(wave) else wave

    def filters(self) -> Tensor:
        try:
            return mel_filters(self.rate, self.n_fft, self.bands)
        except ValueError:
            raise InputError(f"--bands is {self.bands}, too many at {self.rate:,} Hz: ask for fewer") from None

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(**{**state, "mean": torch.tensor(state["mean"]), "scale": torch.tensor(state["scale"])})


def unfiltered(heard: Tensor, filters: Tensor) -> Tensor:
    """Magnitudes S (T, K) >= 0 with S Mᵀ near to heard (T, bands) in least squares, M (bands, K).

        S <- S * (heard M) / (S Mᵀ M)

    Source: Lee and Seung, Algorithms for non-negative matrix factorization, 2001.
    """
    aim = heard @ filters
    S = aim.clone()
    for _ in range(UPDATES):
        S = S * aim / (S @ filters.T @ filters).clamp(min=1e-12)
    return S


def griffin_lim(magnitudes: Tensor, n_fft: int, hop: int, window: int, iterations: int = 60) -> Tensor:
    """A wave ((T - 1) hop,) whose spectrogram (`features.spectrogram`) is near to ``magnitudes`` (T, n_fft // 2 + 1).

        c_n = P(t_{n-1})                P: to a wave and back, then given the wanted magnitudes
        t_n = c_n + α (c_n - c_{n-1}),  α = 0.99

    The phases at the start are drawn, always the same ones.

    Source: Perraudin, Balazs and Søndergaard, A fast Griffin-Lim algorithm, 2013.
    """
    wanted = magnitudes.T
    length = (wanted.shape[1] - 1) * hop
    if length < 1:
        return magnitudes.new_zeros(0)
    w = torch.hann_window(window, dtype=wanted.dtype)
    angles = torch.rand(wanted.shape, generator=torch.Generator().manual_seed(0)) * 2 * math.pi
    now = before = torch.polar(wanted, angles.to(wanted.dtype))
    for _ in range(iterations):
        wave = torch.istft(now, n_fft, hop, window, w, length=length)
        own = torch.stft(wave, n_fft, hop, window, w, center=True, pad_mode="constant", return_complex=True)
        found = wanted * own / own.abs().clamp(min=1e-12)
        now, before = found + 0.99 * (found - before), found
    return torch.istft(before, n_fft, hop, window, w, length=length)
