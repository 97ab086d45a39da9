"""Hooks of schemathesis: it asks a model that is here, for little, and writes down each answer.

FUZZING_LOG names the file, a JSON line an answer.
https://schemathesis.readthedocs.io/en/stable/guides/extending/
"""

import json
import os
import random

import schemathesis

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
VECTORS = "accounts/fireworks/models/all-minilm-l6-v2"
ALWAYS = {"model", "messages", "prompt", "input", "query", "documents"}
MAX_OTHERS = 4  # a body with every field is refused for two that exclude each other
LIMITS = {"max_tokens": 32, "max_completion_tokens": 32, "max_output_tokens": 32, "n": 4}


@schemathesis.hook
def before_call(context, case, **options):
    """Leave what is wrong wrong; of what is right, ask for less."""
    body = case.body
    if not isinstance(body, dict):
        return
    others = sorted(body.keys() - ALWAYS)
    chance = random.Random(repr(body))
    if chance.random() < 0.7:
        for name in chance.sample(others, max(0, len(others) - MAX_OTHERS)):
            del body[name]
    if isinstance(body.get("model"), str):
        body["model"] = VECTORS if case.path in {"/embeddings", "/rerank"} else MODEL
    for name, limit in LIMITS.items():
        if isinstance(body.get(name), int):
            body[name] = min(body[name], limit)
    if body.get("ignore_eos") is True:
        body["ignore_eos"] = False


@schemathesis.hook
def after_call(context, case, response):
    """Write down what came back."""
    answer = {
        "method": case.method.upper(),
        "path": case.path,
        "status": response.status_code,
        "request_id": response.headers["x-request-id"][0],
    }
    with open(os.environ["FUZZING_LOG"], "a") as log:
        log.write(json.dumps(answer) + "\n")
