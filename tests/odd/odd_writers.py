"""Small byte-level writers, one per file format. They write what they are told, legal or not."""

import io
import struct
import zlib

import numpy as np


def wave(channel, count):
    """Integer test signal: every channel has its own frequency and level, every sample its own height."""
    index = np.arange(count)
    swing = 500 * np.sin(2 * np.pi * (channel + 1) * index / 64)
    return (np.rint(swing) + 100 * channel + index).astype(np.int64)


# EDF, EDF+, BDF, BDF+


def tal(onset, *texts, duration=None):
    head = onset if duration is None else onset + "\x15" + duration
    body = head.encode() + b"\x14"
    for text in texts:
        body += (text if isinstance(text, bytes) else text.encode()) + b"\x14"
    return body + b"\x00"


def channel(label, digital, per, *, unit="uV", physical=("-3276.8", "3276.7"), limits=("-32768", "32767")):
    return dict(label=label, digital=np.asarray(digital), per=per, unit=unit, physical=physical, limits=limits)


def notes(records, per, *, label="EDF Annotations", limits=("-32768", "32767")):
    return dict(label=label, records=records, per=per, unit="", physical=("-1", "1"), limits=limits)


def edf(
    path,
    channels,
    *,
    record="1",
    records=None,
    kind="",
    date="02.03.20",
    time="10.00.00",
    width=2,
    patient="X X X X",
    recording="Startdate 02-MAR-2020 X X X",
    cut=0,
):
    def pad(text, size):
        return (text if isinstance(text, bytes) else text.encode("latin-1")).ljust(size)

    usual = [c for c in channels if "digital" in c]
    whole = len(usual[0]["digital"]) // usual[0]["per"] if usual else len(channels[0]["records"])
    version = b"0" + b" " * 7 if width == 2 else b"\xffBIOSEMI"
    out = version + pad(patient, 80) + pad(recording, 80) + pad(date, 8) + pad(time, 8)
    out += pad(str(256 * (1 + len(channels))), 8) + pad(kind, 44)
    out += pad(str(whole if records is None else records), 8) + pad(record, 8) + pad(str(len(channels)), 4)
    rows = [(c["label"], "", c["unit"], *c["physical"], *c["limits"], "", str(c["per"]), "") for c in channels]
    for field, size in enumerate((16, 80, 8, 8, 8, 8, 8, 80, 8, 32)):
        out += b"".join(pad(row[field], size) for row in rows)
    for number in range(whole):
        for c in channels:
            if "digital" in c:
                part = c["digital"][number * c["per"] : (number + 1) * c["per"]].astype("<i4")
                out += part.view("u1").reshape(-1, 4)[:, :width].tobytes()
            else:
                out += c["records"][number].ljust(c["per"] * width, b"\0")
    path.write_bytes(out[: len(out) - cut])


# FIF


def fif(path, names, buffers, *, rate=100.0, cal=1e-6, scale=1.0, first=0, places=None, after=None):
    """buffers: integer arrays (channels, samples), or a number of skipped buffers."""
    identity = struct.pack(">5i", 65540, 1, 2, 1583143200, 0)
    out = bytearray()

    def tag(kind, type_, data=b""):
        out.extend(struct.pack(">4i", kind, type_, len(data), 0) + data)

    def block(kind, inside):
        return tag(104 if inside else 105, 3, struct.pack(">i", kind))

    tag(100, 31, identity)
    tag(101, 3, struct.pack(">i", -1))
    tag(106, 3, struct.pack(">i", -1))
    block(100, True)
    block(101, True)
    tag(200, 3, struct.pack(">i", len(names)))
    tag(201, 4, struct.pack(">f", rate))
    tag(219, 4, struct.pack(">f", rate / 2))
    tag(223, 4, struct.pack(">f", 0))
    tag(204, 3, struct.pack(">2i", 1583143200, 0))
    for number, name in enumerate(names):
        place = places[number] if places else (0.01 * number, 0.02, 0.09)
        spot = (*place, 0, 0, 0, 0, 1, 0, 0, 0, 1)
        tag(
            203,
            30,
            struct.pack(">3i2fi12f2i16s", number + 1, number + 1, 2, scale, cal, 1, *spot, 107, 0, name.encode()),
        )
    block(101, False)
    block(102, True)
    if first:
        tag(208, 3, struct.pack(">i", first))
    for buffer in buffers:
        if isinstance(buffer, int):
            tag(301, 3, struct.pack(">i", buffer))
        else:
            tag(300, 16, buffer.T.astype(">i2").tobytes())
    block(102, False)
    if after:
        block(118, True)
        tag(115, 3, struct.pack(">i", 2))
        tag(118, 10, after.encode())
        tag(116, 31, identity)
        tag(117, 3, struct.pack(">i", 1))
        block(118, False)
    block(100, False)
    out.extend(struct.pack(">4i", 108, 0, 0, -1))
    path.write_bytes(bytes(out))


# XDF


def xdf_chunk(kind, content):
    size = len(content) + 2
    head = struct.pack("<BB", 1, size) if size < 256 else struct.pack("<BI", 4, size)
    return head + struct.pack("<H", kind) + content


def xdf_stream(number, name, type_, labels, rate, format_):
    wanted = "".join(f"<channel><label>{label}</label><unit>microvolts</unit></channel>" for label in labels)
    text = (
        f'<?xml version="1.0"?><info><name>{name}</name><type>{type_}</type>'
        f"<channel_count>{len(labels)}</channel_count><nominal_srate>{rate}</nominal_srate>"
        f"<channel_format>{format_}</channel_format><source_id>{name}</source_id><created_at>0</created_at>"
        f"<desc><channels>{wanted}</channels></desc></info>"
    )
    return xdf_chunk(2, struct.pack("<I", number) + text.encode())


def xdf_samples(number, stamps, rows):
    """rows: float rows or rows of strings; a stamp of None is left out, as recorders do."""
    body = struct.pack("<IBI", number, 4, len(stamps))
    for stamp, row in zip(stamps, rows, strict=True):
        body += b"\0" if stamp is None else struct.pack("<Bd", 8, stamp)
        for value in row:
            body += (
                struct.pack("<BB", 1, len(value.encode())) + value.encode()
                if isinstance(value, str)
                else struct.pack("<f", value)
            )
    return xdf_chunk(3, body)


def xdf_offset(number, time, offset):
    return xdf_chunk(4, struct.pack("<Idd", number, time, offset))


def xdf_footer(number, first, last, count):
    text = (
        f'<?xml version="1.0"?><info><first_timestamp>{first}</first_timestamp>'
        f"<last_timestamp>{last}</last_timestamp><sample_count>{count}</sample_count></info>"
    )
    return xdf_chunk(6, struct.pack("<I", number) + text.encode())


def xdf(path, *chunks):
    head = xdf_chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')
    path.write_bytes(b"XDF:" + head + b"".join(chunks))


# EEGLAB .set (MATLAB 5)


def mat(path, **content):
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, content)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + stream.getvalue()[116:])


def structs(rows):
    """A MATLAB struct array; None becomes an empty matrix."""
    out = np.zeros(len(rows), dtype=[(name, object) for name in rows[0]])
    for place, row in enumerate(rows):
        for name, value in row.items():
            out[name][place] = np.zeros((0, 0)) if value is None else value
    return out


# Neuroscan CNT, EGI raw


def cnt(path, names, data, *, rate=250, samples=None, sensitivity=204.8, calibration=0.5, width=4):
    head = bytearray(900)
    head[0:12] = b"Version 3.0\0"
    head[225:235] = b"03/02/20\0\0"
    head[235:247] = b"10:00:00\0\0\0\0"
    struct.pack_into("<H", head, 370, len(names))
    struct.pack_into("<H", head, 376, rate)
    struct.pack_into("<I", head, 864, data.shape[1] if samples is None else samples)
    struct.pack_into("<i", head, 886, 900 + 75 * len(names) + data.size * width)
    table = bytearray()
    for name in names:
        row = bytearray(75)
        row[0 : len(name)] = name.encode()
        struct.pack_into("<f", row, 59, sensitivity)
        struct.pack_into("<f", row, 71, calibration)
        table += row
    body = data.T.astype(f"<i{width}").tobytes()
    path.write_bytes(bytes(head) + bytes(table) + body + struct.pack("<Bii", 1, 0, 0))


def egi(path, data, events, *, rate=250, bits=0, span=0, version=2):
    """events: {four letters: array of 0 and 1}; version 2 is 16-bit integer, 4 is float."""
    kind = {2: ">i2", 4: ">f4"}[version]
    head = struct.pack(
        ">i6hi5hih", version, 2020, 3, 2, 10, 0, 0, 0, rate, len(data), 1, bits, span, data.shape[1], len(events)
    )
    head += b"".join(code.encode() for code in events)
    body = np.vstack([data, *events.values()]).T.astype(kind).tobytes()
    path.write_bytes(head + body)


# NIfTI-1


def nifti(
    path,
    data,
    *,
    order="<",
    zooms=(1, 2, 2, 2, 1),
    slope=1.0,
    inter=0.0,
    units=2,
    qcode=0,
    scode=0,
    quatern=(0, 0, 0),
    shift=(0, 0, 0),
    srow=None,
):
    code = {"i2": 4, "f4": 16}[data.dtype.str[1:]]
    head = bytearray(352)

    def put(place, form, *values):
        struct.pack_into(order + form, head, place, *values)

    put(0, "i", 348)
    put(40, "8h", data.ndim, *data.shape, *[1] * (7 - data.ndim))
    put(70, "2h", code, data.dtype.itemsize * 8)
    put(76, "8f", *zooms, *[0] * (8 - len(zooms)))
    put(108, "3f", 352, slope, inter)
    put(123, "B", units)
    put(252, "2h", qcode, scode)
    put(256, "6f", *quatern, *shift)
    if srow is not None:
        put(280, "12f", *np.ravel(srow))
    head[344:348] = b"n+1\0"
    path.write_bytes(bytes(head) + data.astype(data.dtype.newbyteorder(order)).tobytes(order="F"))


# wav, FLAC


def riff(name, body, size=None):
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def wav(path, *chunks, size=None):
    body = b"WAVE" + b"".join(chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body)


def pcm24(values):
    return np.asarray(values, "<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()


def crc(data, poly, bits):
    value = 0
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = ((value << 1) ^ poly if value >> (bits - 1) else value << 1) & ((1 << bits) - 1)
    return value


def flac(path, values, *, rate=8000, total=0, block=1024, extra=b""):
    """Mono, 16 bit, stored samples (verbatim subframes)."""
    info = struct.pack(">HH", block, block) + b"\0" * 6
    info += ((rate << 44) | (0 << 41) | (15 << 36) | total).to_bytes(8, "big") + b"\0" * 16
    out = extra + b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info
    for number, start in enumerate(range(0, len(values), block)):
        part = np.asarray(values[start : start + block])
        head = b"\xff\xf8" + bytes([0x70 | 4, 0x08]) + bytes([number]) + struct.pack(">H", len(part) - 1)
        frame = head + bytes([crc(head, 0x07, 8)]) + b"\x02" + part.astype(">i2").tobytes()
        out += frame + struct.pack(">H", crc(frame, 0x8005, 16))
    path.write_bytes(out)


# PNG, MP4


def png(path, rows, *, bits=8, colour=0, before=()):
    """rows: integer array (height, width) or (height, width, channels); before: chunks ahead of the pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = b"".join(b"\0" + row.astype(">u2" if bits == 16 else "u1").tobytes() for row in rows)
    head = struct.pack(">2I5B", rows.shape[1], rows.shape[0], bits, colour, 0, 0, 0)
    parts = [
        chunk(b"IHDR", head),
        *(chunk(*pair) for pair in before),
        chunk(b"IDAT", zlib.compress(body)),
        chunk(b"IEND", b""),
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def jpeg(pixels, **options):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, **options)
    return stream.getvalue()


def mp4(path, frames, durations, *, scale=1000, matrix=(1, 0, 0, 1, 0, 0), edits=None):
    """frames: grey uint8 arrays stored as JPEG; durations in units of 1/scale s; edits: (length, media start) pairs."""

    def box(kind, *parts):
        body = b"".join(parts)
        return struct.pack(">I", len(body) + 8) + kind + body

    pictures = [jpeg(frame) for frame in frames]
    height, width = frames[0].shape
    total = sum(durations)
    shown = total if edits is None else sum(length for length, _ in edits)
    a, b, c, d, x, y = matrix

    def one(value):
        return int(value) << 16

    frame_matrix = struct.pack(">9i", one(a), one(b), 0, one(c), one(d), 0, one(x), one(y), 1 << 30)
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    offsets, start = [], 28 + 8
    for picture in pictures:
        offsets.append(start)
        start += len(picture)
    config = b"\x04" + bytes([13]) + b"\x6c\x11" + b"\0" * 11
    stream = b"\x03" + bytes([3 + len(config) + 3]) + b"\0\1\0" + config + b"\x06\x01\x02"
    entry = box(
        b"mp4v",
        struct.pack(">6xH16x2H", 1, width, height),
        struct.pack(">3IH", 0x480000, 0x480000, 0, 1),
        b"\0" * 32,
        struct.pack(">Hh", 24, -1),
        box(b"esds", b"\0" * 4, stream),
    )

    def table(kind, form, rows):
        return box(kind, struct.pack(">2I", 0, len(rows)), *(struct.pack(form, *row) for row in rows))

    stbl = box(
        b"stbl",
        box(b"stsd", struct.pack(">2I", 0, 1), entry),
        table(b"stts", ">2I", [(1, d) for d in durations]),
        table(b"stsc", ">3I", [(1, 1, 1)]),
        box(b"stsz", struct.pack(">3I", 0, 0, len(pictures)), *(struct.pack(">I", len(p)) for p in pictures)),
        table(b"stco", ">I", [(o,) for o in offsets]),
    )
    minf = box(
        b"minf",
        box(b"vmhd", struct.pack(">I8x", 1)),
        box(b"dinf", box(b"dref", struct.pack(">2I", 0, 1), box(b"url ", struct.pack(">I", 1)))),
        stbl,
    )
    mdia = box(
        b"mdia",
        box(b"mdhd", struct.pack(">5I2H", 0, 0, 0, scale, total, 0x55C4, 0)),
        box(b"hdlr", b"\0" * 8, b"vide", b"\0" * 12, b"video\0"),
        minf,
    )
    tkhd = box(
        b"tkhd",
        struct.pack(">6I8x4H", 7, 0, 0, 1, 0, shown, 0, 0, 0, 0),
        frame_matrix,
        struct.pack(">2I", width << 16, height << 16),
    )
    elst = box(b"edts", table(b"elst", ">Iii", [(length, begin, 1 << 16) for length, begin in edits])) if edits else b""
    mvhd = box(
        b"mvhd", struct.pack(">5IIH10x", 0, 0, 0, scale, shown, 1 << 16, 256), plain, b"\0" * 24, struct.pack(">I", 2)
    )
    moov = box(b"moov", mvhd, box(b"trak", tkhd, elst, mdia))
    path.write_bytes(
        box(b"ftyp", b"isom", struct.pack(">I", 512), b"isommp41", b"mp42") + box(b"mdat", *pictures) + moov
    )
