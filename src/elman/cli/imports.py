"""The command that takes over a network of another library: its layers, and whether they give the same outputs."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from elman.cli.answers import emit
from elman.cli.console import aside, people, say
from elman.cli.flags import Json, Out, Overwrite
from elman.deploy.imports import open_file
from elman.deploy.imports.torch_weights import Kind
from elman.nn.layers import Layers
from elman.tasks import layers as saved
from elman.tasks import store


def import_(
    file: Path,
    *,
    cell: Kind | None = None,
    prefix: str | None = None,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Take over a trained network of Keras, ONNX or torch.nn, and compare its outputs with the original's.

    Parameters
    ----------
    file
        A chain of layers in .keras, .h5 or .onnx, or one recurrent stack in .safetensors.
    cell
        What a .safetensors file of a simple network computes, which its shapes do not say.
    prefix
        Beginning of the weights' names, where a .safetensors file holds several stacks.
    out
        Directory of the layers (default: the file's name with .elman).
    overwrite
        Replace a model that is there.
    """
    out = out or Path(f"{file.name.split('.')[0]}.elman")
    store.check_free(out, overwrite)
    imported = open_file(file, cell=cell, prefix=prefix)
    check = imported.check()
    source = {"file": file.name, "kind": imported.kind, "library": imported.library, "difference": check.difference}
    saved.save(imported.layers, out, source=source, overwrite=overwrite)
    show_layers(imported.layers)
    for note in imported.notes:
        aside(note)
    say(f"[{'green' if check.difference is not None else 'yellow'}]{escape(imported.kind)}: {escape(check.note)}[/]")
    say(
        f"\nSaved [bold]{escape(str(out))}[/]: in Python, elman.load({escape(repr(str(out)))})(x) with "
        f"{shape(imported.layers)}"
    )
    if json:
        emit({**source, "note": check.note, "layers": imported.layers.to_json(), "model": str(out)})


def show_layers(layers: Layers) -> None:
    """A row a layer on stderr: its kind, its arguments and how many weights it has."""
    table = Table("layer", "", "weights", box=None, pad_edge=False, header_style="bold")
    table.columns[2].justify = "right"
    for described, layer in zip(layers.described, layers, strict=True):
        told = ", ".join(
            f"{name} {value}" for name, value in described.items() if name != "kind" and value is not False
        )
        table.add_row(described["kind"], escape(told), f"{sum(weight.numel() for weight in layer.parameters()):,}")
    people.print(table)


def shape(layers: Layers) -> str:
    """What the layers read, in a few words."""
    return "x (T, B) of whole numbers" if layers.inputs is None else f"x (T, B, {layers.inputs}), time first"
