"""Bytes that clients put and get by signed URL."""
