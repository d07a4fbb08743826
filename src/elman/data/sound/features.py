"""From a wave to frames of numbers: the short-time spectrum, mel bands, cepstra and their deltas, by torch alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Self

import torch
from torch import Tensor

from elman.data.ragged import Ragged
from elman.errors import InputError

FLOOR = 1e-5  # added to a band's power before the logarithm: what 16 bits cannot tell from silence
LOWEST = 20.0  # Hz; below this is hum
WIDTH = 2  # frames to either side that a slope is taken over


def to_mel(hertz: Tensor) -> Tensor:
    """m = 2595 log10(1 + f / 700). Source: O'Shaughnessy, Speech communication: human and machine, 1987."""
    return 2595.0 * torch.log10(1.0 + hertz / 700.0)


def to_hertz(mel: Tensor) -> Tensor:
    """f = 700 (10^(m / 2595) - 1), the inverse of ``to_mel``."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_edges(bands: int, low: float, high: float) -> Tensor:
    """(bands + 2,) float64, in Hz: evenly spaced in mel from ``low`` to ``high``; band b peaks at edge b + 1."""
    first, last = to_mel(torch.tensor([low, high], dtype=torch.float64))
    return to_hertz(torch.linspace(first, last, bands + 2, dtype=torch.float64))


def mel_filters(rate: int, n_fft: int, bands: int, low: float = LOWEST, high: float | None = None) -> Tensor:
    """(bands, n_fft // 2 + 1) triangles that rise from one edge to 1 at the next and fall to 0 at the one after.

        M[b, k] = max(0, min((f_k - e_b) / (e_{b+1} - e_b), (e_{b+2} - f_k) / (e_{b+2} - e_{b+1})))

    f_k = k rate / n_fft, and e the ``mel_edges``; ``high`` is half the rate when left out. As librosa's with htk=True
    and norm=None. Raises ValueError where a band lies between two frequencies, so that it would always be empty.
    """
    e = mel_edges(bands, low, rate / 2 if high is None else high)[:, None]
    f = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * rate / n_fft
    width = e.diff(dim=0)
    filters = torch.minimum((f - e[:-2]) / width[:-1], (e[2:] - f) / width[1:]).clamp(min=0)
    empty = (filters.sum(1) == 0).nonzero()[:, 0]
    if len(empty):
        raise ValueError(f"band {int(empty[0])} of {bands} holds no frequency: ask for fewer bands, or a larger n_fft")
    return filters.float()


def spectrogram(wave: Tensor, n_fft: int, hop: int, window: int) -> Tensor:
    """(T, n_fft // 2 + 1) magnitudes |X_t[k]| of a wave (N,), T = N // hop + 1; all sizes in samples.

        X_t[k] = Σ_n w[n] x[t hop + n - n_fft / 2] exp(-2πi k n / n_fft)

    w is a Hann window of ``window`` samples in the middle of n_fft; past the wave's ends x is 0.
    """
    w = torch.hann_window(window, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(wave, n_fft, hop, window, w, center=True, pad_mode="constant", return_complex=True)
    return spectrum.abs().T


def cosines(bands: int, count: int) -> Tensor:
    """(bands, count): the orthonormal DCT-II without its constant, C[b, k] = √(2 / B) cos(π (k + 1) (b + 1/2) / B)."""
    b = torch.arange(bands, dtype=torch.float64)[:, None] + 0.5
    k = torch.arange(1, count + 1, dtype=torch.float64)
    return (math.sqrt(2.0 / bands) * torch.cos(math.pi * k * b / bands)).float()


def deltas(x: Tensor, width: int = WIDTH) -> Tensor:
    """(T, F) slopes over 2 width + 1 frames: d_t = Σ_n n (x_{t+n} - x_{t-n}) / (2 Σ_n n²), the ends repeated.

    Source: Furui, Speaker-independent isolated word recognition using dynamic features of speech spectrum, 1986.
    """
    steps = torch.arange(len(x))
    total = torch.zeros_like(x)
    for n in range(1, width + 1):
        total += n * (x[(steps + n).clamp(max=len(x) - 1)] - x[(steps - n).clamp(min=0)])
    return total / (2 * sum(n * n for n in range(1, width + 1)))


def with_slopes(x: Tensor) -> Tensor:
    """(T, 3 F): x, its slopes, and the slopes of these, which see 2 ``WIDTH`` frames to either side."""
    first = deltas(x)
    return torch.cat([x, first, deltas(first)], 1)


@dataclass(frozen=True, eq=False)
class SoundEncoder:
    """Frames of a wave, each feature scaled as in the training part: what ``Tokens`` are for text.

        P_t = |X_t|² Mᵀ                            (T, bands) power in mel bands, of 25 ms every 10 ms
        a_t = log(P_t + 1e-5)                      kind "mel"; with ``floor`` d, in dB, log(P_t / max P + 10^(-d / 10)):
                                                   as loud as any other, and silent below
        c_t = a_t C                                kind "mfcc": 13 cepstra without the constant one, which is loudness,
                                                   and the mean of a_t in its place
        f_t = [a_t or c_t, Δ, ΔΔ]                  with ``deltas``
        g_t = f_t - mean_t f_t                     with ``centre``: rid of the microphone and of the loudness
        x_t = ([g_kt ... g_kt+k-1] - mean) / scale with ``stack`` k frames in one step

    ``window`` and ``hop`` are in seconds; ``mean`` and ``scale`` (F,) are those of the frames of the training part.
    Source: Davis & Mermelstein, Comparison of parametric representations for monosyllabic word recognition, 1980.
    """

    rate: int
    kind: Literal["mel", "mfcc"] = "mel"
    bands: int = 40
    window: float = 0.025
    hop: float = 0.010
    deltas: bool = False
    mean: Tensor | None = None
    scale: Tensor | None = None
    coefficients: int = 13
    centre: bool = False
    stack: int = 1
    floor: float | None = None

    @classmethod
    def fit(cls, waves: Sequence[Tensor], rate: int, **settings: Any) -> Self:
        """Of waves (N,) at ``rate``; ``settings`` are the fields. Raises InputError for what cannot be made."""
        encoder = cls(rate, **settings)
        count, total, squares = 0, torch.zeros(()), torch.zeros(())
        for wave in waves:  # one by one: all frames together may fill the memory
            x = encoder.frames(wave).double()
            count, total, squares = count + len(x), total + x.sum(0), squares + x.square().sum(0)
        mean = total / count
        scale = (squares / count - mean.square()).clamp(min=0).sqrt()
        return cls(rate, **settings, mean=mean.float(), scale=scale.where(scale > 1e-6, 1).float())

    @property
    def n_fft(self) -> int:
        """Twice the window at least, so that no band falls between two frequencies; a power of 2."""
        return 2 ** math.ceil(math.log2(2 * self.window * self.rate))

    @property
    def features(self) -> int:
        """F, of a step."""
        own = self.bands if self.kind == "mel" else self.coefficients
        return own * (3 if self.deltas else 1) * self.stack

    @property
    def names(self) -> list[str]:
        """What each of the F numbers of a step is: of which band (the frequency of its peak) or of which cepstrum."""
        if self.kind == "mel":
            own = [f"{hertz:,.0f} Hz" for hertz in mel_edges(self.bands, LOWEST, self.rate / 2)[1:-1].tolist()]
        else:
            own = ["loudness", *(f"cepstrum {at}" for at in range(1, self.coefficients))]
        return own * (3 if self.deltas else 1) * self.stack

    def frames(self, wave: Tensor) -> Tensor:
        """(T, F / stack) of one wave (N,), neither scaled nor stacked."""
        x = self.static(spectrogram(wave, self.n_fft, round(self.hop * self.rate), round(self.window * self.rate)))
        if self.deltas:
            x = with_slopes(x)
        return x - x.mean(0) if self.centre else x

    def static(self, magnitudes: Tensor) -> Tensor:
        """(T, .) of magnitudes (T, n_fft // 2 + 1): what a frame says by itself."""
        power = magnitudes.square() @ self._filters().T
        if self.floor is None:
            x = (power + FLOOR).log()
        else:
            x = (power / power.max().clamp(min=1e-9) + 10 ** (-self.floor / 10)).log()
        if self.kind == "mfcc":
            x = torch.cat([x.mean(1, keepdim=True), x @ _kept_cosines(self.bands, self.coefficients - 1)], 1)
        return x

    def encode(self, waves: Sequence[Tensor]) -> Ragged:
        """Waves (N,) at ``rate`` to rows (T, F) float32."""
        assert self.mean is not None and self.scale is not None
        return Ragged.of([self._stacked((self.frames(wave) - self.mean) / self.scale) for wave in waves])

    def _stacked(self, x: Tensor) -> Tensor:
        if self.stack == 1:
            return x
        lacking = -len(x) % self.stack
        return torch.cat([x, x[-1:].expand(lacking, -1)]).reshape(-1, self.stack * x.shape[1])

    def _filters(self) -> Tensor:
        try:
            return _kept_filters(self.rate, self.n_fft, self.bands)
        except ValueError:
            raise InputError(f"--bands is {self.bands}, too many at {self.rate:,} Hz: ask for fewer") from None

    def to_json(self) -> dict[str, Any]:
        assert self.mean is not None and self.scale is not None
        return {**vars(self), "mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(**{**state, "mean": torch.tensor(state["mean"]), "scale": torch.tensor(state["scale"])})


# The same of every sound, and dearer than the rest of its frames.
_kept_filters, _kept_cosines = lru_cache(8)(mel_filters), lru_cache(8)(cosines)
