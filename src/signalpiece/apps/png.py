"""Pictures made of many small cells (rasters, scalp maps) as PNG inside the page: smaller than thousands of rectangles.

Format: PNG (Portable Network Graphics) Specification, W3C 2003; 8-bit RGBA, no filter.
"""

import base64
import struct
import zlib

import numpy as np
from jaxtyping import Float, Shaped, UInt8

# colour stops from little to much; both read on white and on black
HEAT = ((13, 27, 75), (38, 84, 160), (52, 152, 168), (139, 200, 132), (250, 226, 110), (246, 128, 60), (200, 30, 60))
LOSS = ((38, 84, 160), (92, 152, 208), (190, 215, 232), (250, 236, 200), (244, 160, 90), (206, 66, 60), (140, 18, 50))


def colour(
    share: Float[np.ndarray, "h w"], stops: tuple[tuple[int, int, int], ...] = HEAT
) -> UInt8[np.ndarray, "h w 4"]:
    """Shares 0..1 as colours between `stops`; NaN is transparent."""
    table = np.asarray(stops, float)
    known = np.isfinite(share)
    at = np.clip(np.where(known, share, 0), 0, 1) * (len(table) - 1)
    left = np.minimum(at.astype(int), len(table) - 2)
    part = (at - left)[..., None]
    rgb = table[left] * (1 - part) + table[left + 1] * part
    return np.concatenate([np.round(rgb), np.where(known, 255, 0)[..., None]], -1).astype(np.uint8)


def hue(ids: Shaped[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 4"]:
    """Codes as colours: neighbouring codes get far hues (golden angle), negative ones are transparent."""
    from colorsys import hls_to_rgb

    turns = (np.arange(256) * 0.6180339887) % 1
    table = np.array([hls_to_rgb(t, 0.35 + 0.3 * ((k * 7) % 5) / 4, 0.6) for k, t in enumerate(turns)]) * 255
    rgb = table[np.asarray(ids) % 256]
    return np.concatenate([rgb, np.where(np.asarray(ids) < 0, 0, 255)[..., None]], -1).astype(np.uint8)


def data_uri(rgba: UInt8[np.ndarray, "h w 4"]) -> str:
    """The picture as a `data:` address, so that the page asks nobody for it."""
    height, width = rgba.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), rgba.reshape(height, -1)], 1)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = b"".join([_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)), _chunk(b"IEND", b"")])
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
