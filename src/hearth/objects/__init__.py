"""Bytes that clients put and get by signed URL."""

from hearth.objects.routes import object_routes
from hearth.objects.service import Mounted, Objects
from hearth.objects.signing import Link, Signer, signing_key

__all__ = ["Link", "Mounted", "Objects", "Signer", "object_routes", "signing_key"]
