"""The bridge to MNE-Python works without torch; what needs torch says so in one sentence."""

CODE = """
import mne, numpy as np, signalpiece
from signalpiece.apps.interop import from_mne, to_mne
from signalpiece.samples import sample
raw = mne.io.read_raw_edf(sample("S001R01.edf"), verbose="error").crop(10, 20)
tok = signalpiece.load("dct")
back = to_mne(tok.decode(tok.encode(from_mne(raw), step=2e-6), rate="source"))
likeness = np.corrcoef(raw.get_data()[:, :1600].ravel(), back.get_data()[:, :1600].ravel())[0, 1]
print(back.info["sfreq"], len(back.ch_names), likeness)
"""


def test_raw_to_tokens_and_back(run_light):
    rate, channels, likeness = run_light(CODE).split()
    assert float(rate) == 160 and int(channels) == 64 and float(likeness) > 0.98


def test_a_torch_data_set_says_what_it_needs(run_light):
    said = run_light("from signalpiece.apps.interop import TokenDataset", expect=1).strip().splitlines()[-1]
    assert said.endswith("TokenDataset needs torch; install it with: pip install 'signalpiece[torch]'")
