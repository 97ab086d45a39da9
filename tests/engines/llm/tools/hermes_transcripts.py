"""What models of the Hermes family write, with every slip that the other families share."""

from __future__ import annotations

from typing import NamedTuple


class Transcript(NamedTuple):
    """A whole answer and what it means."""

    about: str
    text: str
    content: str
    calls: list[tuple[str, str]]


ROME = ("get_weather", '{"city": "Rome"}')
OSLO = ("get_weather", '{"city": "Oslo"}')
TIME = ("get_time", "{}")

HERMES = [
    Transcript("no call", "It is sunny.\n", "It is sunny.\n", []),
    Transcript(
        "one call",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>',
        "",
        [ROME],
    ),
    Transcript(
        "text, then two calls",
        "Let me look that up.\n\n"
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>\n',
        "Let me look that up.",
        [ROME, OSLO],
    ),
    Transcript(
        "text between and after",
        'A <tool_call>{"name":"get_time","arguments":{}}</tool_call> B '
        '<tool_call>{"name":"get_time"}</tool_call>\nC',
        "A B\nC",
        [TIME, TIME],
    ),
    Transcript(
        "no closing marker",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}',
        "",
        [ROME],
    ),
    Transcript(
        "one bracket too many",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}}\n</tool_call>',
        "",
        [ROME],
    ),
    Transcript(
        "one bracket too few",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}\n</tool_call> done',
        " done",
        [ROME],
    ),
    Transcript(
        "arguments first, in the other word, with other members",
        '<tool_call>{"id": 7, "parameters": {"city": "Rome"}, "name": "get_weather", "x": [1]}'
        "</tool_call>",
        "",
        [ROME],
    ),
    Transcript(
        "arguments as a string of JSON",
        r'<tool_call>{"name": "get_weather", "arguments": "{\"city\": \"Rome\"}"}</tool_call>',
        "",
        [ROME],
    ),
    Transcript(
        "arguments null",
        '<tool_call>{"name": "get_time", "arguments": null}</tool_call>',
        "",
        [TIME],
    ),
    Transcript(
        "two calls in one pair of markers",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n'
        '{"name": "get_time", "arguments": {}}\n</tool_call>',
        "",
        [ROME, TIME],
    ),
    Transcript(
        "escapes, unicode, markers inside a string",
        r'<tool_call>{"name": "get_weather", "arguments": {"city": "</tool_call> \"\u00e9\\ 東京 {'
        '"}}</tool_call>',
        "",
        [("get_weather", r'{"city": "</tool_call> \"\u00e9\\ 東京 {"}')],
    ),
    Transcript(
        "slips that can be put right",
        '<tool_call>{"name": "get_weather", "arguments": {"city": "a\nb\\d\\\'", "x": True, '
        '"y": None, "z": -1.5e3}}</tool_call>',
        "",
        [
            (
                "get_weather",
                r"""{"city": "a\nb\\d'", "x": true, "y": null, "z": -1.5e3}""",
            )
        ],
    ),
    Transcript(
        "an unknown name",
        '<tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call>',
        [],
    ),
    Transcript(
        "no JSON, then a call",
        '<tool_call> is how I call. <tool_call>{"name": "get_time", "arguments": {}}</tool_call>',
        "<tool_call> is how I call.",
        [TIME],
    ),
    Transcript("a marker begun", "2 <tool_c", "2 <tool_c", []),
    Transcript(
        "cut off before the arguments",
        '<tool_call>\n{"name": "get_weather", "argu',
        '<tool_call>\n{"name": "get_weather", "argu',
        [],
    ),
    Transcript(
        "cut off in the arguments",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Ro\\',
        "",
        [("get_weather", '{"city": "Ro\\')],
    ),
    Transcript(
        "arguments that break",
        '<tool_call>{"name": "get_weather", "arguments": {"city": Rome}}</tool_call>',
        "Rome}}</tool_call>",
        [("get_weather", '{"city": ')],
    ),
    Transcript(
        "arguments that are no object",
        '<tool_call>{"name": "add", "arguments": [1, 2]}</tool_call>',
        '<tool_call>{"name": "add", "arguments": [1, 2]}</tool_call>',
        [],
    ),
]
