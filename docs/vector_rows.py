"""The rows of embeddings and rerank; `inference` puts each before the engines."""

from __future__ import annotations

from docs.inference import Row, Section, read_embeddings, read_rerank, vector_engines

EMBEDDINGS = Section(
    "/embeddings",
    {"model": "m", "input": "x"},
    read_embeddings,
    [
        Row("`input` as text", {"input": ["x", "y"]}, "one or up to 2048"),
        Row("`input` as token ids", {"input": [[5, 6], [7]]}, "one list or several"),
        Row("`input` as objects", {"input": [{"a": "x"}], "prompt_template": "{{ a }}"},
            "rendered by `prompt_template`"),
        Row("`dimensions`", {"dimensions": 8}, "the first so many numbers"),
        Row("`encoding_format`", {"encoding_format": "base64"}, "float or base64"),
        Row("`normalize`", {"normalize": True}, "vectors of length 1"),
        Row("`context_length_exceeded_behavior`", {"context_length_exceeded_behavior": "error"},
            "an input that is too long is cut, or refused"),
        Row("`perf_metrics_in_response`", {"perf_metrics_in_response": True}, "times in the body"),
        Row("`prompt_cache_key`", {"prompt_cache_key": "k"}, "the same value, the same replica"),
        Row("`prompt_cache_isolation_key`", {"prompt_cache_isolation_key": "k"},
            "nothing is cached, so nothing is shared"),
        Row("`user`", {"user": "u"}, "the same value, the same replica"),
        Row("`return_logits`", {"return_logits": [5]}, "no engine tells logits here"),
        Row("`fanout_size`", {"fanout_size": 2}, "without a documented meaning"),
    ],
    vector_engines,
)  # fmt: skip

RERANK = Section(
    "/rerank",
    {"query": "x", "documents": ["x"]},
    read_rerank,
    [
        Row("`model`", {"model": "m"}, "may be left out"),
        Row("`query`", {"query": "y"}, "what the documents are held against"),
        Row("`documents`", {"documents": ["x", {"text": "y"}]}, "texts, or objects with `text`"),
        Row("`top_n`", {"top_n": 1}, "the best so many only"),
        Row("`return_documents`", {"return_documents": False}, "leaves the texts out"),
        Row("`perf_metrics_in_response`", {"perf_metrics_in_response": True}, "times in the body"),
        Row("`user`", {"user": "u"}, "the same value, the same replica"),
        Row("`task`", {"task": "x"}, "the models here take no instruction"),
    ],
    vector_engines,
)
