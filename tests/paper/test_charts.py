"""The charts are XML, styled by class only, and say in words what they show."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from portal.paper.charts import Bar, Said, bars, signoffs_over_time

OPENED = datetime(2026, 11, 1, tzinfo=UTC)
SAID = Said("approvals", "Approvals <over> time", "7 of 12 & counting")
SVG = "{http://www.w3.org/2000/svg}"


def chart(acts, **changes):
    given_ = {
        "opened": OPENED,
        "deadline": OPENED + timedelta(days=14),
        "until": OPENED + timedelta(days=9),
        "needed": 8,
        "roll": 12,
        "said": SAID,
        "quorum_label": "Quorum: 8",
        "deadline_label": "Deadline",
        "day": lambda at: f"{at:%d.%m.}",
    }
    return etree.fromstring(signoffs_over_time(acts, **(given_ | changes)))


def numbers(path):
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]


def test_words_and_classes():
    svg = chart([(OPENED + timedelta(days=1), 1), (OPENED + timedelta(days=3), 2)])
    assert svg.findtext(f"{SVG}title") == SAID.title
    assert svg.findtext(f"{SVG}desc") == SAID.description
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == svg.find(f"{SVG}title").get("id")
    assert svg.get("aria-describedby") == svg.find(f"{SVG}desc").get("id")
    allowed = {"class", "d", "x", "y", "width", "height", "text-anchor", "id", "fill"}
    for element in svg.iterdescendants():
        assert set(element.attrib) <= allowed
        assert element.tag != f"{SVG}script"
    assert "Quorum: 8" in svg.xpath("string()")


def test_no_quorum_line_where_the_rule_is_no_count():
    assert not chart([], needed=None).findall(f"{SVG}path[@class='chart-quorum']")


@given(
    st.lists(st.tuples(st.integers(-5, 30), st.integers(0, 40)), max_size=40),
    st.integers(0, 40),
    st.integers(0, 30),
)
def test_the_line_stays_in_the_picture(days, roll, until):
    acts = [(OPENED + timedelta(days=day), count) for day, count in sorted(days)]
    svg = chart(acts, roll=roll, until=OPENED + timedelta(days=until))
    path = svg.find(f"{SVG}path[@class='chart-steps']").get("d")
    assert all(0 <= number <= 640 for number in numbers(path))
    assert all(0 <= float(y) <= 260 for y in re.findall(r"V([\d.]+)", path))


def test_bars_are_in_proportion_and_escaped():
    svg = etree.fromstring(
        bars([Bar("動画 & <film>", 10, "10"), Bar("音楽", 5, "5"), Bar("none", 0, "0")], said=SAID)
    )
    wide = [float(bar.get("width")) for bar in svg.findall(f"{SVG}rect")]
    assert wide[0] == 2 * wide[1]
    assert wide[2] == 0
    assert "動画 & <film>" in svg.xpath("string()")


def test_no_bars_at_all():
    assert etree.fromstring(bars([], said=SAID)).findall(f"{SVG}rect") == []
