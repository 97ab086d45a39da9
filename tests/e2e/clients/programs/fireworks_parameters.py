"""Every parameter of the `fireworks-ai` package that decides what is sampled; prints JSON."""

import json
import sys

from fireworks import Fireworks

client = Fireworks(base_url=sys.argv[1], max_retries=0, timeout=60)
raw = client.chat.completions.with_raw_response.create(
    model="accounts/fireworks/models/smollm2-135m-instruct",
    messages=[{"role": "user", "content": "Tell a story. " * 3}] * 4,
    max_tokens=24,
    n=2,
    seed=1,
    stop=["\n"],
    temperature=0.9,
    top_p=0.95,
    top_k=5,
    min_p=0.1,
    typical_p=0.9,
    repetition_penalty=1.1,
    frequency_penalty=0.1,
    presence_penalty=0.1,
    logit_bias={"5": -100},
    ignore_eos=False,
    prompt_cache_key="s1",
    prompt_truncate_len=64,
    context_length_exceeded_behavior="error",
    user="ann",
    metadata={"a": "b"},
    response_format={"type": "text"},
)
answer = raw.parse()
facts = {
    "texts": [choice.message.content for choice in answer.choices],
    "prompt_tokens": answer.usage.prompt_tokens,
    "sampling": json.loads(raw.headers["fireworks-sampling-options"]),
    "ignored": raw.headers.get("x-ignored-fields"),
    "served_by": raw.headers["x-hearth-served-by"],
}
json.dump(facts, sys.stdout)
