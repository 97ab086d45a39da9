"""The bare server B: the least Python that does a gateway's work, the lower bound of its cost.

One uvloop protocol with httptools: typed decoding, a key looked up by its sha256, a framed channel
to the upstream worker, spliced server-sent events, one journal record per answer. It has no
routing, limits, errors, disconnects or back-pressure, and shares no code with the gateway beyond
the plain data of the worker protocol.
"""
