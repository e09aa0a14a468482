"""Layouts and scalar quantizers work with torch blocked."""

CODE = """
import numpy as np
from signalpiece import layouts, quantizers
x = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
from signalpiece.layouts.frames import FramedLayout
from pathlib import Path
for name, file in layouts._FILES.items():
    if "\\nimport torch" in (Path(layouts.__file__).parent / f"{file}.py").read_text():
        continue  # what needs torch says so in its first lines and declares it in `arrays`
    made = getattr(layouts, name)
    if not isinstance(made, type):
        continue
    layout = made()
    assert "numpy" in layout.arrays, name
    if not isinstance(layout, FramedLayout):
        continue
    y = layout.analyse(x)
    for other in ("Uniform", "DeadZone", "MuLaw"):
        q = getattr(quantizers, other)(**({"peak": 30.0} if other == "MuLaw" else {"step": 0.01}))
        back = layout.synthesise(q.decode(q.encode(y)), 1000)
        print(name, other, np.abs(back - x).max())
"""


def test_layouts_and_scalar_quantizers(run_light):
    lines = run_light(CODE).split("\n")[:-1]
    assert len(lines) >= 15
    for line in lines:
        name, other, error = line.split()
        assert float(error) < (1.0 if other == "MuLaw" else 0.1), (name, other, error)
