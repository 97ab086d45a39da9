"""The service class of the Fireworks examples for Python, on `fireworks.client`; prints JSON.

FIREWORKS_API_BASE and FIREWORKS_API_KEY say where and with which key.
"""

import json
import os
import sys

import fireworks.client
from fireworks.client.error import AuthenticationError, InvalidRequestError

fireworks.client.api_key = os.getenv("FIREWORKS_API_KEY")


class FireworksService:
    def __init__(self):
        self.client = fireworks.client

    def chat_completion(self, messages, model="llama-v3p1-8b-instruct", **kwargs):
        return self.client.ChatCompletion.create(
            model=f"accounts/fireworks/models/{model}", messages=messages, **kwargs
        )


MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MESSAGES = [{"role": "user", "content": "Say hi"}]
service = FireworksService()
whole = service.chat_completion(MESSAGES, max_tokens=16, seed=7)
chunks = list(service.chat_completion(MESSAGES, max_tokens=16, seed=7, stream=True))
completion = fireworks.client.Completion.create(model=MODEL, prompt="Once", max_tokens=8, seed=3)
pieces = fireworks.client.Completion.create(
    model=MODEL, prompt="Once", max_tokens=8, seed=3, stream=True
)


def fault(kind, **changes):
    try:
        fireworks.client.ChatCompletion.create(
            **{"model": MODEL, "messages": MESSAGES, "max_tokens": 1} | changes
        )
    except kind as error:
        return str(error)


facts = {
    "text": whole.choices[0].message.content,
    "total": whole.usage.total_tokens,
    "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
    "stream_total": chunks[-1].usage.total_tokens,
    "completion": completion.choices[0].text,
    "completion_streamed": "".join(piece.choices[0].text for piece in pieces),
    "models": [model.id for model in fireworks.client.Model.list().data],
    "missing": fault(InvalidRequestError, model="accounts/x/models/none"),
}
fireworks.client.api_key = "fw_wrong"
facts["key"] = fault(AuthenticationError)
json.dump(facts, sys.stdout)
