"""The settings that every task's training shares, in one frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elman.errors import InputError


def require(good: bool, name: str, value: object, need: str) -> None:
    """Raise the one kind of sentence a bad setting gets."""
    if not good:
        raise InputError(f"--{name.replace('_', '-')} must be {need}, but is {value!r}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long, how fast and how carefully to learn.

    Parameters
    ----------
    minutes
        Time budget for the whole fit; sizes and steps are chosen to fit it, and recorded.
    epochs
        Passes over the training part at most (default: 30, or 5,000 steps if that is less; under --minutes: 60).
    steps
        Optimizer steps exactly, instead of minutes or epochs: the same bits on every run.
    batch_size
        Examples per step.
    optimizer
        adamw (decoupled decay), adam, sgd (Nesterov momentum 0.9) or rmsprop.
    learning_rate
        Peak learning rate.
    beta2
        Decay of Adam's running mean of the squared gradients.
    schedule
        After the warm-up: cosine or linear decay to zero, or constant.
    warmup
        Share of the steps over which the learning rate rises from zero.
    clip
        Largest norm of the whole gradient; 0 turns clipping off.
    weight_decay
        L2 decay of the weight matrices.
    l1
        L1 penalty on the weight matrices.
    average
        Decay of the running average of the weights that is validated and kept; 0 keeps the weights themselves.
    patience
        Validations without a better score before training stops; 0 never stops early.
    precision
        float32, or bfloat16: training's matrix products round their operands to bfloat16, which is several times as
        fast on CPUs with AMX; auto takes it there. What is predicted is computed in float32.
    seed
        Seed of everything random: initial weights, order, dropout.
    device
        cpu or cuda.
    """

    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    batch_size: int = 64
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    learning_rate: float = 3e-3
    beta2: float = 0.999
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.05
    clip: float = 1.0
    weight_decay: float = 0.05
    l1: float = 0.0
    average: float = 0.99
    patience: int = 12
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        require(self.minutes is None or self.minutes > 0, "minutes", self.minutes, "more than 0")
        require(self.epochs is None or self.epochs > 0, "epochs", self.epochs, "more than 0")
        require(self.steps is None or self.steps > 0, "steps", self.steps, "at least 1")
        require(
            self.steps is None or self.minutes is None,
            "steps",
            self.steps,
            "left out when --minutes is given",
        )
        require(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")
        require(
            self.optimizer in ("adamw", "adam", "sgd", "rmsprop"),
            "optimizer",
            self.optimizer,
            "adamw, adam, sgd or rmsprop",
        )
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "more than 0")
        require(0 < self.beta2 < 1, "beta2", self.beta2, "above 0 and below 1")
        require(
            self.schedule in ("cosine", "linear", "constant"),
            "schedule",
            self.schedule,
            "cosine, linear or constant",
        )
        require(0 <= self.warmup < 1, "warmup", self.warmup, "at least 0 and below 1")
        require(self.clip >= 0, "clip", self.clip, "at least 0")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "at least 0")
        require(self.l1 >= 0, "l1", self.l1, "at least 0")
        require(0 <= self.average < 1, "average", self.average, "at least 0 and below 1")
        kinds = ("auto", "float32", "bfloat16")
        require(self.precision in kinds, "precision", self.precision, "auto, float32 or bfloat16")
        require(self.patience >= 0, "patience", self.patience, "at least 0")
