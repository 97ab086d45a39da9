.DEFAULT_GOAL := help
.PHONY: help up install install-dev dev check static house test test-slow bench bench-gpu docs
MAKEFLAGS += --no-print-directory
export PYTHON
BIN := .venv/bin

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

up: install ## install what is missing, then serve until Ctrl-C
	@exec $(BIN)/hearth up

install: ## make .venv with Hearth in it; at once when nothing changed
	@scripts/install base

install-dev:
	@scripts/install dev

dev: install-dev ## serve, and start again whenever the source changes
	@exec $(BIN)/python scripts/dev.py

check: static house ## format, lint, types, import contracts, house rules

static: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

house: install-dev
	$(BIN)/python -m pytest tests/house

test: check ## everything CI runs: check, then the test suite
	$(BIN)/python -m pytest --ignore tests/house

test-slow: install-dev ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

bench: install-dev ## measure speed; writes benchmarks/latest.json
	$(BIN)/python -m benchmarks

bench-gpu: install-dev ## measure the GPU engine against the memory roofline; needs a CUDA GPU
	$(BIN)/python -m benchmarks.gpu

docs: install-dev ## write docs/reference anew from the code
	$(BIN)/python -m docs.generate
