"""What every task is: settings in one dataclass, and fit / predict / evaluate / save / load written once.

A task's page gives the parts and nothing else (docs/house.md shows the way of a batch through them):

    Config      the frozen dataclass of its settings
    prepare     source -> examples to train on, choose by and be judged by; fits the encoders on the training part
    sizes       what may be left to the budget, largest first; ``enough`` steps are what each needs time for
    network     settings and encoders -> module
    loss        outputs, batch -> scalar
    validate    module, examples -> the number that chooses when to stop (lower is better)
    alarm       module, examples -> what goes wrong while training, in a sentence, or nothing
    finish      what is fitted after training, on the validation part
    judge       the held-out part, or by judge_source a new file -> an Evaluation beside its baselines, and the
                report's sections
    cut         a source as rows that can be cut, and ``costs`` what each judged row cost: by these a search compares
    predict     what the user gets
    why         why it is as it is
    encoders    JSON saved beside the weights, with the tensors of ``kept``; ``restore`` reads both back
"""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from elman import kernels
from elman.data.batch import Batch, Examples, in_order, scored
from elman.data.cut import Cuttable
from elman.errors import InputError
from elman.evaluate import inside, plots
from elman.evaluate.costs import Costs
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.report import Section
from elman.explain.advice import Finding, findings
from elman.explain.through_time import flows
from elman.nn.initialise import remember
from elman.tasks import store
from elman.tasks.checkpoints import STATE, WORDS, Begun, Checkpoints, identity, safe
from elman.tasks.explained import Explained
from elman.tasks.format import check_settings
from elman.tasks.outline import check_weights
from elman.tasks.page import page_of, seen
from elman.tasks.saved import files_of, restored
from elman.train.config import TrainConfig, require, require_least, require_share
from elman.train.eyes import Watch
from elman.train.kept import fitting
from elman.train.loop import OVER, Training, train
from elman.train.pace import fastest_threads, steps_a_pass
from elman.train.plan import Plan
from elman.train.world import ALONE, World

FEW_STEPS = 50  # below this a fit that its time ended is told to be too short
ENOUGH_STEPS = 2000  # or four passes over the data
DOES = {"train": "train", "valid": "choose when to stop", "test": "judge"}  # what the parts of the data are for
RESERVE = 5.0  # seconds of a budget kept for drawing and writing, beside those that judging takes


@dataclass(frozen=True, kw_only=True)
class TaskConfig(TrainConfig):
    """The recurrent body that every task shares, and how it is trained.

    Parameters
    ----------
    cell
        rnn, lstm or gru.
    layers
        Recurrent layers on top of each other.
    hidden
        Units in each layer; chosen by data and budget when left out.
    dropout
        Share of units dropped while training, between layers and before the head.
    residual
        Add each layer's input to its output.
    memory
        Steps back that LSTMs and GRUs can remember from the start: their gates are opened for so long.
    lang
        Language of the report's labels: en (English) or zh (Chinese); what comes from the data stays as it is.
    """

    cell: Literal["rnn", "lstm", "gru"] = "lstm"
    layers: int = 1
    hidden: int | None = None
    dropout: float = 0.2
    residual: bool = False
    memory: int | None = None
    lang: Literal["en", "zh"] = "en"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "layers", "hidden")
        require_least(self, 2, "memory")
        gated = self.memory is None or self.cell != "rnn"
        require(gated, "memory", self.memory, "left out for --cell rnn, which has no gates: take lstm or gru")
        require_share(self, "dropout")


@dataclass(frozen=True)
class Prepared:
    """A task's data, ready: three sets of examples (``test`` may be absent), and in words how they came about.

    ``judged`` is what judging needs beside the test examples: the rows as they were read, before they were encoded.
    """

    train: Examples
    valid: Examples
    test: Examples | None
    notes: tuple[str, ...]
    judged: Any = None


@dataclass(frozen=True)
class Judged:
    """An evaluation, the report's sections that show it, and one picture for a README or a terminal."""

    evaluation: Evaluation
    sections: tuple[Section, ...]
    picture: plots.Plot | None = None


class Task(BaseEstimator):
    """An estimator in scikit-learn's sense (get_params, set_params, clone) over a frozen Config."""

    name: ClassVar[str]
    help: ClassVar[str]  # the task in a sentence
    file: ClassVar[str]  # what it learns from
    Config: ClassVar[type[TaskConfig]]
    after: ClassVar[tuple[tuple[str, str], ...]] = ()  # what to do with a saved model: arguments, and what they give
    options: ClassVar[tuple[str, ...]] = ()  # what predict takes besides its source, by name
    remembers: ClassVar[bool] = False  # whether it keeps data of its own to answer from

    network_: nn.Module
    config_: Any  # the settings with every size resolved
    plan_: Plan
    evaluation_: Evaluation | None
    looks_: list[dict[str, Any]]  # what went on inside while learning; of older models nothing is known
    history_: list[dict[str, Any]]  # the record of the training, one entry a validation
    met_: Tensor = torch.empty(0, dtype=torch.int64)  # fingerprints of what was learnt from (data/met.py)
    judged_: Judged | None
    carried: dict[str, bytes]  # of a loaded model the files that are saved again as they were
    held_: tuple[Examples, Any] | None = None  # the part that judges, until it is judged
    remarks: tuple[str, ...] = ()  # what was noticed by the last predict, for people

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give the constructor the Config's fields as its keyword parameters: one declaration, three uses."""
        super().__init_subclass__(**kwargs)
        if "Config" not in cls.__dict__:
            return
        parameters = [
            inspect.Parameter(
                f.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if f.default is dataclasses.MISSING else f.default,
                annotation=f.type,
            )
            for f in fields(cls.Config)
        ]

        def __init__(self: Task, **params: Any) -> None:
            bound = signature.bind(self, **params)
            bound.apply_defaults()
            for field_name in list(bound.arguments)[1:]:
                setattr(self, field_name, bound.arguments[field_name])

        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        signature = inspect.Signature([own, *parameters])
        __init__.__signature__ = signature  # type: ignore[attr-defined]
        __init__.__doc__ = cls.Config.__doc__
        cls.__init__ = __init__  # type: ignore[method-assign, assignment]

    def config(self) -> Any:
        """The settings as the frozen, validated dataclass; raises InputError naming the one that is wrong."""
        return self.Config(**self.get_params(deep=False))

    # The parts a task's page gives.

    def prepare(self, source: Any, valid: Any, test: Any, config: Any) -> Prepared:
        raise NotImplementedError

    def sizes(self, config: Any, examples: Examples) -> list[dict[str, Any]]:
        raise NotImplementedError

    def enough(self, config: Any, examples: Examples) -> float:
        """Steps that a network must have time for; where it has not, a smaller one is taken."""
        return min(ENOUGH_STEPS, 4 * steps_a_pass(examples, config))

    def network(self, config: Any) -> nn.Module:
        raise NotImplementedError

    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        raise NotImplementedError

    def weigh(self, batch: Batch) -> float:
        """How much of a batch the loss is a mean over: of nothing there is nothing to learn."""
        return scored(batch)

    def validate(self, network: nn.Module, examples: Examples) -> float:
        raise NotImplementedError

    def alarm(self, network: nn.Module, examples: Examples) -> str | None:
        """What is wrong with what has been learnt so far, and what to try; None where nothing is."""
        return None

    def inside(self, network: nn.Module, batch: Batch) -> list[dict[str, Any]]:
        """How the error of these rows goes back through time, in each recurrent layer."""
        each_step = batch.y is not None and batch.y.dim() > 1
        found = flows(network, lambda copy: self.loss(copy(**batch.inputs), batch), each_step=each_step)
        return [flow.to_json() for flow in found]

    def finish(self, prepared: Prepared) -> None:
        """After training, before judging."""

    def judge(self, examples: Examples, judged: Any, notes: tuple[str, ...]) -> Judged:
        """The test part's ``examples``, with ``judged`` of Prepared."""
        raise NotImplementedError

    def judge_source(self, source: Any) -> Judged:
        raise NotImplementedError

    def cut(self, source: Any, test: Any) -> tuple[Cuttable, Any]:
        """The source as rows that can be cut, each part of which ``fit`` takes; and the part that judges, if any."""
        raise InputError(
            f"a {self.name} model cannot be tuned: of forecast, classify, regress, tag and generate it is known how to "
            "cut their files and what a row costs"
        )

    def costs(self, examples: Examples, judged: Any) -> Costs:
        """What each row of the test part cost: the arguments are those of ``judge``."""
        raise NotImplementedError

    def predict(self, source: Any = None) -> Any:
        raise NotImplementedError

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """Why the answer for ``source``, or its row ``row``, counted from 1, is as it is."""
        raise InputError(
            f"what a {self.name} model does is not explained: forecast, classify, regress, tag, generate, recommend, "
            "translate, summarize and transcribe models are"
        )

    def encoders(self) -> dict[str, Any]:
        raise NotImplementedError

    def kept(self) -> dict[str, Tensor]:
        """Tensors saved beside the weights."""
        return {}

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        raise NotImplementedError

    # What all tasks do alike.

    def fit(
        self,
        source: Any,
        y: Any = None,
        *,
        valid: Any = None,
        test: Any = None,
        watch: Watch = lambda event: None,
        look: Literal["never", "ends", "always"] = "ends",
        plan: Plan | None = None,
        judged: bool = True,
        checkpoints: Checkpoints | None = None,
        world: World = ALONE,
    ) -> Self:
        """Learn from a path or frame; ``valid`` and ``test`` name parts that are already split.

        ``watch`` is called with every training event. What goes on inside is looked at when training starts and ends,
        or ``look`` "always", at every validation. ``plan`` replays a recorded fit (``plan_`` of a loaded model): with
        the same settings and data it gives the same bits on the same kind of machine. Without ``judged`` the part
        that judges is held back until ``judge_held``, and its costs are in ``held_costs``. With ``checkpoints`` it is
        written down how far the fit is, and one that was interrupted goes on. Of several processes (``world``) the
        first alone judges and can be saved.
        Raises InputError for settings and data that cannot be used, ElmanError when training fails.
        """
        began = time.perf_counter()
        with safe(checkpoints):
            config = _precise(self.config())
            check_settings(config)  # what could not be loaded is not fitted
            begun = self._begun(checkpoints, source, valid, test, world)
            with world.all_or_none():
                prepared = self.prepare(source, valid, test, config)
            budget = config.minutes * 60 if config.minutes and plan is None and begun is None else None
            reserve = min(RESERVE, budget / 5) if budget is not None and judged else 0.0
            deadline = None if budget is None else began + budget - reserve
            if begun is not None:
                config = self._found_again(config, begun)
            config, network = self._sized(config, prepared.train, deadline, begun is not None, world)
            self.config_, self.network_ = config, network
            if deadline is not None and budget is not None:
                deadline -= min(1.2 * self._judging_seconds(prepared), budget / 3)
            if checkpoints is not None:
                checkpoints.config = config
            training = train(
                network,
                prepared.train,
                self.loss,
                lambda module: self.validate(module, prepared.valid),
                config,
                deadline=deadline,
                plan=plan,
                alarm=lambda module: self.alarm(module, prepared.valid),
                look=None if look == "never" else self.inside,
                follow=look == "always",
                watch=watch,
                weigh=self.weigh,
                keeper=checkpoints,
                kept=begun.kept if begun else None,
                world=world,
            )
            self.training_, self.plan_ = training, training.plan
            self.looks_, self.history_ = training.looks, training.history
            self.source_ = str(source) if isinstance(source, str | Path) else None
            self.notes_ = (*prepared.notes, *_told(training))
            self.held_, self.judged_, self.evaluation_ = None, None, None
            if world.first:
                self.finish(prepared)
                test = prepared.test
                self.held_ = (test, prepared.judged) if test is not None and len(test) else None
                if judged:
                    self.judge_held()
        self.seconds_ = time.perf_counter() - began
        return self

    def _begun(self, checkpoints: Checkpoints | None, source: Any, valid: Any, test: Any, world: World) -> Begun | None:
        """What there is to go on with: the first process reads it, for the others may be elsewhere."""
        if checkpoints is None and world.size == 1:
            return None
        with world.all_or_none():
            facts = identity(self, source, valid, test)
        settings = {f"--{name.replace('_', '-')}": value for name, value in facts["params"].items()}
        world.alike({**{words: facts[name] for name, words in WORDS.items()}, **settings})
        if checkpoints is None:
            return None
        checkpoints.about(facts, self.config())
        with world.all_or_none():
            files = checkpoints.newest() if world.first else None
        run, state = (world.hand_on(raw, patient=True) for raw in files or (b"", b""))
        with world.all_or_none():
            return checkpoints.read(run, state) if run else None

    def _found_again(self, config: Any, begun: Begun) -> Any:
        """The settings as the fit found them before. No network is made of them but that whose weights are there."""
        weights = {name: value for name, value in begun.kept.tensors.items() if name.startswith("network.")}
        with fitting(begun.kept.facts["place"]["step"]):
            config = replace(config, **begun.config)
            check_settings(config, len(weights))
            check_weights(lambda: nn.ModuleDict({"network": self.network(config)}), weights, STATE)
        return config

    def judge_held(self) -> None:
        """Judge the part that the fit has held back, and let go of it."""
        if self.held_ is not None:
            self.judged_ = self.judge(*self.held_, self.notes_)
            self.evaluation_ = self.judged_.evaluation
        self.held_ = None

    def held_costs(self) -> Costs:
        """What each row of the part that the fit has held back cost."""
        assert self.held_ is not None
        return self.costs(*self.held_)

    def resolve(self, source: Any) -> Any:
        """The settings that a fit would take, every size resolved."""
        config = _precise(self.config())
        prepared = self.prepare(source, None, None, config)
        deadline = time.perf_counter() + 60 * config.minutes if config.minutes else None
        return self._sized(config, prepared.train, deadline)[0]

    def _sized(
        self, config: Any, examples: Examples, deadline: float | None, sized: bool = False, world: World = ALONE
    ) -> tuple[Any, nn.Module]:
        """The settings with every size resolved: the largest network that has time for enough steps.

        Settings that are ``sized`` already stay as they are. Of several processes the first one decides.
        """
        sizes = [{}] if sized else self.sizes(config, examples)
        chosen = 0
        if deadline is not None and world.first:
            # From the smallest on, so that a short budget is not spent on trying what is far too slow.
            for chosen in reversed(range(len(sizes))):
                larger = chosen - 1
                if larger < 0 or not self._has_time(replace(config, **sizes[larger]), examples, deadline):
                    break
        config = replace(config, **sizes[world.tell(chosen, patient=True)])
        return config, self._made(config)

    def _has_time(self, config: Any, examples: Examples, deadline: float) -> bool:
        network = self._made(config).to(config.device)
        _, per_step = fastest_threads(network, examples, self.loss, config, steps=3)
        return (deadline - time.perf_counter()) / per_step >= self.enough(config, examples)

    def _made(self, config: Any) -> nn.Module:
        """The network as its seed begins it."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = self.network(config)
            if config.memory:
                remember(network, config.memory)
        return network

    def _judging_seconds(self, prepared: Prepared) -> float:
        """What it takes to run the network over the parts that choose and judge, from one batch of them."""
        some = prepared.test if prepared.test is not None and len(prepared.test) else prepared.valid
        start = time.perf_counter()
        batch, _ = next(self.outputs(some))
        examples = len(prepared.valid) + (len(prepared.test) if prepared.test is not None else 0)
        return (time.perf_counter() - start) * examples / len(batch)

    def remark(self, *told: str) -> None:
        """Keep what the last predict noticed; scikit-learn wants a predict that notices nothing to change nothing."""
        if told != self.remarks:
            self.remarks = told

    def hints(self) -> tuple[tuple[str, str], ...]:
        """What to do with this model once it is saved, as ``after``."""
        return self.after

    def fitted(self) -> None:
        if not hasattr(self, "network_"):
            raise InputError(f"this {type(self).__name__} is not fitted yet: call fit, or load a saved model")

    def evaluate(self, source: Any = None) -> Evaluation:
        """The scores on the held-out part of the fit, or on the rows of a file or frame that the fit has not seen."""
        self.fitted()
        if source is not None:
            return self.judge_source(source).evaluation
        if self.evaluation_ is None:
            raise InputError("this model was fitted without a part to be judged on: give a file to evaluate on")
        return self.evaluation_

    def outputs(self, examples: Examples, size: int = 1024) -> Iterator[tuple[Batch, Any]]:
        """The network over all examples, without gradients; ``data.batch.restored`` puts ragged ones back in order."""
        self.network_.eval()
        with torch.no_grad():
            for batch in in_order(examples, size):
                batch = batch.to(self.config_.device)
                yield batch, self.network_(**batch.inputs)

    def diagnose(self) -> list[Finding]:
        """What stands out in how this model learnt, each with its figures and what to change."""
        self.fitted()
        return findings(
            self.looks_,
            self.history_,
            dataclasses.asdict(self.config_),
            good=self.evaluation_.good if self.evaluation_ else None,
        )

    def explain(self, source: Any = None, row: int | None = None) -> Explained:
        """Why the answer for ``source``, or its row ``row``, counted from 1, is as it is (see the task's ``why``), and
        what went on inside while it was learnt; without a source what there is to say without one.

        Raises InputError for sources and rows that cannot be read.
        """
        self.fitted()
        inner = seen(self)
        if inner is None or source is not None or self.remembers:
            found = self.why(source, row)
        elif row is not None:
            raise InputError(f"--row is {row}, a row of a file, but no file is given: name it after the model")
        else:
            found = Explained(
                f"{self.title()}: what goes on inside", f"{self.diagnose()[0]}.", (), inside.table(self.looks_)
            )
        if inner is None:
            return replace(found, lang=self.config_.lang)
        plots = {**found.plots, "through_time": inside.through_time(self.looks_)}
        facts = {**found.facts, "inside": self.looks_[-1]["inside"]}
        return replace(found, sections=(*found.sections, inner), plots=plots, facts=facts, lang=self.config_.lang)

    def report(self) -> str:
        """The self-contained HTML page of the fit, its labels in the language of the settings."""
        self.fitted()
        return page_of(self).render(self.config_.lang)

    def title(self) -> str:
        return self.name.capitalize()

    def save(self, path: str | Path, *, overwrite: bool = False, beside: Mapping[str, bytes] | None = None) -> Path:
        """Write the model as a directory, at once or not at all, with the files ``beside`` those of every model.

        Raises InputError if another model lies there.
        """
        self.fitted()
        path = Path(path)
        files = {**files_of(self), **(beside or {})}
        store.write(path, files, overwrite=overwrite)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved model; checks every file first and executes nothing."""
        return cls.from_files(store.read(Path(path)), path)

    @classmethod
    def from_files(cls, files: dict[str, bytes], path: str | Path) -> Self:
        """The task that was saved as these files. Raises InputError where they do not fit together."""
        model: Self = restored(cls, files, path)
        return model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")


def _precise(config: Any) -> Any:
    """The settings with the precision resolved, so that a repetition elsewhere computes alike."""
    if config.precision != "auto":
        return config
    fast = config.device == "cpu" and kernels.library.amx()
    return replace(config, precision="bfloat16" if fast else "float32")


def _told(training: Training) -> list[str]:
    notes = [
        f"{training.steps:,} steps in {training.seconds:.0f} s, the best at {training.best_step:,}; {training.why}"
    ]
    if training.resumed is not None:
        before, now = training.processes
        changed = f", with {now} process{'es' * (now > 1)} instead of {before}: what is random is drawn anew"
        notes.append(f"it was interrupted, and went on from step {training.resumed:,}{changed * (now != before)}")
    if training.spoilt:
        first = training.spoilt[0]
        notes.append(
            f"WARNING: {len(training.spoilt):,} steps could not be made, the first at {first['step']:,}: {first['why']}"
        )
    if training.steps < FEW_STEPS and training.why == OVER:
        notes.append(f"WARNING: {training.steps} steps are too few to learn from: give more --minutes")
    if training.history and training.history[-1].get("alarm"):
        notes.append(f"WARNING: {training.history[-1]['alarm']}")
    return notes
