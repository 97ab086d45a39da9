"""HTTP for signed links; no key is needed, for the link itself is the permission.

Uploads that can be taken up again go as Google Cloud Storage has them: PUTs with `Content-Range`
are answered with 308 and the `Range` that is here, until all of it is.
https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from hearth.errors import InvalidRequest, NotFound
from hearth.objects.folder import ObjectFolder, check_size, read_range
from hearth.objects.service import Objects
from hearth.objects.signing import Link

_RESUME_INCOMPLETE = 308
_GONE = 499  # nobody reads it


def object_routes(objects: Objects) -> Sequence[Route]:
    """GET, PUT and POST of `/objects/{key}`."""

    async def get_object(request: Request) -> Response:
        """Get a file by its signed link, or a range of it."""
        key = request.path_params["key"]
        objects.signer.check("GET", key, request.query_params)
        found = objects.file(key)
        headers = {"etag": f'"{found.etag}"', "cache-control": "private"}
        return FileResponse(found.path, headers=headers, media_type="application/octet-stream")

    async def put_object(request: Request) -> Response:
        """Put a file by its signed link, whole or in pieces."""
        link, folder = _admitted(objects, request)
        span = request.headers.get("content-range")
        try:
            if span is not None:
                return await _put_range(folder, request, link)
            _check_length(request, link)
            await folder.put(link.key, request.stream(), link.size_bytes)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        return Response(status_code=200)

    async def start_upload(request: Request) -> Response:
        """Begin an upload that can be taken up again: says where its pieces go."""
        _admitted(objects, request)
        return Response(status_code=201, headers={"location": str(request.url)})

    path = "/objects/{key:path}"
    return [
        Route(path, get_object, methods=["GET"]),
        Route(path, put_object, methods=["PUT"]),
        Route(path, start_upload, methods=["POST"]),
    ]


def _admitted(objects: Objects, request: Request) -> tuple[Link, ObjectFolder]:
    """What a PUT may do; raises `PermissionDenied`."""
    link = objects.signer.check("PUT", request.path_params["key"], request.query_params)
    if objects.folder is None:
        raise NotFound("Objects are in a bucket, which takes them by links of its own.")
    return link, objects.folder


async def _put_range(folder: ObjectFolder, request: Request, link: Link) -> Response:
    span = read_range(request.headers["content-range"])
    check_size(span.total, link.size_bytes)
    present = await folder.put_range(link.key, request.stream(), span)
    if present == span.total:
        return Response(status_code=200)
    headers = {"range": f"bytes=0-{present - 1}"} if present else {}
    return Response(status_code=_RESUME_INCOMPLETE, headers=headers)


def _check_length(request: Request, link: Link) -> None:
    """Refuse before reading what would be refused after it.

    `x-goog-content-length-range: MIN,MAX` is what clients of signed uploads send beside the link.
    """
    length = request.headers.get("content-length", "")
    announced = request.headers.get("x-goog-content-length-range", "")
    if announced:
        low, comma, high = announced.partition(",")
        if not (comma and low.strip().isdecimal() and high.strip().isdecimal()):
            raise InvalidRequest(
                f"x-goog-content-length-range: write MIN,MAX, not {announced[:40]!r}.",
                param="x-goog-content-length-range",
            )
        if length and not int(low) <= int(length) <= int(high):
            raise InvalidRequest(
                f"The body has {length} bytes; x-goog-content-length-range allows {announced}.",
                param="x-goog-content-length-range",
            )
    if length:
        check_size(int(length), link.size_bytes)
