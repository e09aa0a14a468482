"""Channel-seconds per CPU-second, encode and decode, of the learned tokenizers on one thread.

python -m benchmarks.learned [--seconds 20] [--base]
"""

import argparse
import os
import time
from collections.abc import Callable
from importlib.resources import files

os.environ["OMP_NUM_THREADS"] = "1"

SMALL_CHANNELS, BASE_CHANNELS = 64, 16


def best_of(run: Callable[[], object], times: int) -> float:
    """Least CPU seconds of a few runs."""
    spent = []
    for _ in range(times):
        begin = time.process_time()
        run()
        spent.append(time.process_time() - begin)
    return min(spent)


def main() -> None:
    import torch

    from signalpiece.recipes import recipe
    from signalpiece.signals.files import open as open_recording

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--base", action="store_true", help="paper scale too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    whole = open_recording(str(files("signalpiece.samples") / "S001R01.edf")).read(0, arguments.seconds)
    product = torch.randn(1024, 1024)
    flops = 2 * 1024**3 / best_of(lambda: product @ product, 5) / 1e9
    print(f"matrix product: {flops:.0f} GFLOP/s in one thread")
    print(f"{'tokenizer':28} {'parameters':>10} {'channels':>8} {'encode':>8} {'decode':>8}  channel-s per CPU-s")
    for name in ("biocodec", "labram"):
        module = recipe(name)
        for scale in ("small", *(["base"] if arguments.base else [])):
            tokenizer = module.build(**(module.BASE if scale == "base" else {})).eval()
            for channels in (1, SMALL_CHANNELS if scale == "small" else BASE_CHANNELS):
                signal = whole.pick(range(channels))
                tokens = tokenizer.encode(signal)
                amount, times = channels * arguments.seconds, 3
                encode = amount / best_of(lambda t=tokenizer, s=signal: t.encode(s), times)
                decode = amount / best_of(lambda t=tokenizer, k=tokens: t.decode(k), times)
                count = sum(p.numel() for p in tokenizer.parameters())
                print(f"{name + ' ' + scale:28} {count:10,} {channels:8} {encode:8.0f} {decode:8.0f}", flush=True)


if __name__ == "__main__":
    main()
