"""Deployments as the `openai` package sees them: models by other names; prints JSON.

Call it with a base URL, a deployment's name and its base model; the key is in OPENAI_API_KEY.
"""

import json
import sys

from openai import NotFoundError, OpenAI

base_url, deployment, base_model = sys.argv[1:]
client = OpenAI(base_url=base_url, max_retries=0, timeout=30)


def about(name):
    answer = client.chat.completions.create(
        model=name, messages=[{"role": "user", "content": "Say hi"}], max_tokens=4
    )
    return {
        "retrieved": client.models.retrieve(name).to_dict(),
        "answered": answer.model,
        "finish_reason": answer.choices[0].finish_reason,
    }


def missing(name):
    try:
        client.models.retrieve(name)
    except NotFoundError as error:
        return error.body


facts = {
    "alone": about(deployment),
    "of_model": about(f"{base_model}#{deployment}"),
    "missing": missing(f"{deployment}-too"),
}
json.dump(facts, sys.stdout)
