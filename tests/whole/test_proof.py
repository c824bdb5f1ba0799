"""The proof-reader itself: it passes a good page and says what is wrong with a bad one."""

import pytest

from tests.whole.proof import Improper, page

GOOD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Members – Rensho</title></head><body><main id="content">'
    '<h1>Members</h1><form method="post" action="/x"><input type="hidden" name="csrf_token" value="t">'
    '<label for="a">Name</label><input id="a" name="a" aria-describedby="h"><p id="h">Hint</p><button>Save</button></form>'
    '<a href="#content">Up</a><img src="/x.svg" alt=""></main></body></html>'
)


def test_a_good_page() -> None:
    assert page(GOOD).find("body/main/h1") is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (' lang="en"', "", "no lang"),
        ("Members – Rensho", "", "title is empty"),
        ("Members – Rensho", "– Rensho", "title"),
        ("<h1>Members</h1>", "", "h1"),
        ("<h1>Members</h1>", "<h1>Members</h1><h1>More</h1>", "h1"),
        ("<h1>Members</h1>", "<h1></h1>", "h1"),
        ('id="h"', 'id="a"', "stands 2 times"),
        ("<h1>", '<h1 style="color:red">', "attribute style"),
        ("<h1>", '<h1 onclick="x()">', "attribute onclick"),
        ("<h1>", "<script>x()</script><h1>", "inline script"),
        ("<main", "<style>p{}</style><main", "inline style"),
        ('href="#content"', 'href="javascript:x()"', "javascript:"),
        ('<input type="hidden" name="csrf_token" value="t">', "", "CSRF"),
        ('value="t"', 'value=""', "CSRF"),
        ('<label for="a">Name</label>', "", "no label"),
        ('for="a"', 'for="b"', "no label"),
        ('aria-describedby="h"', 'aria-describedby="i"', "points to no"),
        ("<button>Save</button>", "<button></button>", "button says nothing"),
        (">Up<", "><", "link says nothing"),
        ('href="#content"', 'href="#other"', "leads to no"),
        (' alt=""', "", "no alt"),
        ("<p ", "<p><div><p ", "line 1"),
        ("<!doctype html>", "", "line 1"),
        ("</h1>", "</h2>", "line 1"),
        ('<input id="a"', '<input type="file" id="a"', "multipart"),
    ],
)
def test_a_bad_page(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(Improper, match=said):
        page(GOOD.replace(old, new, 1))
