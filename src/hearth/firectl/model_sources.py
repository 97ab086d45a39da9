"""Weights that are somewhere else already: a bucket, a hub, an address. The server fetches them."""

from __future__ import annotations

import re

from hearth.firectl.call import Call
from hearth.firectl.failures import UsageFailure
from hearth.firectl.grammar import Flag
from hearth.firectl.http import Object
from hearth.firectl.kinds import NAME

_SCHEME = re.compile(r"[a-z][a-z0-9+-]+:")

FLAGS = (
    Flag(
        name="credentials-secret",
        kind=NAME,
        of="secret",
        help="For s3:// and azure://: the secret with the bucket's credentials.",
    ),
    Flag(name="bucket-region", kind=NAME, help="For s3://: the bucket's region."),
    Flag(name="bucket-endpoint", help="For s3://: another server that speaks S3."),
)


def is_elsewhere(path: str) -> bool:
    """Whether a PATH is no path of this machine."""
    return _SCHEME.match(path) is not None


def import_body(call: Call, source: str) -> Object:
    """The request that has the server fetch the weights.

    Raises:
        UsageFailure: the address lacks a part.
    """
    secret = {"credentialsSecret": call.get("credentials-secret")}
    scheme, _, rest = source.partition("://")
    if scheme == "s3":
        bucket, _, path = rest.partition("/")
        places = {"region": call.get("bucket-region"), "endpoint": call.get("bucket-endpoint")}
        found = {"s3Bucket": bucket, "s3Path": path} | places | secret
        return {"awsS3Source": {key: value for key, value in found.items() if value}}
    if scheme == "azure":
        parts = rest.split("/", 2)
        if len(parts) < 2:
            raise UsageFailure("Write azure://STORAGE_ACCOUNT/CONTAINER/PATH.")
        found = dict(zip(("storageAccount", "container", "path"), parts, strict=False)) | secret
        return {"azureBlobSource": {key: value for key, value in found.items() if value}}
    return {"source": source}
