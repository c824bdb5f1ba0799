"""What a PDF says about itself: structure for reading aloud, metadata, output intent, attached files.

Written straight into ReportLab's document, to PDF/A-3 (ISO 19005-3) and, where everything is tagged,
PDF/UA-1 (ISO 14289-1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfdoc
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFString

from portal.paper.icc import srgb
from portal.paper.setting import Stream

PRODUCER = "Rensho"


@dataclass
class Node:
    """An element of the structure tree: "P", "H1", "Table", "TR", "TD" … (ISO 32000-1, 14.8.4).

    `kids` holds nodes and (page number from 1, marked-content number) pairs in reading order.
    """

    tag: str
    language: str | None = None
    alternative: str | None = None
    scope: str | None = None
    columns: int = 1
    kids: list[Node | tuple[int, int]] = field(default_factory=list)

    def add(
        self,
        tag: str,
        *,
        language: str | None = None,
        alternative: str | None = None,
        scope: str | None = None,
        columns: int = 1,
    ) -> Node:
        """A new last child. `scope` "Column" or "Row" of a heading cell, `columns` that it spans."""
        child = Node(tag, language, alternative, scope, columns)
        self.kids.append(child)
        return child


@dataclass(frozen=True)
class Attachment:
    """A file embedded in the PDF and associated with it; `relationship` as "Data" or "Source"."""

    name: str
    mime: str
    relationship: str
    description: str
    data: bytes


@dataclass(frozen=True)
class About:
    """Document metadata.

    `made_at` is the document's own date, never the clock's: the same input gives the same bytes.
    """

    title: str
    author: str
    language: str
    made_at: datetime
    subject: str = ""


class _Element(pdfdoc.PDFObject):
    """A structure element, formatted late: page objects get their numbers only when written."""

    __RefOnly__ = 1

    def __init__(self, node: Node, parent: Any, kids: list[Any]) -> None:
        self._node, self._parent, self._kids = node, parent, kids

    def format(self, document: Any) -> bytes:
        numbers = document.idToObjectNumberAndVersion
        page = next((kid[0] for kid in self._kids if isinstance(kid, tuple)), None)
        out = f"<</Type/StructElem/S/{self._node.tag}/P {numbers[self._parent.name][0]} 0 R"
        if page is not None:
            out += f"/Pg {numbers[f'Page{page}'][0]} 0 R"
        kids = []
        for kid in self._kids:
            if not isinstance(kid, tuple):
                kids.append(f"{numbers[kid.name][0]} 0 R")
            elif kid[0] == page:
                kids.append(str(kid[1]))
            else:
                kids.append(f"<</Type/MCR/Pg {numbers[f'Page{kid[0]}'][0]} 0 R/MCID {kid[1]}>>")
        out += f"/K[{' '.join(kids)}]"
        if self._node.scope:
            span = f"/ColSpan {self._node.columns}" if self._node.columns > 1 else ""
            out += f"/A<</O/Table/Scope/{self._node.scope}{span}>>"
        if self._node.language:
            out += f"/Lang({self._node.language})"
        if self._node.alternative:
            out += f"/Alt<FEFF{self._node.alternative.encode('utf-16-be').hex().upper()}>"
        return out.encode("ascii") + b">>"


class Tags:
    """Collects the structure tree while pages are drawn; `write` puts it into the document."""

    def __init__(self) -> None:
        self.root = Node("Document")
        self._pages: dict[int, list[Node]] = {}

    def mark(self, page: int, node: Node) -> int:
        """The marked-content number for the next piece of `node` on this page."""
        marked = self._pages.setdefault(page, [])
        marked.append(node)
        node.kids.append((page, len(marked) - 1))
        return len(marked) - 1

    def write(self, document: Any, pages: int) -> None:
        root = PDFDictionary({"Type": PDFName("StructTreeRoot")})
        root_reference = document.Reference(root)
        references: dict[int, Any] = {}

        def emit(node: Node, parent: Any) -> Any:
            kids: list[Any] = []
            element = _Element(node, parent, kids)
            reference = references[id(node)] = document.Reference(element)
            kids += [kid if isinstance(kid, tuple) else emit(kid, reference) for kid in node.kids]
            return reference

        root["K"] = emit(self.root, root_reference)
        numbers: list[Any] = []
        for index, page in enumerate(sorted(self._pages)):
            parents = PDFArray([references[id(node)] for node in self._pages[page]])
            numbers += [index, document.Reference(parents)]
            document.idToObject[f"Page{page}"].StructParents = index
        root["ParentTree"] = document.Reference(PDFDictionary({"Nums": PDFArray(numbers)}))
        root["ParentTreeNextKey"] = len(self._pages)
        document.Catalog.StructTreeRoot = root_reference
        document.Catalog.MarkInfo = PDFDictionary({"Marked": "true"})
        for page in range(1, pages + 1):
            document.idToObject[f"Page{page}"].Tabs = PDFName("S")


def describe(document: Any, about: About, attachments: Sequence[Attachment]) -> None:
    """Metadata, output intent, language, version and embedded files."""
    catalog = document.Catalog
    # ReportLab writes only the keys it knows; these belong to this document alone.
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents", "AF"]
    document._pdfVersion = (1, 7)  # noqa: SLF001 - ReportLab has no door for it
    catalog.Lang = PDFString(about.language)
    catalog.ViewerPreferences = PDFDictionary({"DisplayDocTitle": "true"})
    document.info = _Info(about)
    packet = _xmp(about).encode("utf-8")
    kind = {"Type": PDFName("Metadata"), "Subtype": PDFName("XML")}
    catalog.Metadata = document.Reference(Stream(kind, packet, packed=False))
    profile = document.Reference(Stream({"N": 3}, srgb()))
    intent = {
        "Type": PDFName("OutputIntent"),
        "S": PDFName("GTS_PDFA1"),
        "OutputConditionIdentifier": PDFString("sRGB IEC61966-2.1"),
        "Info": PDFString("sRGB IEC61966-2.1"),
        "DestOutputProfile": profile,
    }
    catalog.OutputIntents = PDFArray([PDFDictionary(intent)])
    if attachments:
        _attach(document, about, attachments)


def _attach(document: Any, about: About, attachments: Sequence[Attachment]) -> None:
    names: list[Any] = []
    associated: list[Any] = []
    for one in sorted(attachments, key=lambda attachment: attachment.name):
        # MD5 is what the format's CheckSum is defined as (ISO 32000-1, table 46), not a safeguard.
        check = hashlib.md5(one.data, usedforsecurity=False).digest()
        parameters = {"Size": len(one.data), "CheckSum": _Hex(check), "ModDate": _Date(about.made_at)}
        entries = {
            "Type": PDFName("EmbeddedFile"),
            "Subtype": "/" + one.mime.replace("/", "#2F"),
            "Params": PDFDictionary(parameters),
        }
        embedded = document.Reference(Stream(entries, one.data))
        specification = {
            "Type": PDFName("Filespec"),
            "F": PDFString(one.name),
            "UF": PDFString(one.name),
            "AFRelationship": PDFName(one.relationship),
            "Desc": PDFString(one.description),
            "EF": PDFDictionary({"F": embedded, "UF": embedded}),
        }
        reference = document.Reference(PDFDictionary(specification))
        names += [PDFString(one.name), reference]
        associated.append(reference)
    files = PDFDictionary({"Names": PDFArray(names)})
    document.Catalog.Names = PDFDictionary({"EmbeddedFiles": files})
    document.Catalog.AF = PDFArray(associated)


class _Hex(pdfdoc.PDFObject):
    def __init__(self, data: bytes) -> None:
        self._data = data

    def format(self, _document: Any) -> bytes:
        return b"<" + self._data.hex().encode() + b">"


class _Date(pdfdoc.PDFObject):
    def __init__(self, at: datetime) -> None:
        self._at = at

    def format(self, _document: Any) -> bytes:
        return f"(D:{self._at:%Y%m%d%H%M%SZ})".encode("ascii")


class _Info(pdfdoc.PDFInfo):
    """The information dictionary; equal to the XMP packet, as PDF/A wants."""

    def __init__(self, about: About) -> None:
        super().__init__()
        self.title, self.author, self.subject = about.title, about.author, about.subject
        self._about = about

    def format(self, document: Any) -> bytes:
        entries: dict[str, Any] = {
            "Title": PDFString(self._about.title),
            "Author": PDFString(self._about.author),
            "Creator": PDFString(PRODUCER),
            "Producer": PDFString(PRODUCER),
            "CreationDate": _Date(self._about.made_at),
            "ModDate": _Date(self._about.made_at),
        }
        if self._about.subject:
            entries["Subject"] = PDFString(self._about.subject)
        formatted: bytes = PDFDictionary(entries).format(document)
        return formatted


def _xmp(about: About) -> str:
    """The XMP packet: PDF/A-3 with accessible structure (conformance A) and PDF/UA-1."""
    at = f"{about.made_at:%Y-%m-%dT%H:%M:%SZ}"
    alternatives = '<rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>'
    subject = ""
    if about.subject:
        subject = f"<dc:description>{alternatives.format(escape(about.subject))}</dc:description>"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"'
        ' xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">'
        "<dc:format>application/pdf</dc:format>"
        f"<dc:title>{alternatives.format(escape(about.title))}</dc:title>{subject}"
        f"<dc:creator><rdf:Seq><rdf:li>{escape(about.author)}</rdf:li></rdf:Seq></dc:creator>"
        f"<xmp:CreateDate>{at}</xmp:CreateDate><xmp:ModifyDate>{at}</xmp:ModifyDate>"
        f"<xmp:CreatorTool>{PRODUCER}</xmp:CreatorTool><pdf:Producer>{PRODUCER}</pdf:Producer>"
        "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>"
        f"<pdfuaid:part>1</pdfuaid:part></rdf:Description>{_UA_SCHEMA}</rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    )


# PDF/A wants every namespace outside its own list described in the packet itself.
_UA_SCHEMA = (
    '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
    ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
    ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag>'
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/'
    "</pdfaSchema:namespaceURI><pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:schema>"
    "PDF/UA identification schema</pdfaSchema:schema><pdfaSchema:property><rdf:Seq>"
    '<rdf:li rdf:parseType="Resource"><pdfaProperty:category>internal</pdfaProperty:category>'
    "<pdfaProperty:description>PDF/UA version identifier</pdfaProperty:description>"
    "<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>"
    "</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"
)
