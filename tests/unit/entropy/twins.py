"""The codecs once more in plain Python: slow, short, and the specification of their kernels."""

import math

from signalpiece.entropy.adaptive_weights import WEIGHTS
from signalpiece.entropy.integer_tables import LOG2, SQUASH, STRETCH

SQ, ST, LG, W = SQUASH.tolist(), STRETCH.tolist(), LOG2.tolist(), WEIGHTS.tolist()


class Encoder:
    """Range coder over one big integer: `low` is exact, so that a carry needs no care."""

    def __init__(self):
        self.low, self.range, self.shifts = 0, 0xFFFFFFFF, 0

    def span(self, first, end):
        """The part [first, end) of 65536 of the range."""
        below = self.range * first >> 16
        self.low += below
        self.range = (self.range * end >> 16) - below
        self._shift()

    def bit(self, bit, chance):
        bound = self.range * chance >> 16
        if bit:
            self.range = bound
        else:
            self.low += bound
            self.range -= bound
        self._shift()
        return bit

    def raw(self, value, bits):
        while bits > 0:
            take = min(bits, 12)
            bits -= take
            self.range >>= take
            self.low += (value >> bits & (1 << take) - 1) * self.range
            self._shift()

    def _shift(self):
        while self.range < 1 << 24:
            self.range <<= 8
            self.low <<= 8
            self.shifts += 1

    def bytes(self):
        for keep in range(1, 5):
            unit = 1 << 32 - 8 * keep
            value = -(-self.low // unit) * unit
            if value < self.low + self.range or keep == 4:
                break
        out = value.to_bytes(self.shifts + 4, "big")[: self.shifts + keep]
        return out[: self.shifts] + out[self.shifts :].rstrip(b"\0")


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def count(frames, segment):
    return varint(2 * (frames - segment) if frames >= segment else 2 * (segment - frames) - 1)


def raw(codes, sizes, segment):
    """codes: frames of channels of columns."""
    bits, tail = "", b""
    for frame in codes:
        for row in frame:
            for value, size in zip(row, sizes, strict=True):
                width = (size - 1).bit_length() if size else 0
                bits += format(value, f"0{width}b") if width else ""
                tail += b"" if size else varint(2 * value if value >= 0 else -2 * value - 1)
    packed = int(bits + "0" * (-len(bits) % 8) or "0", 2).to_bytes(-(-len(bits) // 8), "big")
    return count(len(codes), segment) + packed + tail


def static(codes, rows, levels, ends, segment):
    """rows: table of each channel and column; ends: cumulative counts of each table."""
    coder = Encoder()
    for frame in codes:
        for c, values in enumerate(frame):
            for k, value in enumerate(values):
                size = abs(value)
                octave = size.bit_length() - 5
                symbol = size if size < 16 else 16 + 2 * octave + (size >> octave + 3 & 1)
                coder.span(ends[rows[c][k]][symbol], ends[rows[c][k]][symbol + 1])
                if size >= 16:
                    coder.raw(size & (1 << octave + 3) - 1, octave + 3)
                if size:
                    coder.raw(value < 0, 1)
    return count(len(codes), segment) + bytes(levels) + coder.bytes()


def clip(value, low, high):
    return low if value < low else high if value > high else value


class Categorical:
    """Counters by path in a tree, without and with the previous code; two weights mix them."""

    def __init__(self):
        self.nodes, self.weights, self.coder = {}, {}, Encoder()

    def decide(self, bit, plain, after, mixer):
        nodes = [self.nodes.setdefault(key, [32768, 0]) for key in (plain, after)]
        weights = self.weights.setdefault((*mixer, min(nodes[1][1], 11)), [24576, 19661])
        strengths = [ST[chance >> 4] for chance, _ in nodes]
        dot = sum(w * s for w, s in zip(weights, strengths, strict=True)) >> 16
        mixed = SQ[clip(dot, -3071, 3071) + 3071]
        self.coder.bit(bit, clip(mixed, 16, 65520))
        error = ((bit << 16) - mixed) * 1500
        for i, strength in enumerate(strengths):
            weights[i] += error * strength + (1 << 23) >> 24
        for node in nodes:
            node[0] += ((65535 if bit else 0) - node[0]) // (node[1] + 3)
            node[1] = min(node[1] + 1, 250)

    def encode(self, codes, sizes, segment):
        before = {}
        for frame in codes:
            for c, row in enumerate(frame):
                for k, (value, size) in enumerate(zip(row, sizes, strict=True)):
                    last = before.get((c, k), 0)
                    if size == 0 or size > 1 << 20:
                        before[c, k] = min(abs(value), 7)
                        self.open(k, value, last)
                    elif size > 1:
                        before[c, k] = value
                        bits = (size - 1).bit_length()
                        last >>= bits - max(min(bits, 14 - bits), 0)
                        for level in range(bits - 1, -1, -1):
                            path = value >> level + 1, level
                            self.decide(value >> level & 1, (k, path), (k, path, last), (k, level))
        return count(len(codes), segment) + self.coder.bytes()

    def open(self, k, value, last):
        extra = (2 * value if value >= 0 else -2 * value - 1) + 1
        length = extra.bit_length() - 1
        for i in range(min(length + 1, 32)):
            self.decide(int(i < length), (k, i), (k, i, last), (k, 0))
        self.coder.raw(extra & (1 << length) - 1, length)


START = [0, 1, 2, 3] + [(2 + i % 2) << i // 2 + 1 for i in range(22)]
GROUP = [g for g, n in enumerate([1, 1, 1, 2, 3, 4, 6, 8, 12, 12]) for _ in range(n)]
LEARN = [655360 // (10 * n + 16) for n in range(1024)]
RATES = [26214, 9830, 3277, 983]


def log(value):
    shift = 0
    while value >= 8192:
        value >>= 4
        shift += 1024
    return LG[value] + shift


def cell(size):
    return clip((log(size) >> 5) - 16, 0, 175)


def ratio(over, under, floor):
    return clip((over + floor << 8) // (under + floor), 16, 4096)


class Adaptive:
    """The adaptive binary codec. `counters`, `mixers` and `signs` are those of a new state, as lists."""

    CELLS = [176, 400, 616, 1600, 343, 1100, 1232, 792, 880]

    def __init__(self, channels, columns, counters, mixers, signs):
        self.counters, self.mixers, self.signs, self.coder = counters, mixers, signs, Encoder()
        self.channels, self.columns = channels, columns
        self.place = [k * 50 // columns for k in range(columns)]
        self.group = [GROUP[p] for p in self.place]
        self.means = [[[1024] * columns for _ in range(4)] for _ in range(channels)]
        self.last = [[[0] * columns for _ in range(2)] for _ in range(channels)]
        self.prediction = Prediction(channels, self.group)
        self.clock = 0

    def encode(self, codes, segment):
        for frame in codes:
            self.clock += 1
            self.beside = [[0] * self.columns for _ in range(2)]
            self.prediction.fresh = []
            for c, row in enumerate(frame):
                self.channel(c, row)
            if self.channels > 1:
                self.prediction.learn(frame)
        return count(len(codes), segment) + self.coder.bytes()

    def at(self, row, k):
        return row[clip(k, 0, self.columns - 1)]

    def channel(self, c, row):
        guesses = self.prediction.guesses(c)
        self.level = [
            sum(self.at(self.means[c][1], k + d) * n for d, n in ((-1, 1), (0, 2), (1, 1))) >> 2
            for k in range(self.columns)
        ]
        sizes, gains = [], [[0, 0], [0, 0]]
        for k, value in enumerate(row):
            guess = (
                clip(math.floor(clip(guesses[k], -1048576.0, 1048576.0) * 16 + 0.5), -(1 << 40), 1 << 40) if c else 0
            )
            near = [sizes[k - i] if k >= i else 0 for i in range(1, 9)]
            where, spot = self.contexts(c, k, guess, near, gains)
            centre = (guess + 8) // 16
            tilt = guess - 16 * centre
            rest = (value - centre) * (-1 if tilt < 0 else 1)
            self.magnitude(abs(rest), where)
            if rest:
                self.sign(int(rest < 0), (abs(tilt) * 3 + min(abs(rest), 3) - 1) * 22 + (spot >> 3))
            size = 2 * min(abs(rest), 1 << 24)
            sizes.append(size)
            for gain, (top, shift) in zip(gains, ((7, 3), (31, 5)), strict=True):
                gain[0] = (gain[0] * top >> shift) + (size << 12)
                gain[1] = (gain[1] * top >> shift) + self.level[k]
        self.prediction.fresh.append([v - g for v, g in zip(row, guesses, strict=True)])
        for m in range(4):
            rate = max(RATES[m], 65536 // (self.clock + 2))
            self.means[c][m] = [
                x + (((s << 12) - x) * rate >> 16) for x, s in zip(self.means[c][m], sizes, strict=True)
            ]
        self.last[c] = [sizes, self.last[c][0]]
        self.beside[0] = [(x * 7 >> 3) + (s << 12) for x, s in zip(self.beside[0], sizes, strict=True)]
        self.beside[1] = [(x * 7 >> 3) + v for x, v in zip(self.beside[1], self.level, strict=True)]

    def contexts(self, c, k, guess, near, gains):
        w, means, last, at, level = W[min(c, 1)][self.group[k]], self.means[c], self.last[c], self.at, self.level[k]
        past = w[20] << 12
        for m in range(4):
            past += w[m] * means[m][k] + w[4 + m] * (at(means[m], k - 1) + at(means[m], k + 1) >> 1)
        past += (
            w[8] * (at(last[0], k - 1) + at(last[0], k + 1) << 11)
            + w[9] * (last[0][k] << 12)
            + w[10] * (last[1][k] << 12)
        )
        for m in (0, 2):
            past += w[11 + m // 2] * (sum(at(means[m], k + d) for d in (-3, -2, 2, 3)) >> 2)
        quick, slow = ratio(*gains[0], 8192), ratio(*gains[1], 16384)
        here = w[13] * (near[0] << 12) + w[14] * (near[1] << 12) + w[15] * (level * quick >> 8)
        here += w[16] * (near[2] + near[3] << 11) + w[17] * (sum(near[4:]) << 10) + w[18] * (level * slow >> 8)
        others = 256
        if c:
            over, under = (at(x, k - 1) + 2 * x[k] + at(x, k + 1) for x in self.beside)
            others = ratio(over, under, 4096)
            here += w[19] * (level * others >> 8)
        e = cell((past >> 12) + (here >> 12))
        beside = cell((near[0] << 12) + (near[1] << 11) + (near[2] + near[3] << 10))
        slowest = cell(at(means[3], k - 1) + 2 * means[3][k] + at(means[3], k + 1) >> 2)
        far = abs(guess)
        small = [min(x >> 1, 6) for x in (near[0], near[1], last[0][k])]
        rows = [
            e,
            min(beside >> 2, 39) * 10 + self.group[k],
            min(max((log(quick) >> 5) - 32, 0) // 5, 13) * 44 + (e >> 2),
            min(slowest >> 2, 39) * 40 + min(cell(level) >> 2, 39),
            (small[0] * 7 + small[1]) * 7 + small[2],
            self.place[k] * 22 + (e >> 3),
            (min(max((log(others) >> 5) - 44, 0) >> 1, 13) if c else 9) * 88 + (e >> 1),
            abs(far - 16 * ((far + 8) // 16)) * 88 + (e >> 1),
            min(log(far) >> 7, 19) * 44 + (e >> 2),
        ]
        first = [sum(self.CELLS[:i]) for i in range(9)]
        counters = [(f + r) * 24 for f, r in zip(first, rows, strict=True)]
        return (counters, [self.group[k] * 24, (10 + (e >> 3)) * 24]), e

    def magnitude(self, size, where):
        level = max(i for i, start in enumerate(START[:25]) if start <= size)
        for node in range(min(level + 1, 24)):
            self.decide(int(level > node), node, where)
        if level == 24:
            length = (size - 4096 + 1).bit_length() - 1
            self.coder.raw(length, 5)
            self.coder.raw(size - 4096 + 1 - (1 << length), length)
        elif level > 3:
            bits = level // 2 - 1
            for i in range(bits - 1, -1, -1):
                self.coder.bit(size - START[level] >> i & 1, 31500 if i == bits - 1 else 32768)

    def decide(self, bit, node, where):
        counters, mixers = ([x + node for x in part] for part in where)
        strengths = [ST[self.counters[i] >> 20] for i in counters] + [256]
        dots = []
        for m in mixers:
            dots.append(clip(sum(w * s for w, s in zip(self.mixers[m], strengths, strict=True)) >> 16, -3071, 3071))
        self.coder.bit(bit, clip(SQ[sum(dots) // 2 + 3071], 16, 65520))
        for m, dot in zip(mixers, dots, strict=True):
            error = ((bit << 16) - SQ[dot + 3071]) * 400
            self.mixers[m] = [w + (error * s + (1 << 23) >> 24) for w, s in zip(self.mixers[m], strengths, strict=True)]
        for i in counters:
            self.counters[i] = learnt(self.counters[i], bit, 255)

    def sign(self, negative, place):
        self.coder.bit(negative, clip(self.signs[place] >> 16, 512, 65024))
        self.signs[place] = learnt(self.signs[place], negative, 1000)


def learnt(counter, bit, most):
    seen, chance = counter & 1023, counter >> 10
    chance += ((bit << 22) - bit - chance) * LEARN[seen] >> 16
    return clip(chance, 64, 4194239) << 10 | (seen + 1 if seen < most else seen)


class Prediction:
    """Channels from those before them: covariances per group of columns, factored now and then."""

    def __init__(self, channels, group):
        self.group, self.channels, self.frames = group, channels, 0
        self.sums = {g: [[0.0] * channels for _ in range(channels)] for g in group}
        self.weight = dict.fromkeys(group, 0.0)
        self.factor = {g: [[0.0] * channels for _ in range(channels)] for g in group}

    def guesses(self, c):
        out = [0.0] * len(self.group)
        for i in range(c - c % 128, c):
            for k, g in enumerate(self.group):
                if self.factor[g][c][i] != 0.0:
                    out[k] += self.factor[g][c][i] * self.fresh[i][k]
        return out

    def learn(self, frame):
        self.frames += 1
        due = self.frames == 4 or (self.frames > 4 and self.frames % (8 + min(self.channels, 128) // 8) == 0)
        for g, sums in self.sums.items():
            columns = [k for k, other in enumerate(self.group) if other == g]
            self.weight[g] = self.weight[g] * 0.998 + len(columns)
            for c in range(self.channels):
                for i in range(c - c % 128, c + 1):
                    sums[c][i] *= 0.998
                    for k in columns:
                        sums[c][i] += float(frame[c][k]) * frame[i][k]
            if due:
                for first in range(0, self.channels, 128):
                    self.refactor(g, first, min(first + 128, self.channels))

    def refactor(self, g, first, end):
        upper = {}
        for c in range(first, end):
            for i in range(first, c):
                upper[i, c] = self.sums[g][c][i] / self.weight[g] * 0.99
            upper[c, c] = self.sums[g][c][c] / self.weight[g] + 0.03
        for j in range(first, end):
            for c in range(j + 1, end):
                scale = upper[j, c] / upper[j, j]
                self.factor[g][c][j] = scale
                for i in range(c, end):
                    upper[c, i] -= scale * upper[j, i]
