"""Pages: every slice once and in order, nothing below the foot, nothing stranded."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from portal.paper.flow import Frame, NewPage, Text, paginate
from portal.paper.sheet import serif

FRAME = Frame(left=70, right=520, bottom=100, top=700, first_top=650)


@dataclass
class Lines:
    """A block of plain slices."""

    count: int
    height: float = 10.0
    before: float = 0.0
    after: float = 0.0
    keep: bool = False
    least_: tuple[int, int] = (2, 2)
    seen: list = field(default_factory=list)

    def measure(self, width):
        return [self.height] * self.count

    def least(self):
        first, last = self.least_
        return min(first, self.count), min(last, self.count)

    def again(self, start):
        return 0.0

    def foot(self, end):
        return end


BLOCKS = st.lists(
    st.builds(
        Lines,
        count=st.integers(1, 150),
        height=st.sampled_from([8.0, 10.0, 14.5]),
        before=st.sampled_from([0.0, 6.0, 20.0]),
        after=st.sampled_from([0.0, 5.0]),
        keep=st.booleans(),
    ),
    max_size=30,
)


@given(BLOCKS)
def test_every_slice_stands_once_and_within_the_frame(blocks):
    pages = paginate(blocks, FRAME)
    placed = [one for page in pages for one in page]
    for block in blocks:
        cuts = [(one.start, one.end) for one in placed if one.block is block]
        assert [number for start, end in cuts for number in range(start, end)] == list(range(block.count))
    assert [id(one.block) for one in placed] == sorted(
        (id(one.block) for one in placed), key=[id(block) for block in blocks].index
    )
    for page in pages:
        tops = [one.top for one in page]
        assert tops == sorted(tops, reverse=True)
        for one in page:
            assert one.top - (one.end - one.start) * one.block.height >= FRAME.bottom - 0.1


@given(BLOCKS)
def test_no_widow_no_orphan(blocks):
    for page in paginate(blocks, FRAME):
        for one in page:
            if one.start == 0 < one.block.count:
                assert one.end >= min(2, one.block.count)
            if one.end == one.block.count:
                assert one.end - one.start >= min(2, one.block.count)


def test_a_heading_goes_along_with_what_it_heads():
    fill, heading, body = Lines(53), Lines(1, keep=True), Lines(5)
    pages = paginate([fill, heading, body], FRAME)  # room for two lines: heading and one more
    assert [one.block for one in pages[0]] == [fill]
    assert [one.block for one in pages[1]] == [heading, body]


def test_new_page():
    one, two = Lines(1), Lines(1)
    pages = paginate([NewPage(), one, NewPage(), NewPage(), two, NewPage()], FRAME)
    assert [[placed.block for placed in page] for page in pages] == [[one], [two]]
    assert pages[0][0].top == FRAME.first_top
    assert pages[1][0].top == FRAME.top


def test_taller_than_a_page_sticks_out_rather_than_never_ending():
    pages = paginate([Lines(1), Lines(2, height=900.0)], FRAME)
    assert [len(page) for page in pages] == [1, 1, 1]


def test_justified_lines_end_at_the_margin_and_short_last_lines_are_avoided():
    block = Text("あ" * 44 + "。", serif("ja"), 10.5, 17, justify=True)
    block.measure(43 * 10.5)
    assert len(block._lines) == 2
    last = sum(len(run.glyphs) for run in block._lines[-1][0])
    assert last >= 3


def test_no_justified_gap_reads_as_a_space():
    text = (
        "これは三十字ほど続いてから長い英単語に出会う行であり余りが大きい" + "W" * 16 + "という語です。" * 9
    )
    block = Text(text, serif("ja"), 10.5, 17, justify=True)
    block.measure(43 * 10.5)
    assert block._lines[0][2] == 0  # too much is missing: the line stays ragged
    assert all(0 <= extra <= 90 for _, _, extra in block._lines)
