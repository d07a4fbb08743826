"""A PostgreSQL server for a while, with a database ``elman``, reached by its socket and at one address."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PORT = 54329
OWNER = "postgres"  # as whom the server runs where root asks for it: it refuses to be root's


def absent() -> str | None:
    """Why there can be none here."""
    if importlib.util.find_spec("psycopg") is None:
        return "PostgreSQL's driver is not here: pip install 'psycopg[binary]'"
    if _program("initdb") is None:
        return "no PostgreSQL server is here: install postgresql"
    if os.geteuid() == 0 and OWNER not in {one.pw_name for one in pwd.getpwall()}:
        return f"a PostgreSQL server does not run as root, and there is no user {OWNER}"
    return None


def _program(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, versions)]))


@dataclass(frozen=True)
class Server:
    home: Path
    address: str
    within: tuple[str, ...]

    @property
    def url(self) -> str:
        """By its address."""
        return f"postgresql+psycopg://elman@{self.address}:{PORT}/elman"

    @property
    def near(self) -> str:
        """By its socket, which a namespace of the network does not hide."""
        return f"postgresql+psycopg://elman@/elman?host={self.home}&port={PORT}"

    def start(self) -> None:
        options = f"-k {self.home} -p {PORT} -c listen_addresses={self.address} -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-D", f"{self.home}/data", "-l", f"{self.home}/log", "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", f"{self.home}/data")

    def _run(self, name: str, *arguments: str) -> None:
        owner = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
        words = [*self.within, *owner, str(_program(name)), *arguments]
        # Into no pipe: the server would hold it open.
        subprocess.run(words, check=True, cwd=self.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def server(address: str = "127.0.0.1", within: Sequence[str] = ()) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="elman-") as folder:
        found = Server(Path(folder), address, tuple(within))
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER)
        found._run("initdb", "-D", f"{folder}/data", "-U", "elman", "--auth=trust", "--no-sync")
        with (Path(folder) / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {address}/24 trust\n")
        found.start()
        try:
            found._run("createdb", "-h", folder, "-p", str(PORT), "-U", "elman", "elman")
            yield found
        finally:
            if (Path(folder) / "data" / "postmaster.pid").exists():
                found.stop()
