"""The memory there is, is that of whichever limit is nearest."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import memory
from elman.errors import InputError


@given(st.integers(1, 9999), st.sampled_from(sorted(memory.UNITS)), st.sampled_from(["", " "]))
def test_an_amount_in_words_is_its_bytes(count, unit, space):
    assert memory.parse(f"{count}{space}{unit}") == count * memory.UNITS[unit]
    assert memory.parse(f"{count}{unit.lower()}") == count * memory.UNITS[unit]


def test_fractions_and_both_kinds_of_units_are_known():
    assert memory.parse("1.5GiB") == 3 << 29
    assert memory.parse("500MB") == 500_000_000


@pytest.mark.parametrize("text", ["", "500", "MB", "0MB", "-1GB", "5 parsecs", "1e9B", "two GB", "1GB2", "\u0665MB"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InputError, match=r"as 500MB, 2GB or 1\.5GiB"):
        memory.parse(text)


@pytest.mark.parametrize("machine", [None, 5 << 30])
@pytest.mark.parametrize("container", [None, 3 << 30])
@pytest.mark.parametrize("process", [None, 1 << 30])
def test_the_nearest_limit_counts(monkeypatch, machine, container, process):
    for name, found in (("_machine", machine), ("_container", container), ("_process", process)):
        monkeypatch.setattr(memory, name, lambda found=found: found)
    assert memory.available() == min([one for one in (machine, container, process) if one] or [2 << 30])


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"/sys/fs/cgroup/memory.max": ["1000"], "/sys/fs/cgroup/memory.current": ["400"]}, 600),
        ({"/sys/fs/cgroup/memory.max": ["1000"], "/sys/fs/cgroup/memory.current": ["1400"]}, 0),
        ({"/sys/fs/cgroup/memory.max": ["max"], "/sys/fs/cgroup/memory.current": ["400"]}, None),
        (
            {
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": ["900"],
                "/sys/fs/cgroup/memory/memory.usage_in_bytes": ["1"],
            },
            899,
        ),
        ({}, None),
    ],
)
def test_a_container_says_what_it_has_left(monkeypatch, files, found):
    monkeypatch.setattr(memory, "_lines", lambda path: files.get(path, []))
    assert memory._container() == found


def test_the_machine_says_what_is_available(monkeypatch):
    monkeypatch.setattr(memory, "_lines", lambda path: ["MemTotal:  9 kB", "MemAvailable:   7 kB"])
    assert memory._machine() == 7 << 10


@pytest.mark.skipif(sys.platform != "linux", reason="address spaces are limited so on Linux alone")
def test_a_limit_of_the_address_space_is_seen():
    code = (
        "import resource; from elman.data import memory; "
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)); print(memory.available())"
    )
    found = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
    assert 0 < found < 3 << 30
