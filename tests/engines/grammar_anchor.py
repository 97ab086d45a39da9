"""Keeps llama.cpp's grammars apart where one process loads one model after the other.

llama.cpp keeps the last vocabulary that a grammar was compiled for by its address
(`common/llguidance.cpp`). A worker loads one model in its life, but a test process frees many, and
a new one may lie where an old one was: the old vocabulary would then be taken for its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_BODY = {"prompt": [5], "n_predict": 1, "grammar": '%llguidance {"no_forcing": true}\nstart: "a"'}


class GrammarAnchor:
    """A model that stays, and can be made the last that a grammar was compiled for."""

    def __init__(self, model: Path, socket_path: Path) -> None:
        self._model = model
        self._socket_path = socket_path
        self._server: Any = None  # Any: the library has no types

    def compile(self) -> None:
        """Compile a grammar for it."""
        if self._server is None:
            self._server = self._load()
        answer = self._server.handle_completions(_BODY)
        assert "error" not in json.dumps(answer), answer

    def _load(self) -> Any:
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(self._model)
        parameters.n_ctx, parameters.n_parallel, parameters.verbosity = 256, 1, -1
        parameters.chat_template, parameters.use_jinja = "chatml", False
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
        parameters.fit_params = False
        parameters.hostnames = [str(self._socket_path)]
        return xllamacpp.Server(parameters)
