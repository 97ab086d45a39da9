"""The flags that say what a model is."""

from __future__ import annotations

from hearth.firectl.grammar import Flag
from hearth.firectl.kinds import COUNT, DURATION, NAME, SWITCH, open_choice

QUIET = Flag(name="quiet", kind=SWITCH, help="Show no progress.")
RESUMABLE = Flag(
    name="enable-resumable-upload",
    kind=SWITCH,
    help="Ask for addresses that can go on after a break.",
)
POLL = Flag(name="poll-duration", kind=DURATION, help="How long to wait until it is ready: 2h.")
PRECISION = Flag(
    name="precision",
    field="precision",
    kind=open_choice("FP16", "BF16", "FP8", "FP4", "NF4", "INT8", "INT4"),
    help="The precision it will be served in.",
)

CREATION = (
    Flag(
        name="base-model",
        kind=NAME,
        of="model",
        help="The model that the adapter in PATH belongs to.",
    ),
    Flag(name="embedding", kind=SWITCH, help="It turns texts into vectors."),
    RESUMABLE,
    POLL,
)

DESCRIPTION = (
    Flag(name="display-name", field="displayName", help="What people call it."),
    Flag(name="description", field="description", help="What it is for."),
    Flag(name="context-length", field="contextLength", kind=COUNT, help="Tokens it can attend to."),
    Flag(
        name="default-draft-model",
        field="defaultDraftModel",
        kind=NAME,
        of="model",
        help="What guesses ahead for it.",
    ),
    Flag(
        name="default-draft-token-count",
        field="defaultDraftTokenCount",
        kind=COUNT,
        help="How far that guesses.",
    ),
    Flag(name="github-url", field="githubUrl", help="Its code."),
    Flag(name="hugging-face-url", field="huggingFaceUrl", help="Its page on the hub."),
    Flag(name="public", field="public", kind=SWITCH, help="Whether every account may call it."),
    Flag(
        name="supports-image-input",
        field="supportsImageInput",
        kind=SWITCH,
        help="Whether it reads images.",
    ),
    Flag(name="supports-tools", field="supportsTools", kind=SWITCH, help="Whether it calls tools."),
)
