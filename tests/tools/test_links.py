"""The built site's checker finds what is broken, and nothing else."""

import pytest

from tools.links import complaints

WHOLE = {
    "index.html": '<h1 id="top">x</h1><a href="two.html#part">y</a><a href="#top">z</a>'
    '<a href="https://arxiv.org/abs/1">paper</a><img src="p.png" alt="A map">'
    '<link rel="canonical" href="https://here.org/"><a href="folder/">f</a><a href="p.png">p</a>',
    "two.html": '<section id="part"></section><script src="s.js"></script>',
    "folder/index.html": '<a href="../index.html#top">up</a>',
    "p.png": "",
    "s.js": "",
}


@pytest.fixture
def site(tmp_path):
    for name, text in WHOLE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_whole_site_has_no_complaint(site):
    assert list(complaints(site)) == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ('<a href="three.html">x</a>', "three.html leads nowhere"),
        ('<a href="two.html#gone">x</a>', "two.html#gone leads nowhere"),
        ('<a href="#gone">x</a>', "#gone leads nowhere"),
        ('<img src="gone.png" alt="A map">', "gone.png leads nowhere"),
        ('<img src="p.png">', "the picture p.png has no alternative text"),
        ('<img src="p.png" alt=" ">', "the picture p.png has no alternative text"),
        ('<img src="p.png" alt="../p.png">', "the picture p.png has no alternative text"),
        ('<script src="https://cdn.org/x.js"></script>', "https://cdn.org/x.js is fetched"),
        ('<link rel="stylesheet" href="//fonts.org/f.css">', "//fonts.org/f.css is fetched"),
        ('<img src="https://x.org/badge.svg" alt="A badge">', "badge.svg is fetched"),
    ],
)
def test_what_is_broken_is_told_in_one_sentence(site, broken, words):
    (site / "broken.html").write_text(broken)
    (told,) = complaints(site)
    assert told.startswith("broken.html: ")
    assert words in told
