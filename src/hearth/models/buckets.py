"""Files of a bucket somebody else keeps: S3 and whatever speaks like it, Azure Blob Storage.

Only the credentials that the account gave are used, never those of this server: else whoever may
import could read what the operator can.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from hearth.catalog import require_space
from hearth.errors import ApiError, InvalidRequest, Unavailable
from hearth.models.files import check_name

if TYPE_CHECKING:
    from obstore.store import AzureStore, S3Store

# These become parts of host names, so nothing else than such a part may be in them.
Bucket = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")]
Account = Annotated[str, Meta(pattern=r"^[a-z0-9]{3,24}\Z")]
Region = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]
Folder = Annotated[str, Meta(max_length=1024, pattern=r"^[^\x00]*\Z")]
CHUNK_BYTES = 8 << 20


class AwsS3Source(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A folder of a bucket; with a secret of the account, or readable by everybody."""

    s3_bucket: Bucket
    s3_path: Folder = ""
    region: Region = "us-east-1"
    endpoint: str = ""
    "Of another server that speaks S3, where the operator lets accounts name hosts; https only."
    credentials_secret: str = ""
    'A secret that holds `{"accessKeyId": …, "secretAccessKey": …}`.'

    @property
    def folder(self) -> str:
        """Below which key the files are."""
        return self.s3_path.strip("/")

    @property
    def uri(self) -> str:
        """As it may be shown."""
        return f"s3://{self.s3_bucket}/{self.folder}"


class AzureBlobSource(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """A folder of a container; with a secret of the account, or readable by everybody."""

    storage_account: Account
    container: Bucket
    path: Folder = ""
    credentials_secret: str = ""
    'A secret that holds `{"accountKey": …}` or `{"sasToken": …}`.'

    @property
    def folder(self) -> str:
        """Below which key the files are."""
        return self.path.strip("/")

    @property
    def uri(self) -> str:
        """As it may be shown."""
        return f"azure://{self.storage_account}/{self.container}/{self.folder}"


BucketSource = AwsS3Source | AzureBlobSource


class _Credentials(Struct, frozen=True, rename="camel"):
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    account_key: str = ""
    sas_token: str = ""


def check_source(source: BucketSource, *, may_name_hosts: bool) -> None:
    """Raise `InvalidRequest` where a source would lead elsewhere than to a bucket.

    Args:
        source: as a client wrote it.
        may_name_hosts: whether clients may have this server call hosts that they name.
    """
    endpoint = getattr(source, "endpoint", "")
    if endpoint and not may_name_hosts:
        raise InvalidRequest(
            "awsS3Source.endpoint: this server imports from S3 itself only; leave it out.",
            param="awsS3Source.endpoint",
        )
    if endpoint and not endpoint.startswith("https://"):
        raise InvalidRequest(
            f"awsS3Source.endpoint: {endpoint[:200]!r} must begin with https://.",
            param="awsS3Source.endpoint",
        )


def read_credentials(secret: str) -> _Credentials:
    """What a secret holds; raises `InvalidRequest` without saying any of it."""
    try:
        return msgspec.json.decode(secret or "{}", type=_Credentials)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest(
            'credentialsSecret: it must hold JSON such as {"accessKeyId": "…", '
            '"secretAccessKey": "…"}.',
            param="credentialsSecret",
        ) from None


def fetch_bucket(source: BucketSource, secret: str, folder: Path) -> None:
    """Copy the files of a source into a folder.

    Raises:
        InvalidRequest: there are none, or one has a name that cannot be stored.
        Unavailable: the bucket cannot be read.
    """
    import obstore
    from obstore.exceptions import BaseError

    try:
        store = _open(source, read_credentials(secret))
        prefix = f"{source.folder}/" if source.folder else ""
        found = [entry for batch in obstore.list(store, prefix=prefix or None) for entry in batch]
        files = {entry["path"].removeprefix(prefix): entry["size"] for entry in found}
        if not files:
            raise InvalidRequest(f"There is no file in {source.uri}; name the model's folder.")
        for name in files:
            check_name(name)
        require_space(folder, sum(files.values()))
        for name in files:
            target = folder / PurePosixPath(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for chunk in obstore.get(store, f"{prefix}{name}").stream(CHUNK_BYTES):
                    file.write(bytes(chunk))
    except ApiError:
        raise
    except BaseError as error:
        raise Unavailable(f"{source.uri} cannot be read: {str(error)[:300]}.") from error


def _open(source: BucketSource, given: _Credentials) -> S3Store | AzureStore:
    from obstore.store import AzureStore, S3Store

    if isinstance(source, AwsS3Source):
        is_open = not given.access_key_id
        s3: dict[str, object] = {"region": source.region, "skip_signature": is_open}
        if not is_open:
            s3 |= {
                "access_key_id": given.access_key_id,
                "secret_access_key": given.secret_access_key,
                "session_token": given.session_token or None,
            }
        if source.endpoint:
            s3["endpoint"] = source.endpoint
        return S3Store(source.s3_bucket, **{k: v for k, v in s3.items() if v is not None})  # type: ignore[arg-type]
    azure: dict[str, object] = {"account_name": source.storage_account}
    if given.account_key:
        azure["account_key"] = given.account_key
    elif given.sas_token:
        azure["sas_key"] = given.sas_token
    else:
        azure["skip_signature"] = True
    return AzureStore(source.container, **azure)  # type: ignore[arg-type]
