"""What is shipped turns no data into code: read from its syntax, so that a comment or a string is no false alarm."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "elman"
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "jsonpickle"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
CALLS = {"torch.load", "torch.jit.load", "torch.package", "os.system", "os.popen", "pd.read_pickle", "runpy.run_path"}


def findings(code: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in MODULES:
            found.append(node.module)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in BUILT_IN | CALLS:
                found.append(called)
            given = {one.arg: one.value for one in node.keywords}
            for name in ("shell", "allow_pickle"):
                if name in given and ast.unparse(given[name]) != "False":
                    found.append(f"{called}({name})")
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from yaml import load",
        "import joblib as j",
        "eval('1')",
        "exec(code)",
        "torch.load(path)",
        "subprocess.run(line, shell=True)",
        "np.load(path, allow_pickle=asked)",
        "os.system(line)",
    ],
)
def test_what_runs_data_is_found(code):
    assert findings(code)


def test_what_only_looks_like_it_is_not():
    assert not findings("network.eval()\nre.compile(x)\nnp.load(path, allow_pickle=False)\n'eval(1)'  # exec(1)")


def test_nothing_shipped_runs_data():
    pages = sorted(SOURCE.rglob("*.py"))
    assert len(pages) > 100
    assert {page.name: found for page in pages if (found := findings(page.read_text(encoding="utf-8")))} == {}
