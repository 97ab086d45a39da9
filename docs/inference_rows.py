"""The rows of the page of the inference routes; `inference` puts each before the engines."""

from __future__ import annotations

from docs.conversation_rows import MESSAGES, RESPONSES
from docs.inference import Json, Row, Section, read_chat, read_completion, text_engines
from docs.vector_rows import EMBEDDINGS, RERANK

_TOOL: Json = {"type": "function", "function": {"name": "f"}}
_FUNCTION: Json = {"name": "f", "parameters": {"type": "object"}}
_SCHEMA: Json = {"type": "object", "properties": {"a": {"type": "integer"}}}
_ANSWER: Json = {"role": "assistant", "content": "Hi."}
_ASK: Json = {"role": "user", "content": "Hi"}
_CALL: Json = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def _format(**fields: object) -> Json:
    return {"response_format": fields}


_COMMON = [
    Row("`stream`", {"stream": True}, "server-sent events; usage rides on the last chunk"),
    Row("`stream_options`", {"stream_options": {"include_usage": False}},
        "`include_usage: false` leaves usage out"),
    Row("`max_tokens`", {"max_tokens": 5}, "lowered to fit the window; 0 only reads the prompt"),
    Row("`max_completion_tokens`", {"max_completion_tokens": 5, "max_tokens": None},
        "the same under its newer name"),
    Row("`temperature`", {"temperature": 0.5}, "0 to 2; left out: the model's own"),
    Row("`top_p`", {"top_p": 0.5}, "0 to 1"),
    Row("`top_k`", {"top_k": 5}, "0 to 100"),
    Row("`min_p`", {"min_p": 0.1}, "0 to 1"),
    Row("`typical_p`", {"typical_p": 0.5}, "0 to 1"),
    Row("`frequency_penalty`", {"frequency_penalty": 1.0}, "-2 to 2"),
    Row("`presence_penalty`", {"presence_penalty": 1.0}, "-2 to 2"),
    Row("`repetition_penalty`", {"repetition_penalty": 1.1}, "above 0, to 2; the prompt counts"),
    Row("`mirostat_target`", {"mirostat_target": 5.0}, "takes the place of other samplers"),
    Row("`mirostat_lr`", {"mirostat_target": 5.0, "mirostat_lr": 0.1}, "with `mirostat_target`"),
    Row("`seed`", {"seed": 1},
        "choice i uses seed + i; drawn where left out; as good as an upstream keeps it"),
    Row("`n`", {"n": 2}, "1 to 128 choices"),
    Row("`stop`", {"stop": ["x"]}, "up to 4; not part of the text"),
    Row("`stop_token_ids`", {"stop_token_ids": [5]},
        "up to 256, of vLLM's API; the text ends before the first of them"),
    Row("`ignore_eos`", {"ignore_eos": True}, "write on to `max_tokens`"),
    Row("`logit_bias`", {"logit_bias": {"5": 1}}, "token id to -100 … 100"),
    Row("`logprobs: true`", {"logprobs": True}, "the chat shape, `content[]`"),
    Row("`logprobs: 0…5`", {"logprobs": 2}, "parallel lists, with so many alternatives"),
    Row("`top_logprobs`", {"logprobs": True, "top_logprobs": 2}, "0 to 5, with `logprobs`"),
    Row("`echo`", {"echo": True},
        "the prompt before the completion, with its log-probabilities where asked for"),
    Row("`echo` with `max_tokens: 0`", {"echo": True, "max_tokens": 0, "logprobs": 1},
        "scores a prompt and writes nothing"),
    Row("`echo_last`", {"echo_last": 2}, "its last tokens only"),
    Row("`response_format: text`", _format(type="text"), "no constraint"),
    Row("`response_format: json_object`", _format(type="json_object"), "any JSON object"),
    Row("`response_format: json_object` + `schema`", _format(type="json_object", schema=_SCHEMA),
        "JSON that fits the schema"),
    Row("`response_format: json_schema`", _format(type="json_schema", json_schema=_SCHEMA),
        "a bare schema, its text, or `{name, schema, strict}`"),
    Row("`response_format: grammar`", _format(type="grammar", grammar='root ::= "a"'),
        "GBNF with the start symbol `root`"),
    Row("`response_format: regex`", _format(type="regex", regex="[a-z]+"), "an extension"),
    Row("`context_length_exceeded_behavior`", {"context_length_exceeded_behavior": "error"},
        "`truncate` lowers `max_tokens`, `error` refuses"),
    Row("`prediction`", {"prediction": "x"}, "text or `{type, content}`; a hint"),
    Row("`speculation`", {"speculation": "x"}, "the same under its older name; a hint"),
    Row("`rewrite_speculation`", {"rewrite_speculation": True}, "a hint"),
    Row("`raw_output`", {"raw_output": True}, "prompt and completion as the model has them"),
    Row("`return_token_ids`", {"return_token_ids": True}, "`prompt_token_ids` and `token_ids`"),
    Row("`perf_metrics_in_response`", {"perf_metrics_in_response": True}, "times in the body"),
    Row("`prompt_cache_key`", {"prompt_cache_key": "k"}, "the same value, the same replica"),
    Row("`prompt_cache_isolation_key`", {"prompt_cache_isolation_key": "k"},
        "divides an account's cache; two accounts never share one"),
    Row("`prompt_cache_max_len: 0`", {"prompt_cache_max_len": 0}, "use no cache"),
    Row("`prompt_cache_max_len` above 0", {"prompt_cache_max_len": 9}, "a hint"),
    Row("`response_cache` with a `seed`", {"response_cache": True, "seed": 1},
        "repeats the answer to an equal request"),
    Row("`response_cache`, answers drawn anew", {"response_cache": True},
        "an answer that chance decides is not repeated"),
    Row("`service_tier: auto, default`", {"service_tier": "default"}, "in the order they came"),
    Row("`service_tier: flex, priority`", {"service_tier": "priority"},
        "who waits goes after or before others; a hint"),
    Row("`user`", {"user": "u"}, "the same value, the same replica"),
    Row("`metadata`", {"metadata": {"a": "b"}}, "up to 64 texts"),
]  # fmt: skip

CHAT = Section(
    "/chat/completions",
    {"model": "m", "messages": [_ASK]},
    read_chat,
    [
        Row("`messages`", {"messages": [{"role": "developer", "content": "x"}, _ASK]},
            "roles system, developer, user, assistant, tool, function"),
        Row("`messages[].content` parts", {"messages": [
            {"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "texts are joined"),
        Row("`image_url`, `video_url`, `audio_url` parts", {"messages": [
            {"role": "user", "content": [{"type": "image_url"}]}]}, "no engine sees or hears yet"),
        Row("`messages[].tool_calls`", {"messages": [
            _ASK, {"role": "assistant", "tool_calls": [_CALL]},
            {"role": "tool", "content": "x", "tool_call_id": "c"}]},
            "arguments as text or object; results may leave `tool_call_id` out"),
        Row("`messages[].function_call`", {"messages": [
            _ASK, {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "x"}]}, "the older form"),
        Row("`messages[].reasoning_content`", {"messages": [
            _ASK, _ANSWER | {"reasoning_content": "x"}, _ASK]}, "earlier thinking"),
        *_COMMON,
        Row("`prompt_truncate_len`", {"prompt_truncate_len": 100},
            "drops the oldest messages that are not system"),
        Row("`safe_tokenization`", {"safe_tokenization": True},
            "special tokens in messages are plain text; not with `prompt_truncate_len`"),
        Row("`tools`, `tool_choice: auto`", {"tools": [_TOOL], "tool_choice": "auto"},
            "the model decides"),
        Row("`tool_choice: none`", {"tools": [_TOOL], "tool_choice": "none"}, "no calls"),
        Row("`tool_choice: required, any`", {"tools": [_TOOL], "tool_choice": "any"},
            "at least one call; `{type: function}` is the same"),
        Row("`tool_choice` by name", {"tools": [_TOOL], "tool_choice": {
            "type": "function", "function": {"name": "f"}}}, "in both shapes"),
        Row("`parallel_tool_calls: false`", {"tools": [_TOOL], "parallel_tool_calls": False},
            "one call at most"),
        Row("`tools` with `response_format`", {"tools": [_TOOL], **_format(type="json_object")},
            "a call, or text that fits"),
        Row("`functions`, `function_call`", {"functions": [_FUNCTION], "function_call": "auto"},
            "answers in the older form too"),
        Row("`reasoning_effort: low, medium, high`", {"reasoning_effort": "low"},
            "`true` is medium"),
        Row("`reasoning_effort: max, xhigh`", {"reasoning_effort": "max"}, "the most there is"),
        Row("`reasoning_effort: none`", {"reasoning_effort": "none"}, "`false` is the same"),
        Row("`reasoning_effort: adaptive`", {"reasoning_effort": "adaptive"}, "as the model likes"),
        Row("`reasoning_effort` as a number", {"reasoning_effort": 100},
            "the most tokens of thinking"),
        Row("`thinking`", {"thinking": {"type": "enabled"}},
            "enabled, disabled or adaptive; not with `reasoning_effort`"),
        Row("`thinking.budget_tokens`", {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            "at least 1024"),
        Row("`reasoning_history`", {"reasoning_history": "interleaved"},
            "which earlier thinking the model is shown"),
        Row("`reasoning_format: inline`", {"reasoning_format": "inline"},
            "thinking stays in the text as `<think>…</think>`"),
        Row("`images`", {"images": ["x"]}, "a field of completions"),
    ],
    text_engines,
)  # fmt: skip

COMPLETIONS = Section(
    "/completions",
    {"model": "m", "prompt": "x", "max_tokens": 5},
    read_completion,
    [
        Row("`prompt` as text", {"prompt": ["x", "y"]}, "one or a list; n choices for each"),
        Row("`prompt` as token ids", {"prompt": [1, 2]}, "one list or several"),
        *_COMMON,
        Row("`reasoning_effort`, `thinking`", {"reasoning_effort": "low"}, "fields of chats"),
        Row("`tools`, `functions`", {"tools": [_TOOL]}, "fields of chats"),
        Row("`images`", {"images": ["x"]}, "no engine sees yet"),
    ],
    text_engines,
)

SECTIONS = [CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBEDDINGS, RERANK]
"Every generating route; each request type's fields are all in one of its rows."
