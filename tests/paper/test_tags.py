"""What the PDF says about itself, read by others."""

import hashlib
import io
import json
import struct
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree
from pyhanko.pdf_utils.reader import PdfFileReader

from portal.paper.icc import srgb
from portal.paper.sheet import Sheet, serif
from portal.paper.tags import About, Attachment
from tests.paper.reading import checked

ABOUT = About("題名 & <Title>", "Fictional & Co.", "ja", datetime(2026, 11, 21, tzinfo=UTC), "主題")
DATA = json.dumps({"a": 1}).encode()


def each(array):
    """The array's values, references followed."""
    return [array[index] for index in range(len(array))]


def document():
    sheet = Sheet(ABOUT)
    for page in (1, 2):
        heading = sheet.tags.root.add("H1")
        sheet.bookmark(f"第{page}章", 800)
        with sheet.marked(heading):
            sheet.words(72, 750, f"第{page}章 Chapter", 14, style=serif("ja"))
        with sheet.marked(sheet.tags.root.add("Figure", alternative="図の説明")):
            sheet.put("72 600 20 20 re f")
        sheet.next_page()
    sheet.attach(Attachment("record.public.json", "application/json", "Data", "Record", DATA))
    sheet.attach(Attachment("a.csv", "text/csv", "Data", "一覧", b"a,b\r\n"))
    return sheet.finish()


def test_qpdf_finds_no_fault(tmp_path):
    checked(document(), tmp_path)


def test_catalogue_metadata_and_files():
    reader = PdfFileReader(io.BytesIO(document()))
    root = reader.root
    assert root["/Lang"] == "ja"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert root["/OutputIntents"][0]["/DestOutputProfile"].data == srgb()
    names = root["/Names"]["/EmbeddedFiles"]["/Names"]
    assert list(names)[::2] == ["a.csv", "record.public.json"]
    assert [file["/AFRelationship"] for file in each(root["/AF"])] == ["/Data", "/Data"]
    embedded = names[3]["/EF"]["/F"]
    assert embedded.data == DATA
    assert embedded["/Params"]["/CheckSum"].original_bytes == hashlib.md5(DATA).digest()
    assert reader.trailer["/Info"]["/Title"] == ABOUT.title


def test_xmp_is_xml_and_equal_to_the_information_dictionary():
    reader = PdfFileReader(io.BytesIO(document()))
    packet = etree.fromstring(reader.root["/Metadata"].data)
    text = etree.tostring(packet, encoding="unicode", method="text")
    assert ABOUT.title in text
    assert ABOUT.author in text
    names = {"pdfaid": "http://www.aiim.org/pdfa/ns/id/", "xmp": "http://ns.adobe.com/xap/1.0/"}
    assert packet.findtext(".//pdfaid:part", namespaces=names) == "3"
    assert packet.findtext(".//xmp:CreateDate", namespaces=names) == "2026-11-21T00:00:00Z"
    assert reader.trailer["/Info"]["/CreationDate"] == "D:20261121000000Z"


def test_structure_tree_leads_from_the_page_to_the_element():
    root = PdfFileReader(io.BytesIO(document())).root
    tree = root["/StructTreeRoot"]
    assert [kid["/S"] for kid in each(tree["/K"]["/K"])] == ["/H1", "/Figure", "/H1", "/Figure"]
    assert tree["/K"]["/K"][1]["/Alt"] == "図の説明"
    for page, parents in zip(
        each(root["/Pages"]["/Kids"]), each(tree["/ParentTree"]["/Nums"])[1::2], strict=True
    ):
        assert page["/Tabs"] == "/S"
        assert [parent["/S"] for parent in each(parents)] == ["/H1", "/Figure"]
        assert [parent["/K"][0] for parent in each(parents)] == [0, 1]


def test_outline():
    root = PdfFileReader(io.BytesIO(document())).root
    first = root["/Outlines"]["/First"]
    assert first["/Title"] == "第1章"
    assert first["/Next"]["/Title"] == "第2章"


def test_same_bytes_in_another_process_whatever_its_clock_and_hash_seed():
    code = "import sys, hashlib; from tests.paper.test_tags import document; print(hashlib.sha256(document()).hexdigest())"
    root = Path(__file__).parents[2]
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": epoch, "TZ": zone, "PATH": ""},
        ).stdout.strip()
        for seed, epoch, zone in (("1", "0", "UTC"), ("77", "1795219200", "Asia/Tokyo"))
    }
    assert seen == {hashlib.sha256(document()).hexdigest()}


def test_no_font_is_left_out():
    pages = PdfFileReader(io.BytesIO(document())).root["/Pages"]["/Kids"]
    for page in each(pages):
        fonts = page["/Resources"]["/Font"]
        for font in map(fonts.__getitem__, fonts):
            assert font["/Subtype"] == "/Type0"
            assert "/FontFile2" in font["/DescendantFonts"][0]["/FontDescriptor"]


def test_the_colour_profile_is_well_formed():
    profile = srgb()
    size, version = struct.unpack(">I4xI", profile[:12])
    assert size == len(profile)
    assert version == 0x02100000
    assert profile[36:40] == b"acsp"
    count = struct.unpack(">I", profile[128:132])[0]
    for number in range(count):
        _, offset, length = struct.unpack(">4sII", profile[132 + 12 * number : 144 + 12 * number])
        assert offset % 4 == 0
        assert offset + length <= size
