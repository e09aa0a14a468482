"""Every odd but real file of cases.json is read right, or refused in one sentence; never silently wrong.

`odd_files.py` makes the files; a case passes if its `expect` or its `or` holds. Channel numbers count through all
recordings of a file in order.
"""

import json
import re
from itertools import chain
from pathlib import Path

import numpy as np
import odd_files
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.describe import describe
from signalpiece.signals.files import open_all

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
MAKERS = {maker.__name__: maker for maker in odd_files.CASES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("odd")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_read_right_or_refused(case, folder):
    MAKERS[case["id"]](folder)
    wanted = [case["expect"], *([case["or"]] if "or" in case else [])]
    try:
        found = open_all(folder / case["file"])
        for recording in found:
            if "time" not in recording.grid.axes or recording.grid.size("time"):
                recording.read()
    except SignalPieceError as error:
        said = [w["error"] for w in wanted if "error" in w]
        assert said, f"refused, though it can be read: {error}"
        assert any(says(str(error), words) for words in said), f"{error} does not say {said}"
        assert "\n" not in str(error)
        return
    differences = [compare(found, w) for w in wanted if "error" not in w]
    assert differences, "read, though it must be refused"
    assert min(differences, key=len) == []
    if re.search("said so|must be said|announced|clear warning", json.dumps(case)):
        assert any(r.warnings for r in found), "what is doubtful must be said"


def says(sentence, words):
    return all(word.lower() in sentence.lower() for word in re.findall(r"[\w.-]{4,}", words))


def compare(found, want):
    if "vertices" in want:
        return mesh(found[0], want)
    if "voxels" in want:
        return volume(found[0], want)
    if "frames" in want:
        return video(found[0], want)
    if "pixels" in want:
        return picture(found[0], want)
    return [*channels(found, want), *values(found, want), *events(found, want)]


def channels(found, want):
    facts = describe("x", found)["recordings"]
    if any(len(f["units"]) != len(f["channels"]) for f in facts):
        return [f"units {[f['units'] for f in facts]}"]
    names = list(chain.from_iterable(r.grid.names for r in found))
    kinds = list(chain.from_iterable(r.grid.kinds for r in found))
    rates = [r.grid.time_rate for r in found for _ in range(r.grid.size("channel"))]
    samples = [r.samples for r in found for _ in range(r.grid.size("channel"))]
    units = [r.grid.unit(c) for r in found for c in range(r.grid.size("channel"))]
    count = want.get("channel_count", len(want["channels"] or []))
    if len(names) != count or len(found) != want["recordings"]:
        return [f"{len(names)} channels in {len(found)} recordings: {names}"]
    problems = [] if len(set(names)) == count else [f"names are not all different: {names}"]
    if want["channels"] is not None:
        problems += [f"{n} not {w}" for n, w in zip(names, want["channels"], strict=True) if not same_name(n, w, want)]
    close = want.get("rate_tolerance", 1e-6)
    problems += [
        f"rate {r} not {w}" for r, w in zip(rates, each(want["rates"], count), strict=True) if abs(r - w) > close * w
    ]
    problems += [f"{s} samples not {w}" for s, w in zip(samples, each(want["samples"], count), strict=True) if s != w]
    if not want.get("any_unit"):
        problems += [f"unit {u!r} not {w!r}" for u, w in zip(units, each(want["units"], count), strict=True) if u != w]
    if "types" in want:
        problems += [f"kind {k} not {w}" for k, w in zip(kinds, each(want["types"], count), strict=True) if k != w]
    return problems


def same_name(name, want, case):
    rule = case.get("names", "")
    if "begin with" in rule:
        return name.startswith(want)
    return name == want or (" or " in rule and name.startswith(f"{want} "))


def each(value, count):
    return value if isinstance(value, list) else [value] * count


def values(found, want):
    rows = [(r, c) for r in found for c in range(r.grid.size("channel"))]
    problems = []
    for channel, sample, value in want["values"]:
        recording, row = rows[channel]
        got, peak = stored_value(recording, row, sample)
        mask = want.get("mask", {}).get(str(channel))
        if mask is not None:
            right = int(got) == got and int(got) & mask == value & mask
        else:
            right = abs(got - value) <= 1e-5 * max(abs(value), 1e-3 * peak)
        problems += [] if right else [f"channel {channel} sample {sample}: {got} not {value}"]
    return problems


def stored_value(recording, row, sample):
    """Value of a stored sample, gaps not counted, and the channel's largest one."""
    run = next(r for r in recording.runs if r.stored <= sample < r.stored + r.count)
    signal = recording.read()
    at = run.at + sample - run.stored
    assert signal.valid is None or signal.valid[row, at]
    return float(signal.values[row, at]), float(np.abs(signal.values[row]).max())


def events(found, want):
    problems = []
    close = want.get("tolerance_seconds", 1e-6)
    for recording in found:
        got = [(a.onset, a.duration, a.text) for a in recording.annotations]
        if len(got) != len(want["annotations"]):
            problems.append(f"annotations {got}")
        else:
            problems += [
                f"annotation {g} not {w}"
                for g, w in zip(got, sorted(want["annotations"], key=lambda w: w[0]), strict=True)
                if not same_event(g, w, close)
            ]
        gaps = recording.gaps if recording.samples else ()
        if len(gaps) != len(want["gaps"]) or not np.allclose(
            np.array(gaps).ravel(), np.array(want["gaps"]).ravel(), rtol=0, atol=close
        ):
            problems.append(f"gaps {gaps} not {want['gaps']}")
        if "start" in want and recording.identity.get("start") != want["start"]:
            problems.append(f"start {recording.identity.get('start')}")
        if "triggers" in want and [list(t) for t in recording.triggers()] != want["triggers"]:
            problems.append(f"triggers {recording.triggers()}")
    return problems


def same_event(got, want, close):
    if abs(got[0] - want[0]) > close or (want[1] is not None and abs(got[1] - want[1]) > close):
        return False
    if want[2] is None or got[2] == want[2]:
        return True
    return got[2] == want[2].split("/", 1)[-1] or got[2] == want[2].split("@@")[0]


def picture(recording, want):
    pixels = np.asarray(recording.read().values)
    if list(pixels.shape) != want["shape"]:
        return [f"shape {pixels.shape}"]
    return [
        f"pixel {row, column}: {pixels[row, column]} not {value}"
        for row, column, value in want["pixels"]
        if np.abs(pixels[row, column] - value).max() > want["tolerance"]
    ]


def video(recording, want):
    frames = np.asarray(recording.read().values)
    if len(frames) != want["frames"] or list(frames.shape[1:3]) != want["shape"]:
        return [f"shape {frames.shape}"]
    times = recording.extra.get("times", np.arange(len(frames)) / (recording.grid.rate[0] or np.nan))
    problems = [] if np.allclose(times, want["times"], rtol=0, atol=1e-3) else [f"times {times}"]
    grey = frames.mean(-1) if frames.ndim == 4 else frames
    return problems + [
        f"frame {n} pixel {row, column}: {grey[n, row, column]} not {value}"
        for n, row, column, value in want["pixels"]
        if abs(grey[n, row, column] - value) > want["tolerance"]
    ]


def volume(recording, want):
    voxels, grid = np.asarray(recording.read().values), recording.grid
    if list(voxels.shape) != want["shape"]:
        return [f"shape {voxels.shape}"]
    problems = [f"voxel {at}: {voxels[tuple(at)]}" for at, v in want["voxels"] if voxels[tuple(at)] != v]
    affine = np.array(want["affine"], float)
    affine[:3] /= 1000  # mm to metres
    if not np.allclose(np.array(grid.affine), affine, atol=1e-7):
        problems.append(f"affine {grid.affine}")
    if "repetition_seconds" in want and abs(1 / grid.time_rate - want["repetition_seconds"]) > 1e-6:
        problems.append(f"repetition {1 / grid.time_rate} s")
    return problems


def mesh(recording, want):
    corners, triangles = np.asarray(recording.read().values), np.asarray(recording.extra["triangles"])
    if len(corners) != want["vertices"] or len(triangles) != want["triangles"]:
        return [f"{len(corners)} vertices, {len(triangles)} triangles"]
    a, b, c = (corners[triangles[:, n]] for n in range(3))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    problems = [] if np.allclose(sorted(corners.tolist()), sorted(want["corners"])) else [f"corners {corners}"]
    problems += [] if abs(area - want["area"]) < 1e-4 else [f"area {area}"]
    bounds = [corners.min(0), corners.max(0)]
    return problems + ([] if np.allclose(bounds, want["bounds"]) else [f"bounds {bounds}"])
