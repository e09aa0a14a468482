"""Each kind of quantizer is told what is wrong with it, by hand-made use of its codes."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from signalpiece import quantizers
from signalpiece.apps.doctor import examine
from signalpiece.apps.quantizer_health import add, parts, quantizer_health, tallies
from signalpiece.core.check import SignalPieceError

CODED = ["VQ", "SimVQ", "AnnealedOneHot", "TopK", "Dual", "LFQ", "BSQ", "Bernoulli", "FSQ", "LatentGrid",
         "ResidualFSQ", "DimensionWise", "Residual", "Product"]  # fmt: skip
MAPS, CONTINUOUS = ["MultiScale", "GlobalBasis"], ["Gaussian", "FiniteDiscrete"]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def told(quantizer, *blocks):
    """Health from codes alone."""
    seen = tallies(quantizer)
    for block in blocks:
        add(seen, np.array(block))
    return [tally.health() for tally in seen]


def test_every_quantizer_with_weights_is_known():
    import inspect

    kinds = [n for n in quantizers.__all__ if inspect.isclass(getattr(quantizers, n))]
    nets = [n for n in kinds if issubclass(getattr(quantizers, n), torch.nn.Module)]
    assert sorted(nets) == sorted(CODED + MAPS + CONTINUOUS)


@pytest.mark.parametrize("name", CODED + MAPS + CONTINUOUS)
def test_every_kind_is_examined_and_left_as_it_was(name):
    torch.manual_seed(0)
    made = getattr(quantizers, name)(8).train()
    before = {k: v.clone() for k, v in made.state_dict().items()}
    found = quantizer_health(made, noise(3, 16, 8))
    assert made.training and all(torch.equal(v, before[k]) for k, v in made.state_dict().items())
    assert sum(h.columns for h in found) == len(made.codebook_sizes)
    for part in found:
        assert part.advice and part.rows and all(len(r) == len(part.headings) for r in part.rows)
        assert json.loads(json.dumps(part.json()))["advice"]


def test_blocks_add_up():
    q, codes = quantizers.LFQ(8, bits=20), np.random.default_rng(0).integers(0, 16, (90, 2))
    assert told(q, codes) == told(q, codes[:40], codes[40:])


def test_dead_and_double_codes_of_a_book():
    q = quantizers.VQ(2, codebook_size=4)
    q.codebook.vectors.copy_(torch.tensor([[0.0, 0], [1, 1], [0, 0], [9, 9]]))
    (health,) = told(q, [[0]] * 60 + [[1]] * 60)
    assert health.rows == (("all", 4, 2, 2, 1, 2.0),) and health.double == 1 and health.figures["live_share"] == 0.5
    assert any("2 of 4 codes are dead (50 %)" in a for a in health.advice) and not any(
        "chance" in a for a in health.advice
    )
    assert any("single ones cannot" in a for a in told(quantizers.SimVQ(2, codebook_size=4), [[0]] * 90)[0].advice)
    assert told(q, [[k % 4] for k in range(120)])[0].advice == ("1 codes nearly equal another: they split its uses and say nothing new",)  # fmt: skip


def test_levels_and_groups_are_told_apart():
    vq = lambda dim: quantizers.VQ(dim, codebook_size=2)  # noqa: E731
    nested = quantizers.Product(4, groups=2, quantizer=lambda d: quantizers.Residual(d, levels=2, quantizer=vq))
    assert [n for n, _ in parts(nested)] == ["group0.level0", "group0.level1", "group1.level0", "group1.level1"]
    found = told(nested, [[0, 1, 0, 0]] * 50 + [[1, 1, 0, 1]] * 50)
    assert [h.rows[0][2] for h in found] == [2, 1, 1, 2]


def test_idle_lopsided_and_coupled_bits():
    rng = np.random.default_rng(0)
    bits = rng.random((4000, 5)) < 0.5
    bits[:, 1], bits[:, 2], bits[:, 3] = bits[:, 0], True, rng.random(4000) < 0.02
    codes = (bits * (1 << np.arange(4, -1, -1))).sum(1)[:, None]
    (health,) = told(quantizers.LFQ(5, bits=5), codes)
    text = " ".join(health.advice)
    assert "1 of 5 bits never change (bit 2)" in text and "(bit 3)" in text and "most: bits 0 and 1" in text
    assert health.figures["effective_bits"] == pytest.approx(1.8, abs=0.1)  # (1 + 1 + 1)^2 / (4 + 1) and a little
    good = rng.integers(0, 32, (4000, 1))
    assert "nothing to do" in told(quantizers.LFQ(5, bits=5), good)[0].advice[0]


def test_large_vocabularies_come_in_groups_of_16_bits():
    (health,) = told(quantizers.BSQ(36, bits=36), np.random.default_rng(0).integers(0, 16, (50, 3)))
    assert [r[:2] for r in health.rows] == [("group0", 16), ("group1", 16), ("group2", 4), ("all", 36)]
    assert health.rows[0][2] == 12 and health.rows[3][2] == 24 and health.columns == 3


def test_unused_values_of_a_grid():
    q = quantizers.FSQ(2, levels=(4, 3))
    (health,) = told(q, [[0], [1], [2], [4], [5], [6]] * 30)  # values 0..2 of the first, 0 and 1 of the second
    assert [r[:3] for r in health.rows] == [("dim0", 4, 1), ("dim1", 3, 1)]
    assert "dimension 0 of the grid never takes 1 of its 4 values (value 3): 3 would do" in health.advice
    (idle,) = told(q, [[0]] * 100)
    assert "dimensions 0, 1 of the grid nearly always takes one value and says nothing" in idle.advice[0]
    (fine,) = told(q, np.arange(12).repeat(20)[:, None])
    assert fine.advice == ("every value of every dimension is in use; nothing to do",)
    (levels,) = told(quantizers.ResidualFSQ(2, levels=(4, 3), depth=2), np.arange(12).repeat(20)[:, None] * [[1, 0]])
    assert levels.rows[2][:4] == ("level1.dim0", 4, 3, 0.0) and "of level 1" in levels.advice[0]
    (wise,) = told(quantizers.DimensionWise(2, levels=3), [[0, k % 3] for k in range(90)])
    assert "dimension 0" in wise.advice[0] and "estimate" in wise.advice[-1]


def test_scales_of_a_pyramid():
    q = quantizers.MultiScale(4, sides=(1, 2), codebook_size=4)
    (health,) = told(q, [[0], [1], [1], [2], [2]] * 20, [[3]])  # the last row begins a map that never ends
    assert [r[:3] for r in health.rows] == [("scale 1", 4, 1), ("scale 2", 4, 2), ("all scales", 4, 3)]


def test_parts_of_a_dual_book():
    q = quantizers.Dual(2, first=1, codebook_size=2)
    q.codebook.vectors.copy_(torch.tensor([[0.0, 1], [0, 2]]))
    (health,) = told(q, [[0], [1]] * 30)
    assert [r[4] for r in health.rows] == [0, 1, 0]  # the first part alone does not tell the codes apart


def test_dimensions_of_a_gaussian():
    q = quantizers.Gaussian(2, code_dim=2)
    with torch.no_grad():
        q.project_in.weight.zero_()
        q.project_in.bias.zero_()
        q.project_in.weight[0, 0] = 1.0  # the mean of dimension 0 follows the input, dimension 1 ignores it
    (health,) = quantizer_health(q, noise(1, 500, 2))
    assert (
        health.figures["active"] == 1
        and "1 of 2 dimensions do not depend on the data (dimension 1)" in health.advice[0]
    )
    assert health.rows[1] == ("dim1", 0.0, 0.0, "no")


def test_a_mixture_becomes_sparse():
    torch.manual_seed(0)
    q = quantizers.FiniteDiscrete(8, size=16, code_dim=8)
    hot = quantizer_health(q, noise(20, 3, 8))[0]
    q.anneal(1.0)
    cold = quantizer_health(q, noise(20, 3, 8))[0]
    assert hot.figures["active"] == 16 and "not sparse yet" in hot.advice[0]
    assert cold.figures["active"] < 3 and "take part in no mixture" in " ".join(cold.advice)


def test_strangers_and_nothing_are_refused():
    with pytest.raises(SignalPieceError, match="Linear: the doctor knows no examination"):
        tallies(torch.nn.Linear(2, 2))
    with pytest.raises(SignalPieceError, match="no vector"):
        quantizer_health(quantizers.VQ(4), noise(1, 0, 4))


class BitCore(torch.nn.Module):
    """A block coder whose codes are signs of samples: 16 samples, 32 bits, two columns."""

    rate, hop, block, gain_block, ramp, joint, causal, truncates, crop_seconds = 100.0, 16, 32, 32, 0, False, True, None, 1.0  # fmt: skip

    def __init__(self):
        super().__init__()
        self.quantizer = quantizers.LFQ(16, bits=32)
        self.columns = tuple(
            SimpleNamespace(name=f"group{k}", size=s) for k, s in enumerate(self.quantizer.codebook_sizes)
        )

    def start_encoder(self, names):
        return None

    start_decoder = start_encoder

    def encode_block(self, x, state):
        return self.quantizer(x.unflatten(1, (-1, 16))).codes, state

    def decode_block(self, codes, state):
        return self.quantizer.decode(codes).flatten(1), state

    def loss(self, x, names):
        raise NotImplementedError  # the doctor trains nothing


def test_the_doctor_reads_a_model_of_bits():
    from signalpiece.apps.measure import in_memory
    from signalpiece.apps.repair import repaired
    from signalpiece.core.signal import Signal
    from signalpiece.core.tokens import Column
    from signalpiece.tokenizers.block_tokenizer import BlockTokenizer

    torch.manual_seed(0)
    core = BitCore()
    core.columns = tuple(Column(c.name, c.size) for c in core.columns)
    tokenizer = BlockTokenizer(core).named(None, {}).eval()
    recording = in_memory(Signal.of(noise(3, 4000) * 1e-5, rate=100.0), "x.edf")
    found = examine("bits", tokenizer, [recording])
    assert [r[0] for r in found.quantizers[0].rows] == ["group0", "group1", "all"] and not found.plain
    assert not any("dead" in a for a in found.advice) and [t[0] for t in found.tables()] == ["LFQ"]
    with pytest.raises(SignalPieceError, match="no table of vectors"):
        repaired(tokenizer, found, [recording], kind="revive")
