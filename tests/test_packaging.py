"""What pip makes of a checkout: with a compiler, without one, and editable."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEPENDENCIES = sysconfig.get_path("purelib")
TELL = "import elman; from elman.kernels import library; print(elman.__file__); print(library.which())"

needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__", "_native_*")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    for name in ("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    return folder


def code_of(checkout):
    paths = [
        path
        for pattern in ("*.py", "*.typed", "*.j2", "*.toml", "*.html", "*.css", "*.js", "*.svg")
        for path in (checkout / "src").rglob(pattern)
    ]
    return {path.relative_to(checkout / "src").as_posix() for path in paths}


def pip(*arguments, python=sys.executable, **environment):
    return subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments, "--no-build-isolation", "--no-deps"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def wheel_of(checkout, folder, **environment):
    output = pip("wheel", "-v", str(checkout), "-w", str(folder), **environment)
    (wheel,) = folder.glob("elman-*.whl")
    return wheel, output


def new_venv(folder):
    """A Python of its own that sees the dependencies installed here, though not elman."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    (python,) = folder.glob("bin/python")
    tell = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", tell], capture_output=True, text=True, check=True).stdout.strip()
    (Path(site) / "dependencies.pth").write_text(DEPENDENCIES)
    return python


def told_by(python, folder):
    # ELMAN_NATIVE_DIR of a sanitized run would hide what was installed.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ELMAN_")}
    run = subprocess.run([python, "-c", TELL], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_without_a_working_compiler_the_wheel_is_pure_and_says_so(checkout, tmp_path):
    wheel, output = wheel_of(checkout, tmp_path, CXX="/bin/false")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "installed without its native kernels" in output
    names = set(zipfile.ZipFile(wheel).namelist())
    assert code_of(checkout) <= names
    assert not [name for name in names if "/_native_" in name]
    python = new_venv(tmp_path / "venv")
    pip("install", str(wheel), "--no-index", python=python)
    file, which = told_by(python, tmp_path)
    assert str(tmp_path / "venv") in file
    assert which.startswith("no native library: ")
    assert "install elman again where GCC or Clang is" in which


@pytest.mark.slow
@needs_compiler
def test_the_wheel_serves_every_python_and_brings_the_libraries(checkout, tmp_path):
    # A library left in the source tree by an earlier build must not travel with the wheel.
    (checkout / "src/elman/kernels/_native_old.so").write_bytes(b"old")
    wheel, output = wheel_of(checkout, tmp_path)
    python_tag, abi_tag, platform_tag = wheel.stem.split("-")[-3:]
    assert (python_tag, abi_tag) == ("py3", "none")
    assert platform_tag != "any", output
    names = set(zipfile.ZipFile(wheel).namelist())
    assert code_of(checkout) <= names
    assert "elman/kernels/_native_old.so" not in names
    assert not [name for name in names if name.endswith((".cpp", ".h", ".map"))]
    python = new_venv(tmp_path / "venv")
    pip("install", str(wheel), "--no-index", python=python)
    file, which = told_by(python, tmp_path)
    assert str(tmp_path / "venv") in file
    assert "runs: it is the best one built" in which


@pytest.mark.slow
@needs_compiler
def test_an_editable_install_is_the_source_tree_with_its_libraries(checkout, tmp_path):
    python = new_venv(tmp_path / "venv")
    output = pip("install", "-v", "--editable", str(checkout), python=python)
    file, which = told_by(python, tmp_path)
    assert Path(file) == checkout / "src/elman/__init__.py"
    assert "runs: it is the best one built" in which, output
    # What is added, or becomes a folder, after the install is found at once.
    (checkout / "src/elman/added.py").write_text("")
    (checkout / "src/elman/version").mkdir()
    (checkout / "src/elman/version.py").rename(checkout / "src/elman/version/__init__.py")
    subprocess.run([python, "-c", "import elman, elman.added"], cwd=tmp_path, check=True)


def test_the_source_distribution_has_what_the_libraries_are_built_of(checkout, tmp_path):
    (checkout / "src/elman/kernels/_native_old.so").write_bytes(b"old")
    build = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=checkout, check=True, capture_output=True)
    (archive,) = tmp_path.glob("elman-*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    sources = [path for pattern in ("*.cpp", "*.h", "*.map") for path in (checkout / "src").rglob(pattern)]
    assert {path.relative_to(checkout).as_posix() for path in sources} <= names
    assert {"CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE"} <= names
    assert not [name for name in names if "/_native_" in name]
