"""The native library: the right one loads, each refusal says what to do, and its tasks run on torch's threads."""

import _ctypes
import ctypes
import os
import platform
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from elman.kernels import library

KERNELS = Path(library.__file__).parent
BUILT = Path(os.environ.get("ELMAN_NATIVE_DIR") or KERNELS)
SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
BEST = {"AVX512": "avx512", "AVX2": "avx2"}.get(torch.backends.cpu.get_cpu_capability(), "portable")
RUNNABLE = library.INSTRUCTION_SETS[: library.INSTRUCTION_SETS.index(BEST) + 1]


def file_of(loaded):
    return Path(loaded._name)


def load_anew(monkeypatch, asked="", folder=None):
    """What a new process would load in this environment."""
    monkeypatch.setenv("ELMAN_NATIVE", asked)
    if folder is not None:
        monkeypatch.setenv("ELMAN_NATIVE_DIR", str(folder))
    return library._load()


def test_the_best_library_for_this_cpu_loads(monkeypatch):
    loaded = load_anew(monkeypatch)
    assert loaded.library is not None, loaded.reason
    assert file_of(loaded.library) == BUILT / f"_native_{BEST}{SUFFIX}"
    assert loaded.library.elman_abi() == library.ABI
    assert loaded.reason == f"_native_{BEST}{SUFFIX} runs: it is the best one built for a CPU with {BEST}"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors have one library")
@pytest.mark.parametrize("asked", RUNNABLE)
def test_each_instruction_set_can_be_asked_for(monkeypatch, asked):
    loaded = load_anew(monkeypatch, asked)
    assert file_of(loaded.library).name == f"_native_{asked}{SUFFIX}"
    assert loaded.reason.endswith("runs: ELMAN_NATIVE asks for it")


def test_the_next_best_loads_where_the_best_was_not_built(monkeypatch, tmp_path):
    shutil.copy(BUILT / f"_native_portable{SUFFIX}", tmp_path)
    assert file_of(load_anew(monkeypatch, folder=tmp_path).library).name == f"_native_portable{SUFFIX}"


@pytest.mark.parametrize(("asked", "expected"), [("0", "None"), ("portable", "_native_portable")])
def test_the_environment_decides_in_a_new_process(asked, expected):
    script = "from elman.kernels import library; print(library.native()); print(library.which())"
    environment = {**os.environ, "ELMAN_NATIVE": asked}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    first, second = run.stdout.splitlines()
    assert expected in first
    assert "ELMAN_NATIVE" in second


@pytest.mark.parametrize("asked", ["avx1024", "AVX2"])
def test_an_unknown_instruction_set_is_refused(monkeypatch, asked):
    loaded = load_anew(monkeypatch, asked)
    assert loaded.library is None
    assert loaded.reason == (
        f"no native library: ELMAN_NATIVE is {asked!r}; set it to 0 or one of portable, avx2, avx512, or unset it"
    )


def test_an_instruction_set_this_cpu_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    loaded = load_anew(monkeypatch, "avx512")
    assert loaded.library is None
    assert "'avx512', but this CPU has no more than avx2" in loaded.reason


def test_a_folder_without_a_library_is_named(monkeypatch, tmp_path):
    loaded = load_anew(monkeypatch, folder=tmp_path)
    assert loaded.library is None
    assert str(tmp_path) in loaded.reason
    assert "make native" in loaded.reason


def broken(kind, target):
    whole = (BUILT / f"_native_portable{SUFFIX}").read_bytes()
    content = {
        "empty": b"",
        "text": b"not a library\n" * 100,
        "cut short": whole[: len(whole) // 2],
        "foreign": Path(_ctypes.__file__).read_bytes(),
    }
    target.write_bytes(content[kind])


@pytest.mark.parametrize("kind", ["empty", "text", "cut short", "foreign"])
def test_a_file_that_is_no_library_of_elman_is_refused_in_a_sentence(tmp_path, kind):
    file = tmp_path / f"_native_portable{SUFFIX}"
    broken(kind, file)
    script = "from elman.kernels import library; print(library.native()); print(library.which())"
    environment = {**os.environ, "ELMAN_NATIVE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"None\nno native library: {file} cannot be loaded (")
    assert run.stderr == ""


def test_a_library_of_other_sources_is_refused(monkeypatch):
    monkeypatch.setattr(library, "ABI", library.ABI + 1)
    loaded = load_anew(monkeypatch)
    assert loaded.library is None
    assert f"version {library.ABI - 1}, but {library.ABI} is needed" in loaded.reason


def test_threads_that_ask_at_once_share_one_load(monkeypatch):
    opened, start, results = [], threading.Barrier(8), []

    def open_slowly(path, why):
        opened.append(path)
        threading.Event().wait(0.05)
        return library._Loaded(ctypes.CDLL(str(path)), why)

    def ask():
        start.wait()
        results.append(library.native())

    monkeypatch.setattr(library, "_open", open_slowly)
    monkeypatch.setattr(library, "_loaded", None)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert len({id(result) for result in results}) == 1


PROBE = r"""
#include "parallel.h"
#include <thread>
#include <functional>

// Counts how often each task runs, and notes the thread that ran it.
extern "C" void elman_probe(int64_t tasks, int64_t* count, uint64_t* thread) {
    elman::parallel(tasks, [=](int64_t task) {
        ++count[task];
        thread[task] = std::hash<std::thread::id>()(std::this_thread::get_id());
    });
}
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler to compile parallel.h with")
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.cpp").write_text(PROBE)
    built = folder / f"probe{SUFFIX}"
    sources = [str(folder / "probe.cpp"), str(KERNELS / "native.cpp")]
    subprocess.run(
        [compiler, "-std=c++17", "-O1", "-shared", "-fPIC", f"-I{KERNELS}", *sources, "-o", str(built)], check=True
    )
    return built


def run_tasks(probe, tasks):
    count, thread = torch.zeros(tasks, dtype=torch.int64), torch.zeros(tasks, dtype=torch.int64)
    probe.elman_probe(ctypes.c_int64(tasks), ctypes.c_void_p(count.data_ptr()), ctypes.c_void_p(thread.data_ptr()))
    assert (count == 1).all(), "a task must run exactly once"
    return len(thread.unique())


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_tasks_run_on_as_many_threads_as_torch_has(probe):
    loaded = library._open(probe, "").library
    assert run_tasks(loaded, 101) == 2
    assert run_tasks(loaded, 2) == 2, "two tasks are enough for two threads"
    torch.set_num_threads(1)
    assert run_tasks(loaded, 101) == 1


@pytest.mark.usefixtures("two_threads")
def test_without_torchs_threads_tasks_run_one_after_the_other(probe, tmp_path):
    alone = ctypes.CDLL(str(shutil.copy(probe, tmp_path)))
    assert run_tasks(alone, 101) == 1
    assert run_tasks(alone, 0) == 0


def test_a_failure_of_torchs_threads_ends_the_process_with_a_word(probe):
    script = f"""if True:
        import ctypes
        fails = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_int64] * 3, ctypes.c_void_p, ctypes.c_void_p)(lambda *_: 1)
        probe = ctypes.CDLL({str(probe)!r})
        probe.elman_set_parallel(fails)
        numbers = (ctypes.c_int64 * 2)()
        probe.elman_probe(ctypes.c_int64(2), numbers, numbers)
        print("went on")
        """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode != 0
    assert run.stdout == ""
    assert "torch_parallel_for failed" in run.stderr
