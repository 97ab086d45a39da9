"""From the vectors of a request's inputs to what it asked for."""

from __future__ import annotations

from hearth.engines.embedding.active import ActiveRequest
from hearth.engines.embedding.pooling import cut, encoded, normalized
from hearth.engines.protocol import Vectors


def vectors_of(active: ActiveRequest, is_unit: bool) -> Vectors:
    """Cut, normalise and write the vectors, or score them against the query's.

    Args:
        is_unit: the model's own vectors have length 1, so those that are cut get it too.
    """
    request = active.request
    vectors = [vector for vector in active.vectors if vector is not None]
    truncated = [i for i, tokens in enumerate(active.inputs) if tokens.is_truncated]
    if request.query is not None:
        *documents, query = (normalized(vector) for vector in vectors)
        return Vectors([], [float(document @ query) for document in documents], truncated)
    normalize = request.normalize or (is_unit and request.dimensions is not None)
    made = [cut(vector, request.dimensions, normalize=normalize) for vector in vectors]
    return Vectors([encoded(vector, request.form) for vector in made], [], truncated)
