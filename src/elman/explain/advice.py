"""What is wrong with how a network learnt, measured, and what to change: a finding is a cause with its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

from elman.explain.through_time import Flow

RESTLESS = 0.05  # of the weights moved a step, typically: too fast; a thousandth is usual
STIFF = 1e-5  # slower than this nothing is learnt in any number of steps that is made
CLIPPED = 0.9  # of the steps
SILENT = 0.25  # of the units
STUCK = 0.5  # of a tanh's values
WORSE = 1.05  # times the best validation at the end
GAINS = 0.01  # of the best validation, in the last third: less is no learning to speak of
BYPASSED = 0.5  # of the gradient comes to earlier steps straight from the loss

Kind = Literal["problem", "note", "fine"]
ORDER: tuple[Kind, ...] = ("problem", "note", "fine")  # the worst first


@dataclass(frozen=True)
class Finding:
    """``cause`` in figures, ``advice`` in words, ``settings`` as the task's parameters, where changing some may help.

    A problem is to be mended; a note is worth knowing, and need not matter.
    """

    kind: Kind
    cause: str
    advice: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        flags = " ".join(f"--{name.replace('_', '-')} {_flag(value)}" for name, value in self.settings.items())
        return ". ".join(part.rstrip(".") for part in (self.cause, f"{self.advice}{flags and f': {flags}'}") if part)


def findings(
    looks: Sequence[Mapping[str, Any]],
    history: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    *,
    good: bool | None = None,
) -> list[Finding]:
    """What was seen inside at the start and the end (``looks``), the record of the training, and the fit's settings.

    ``good`` is whether the model beats what it is judged beside. Where nothing is found, one finding says that all is
    fine, and why.
    """
    found = []
    if looks:
        flows = [Flow.from_json(one) for one in looks[-1]["inside"]]
        found += _through_time(flows, settings, good)
        found += _units(flows, settings)
    found += _steps(history, settings)
    found += _learning(history, settings, good)
    if looks and not any(one.kind == "problem" for one in found):
        found.insert(0, _fine([Flow.from_json(one) for one in looks[-1]["inside"]]))
    return sorted(found, key=lambda one: ORDER.index(one.kind))


def _through_time(flows: Sequence[Flow], settings: Mapping[str, Any], good: bool | None) -> list[Finding]:
    found = []
    loud = [flow for flow in flows if flow.verdict == "exploding"]
    if loud:
        worst = max(loud, key=lambda flow: max(flow.norms))
        cause = (
            f"The gradient explodes in the {worst.name}: {max(worst.norms):.3g} times as large at some step back as at "
            f"the last one, over {worst.steps} steps{_radius(worst)}"
        )
        rate = settings.get("learning_rate", 3e-3)
        calmer = {"learning_rate": _rounded(rate / 3)} if settings.get("clip") else {"clip": 1.0}
        found.append(Finding("problem", cause, "Hold it, or learn more slowly", calmer))
    faint = [flow for flow in flows if flow.verdict == "vanishing"]
    if not faint:
        return found
    worst = min(faint, key=lambda flow: flow.memory / flow.steps)
    cause = (
        f"The gradient vanishes in the {worst.name}: a step back leaves {100 * worst.factor:.3g} % of it, so that no "
        f"error reaches beyond {worst.memory} of {worst.steps} steps{_radius(worst)}"
    )
    if worst.direct > BYPASSED:
        around = f"but {100 * worst.direct:.0f} % of the error comes to earlier steps directly, as by attention"
        return [*found, Finding("note", f"{cause}; {around}")]
    kind: Kind = "note" if good else "problem"
    change: dict[str, Any] = {}
    advice = "If what matters lies farther back than that, open the gates for so long"
    if worst.cell == "rnn":
        advice = "A gated cell keeps it"
        change = {"cell": "lstm", "memory": worst.steps}
    elif not settings.get("memory"):
        change = {"memory": worst.steps}
    elif settings.get("layers", 1) > 1 and not settings.get("residual"):
        advice, change = "Let each layer pass on what it read", {"residual": True}
    else:
        advice = "What lies farther back is not used: shorter sequences cost less and lose nothing"
    return [*found, Finding(kind, cause, advice, change)]


def _units(flows: Sequence[Flow], settings: Mapping[str, Any]) -> list[Finding]:
    found = []
    slower = {"learning_rate": _rounded(settings.get("learning_rate", 3e-3) / 3)}
    for flow in flows:
        if flow.silent > SILENT * flow.units:
            cause = f"{flow.silent} of {flow.units} units of the {flow.name} hardly ever change"
            change = {"hidden": max(8, flow.units - flow.silent)}
            found.append(Finding("note", cause, "Fewer units do the same", change))
        at_ends = sum(flow.stuck.get("h", (0.0, 0.0)))
        if flow.cell == "rnn" and at_ends > STUCK:
            cause = f"{100 * at_ends:.0f} % of the states of the {flow.name} are at the ends of their range, stuck"
            found.append(Finding("problem", cause, "Learn more slowly", slower))
    return found


def _steps(history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[Finding]:
    found = []
    rate = settings.get("learning_rate", 3e-3)
    # The last third is left out: there the schedule brings the rate to nothing.
    early = history[: max(1, 2 * len(history) // 3)]
    moves = [record["moved"] for record in early if record.get("moved")]
    if moves and median(moves) > RESTLESS:
        cause = f"A step moves the weights by {100 * median(moves):.2g} % of their size, where a tenth of one is usual"
        found.append(Finding("problem", cause, "Learn more slowly", {"learning_rate": _rounded(rate / 3)}))
    elif moves and median(moves) < STIFF:
        cause = f"A step moves the weights by {100 * median(moves):.2g} % of their size, where a tenth of one is usual"
        found.append(Finding("problem", cause, "Learn faster", {"learning_rate": _rounded(rate * 3)}))
    shares = [record["clipped"] for record in early if record.get("clipped") is not None]
    if shares and median(shares) > CLIPPED:
        norms = [record["grad_norm"] for record in early if record.get("grad_norm")]
        cause = f"{100 * median(shares):.0f} % of the steps are cut to --clip {settings.get('clip', 1.0):g}"
        told = f"{cause}: their gradients have a norm of {median(norms):.2g}" if norms else cause
        found.append(Finding("note", told, "All of them being cut, it is the clip that sets their length"))
    return found


def _learning(history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], good: bool | None) -> list[Finding]:
    scores = [(record["valid"], record["step"]) for record in history if record.get("valid") is not None]
    if len(scores) < 4:
        return []
    best, at = min(scores)
    last, end = scores[-1]
    earlier = min((score for score, step in scores if step <= 2 / 3 * end), default=last)
    if at == end and earlier - last > GAINS * abs(earlier) and not good:
        longer = next(({name: 2 * settings[name]} for name in ("minutes", "steps", "epochs") if settings.get(name)), {})
        cause = f"The best validation was the last, at step {end:,}: it was still learning"
        return [Finding("note", cause, "Give it longer", longer)]
    if at < 0.6 * end and last > WORSE * best > 0:
        cause = (
            f"From step {at:,} of {end:,} on, validation grew worse, from {best:.4g} to {last:.4g}, while the loss of "
            "the training part went on falling: it learnt the rows by heart"
        )
        change = {"dropout": min(0.6, round(settings.get("dropout", 0.2) + 0.2, 2))}
        return [Finding("note" if good else "problem", cause, "Hold it back, or give more data", change)]
    return []


def _fine(flows: Sequence[Flow]) -> Finding:
    if not flows:
        return Finding("fine", "Nothing stands out in the record of the training")
    least = min(flows, key=lambda flow: flow.norms[-1])
    if least.verdict != "healthy":
        return Finding("fine", "Nothing stands out but what is noted below")
    return Finding(
        "fine",
        f"Gradients are healthy: over {least.steps} steps back, {100 * least.norms[-1]:.3g} % of the error of the last "
        f"one arrives in the {least.name}, the faintest of {len(flows)}",
    )


def _radius(flow: Flow) -> str:
    return f" (spectral radius of W_hh {flow.radius['h']:.2f})" if "h" in flow.radius else ""


def _rounded(value: float) -> float:
    return float(f"{value:.1g}")


def _flag(value: Any) -> str:
    return "" if value is True else f"{value:g}" if isinstance(value, float) else str(value)
