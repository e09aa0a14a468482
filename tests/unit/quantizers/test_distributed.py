"""A codebook in two processes is one codebook: same vectors after k-means, learning and revival."""

import sys

import pytest
import torch
from torch import distributed, multiprocessing

from signalpiece.quantizers.learning import EMA
from signalpiece.quantizers.vq import VQ


def train(rank, path, queue):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{path}", rank=rank, world_size=2)
    torch.manual_seed(0)
    vq = VQ(4, codebook_size=24, learn=EMA(decay=0.5, revive=0.3)).train()
    generator = torch.Generator().manual_seed(rank)
    for step in range(4):
        rows = 40 if rank else 7  # fewer than there are codes
        vq(torch.randn(1, rows, 4, generator=generator) * (1 + step))
    queue.put((rank, {k: v.numpy().copy() for k, v in vq.state_dict().items()}))
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.mark.skipif(sys.platform != "linux", reason="processes meet in a file")
@pytest.mark.filterwarnings("ignore")
def test_two_processes_hold_one_codebook(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=train, args=(r, tmp_path / "meet", queue)) for r in range(2)]
    for p in processes:
        p.start()
    found = dict(queue.get(timeout=120) for _ in processes)
    for p in processes:
        p.join(60)
    assert all(p.exitcode == 0 for p in processes)
    for key, value in found[0].items():
        assert (value == found[1][key]).all(), key
