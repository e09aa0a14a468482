"""Laws of the learned tokenizers: any chunking, any set of channels, tokens alone, slices, truncation."""

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Signal
from signalpiece.tokenizers.biocodec import BioCodec
from signalpiece.tokenizers.block_tokenizer import BlockTokenizer
from signalpiece.tokenizers.labram import LaBraM
from signalpiece.tokenizers.seanet_codec import SeanetCodec, levels_of
from signalpiece.tokenizers.segmenter import append
from signalpiece.tokenizers.vqnsp import VQNSP
from signalpiece.training.crops import Crops

RATE = 160.0


def make_biocodec(seed=0):
    torch.manual_seed(seed)
    net = SeanetCodec(16, filters=4, quantizer=levels_of(16, levels=3, codebook_size=32, code_dim=4))
    with torch.no_grad():  # livelier than at birth, when all codes are the same
        for name, weight in net.named_parameters():
            weight.mul_(0.0 if "bias" in name else 2.0)
    return BlockTokenizer(BioCodec(net), segment_seconds=4).named("biocodec", {}).eval()


def make_labram(seed=0, joint=False):
    torch.manual_seed(seed)
    net = VQNSP(40, heads=4, depths=(1, 1), codebook_size=64, code_dim=8, outputs=(21, 42))
    core = LaBraM(net, rate=100.0, patch=40, patches=5, joint=joint)
    return BlockTokenizer(core, segment_seconds=4).named("labram", {}).eval()


MAKERS = [make_biocodec, make_labram]


def eeg(channels=3, seconds=10.0, seed=0):
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((channels, int(seconds * RATE))))
    x = np.fft.irfft(spectrum / np.sqrt(np.arange(spectrum.shape[1]) + 4), int(seconds * RATE))
    x = x / x.std() * 2e-5 * (1 + np.arange(channels))[:, None] + 1e-4
    names = ["Fp1", "Cz", "odd", "O2", "Pz", "T7"][:channels]
    signal = Signal.of(x, rate=RATE, names=names)
    return replace(signal, annotations=(Annotation(1.0, 0.5, "blink"),))


@pytest.fixture(params=MAKERS, ids=["biocodec", "labram"], scope="module")
def tok(request):
    return request.param()


@pytest.fixture(scope="module")
def whole(tok):
    return tok.encode(eeg())


def same(a, b):
    return np.array_equal(a.codes, b.codes) and np.array_equal(a.side.codes, b.side.codes)


def test_shapes_and_header(tok, whole):
    header = whole.header
    frames = -(-round(10 * tok.rate) // tok.core.hop)
    assert whole.cube().shape == (frames, 3, len(tok.columns)) and whole.codes.dtype == np.int32
    assert header.model["hash"] == tok.model_hash and header.grid.names == ("Fp1", "Cz", "odd")
    assert header.segment * tok.core.hop == tok.blocks_per_segment * tok.core.block
    assert whole.side.header.segment * tok.core.gain_block == header.segment * tok.core.hop
    assert tok.latency_seconds == tok.core.block / tok.rate
    assert whole.annotations[0].text == "blink"
    assert all(len(np.unique(whole.codes[..., k])) > 8 for k in range(len(tok.columns)))


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 1600), max_size=5))
def test_any_chunking_gives_the_same_tokens(tok, whole, cuts):
    signal, edges = eeg(), [0, *sorted(cuts), 1600]
    stream = tok.stream(signal.grid)
    pieces = [stream.push(signal.crop(a, b)) for a, b in zip(edges, edges[1:], strict=False)]
    joined = reduce(append, [*pieces, stream.close()])
    assert same(joined, whole) and joined.header == whole.header
    with pytest.raises(SignalPieceError, match="closed"):
        stream.push(signal)


@settings(max_examples=6, deadline=None)
@given(keep=st.permutations(range(3)).flatmap(lambda p: st.integers(1, 3).map(lambda n: p[:n])))
def test_other_channels_change_nothing(tok, whole, keep):
    signal = eeg()
    assert same(tok.encode(signal.pick(keep)), whole.pick(keep))
    decoded = tok.decode(whole).values[list(keep)]
    assert np.array_equal(tok.decode(whole.pick(keep)).values, decoded)


def test_more_channels_than_a_group_holds(tok):
    signal = eeg(3)
    many = Signal.of(np.tile(signal.values, (7, 1)), rate=RATE, names=list(signal.grid.names) * 7)
    cube = tok.encode(many).cube()
    for k in range(7):
        assert np.array_equal(cube[:, 3 * k : 3 * k + 3], cube[:, :3])


@pytest.mark.parametrize("make", MAKERS)
def test_tokens_alone_give_the_signal(make):
    """A second object with the same weights decodes; nothing of the encoder's state is used."""
    one, two = make(), make(seed=1)
    tokens = one.encode(eeg())
    with pytest.raises(SignalPieceError, match="load the model that made them"):
        two.decode(tokens)
    two.load_tensors(one.tensors())
    assert two.model_hash == one.model_hash
    assert np.array_equal(two.decode(tokens).values, one.decode(tokens).values)


def test_decode_has_the_right_length_rate_and_size(tok, whole):
    out = tok.decode(whole)
    assert out.grid.time_rate == tok.rate and out.grid.shape == (3, round(10 * tok.rate))
    source = tok.decode(whole, rate="source")
    assert source.grid.time_rate == RATE and source.grid.shape == (3, 1600)
    drifted = Signal.of(eeg().values + 0.01, rate=RATE)
    assert np.abs(tok.decode(tok.encode(drifted)).values.mean(1) - 0.01).max() < 1e-3, "offsets are coded"


def test_slices_decode_from_a_segment_on(tok, whole):
    full, size, hop = tok.decode(whole), whole.header.segment, tok.core.hop
    cube, width = whole.cube(), len(tok.columns)
    side = whole.side.cube()
    per = whole.side.header.segment
    part = replace(
        whole,
        codes=cube[size : 2 * size].reshape(1, -1, width),
        side=replace(whole.side, codes=side[per : 2 * per].reshape(1, -1, 2), first=per),
        first=size,
    )
    out = tok.decode(part)
    assert np.array_equal(out.values, full.values[:, size * hop : 2 * size * hop])
    assert out.grid.start == pytest.approx(size * hop / tok.rate)
    with pytest.raises(SignalPieceError, match=f"read them from frame {size}"):
        tok.decode(replace(part, first=size + 1))
    first, end = tok.frames_of(round(5.0 * tok.rate), round(6.0 * tok.rate))
    assert first == size and end * hop >= 6.0 * tok.rate


def test_a_segment_depends_on_nothing_before_it(tok):
    size = tok.blocks_per_segment * tok.core.block
    x = np.random.default_rng(0).standard_normal((2, 2 * size)).cumsum(1) * 1e-6
    whole = tok.encode(Signal.of(x, rate=tok.rate))
    second = tok.encode(Signal.of(x[:, size:], rate=tok.rate))
    assert np.array_equal(whole.cube()[whole.header.segment :], second.cube())
    assert np.array_equal(whole.side.cube()[whole.side.header.segment :], second.side.cube())


def test_a_part_of_a_segment_decodes_as_far_as_it_goes(tok, whole):
    full, hop = tok.decode(whole), tok.core.hop
    frames = tok.core.block // hop + (7 if tok.core.causal else 0)
    part = replace(whole, codes=whole.cube()[:frames].reshape(1, -1, len(tok.columns)))
    out = tok.decode(part).values
    assert out.shape[1] == frames * hop and np.array_equal(out, full.values[:, : frames * hop])


def test_levels_can_be_cut():
    tok = make_biocodec()
    tokens = tok.encode(eeg())
    assert tokens.truncates == "levels"
    assert tok.decode(tokens.truncate(1)).values.shape == tok.decode(tokens).values.shape
    with pytest.raises(SignalPieceError, match="cannot be truncated"):
        make_labram().encode(eeg()).truncate(1)


def test_samples_that_do_not_count(tok):
    signal = eeg()
    values = signal.values.copy()
    values[1, 300:500] = np.nan
    holed = Signal.of(values, rate=RATE, names=signal.grid.names)
    tokens = tok.encode(holed)
    assert tokens.header.invalid == ((1, 300, 500),)
    valid = tok.decode(tokens, rate="source").valid
    assert not valid[1, 300:500].any() and valid[0].all() and valid[1, :290].all()
    assert np.isfinite(tok.decode(tokens).values).all()


@pytest.mark.parametrize("values", [np.zeros((1, 1600)), np.full((1, 1600), 0.02), np.full((1, 1600), 3e-12)])
def test_flat_signals_come_back(tok, values):
    out = tok.decode(tok.encode(Signal.of(values, rate=RATE))).values
    np.testing.assert_allclose(out, np.full_like(out, values[0, 0]), rtol=1e-4, atol=1e-15)


def test_edge_lengths(tok):
    for samples in (0, 1, 2, 159):
        tokens = tok.encode(Signal.of(np.ones((2, samples)) * 1e-5, rate=RATE))
        assert tok.decode(tokens).values.shape[1] == -(-samples * tok.rate // RATE)


def test_batches_of_recordings(tok, whole):
    batch = tok.encode([eeg(), eeg(2, 3.0)])
    assert same(batch[0], whole) and batch[1].num_frames < whole.num_frames
    assert tok.decode(batch[1]).grid.shape == (2, round(3 * tok.rate))


def test_the_hash_follows_the_weights():
    tok = make_biocodec()
    before = tok.model_hash
    with torch.no_grad():
        next(tok.parameters()).mul_(1.5)
    assert tok.model_hash != before


@pytest.mark.parametrize("make", MAKERS)
def test_encoding_leaves_a_model_in_training_alone(make):
    tok = make().train()
    before = {k: v.clone() for k, v in tok.state_dict().items()}
    tok.encode(eeg(1, 3.0))
    assert tok.training and all(torch.equal(v, before[k]) for k, v in tok.state_dict().items())


@pytest.mark.parametrize("make", MAKERS)
def test_training_lowers_the_loss(make):
    tok = make().train()
    crops = Crops([eeg(2, 20.0)], seconds=tok.crop_seconds, batch=4, prepare=tok.at_rate)
    optimizer = torch.optim.Adam(tok.parameters(), 3e-3)
    losses = []
    for step in range(15):
        out = tok.loss(crops(step))
        optimizer.zero_grad()
        out.total.backward()
        optimizer.step()
        losses.append(out.total.item())
        assert set(out.parts) >= {"commitment"} and abs(sum(out.parts.values()).item()) > 0
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert all(p.grad is not None for p in tok.parameters())
    with pytest.raises(SignalPieceError, match="trains at"):
        tok.loss(replace(crops(0), rate=99.0))


def test_joint_channels_need_each_other():
    tok = make_labram(joint=True)
    tokens = tok.encode(eeg())
    assert tok.codec.channels == 0 and tokens.header.model["channels"] == 0
    assert not same(tok.encode(eeg().pick([0, 1])), tokens.pick([0, 1]))
    with pytest.raises(SignalPieceError, match="looks at all 3 channels together"):
        tok.decode(tokens.pick([0, 1]))
    assert tok.decode(tokens).grid.shape[0] == 3


def test_through_a_file(tok, tmp_path):
    from importlib.resources import files

    from signalpiece.signals.files import open as open_recording
    from signalpiece.tokenizers.files import decode_range, encode_files, open_tokens

    recording = open_recording(str(files("signalpiece.samples") / "S001R01.edf")).pick([0, 8, 40])
    report = encode_files(tok, [recording], tmp_path / "x.sp")
    stored = open_tokens(tmp_path / "x.sp", tok).recordings[0]
    whole = tok.encode(recording.read())
    assert same(stored.read(), whole) and report.written[0].bits["codes"] > 0
    assert stored.header == whole.header and stored.segments > 10
    full = tok.decode(whole)
    for channels in (None, [2, 0]):
        part = decode_range(stored, tok, 21.3, 30.7, channels)
        rows = full.pick(channels or [0, 1, 2]).values
        first = round(21.3 * tok.rate)
        assert np.array_equal(part.values, rows[:, first : first + part.values.shape[1]])
        assert abs(part.values.shape[1] - 9.4 * tok.rate) <= 1
    source = decode_range(stored, tok, 5.0, 9.0, rate="source")
    assert np.array_equal(source.values, tok.decode(whole, rate="source").values[:, 800:1440])


@pytest.mark.parametrize("make", MAKERS)
def test_a_model_file_keeps_everything(make, tmp_path):
    from signalpiece.tokenizers.model_file import read_model, restore, save_model, self_test

    tok = make()
    save_model(tmp_path / "m.safetensors", tok)
    header, tensors = read_model(tmp_path / "m.safetensors")
    again = restore(tmp_path / "m.safetensors", header, tensors, lambda: make(seed=3))
    assert again.model_hash == tok.model_hash and self_test(again, header, tensors) > 0
    assert same(again.encode(eeg()), tok.encode(eeg()))
