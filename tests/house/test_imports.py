"""What a process must not load: seen in `sys.modules` of a fresh interpreter, so never a guess."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TENSORS = {"torch", "numpy", "xllamacpp", "gguf", "transformers"}
GATEWAY = TENSORS | {"jinja2", "pydantic", "aiohttp", "httpx"}
"The gateway touches no tensor and no template, calls nobody over HTTP, and stays small."

SERVER = {"sqlalchemy", "alembic", "aiohttp", "uvicorn", "starlette", "obstore", "jinja2"}
"A command that only talks must not pay for the server."


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running some code."""
    report = "import json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize("module", ["hearth.gateway", "hearth.app"])
def test_the_gateway_loads_no_tensors_templates_or_http_client(module: str) -> None:
    assert loaded_by(f"import {module}") & GATEWAY == set()


HELP = """
import sys
from hearth.cli.main import main
sys.argv = ["hearth", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def test_hearth_help_loads_neither_server_nor_tensors() -> None:
    assert loaded_by(HELP) & (TENSORS | SERVER) == set()


def test_what_runs_in_a_users_program_is_light_until_it_is_used() -> None:
    assert loaded_by("import hearth.client") & (TENSORS | SERVER | {"httpx", "openai"}) == set()


def test_a_module_that_is_loaded_is_seen() -> None:
    assert "jinja2" in loaded_by("import jinja2.sandbox")
