"""What models of each family write: a text, then the content and the calls it means."""

from __future__ import annotations

from tests.engines.llm.tools.hermes_transcripts import HERMES, OSLO, ROME, TIME, Transcript


def _token(word: str) -> str:
    """A special token of DeepSeek, which writes bars and gaps in letters of its own."""
    return f"<\uff5c{word}\uff5c>".replace(" ", "\u2581")


_BEGIN, _END = _token("tool calls begin"), _token("tool calls end")
_CALL, _SEP, _DONE = _token("tool call begin"), _token("tool sep"), _token("tool call end")
DEEPSEEK_TOKENS = (_BEGIN, _END, _CALL, _SEP, _DONE)

LLAMA = [
    Transcript(
        "no call", "The set {1, 2} has [two] members.", "The set {1, 2} has [two] members.", []
    ),
    Transcript(
        "a bare call", '{"name": "get_weather", "parameters": {"city": "Rome"}}', "", [ROME]
    ),
    Transcript(
        "a tag, and a kind",
        '<|python_tag|>{"type": "function", "name": "get_weather", "parameters": {"city": "Rome"}}',
        "",
        [ROME],
    ),
    Transcript(
        "several with semicolons",
        '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Rome"}}; '
        '{"name": "get_weather", "parameters": {"city": "Oslo"}}',
        "",
        [ROME, OSLO],
    ),
    Transcript(
        "several on lines, after a sentence",
        'I will look.\n\n{"name": "get_weather", "parameters": {"city": "Rome"}}\n'
        '{"name": "get_time", "parameters": {}}\n',
        "I will look.",
        [ROME, TIME],
    ),
    Transcript(
        "a list",
        '[{"name": "get_weather", "parameters": {"city": "Rome"}},\n'
        ' {"name": "get_time", "parameters": {}}]',
        "",
        [ROME, TIME],
    ),
    Transcript(
        "the custom form",
        '<function=get_weather>{"city": "Rome"}</function> <function=f>{}</function>',
        " <function=f>{}</function>",
        [ROME],
    ),
    Transcript(
        "JSON that is no call",
        '{"name": "Ada", "parameters": {}}\n[{"name": "get_time"}]',
        '{"name": "Ada", "parameters": {}}\n[{"name": "get_time"}]',
        [],
    ),
    Transcript(
        "code of the built-in tools",
        '<|python_tag|>brave_search.call(query="x")',
        '<|python_tag|>brave_search.call(query="x")',
        [],
    ),
    Transcript(
        "a call inside a sentence",
        'Write {"name": "get_time", "parameters": {}} to me.',
        'Write {"name": "get_time", "parameters": {}} to me.',
        [],
    ),
]

MISTRAL = [
    Transcript("no call", "See [1] and [TOOL].", "See [1] and [TOOL].", []),
    Transcript(
        "a list",
        '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Rome"}}]',
        "",
        [ROME],
    ),
    Transcript(
        "a list of two, with ids",
        '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Rome"}, "id": "a1B2c3D4e"}, '
        '{"name": "get_time", "arguments": {}, "id": "b1B2c3D4e"}]',
        "",
        [ROME, TIME],
    ),
    Transcript(
        "names before arguments",
        'Sure.[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"}[TOOL_CALLS]get_time[ARGS]{}',
        "Sure.",
        [ROME, TIME],
    ),
    Transcript(
        "names with ids",
        '[TOOL_CALLS]get_weather[CALL_ID]a1B2c3D4e[ARGS]{"city": "Rome"}',
        "",
        [ROME],
    ),
    Transcript(
        "hidden markers",
        '[TOOL_CALLS]get_weather_tomorrow {"city": "Rome"}',
        "",
        [("get_weather_tomorrow", ROME[1])],
    ),
    Transcript("an unknown name", "[TOOL_CALLS]rm[ARGS]{}", "[TOOL_CALLS]rm[ARGS]{}", []),
    Transcript(
        "a list that goes wrong",
        '[TOOL_CALLS][{"name": "get_time", "arguments": {}}, {"name": "rm", "arguments": {}}]',
        ', {"name": "rm", "arguments": {}}]',
        [TIME],
    ),
]

DEEPSEEK = [
    Transcript("no call", f"a {_SEP} c", f"a {_SEP} c", []),
    Transcript(
        "V3 and R1",
        f'Let me see.{_BEGIN}{_CALL}function{_SEP}get_weather\n```json\n{{"city": "Rome"}}\n```'
        f"{_DONE}\n{_CALL}function{_SEP}get_time\n```json\n{{}}\n```{_DONE}{_END}",
        "Let me see.",
        [ROME, TIME],
    ),
    Transcript(
        "V3.1",
        f'{_BEGIN}{_CALL}get_weather{_SEP}{{"city": "Rome"}}{_DONE}'
        f'{_CALL}get_weather{_SEP}{{"city": "Oslo"}}{_DONE}{_END}',
        "",
        [ROME, OSLO],
    ),
    Transcript(
        "no outer markers",
        f'{_CALL}get_weather{_SEP}{{"city": "Rome"}}{_DONE} ok',
        " ok",
        [ROME],
    ),
    Transcript(
        "no fence",
        f'{_BEGIN}{_CALL}function{_SEP}get_weather\n{{"city": "Rome"}}{_DONE}{_END}',
        "",
        [ROME],
    ),
    Transcript(
        "an unknown name",
        f"{_BEGIN}{_CALL}rm{_SEP}{{}}{_DONE}{_END}",
        f"{_BEGIN}{_CALL}rm{_SEP}{{}}{_DONE}{_END}",
        [],
    ),
]

JSON = [
    Transcript("code", "```python\nx = {'a': [1]}\n```", "```python\nx = {'a': [1]}\n```", []),
    Transcript("bare", '{"name": "get_weather", "arguments": {"city": "Rome"}}', "", [ROME]),
    Transcript(
        "in a fence",
        'Here:\n```json\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n```\nThat is it.',
        "Here:\nThat is it.",
        [ROME],
    ),
    Transcript(
        "several in a fence",
        '```json\n[{"name": "get_weather", "arguments": {"city": "Rome"}},\n'
        '{"name": "get_time", "arguments": {}}]\n```',
        "",
        [ROME, TIME],
    ),
    Transcript(
        "lines",
        '{"name": "get_weather", "arguments": {"city": "Rome"}}\n'
        '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
        "",
        [ROME, OSLO],
    ),
    Transcript(
        "markers that several families share",
        '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Rome"}}]<|/tool_call|>',
        "",
        [ROME],
    ),
    Transcript(
        "pretty printed",
        '{\n  "name": "get_weather",\n  "arguments": {\n    "city": "Rome"\n  }\n}',
        "",
        [("get_weather", '{\n    "city": "Rome"\n  }')],
    ),
    Transcript(
        "as in an answer of OpenAI's API",
        '[{"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '
        r'"{\"city\": \"Rome\"}"}}, {"type": "function", "function": {"name": "get_time"}}]',
        ', {"type": "function", "function": {"name": "get_time"}}]',
        [ROME],
    ),
    Transcript("the other word", '{"function": "get_time", "parameters": {}}', "", [TIME]),
    Transcript(
        "a function in a function",
        '{"function": {"function": {"name": "get_time", "arguments": {}}}}',
        '{"function": {"function": {"name": "get_time", "arguments": {}}}}',
        [],
    ),
    Transcript(
        "JSON that is an answer",
        '{"city": "Rome", "degrees": 21}\n{"name": "get_time"}',
        '{"city": "Rome", "degrees": 21}\n{"name": "get_time"}',
        [],
    ),
]

TAGGED = [
    Transcript("no call", "a < b and <b>c</b>", "a < b and <b>c</b>", []),
    Transcript(
        "one call",
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n</function>\n"
        "</tool_call>",
        "",
        [ROME],
    ),
    Transcript(
        "no outer marker, no arguments, then another",
        "I look.\n<function=get_time>\n</function>\n</tool_call>\n"
        "<tool_call><function=get_weather><parameter=city>Oslo</parameter></function></tool_call>",
        "I look.",
        [TIME, OSLO],
    ),
    Transcript(
        "values by their schema",
        '<tool_call>\n<function=write>\n<parameter=path>\n"a"\n\n</parameter>\n<parameter=lines>\n'
        "[1, True]\n</parameter>\n<parameter=mode>\n12\n</parameter>\n<parameter=other>\n12\n"
        "</parameter>\n</function>\n</tool_call>",
        "",
        [
            (
                "write",
                r'{"path": "\"a\"\n", "lines": [1, true], "mode": 12, "other": "12"}',
            )
        ],
    ),
    Transcript(
        "a value that its schema does not admit",
        "<function=write><parameter=lines>\none, two\n</parameter></function>",
        "",
        [("write", '{"lines": "one, two"}')],
    ),
    Transcript(
        "text in a value that looks like tags",
        "<tool_call><function=write><parameter=path>\n</param>\n\t</function>\n</parameter>"
        "</function></tool_call>",
        "",
        [("write", r'{"path": "</param>\n\t</function>"}')],
    ),
    Transcript(
        "cut off",
        "<tool_call><function=write><parameter=path>\nsrc/",
        "",
        [("write", '{"path": "src/')],
    ),
    Transcript(
        "an unknown name",
        "<tool_call>\n<function=rm>\n</function>\n</tool_call>",
        "<tool_call>\n<function=rm>\n</function>\n</tool_call>",
        [],
    ),
]

FAMILIES = {
    "hermes": HERMES,
    "llama3": LLAMA,
    "mistral": MISTRAL,
    "deepseek": DEEPSEEK,
    "json": JSON,
    "tagged": TAGGED,
}
