"""Encoder, quantizer and decoder put together: classical coders, learned ones, streams and token files."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "BioCodec": "biocodec",
    "BlockTokenizer": "block_tokenizer",
    "Exact": "exact",
    "KLT": "klt",
    "LaBraM": "labram",
    "Resampler": "resample",
    "SeanetCodec": "seanet_codec",
    "TransformCoder": "transform",
    "TransformStream": "stream",
    "VQNSP": "vqnsp",
    "codec_for": "codecs",
    "decode_range": "files",
    "encode_files": "files",
    "open_tokens": "files",
    "read_model": "model_file",
    "save_model": "model_file",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
