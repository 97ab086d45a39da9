"""The backend for CPUs: a graph of our own on OpenVINO's runtime."""

from __future__ import annotations

from hearth.engines.llm.native.openvino_backend.build import build_openvino_backend, token_bytes

__all__ = ["build_openvino_backend", "token_bytes"]
