import pytest

from signalpiece.core.contracts import Codec, Tokenizer, Trainable
from signalpiece.recipes import defaults, recipe
from signalpiece.tokenizers.block_core import BlockCore

NAMES = ("biocodec", "labram")


@pytest.mark.parametrize("name", NAMES)
def test_build_keeps_every_option(name):
    module = recipe(name)
    tok = module.build()
    assert isinstance(tok, Tokenizer) and isinstance(tok, Trainable) and isinstance(tok.core, BlockCore)
    assert isinstance(tok.codec, Codec) and isinstance(tok.side_codec, Codec)
    assert tok.options.keys() == defaults(module).keys() and tok.recipe == name
    again = module.build(**tok.options)
    again.load_tensors(tok.tensors())
    assert again.model_hash == tok.model_hash


def test_paper_scale_has_the_published_sizes():
    """Trainable numbers of the authors' models: 3.15 and 7.52 million (the first with one gain per filter more)."""
    sizes = [sum(p.numel() for p in recipe(n).build(**recipe(n).BASE).parameters()) for n in NAMES]
    assert sizes[0] == pytest.approx(3.15e6, rel=0.01) and sizes[1] == pytest.approx(7.52e6, rel=0.01)
