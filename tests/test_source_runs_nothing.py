"""What is shipped turns no data into code: read from its syntax, so that a comment or a string is no false alarm."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "elman"
MODULES = {
    *("pickle", "cPickle", "_pickle", "pickletools", "dill", "cloudpickle", "joblib", "jsonpickle", "shelve"),
    *("marshal", "yaml", "ruamel", "imp", "runpy", "code", "codeop", "pty", "commands"),
}
BUILT_IN = {"eval", "exec", "compile", "__import__", "execfile"}
# By the last names of what is called, whatever it was imported as: torch.load, th.load and `from torch import load`.
CALLS = {
    "torch": {"load", "jit.load", "package", "hub.load", "serialization.load", "compile"},
    "os": {"system", "popen", "execv", "execve", "execvp", "execl", "spawnv", "spawnl", "posix_spawn"},
    "pandas": {"read_pickle", "eval", "read_hdf"},
    "numpy": {"fromregex", "loads"},
    "subprocess": {"getoutput", "getstatusoutput"},
    "importlib": {"import_module", "__import__", "reload"},
    "builtins": BUILT_IN,
}
FREE = {"torch.compile"}  # compiles modules that are there, no text
# Pages of elman that are looked up by name: from a table, and by a cell's name behind elman.kernels.
OWN = {"__init__.py": ["importlib.import_module"], "kernels/operators.py": ["importlib.import_module"]}
UNSAFE = {"shell": "False", "allow_pickle": "False", "weights_only": "True", "safe_mode": "True"}


def imported(tree: ast.AST) -> dict[str, str]:
    """What each name of a page stands for, by its imports: ``pd`` for pandas, ``load`` for torch.load."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {
                one.asname or one.name.split(".")[0]: one.name if one.asname else one.name.split(".")[0]
                for one in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def findings(code: str) -> list[str]:
    tree = ast.parse(code)
    names, found = imported(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in MODULES:
            found.append(node.module)
        elif isinstance(node, ast.Name | ast.Attribute):
            # Named is as bad as called: it may be handed on.
            root, _, rest = ast.unparse(node).partition(".")
            whole = names.get(root, root) + (f".{rest}" if rest else "")
            home, _, own = whole.partition(".")
            if whole in BUILT_IN or (own in CALLS.get(home, set()) and whole not in FREE):
                found.append(whole)
        if isinstance(node, ast.Call):
            given = {one.arg: one.value for one in node.keywords}
            called = ast.unparse(node.func)
            found += [
                f"{called}({name})"
                for name, safe in UNSAFE.items()
                if name in given and ast.unparse(given[name]) != safe
            ]
            if called == "getattr" and ast.unparse(node.args[0]) in ("builtins", "__builtins__", "os", "sys.modules"):
                if isinstance(node.args[1], ast.Constant) and node.args[1].value not in CALLS["os"] | BUILT_IN:
                    continue
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from yaml import load",
        "import yaml; yaml.load(text)",
        "import joblib as j",
        "import dill",
        "import shelve",
        "import marshal",
        "from cloudpickle import loads",
        "eval('1')",
        "exec(code)",
        "compile(text, name, 'exec')",
        "run = eval",
        "import builtins; builtins.exec(code)",
        "__import__(name)",
        "import importlib; importlib.import_module(name)",
        "from importlib import import_module as take; take(name)",
        "import torch; torch.load(path)",
        "import torch as th; th.load(path, weights_only=True)",
        "from torch import load; load(path)",
        "import torch; torch.jit.load(path)",
        "import torch.hub; torch.hub.load(path, name)",
        "import subprocess; subprocess.run(line, shell=True)",
        "import subprocess; subprocess.Popen(line, shell=asked)",
        "import subprocess; subprocess.getoutput(line)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "import numpy as np; np.load(path, allow_pickle=asked)",
        "import pandas as pd; pd.read_pickle(path)",
        "import keras; keras.saving.load_model(path, safe_mode=False)",
        "import os; os.system(line)",
        "import os; os.popen(line)",
        "from os import system; system(line)",
        "import os; os.execv(path, arguments)",
        "import os; getattr(os, 'sys' + 'tem')(line)",
    ],
)
def test_what_runs_data_is_found(code):
    assert findings(code)


@pytest.mark.parametrize(
    "code",
    [
        "network.eval()\nre.compile(x)\nmodel.compile()",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "'eval(1)'  # exec(1)",
        "import subprocess\nsubprocess.run([one, two])",
        "from safetensors.torch import load\nload(raw)",
        "import json\njson.loads(text)",
        "import torch\ntorch.compile(module)",
    ],
)
def test_what_only_looks_like_it_is_not(code):
    assert not findings(code)


def test_nothing_shipped_runs_data():
    pages = sorted(SOURCE.rglob("*.py"))
    assert len(pages) > 100
    found = {str(page.relative_to(SOURCE)): findings(page.read_text(encoding="utf-8")) for page in pages}
    assert {page: what for page, what in found.items() if what} == OWN


def test_every_load_of_numpy_says_that_it_takes_no_pickles():
    for page in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(page.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                given = {one.arg: ast.unparse(one.value) for one in node.keywords}
                assert given.get("allow_pickle") == "False" or page.name == "keras_peer.py", page
