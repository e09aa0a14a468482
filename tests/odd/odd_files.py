"""Writes the odd but real recordings described in cases.json: python make.py OUTDIR"""

import struct
import sys
from pathlib import Path

import numpy as np
from odd_writers import (
    channel,
    cnt,
    edf,
    fif,
    flac,
    jpeg,
    mat,
    mp4,
    nifti,
    notes,
    pcm24,
    png,
    riff,
    structs,
    tal,
    wav,
    wave,
    xdf,
    xdf_footer,
    xdf_offset,
    xdf_samples,
    xdf_stream,
)

BDF = dict(physical=("-262144", "262143"), limits=("-8388608", "8388607"))


def edf_flat_range(out):
    edf(
        out / "edf_flat_range.edf",
        [channel("Fp1", wave(0, 256), 128), channel("SpO2", wave(1, 256), 128, unit="%", physical=("0", "0"))],
    )


def edf_negative_gain(out):
    edf(
        out / "edf_negative_gain.edf",
        [channel("Fp1", wave(0, 256), 128, physical=("3276.7", "-3276.8")), channel("Fp2", wave(1, 256), 128)],
    )


def edf_unit_labels(out):
    units = {"Fp1": "uV", "Fp2": b"\xb5V", "C3": "mV", "C4": "V", "O1": "nV"}
    edf(
        out / "edf_unit_labels.edf",
        [channel(name, wave(n, 256), 128, unit=unit) for n, (name, unit) in enumerate(units.items())],
    )


def edf_record_length(out):
    edf(
        out / "edf_record_length.edf",
        [channel("Fp1", wave(0, 1920), 640), channel("Fp2", wave(1, 1920), 640)],
        record="2.5",
    )


def edf_annotations_only(out):
    lists = tal("+0", "") + tal("+0", "Sleep stage W", duration="30") + tal("+30", "Sleep stage 1", duration="60")
    edf(out / "edf_annotations_only.edf", [notes([lists], 60)], record="0", kind="EDF+C")


def edf_records_unknown(out):
    edf(
        out / "edf_records_unknown.edf",
        [channel("Fp1", wave(0, 512), 128), channel("Fp2", wave(1, 512), 128)],
        records=-1,
    )


def edf_truncated(out):
    edf(out / "edf_truncated.edf", [channel("Fp1", wave(0, 640), 128), channel("Fp2", wave(1, 640), 128)], cut=716)


def edf_mixed_rates(out):
    edf(
        out / "edf_mixed_rates.edf",
        [
            channel("Fp1", wave(0, 768), 256),
            channel("Resp", wave(1, 192), 64),
            channel("Temp", wave(2, 3), 1, unit="mV"),
        ],
    )


def edf_gap(out):
    starts = ["+0", "+1", "+2", "+10", "+11"]
    extra = {1: tal("+1.5", "before"), 3: tal("+10.5", "after", duration="0.25")}
    lists = [tal(start, "") + extra.get(n, b"") for n, start in enumerate(starts)]
    edf(out / "edf_gap.edf", [channel("Fp1", wave(0, 640), 128), notes(lists, 30)], kind="EDF+D")


def edf_tal_forms(out):
    lists = [
        tal("+0", "") + tal("-2.5", "before start", duration="1"),
        tal("+1", "") + tal("+0.5", "long", duration="10"),
        tal("+2", "") + tal("+1.25", "one", "two"),
        tal("+3", "") + tal("+3.5", "spike@@C3", duration="0.5") + tal("+3.75"),
    ]
    edf(out / "edf_tal_forms.edf", [channel("C3", wave(0, 512), 128), notes(lists, 40)], kind="EDF+C")


def edf_tal_latin1(out):
    lists = [tal("+0", ""), tal("+1", "") + tal("+1.5", "Augen geöffnet".encode("latin-1"))]
    edf(out / "edf_tal_latin1.edf", [channel("Fp1", wave(0, 256), 128), notes(lists, 30)], kind="EDF+C")


def edf_date_zero(out):
    edf(
        out / "edf_date_zero.edf",
        [channel("Fp1", wave(0, 256), 128)],
        date="00.00.00",
        time="00.00.00",
        patient="",
        recording="",
    )


def edf_same_names(out):
    names = ["EEG", "EEG", "1 Impedance", "2 Impedance"]
    edf(out / "edf_same_names.edf", [channel(name, wave(n, 256), 128) for n, name in enumerate(names)])


def bdf_status(out):
    eeg = wave(0, 512)
    eeg[[10, 11]] = -8388608, 8388607
    status = np.full(512, 1 << 20)
    status[0] |= 1 << 16
    status[100:110] |= 202
    status[300:310] |= 257
    status[400:] |= 1 << 23
    signed = np.where(status >= 1 << 23, status - (1 << 24), status)
    edf(
        out / "bdf_status.bdf",
        [
            channel("Fp1", eeg, 256, **BDF),
            channel("Status", signed, 256, unit="Boolean", **BDF | dict(physical=("-8388608", "8388607"))),
        ],
        kind="24BIT",
        width=3,
    )


def vhdr(names, data, markers, *, first=""):
    lines = "\r\n".join(f"Ch{n + 1}={name}" for n, name in enumerate(names))
    return (
        f"Brain Vision Data Exchange Header File Version 1.0\r\n\r\n[Common Infos]\r\n{first}DataFile={data}\r\n"
        f"MarkerFile={markers}\r\nDataFormat=BINARY\r\nDataOrientation=MULTIPLEXED\r\nNumberOfChannels={len(names)}\r\n"
        f"SamplingInterval=4000\r\n\r\n[Binary Infos]\r\nBinaryFormat=INT_16\r\n\r\n[Channel Infos]\r\n{lines}\r\n"
    )


def vmrk(data, markers):
    lines = "\r\n".join(f"Mk{n + 1}={marker}" for n, marker in enumerate(markers))
    return f"Brain Vision Data Exchange Marker File, Version 1.0\r\n\r\n[Common Infos]\r\nDataFile={data}\r\n\r\n[Marker Infos]\r\n{lines}\r\n"


def bv_renamed(out):
    (out / "bv_renamed.vhdr").write_text(
        vhdr(["Fp1,,0.1,uV", "Fp2,,0.1,uV"], "session_old.eeg", "session_old.vmrk"), newline=""
    )
    (out / "bv_renamed.vmrk").write_text(
        vmrk("session_old.eeg", ["New Segment,,1,1,0,20200302100000000000", "Stimulus,S  1,126,1,0"]), newline=""
    )
    (out / "bv_renamed.eeg").write_bytes(np.array([wave(0, 250), wave(1, 250)]).T.astype("<i2").tobytes())


def bv_units(out):
    names = ["Fp1,,0.5,µV", "C\\1z,,10,nV", "ECG,,0.1,mV", "GSR,,0.01,µS"]
    marks = ["New Segment,,1,1,0,20200302100000000000", "Comment,links\\1 müde,51,25,0"]
    (out / "bv_units.vhdr").write_bytes(vhdr(names, "bv_units.eeg", "bv_units.vmrk").encode("cp1252"))
    (out / "bv_units.vmrk").write_bytes(vmrk("bv_units.eeg", marks).encode("cp1252"))
    (out / "bv_units.eeg").write_bytes(np.array([wave(n, 250) for n in range(4)]).T.astype("<i2").tobytes())


def bv_segments(out):
    marks = [
        "New Segment,,1,1,0,20200302100000000000",
        "Stimulus,S  1,126,1,0",
        "New Segment,,251,1,0,20200302100010000000",
        "Stimulus,S  2,376,1,0",
    ]
    first = "Codepage=UTF-8\r\n"
    (out / "bv_segments.vhdr").write_text(
        vhdr(["Fp1,,0.1,µV"], "bv_segments.eeg", "bv_segments.vmrk", first=first), encoding="utf-8", newline=""
    )
    (out / "bv_segments.vmrk").write_text(vmrk("bv_segments.eeg", marks), encoding="utf-8", newline="")
    (out / "bv_segments.eeg").write_bytes(wave(0, 500).astype("<i2").tobytes())


def set_text_latency(out):
    events = structs(
        [
            dict(type="go", latency="51", duration=1.0),
            dict(type="boundary", latency="100.5", duration=np.nan),
            dict(type="7", latency="151", duration=1.0),
        ]
    )
    mat(
        out / "set_text_latency.set",
        EEG=dict(
            setname="odd",
            nbchan=2.0,
            trials=1.0,
            pnts=200.0,
            srate=100.0,
            xmin=0.0,
            xmax=1.99,
            data=np.array([wave(0, 200), wave(1, 200)], "f4"),
            chanlocs=np.zeros((0, 0)),
            event=events,
            icawinv=np.zeros((0, 0)),
            ref="common",
        ),
    )


def fif_split_missing(out):
    fif(
        out / "fif_split_missing_raw.fif",
        ["EEG 001", "EEG 002"],
        [np.array([wave(0, 200), wave(1, 200)])],
        after="fif_split_missing_raw-1.fif",
    )


def xdf_gap_offset(out):
    index = np.arange(300)
    stamps = 1000 + index / 100 + np.where(index >= 150, 3.0, 0) + 0.001 * ((index * 7) % 5 - 2) / 2
    rows = np.array([wave(0, 300), wave(1, 300)]).T.astype(float)
    eeg = [xdf_samples(1, stamps[n : n + 50], rows[n : n + 50]) for n in range(0, 300, 50)]
    offsets = [xdf_offset(1, time, 50.0) for time in (1000, 1002, 1004, 1006)] + [
        xdf_offset(2, time, 0.0) for time in (1050, 1052, 1054, 1056)
    ]
    xdf(
        out / "xdf_gap_offset.xdf",
        xdf_stream(1, "Amp", "EEG", ["Fp1", "Fp2"], 100, "float32"),
        xdf_stream(2, "Task", "Markers", ["mark"], 0, "string"),
        *eeg,
        xdf_samples(2, [1050.5, 1055.0], [["go"], ["stop"]]),
        *offsets,
        xdf_footer(1, stamps[0], stamps[-1], 300),
        xdf_footer(2, 1050.5, 1055.0, 2),
    )


def muse_packets(out):
    names = ["TP9", "AF7", "AF8", "TP10", "Right AUX"]
    lines = ["timestamps," + ",".join(names)]
    for packet in range(20):
        for n in range(packet * 12, packet * 12 + 12):
            if packet != 9:
                lines.append(
                    f"{1500000000 + packet * 12 / 256:.3f}," + ",".join(f"{wave(c, 240)[n] / 10:.3f}" for c in range(5))
                )
    (out / "muse_packets.csv").write_text("\n".join(lines) + "\n", newline="")


def csv_decimal_comma(out):
    lines = ["Zeit [s];Fp1 [µV];Fp2 [µV]"]
    for n in range(250):
        lines.append(
            ";".join([f"{n / 250:.3f}", f"{wave(0, 250)[n] / 10:.1f}", f"{wave(1, 250)[n] / 10:.1f}"]).replace(".", ",")
        )
    (out / "csv_decimal_comma.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("cp1252"))


def cnt_width(out):
    cnt(
        out / "cnt_width.cnt", ["FP1", "FP2", "CZ"], np.array([wave(n, 500) * 40 for n in range(3)]), samples=4294966564
    )


def snirf_milliseconds(out):
    import h5py

    with h5py.File(out / "snirf_milliseconds.snirf", "w") as file:

        def text(place, value):
            return file.create_dataset(place, data=value, dtype=h5py.string_dtype())

        text("formatVersion", "1.0")
        for name, value in dict(
            SubjectID="1",
            MeasurementDate="2020-03-02",
            MeasurementTime="10:00:00.250",
            LengthUnit="mm",
            TimeUnit="ms",
            FrequencyUnit="Hz",
        ).items():
            text(f"nirs/metaDataTags/{name}", value)
        file["nirs/data1/dataTimeSeries"] = np.array([wave(0, 100), wave(1, 100)]).T / 1000 + 1
        file["nirs/data1/time"] = np.arange(100) * 125.0
        for n, wavelength in enumerate((1, 2), 1):
            for name, value in dict(
                sourceIndex=1, detectorIndex=1, wavelengthIndex=wavelength, dataType=1, dataTypeIndex=1
            ).items():
                file[f"nirs/data1/measurementList{n}/{name}"] = np.int32(value)
        file["nirs/probe/wavelengths"] = np.array([760.0, 850.0])
        file["nirs/probe/sourcePos3D"] = np.array([[0.0, 0.0, 0.0]])
        file["nirs/probe/detectorPos3D"] = np.array([[30.0, 0.0, 0.0]])
        text("nirs/stim1/name", "tap")
        file["nirs/stim1/data"] = np.array([[2.0, 1.0, 1.0], [7.5, 1.0, 1.0]])


def nii_slope_zero(out):
    nifti(
        out / "nii_slope_zero.nii",
        np.arange(4 * 5 * 3 * 6).reshape((4, 5, 3, 6), order="F").astype("i2"),
        zooms=(1, 2, 2, 3, 2000),
        slope=0.0,
        inter=5.0,
        units=2 | 16,
        scode=1,
        srow=[[2, 0, 0, -3], [0, 2, 0, -4], [0, 0, 3, -5]],
    )


def nii_two_affines(out):
    nifti(
        out / "nii_two_affines.nii",
        np.arange(60).reshape((4, 5, 3), order="F").astype("i2"),
        zooms=(-1, 2, 2, 3),
        qcode=1,
        quatern=(0, 1, 0),
        shift=(90, -126, -72),
        scode=4,
        srow=[[-2, 0, 0, 91], [0, 2, 0, -120], [0, 0, 3, -70]],
    )


def wav_odd_chunks(out):
    form = struct.pack("<HHIIHH", 1, 1, 8000, 24000, 3, 24)
    wav(
        out / "wav_odd_chunks.wav",
        riff(b"fmt ", form),
        riff(b"note", b"odd"),
        riff(b"data", pcm24(wave(0, 101) * 4000)),
        riff(b"LIST", b"INFO"),
    )


def flac_unknown_length(out):
    flac(out / "flac_unknown_length.flac", wave(0, 3000) * 5)


def picture(height, width):
    pixels = np.zeros((height, width, 3), "u1")
    pixels[:, :, 0] = np.linspace(40, 200, height).astype("u1")[:, None]
    pixels[:, :, 1] = np.linspace(60, 180, width).astype("u1")[None, :]
    pixels[:8, :8] = 255, 255, 255
    return pixels


def jpeg_turned(out):
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    (out / "jpeg_turned.jpg").write_bytes(jpeg(picture(32, 48), exif=exif, subsampling=0))


def jpeg_cmyk(out):
    from PIL import Image

    inks = np.zeros((32, 48, 4), "u1")
    inks[:, 24:, 0] = 255
    inks[16:, :, 3] = 128
    Image.fromarray(inks, "CMYK").save(out / "jpeg_cmyk.jpg", quality=95)


def png_grey16(out):
    png(
        out / "png_grey16.png",
        np.arange(16 * 24).reshape(16, 24) * 170,
        bits=16,
        before=[(b"gAMA", struct.pack(">I", 45455))],
    )


def frames(count, height=48, width=64):
    shots = []
    for n in range(count):
        shot = np.full((height, width), 40 + 15 * n, "u1")
        shot[:16, :16] = 230
        shots.append(shot)
    return shots


def mp4_turned(out):
    mp4(out / "mp4_turned.mp4", frames(6), [40] * 6, matrix=(0, 1, -1, 0, 48, 0))


def mp4_uneven(out):
    mp4(out / "mp4_uneven.mp4", frames(6), [40, 40, 400, 20, 100, 40])


def obj_relative(out):
    lines = [
        "o first",
        "v 0 0 0",
        "v 1 0 0",
        "v 1 1 0",
        "v 0 1 0",
        "f -4 -3 -2 -1",
        "o second",
        "v 0 0 5",
        "v 2 0 5",
        "v 0 2 5",
        "f -3 -2 -1",
    ]
    (out / "obj_relative.obj").write_text("\n".join(lines) + "\n", newline="")


CASES = [
    edf_flat_range,
    edf_negative_gain,
    edf_unit_labels,
    edf_record_length,
    edf_annotations_only,
    edf_records_unknown,
    edf_truncated,
    edf_mixed_rates,
    edf_gap,
    edf_tal_forms,
    edf_tal_latin1,
    edf_date_zero,
    edf_same_names,
    bdf_status,
    bv_renamed,
    bv_units,
    bv_segments,
    set_text_latency,
    fif_split_missing,
    xdf_gap_offset,
    muse_packets,
    csv_decimal_comma,
    cnt_width,
    snirf_milliseconds,
    nii_slope_zero,
    nii_two_affines,
    wav_odd_chunks,
    flac_unknown_length,
    jpeg_turned,
    jpeg_cmyk,
    png_grey16,
    mp4_turned,
    mp4_uneven,
    obj_relative,
]

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        case(folder)
