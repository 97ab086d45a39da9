"""The mock upstream U: an engine that costs almost nothing, behind HTTP and the worker protocol.

`max_tokens` of 1 is answered at once with one text of 600 bytes; any other number is that many
chunks, one per 5 ms. In one process, so that all gateways meet the same upstream.
"""
