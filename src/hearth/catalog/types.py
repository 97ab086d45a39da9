"""What a model is, where its weights come from and what was found in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

ID_PATTERN = r"^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z"
"The rule of resource ids: 1 to 63 of a-z, 0-9 and hyphen, a letter first, no hyphen last."
PUBLIC_ACCOUNT = "fireworks"
"The account that owns the catalogue; every account sees its models."

Id = Annotated[str, Meta(pattern=ID_PATTERN)]
Count = Annotated[int, Meta(ge=1)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Form = Literal["F16", "Q8_0", "Q4_0"]
"GGUF forms that weights can be converted to on arrival."


class ModelKind(StrEnum):
    """`ModelKind` of the Fireworks control plane."""

    HF_BASE_MODEL = "HF_BASE_MODEL"
    HF_PEFT_ADDON = "HF_PEFT_ADDON"
    HF_TEFT_ADDON = "HF_TEFT_ADDON"
    FLUMINA_BASE_MODEL = "FLUMINA_BASE_MODEL"
    FLUMINA_ADDON = "FLUMINA_ADDON"
    DRAFT_ADDON = "DRAFT_ADDON"
    FIRE_AGENT = "FIRE_AGENT"
    LIVE_MERGE = "LIVE_MERGE"
    CUSTOM_MODEL = "CUSTOM_MODEL"
    EMBEDDING_MODEL = "EMBEDDING_MODEL"
    SNAPSHOT_MODEL = "SNAPSHOT_MODEL"


class ModelType(StrEnum):
    """What a model is for; it decides which engines can serve it and what may stand in for it."""

    CHAT = "chat"
    COMPLETION = "completion"
    VISION = "vision"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    TRANSCRIPTION = "transcription"
    SPEECH = "speech"
    IMAGE = "image"
    ADAPTER = "adapter"


class Capability(StrEnum):
    """What callers may ask of a model; the first three appear as `supports_*` in `/models`."""

    CHAT = "chat"
    IMAGE_INPUT = "image_input"
    TOOLS = "tools"
    COMPLETION = "completion"
    REASONING = "reasoning"
    LORA = "lora"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    TRANSCRIPTION = "transcription"
    TRANSLATION = "translation"
    STREAMING_TRANSCRIPTION = "streaming_transcription"
    SPEECH = "speech"
    IMAGE_GENERATION = "image_generation"


class Category(StrEnum):
    """The shelf a model is listed on."""

    FEATURED = "featured"
    GENERAL = "general"
    EXPERIMENTAL = "experimental"
    EMBEDDED = "embedded"
    "Works with no model hub; stands in for its kind."
    LOCAL = "local"
    "Pulled or attached on this machine; the catalogue does not name it."


class WeightsSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place weights come from; see `hearth.catalog.sources` for the forms of `uri`."""

    uri: Annotated[str, Meta(min_length=1)]
    sha256: Sha256 | None = None
    "Of the file, when the source is one file."
    size_bytes: Count | None = None
    form: Form | None = None
    "Convert the GGUF to this on arrival; None keeps it as it came."


class CatalogModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that can be named in a request, whether its weights are here or not."""

    id: Id
    account: Id = PUBLIC_ACCOUNT
    display_name: str
    description: str = ""
    kind: ModelKind
    type: ModelType
    parameters: Count | None = None
    active_parameters: Count | None = None
    "Used per token; set for mixtures of experts only."
    context_length: Count | None = None
    "In tokens."
    capabilities: frozenset[Capability] = frozenset()
    category: Category = Category.GENERAL
    price_class: str = ""
    "A price of the price book by name; empty: the class that the parameters give."
    aliases: tuple[str, ...] = ()
    licence: str = ""
    created: date
    public: bool = False
    "Whether every account may call a model that the catalogue's account does not own."
    stands_in_for: frozenset[ModelType] = frozenset()
    weights: tuple[WeightsSource, ...] = ()
    "Best first; `hearth pull` takes the first."

    @property
    def name(self) -> str:
        """The full resource name."""
        return f"accounts/{self.account}/models/{self.id}"

    @property
    def created_unix(self) -> int:
        """Midnight UTC of the day it was made, in Unix seconds."""
        return int(datetime.combine(self.created, time(), UTC).timestamp())


class Inspection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the headers of weights say; nothing was loaded to find out."""

    format: Literal["gguf", "safetensors"]
    architecture: str
    type: ModelType
    parameters: int
    active_parameters: int | None = None
    "Used per token; set for mixtures of experts only."
    quantisation: str
    "The element type most parameters have, such as Q4_1 or BF16."
    context_length: int | None = None
    chat_template: str | None = None
    tokenizer: str | None = None


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file of a pulled model; `path` is relative to the model's folder."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """`manifest.json`: what a folder of the model store holds and where it came from."""

    version: Literal[1] = 1
    name: str
    source: str
    form: Form | None = None
    entry: str
    "The file an engine opens first, relative to the folder."
    files: tuple[StoredFile, ...]
    inspection: Inspection
    pulled_time: datetime
    public: bool = False
    "Whether every account may call it, beside its own; those of the catalogue may be anyway."
    unsealed_sha256: str = ""
    "Of the entry as it was before it was sealed."


SEAL = "sealed.json"
"Lies in folders of the model store whose files are sealed."


class Weights(Struct, frozen=True, kw_only=True):
    """Weights that are here, whole and verified."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The full name of the model they belong to."""
        return self.manifest.name

    @property
    def path(self) -> Path:
        """The file an engine opens: the GGUF (its first part), or the first safetensors file."""
        return self.folder / self.manifest.entry

    @property
    def format(self) -> Literal["gguf", "safetensors"]:
        """Which engines can read them."""
        return self.manifest.inspection.format

    @property
    def is_sealed(self) -> bool:
        """Whether they lie encrypted, so that nothing but a worker's start can open them."""
        return (self.folder / SEAL).exists()

    @property
    def sha256(self) -> str:
        """Of the file at `path`."""
        return next(f.sha256 for f in self.manifest.files if f.path == self.manifest.entry)

    @property
    def identity(self) -> str:
        """The same for the same numbers, sealed or not: the sum of the entry as it came."""
        return self.manifest.unsealed_sha256 or self.sha256

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.manifest.files)

    @property
    def inspection(self) -> Inspection:
        """What their headers say."""
        return self.manifest.inspection
