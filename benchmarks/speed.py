"""`make bench`: every speed, one thread, each beside its floor or its rival.

    python -m benchmarks.speed [NAME ...]

Runs the benches one after the other, each in a process of its own: start-up, layouts, vector quantization, codecs,
stores, classical coders, learned tokenizers.
"""

import subprocess
import sys

BENCHES = ("startup", "layouts", "quantizers", "codecs", "stores", "coders", "learned")


def main(names: list[str]) -> int:
    failed = []
    for name in names or BENCHES:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"these did not finish or missed their aim: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
