"""A sealed PDF taken apart: its revisions, its declared seal, its embedded files, its pages.

pyHanko is used to *read* the file, and for no verdict. What a stranger sends may break a parser in
any way, so everything it raises becomes `Unreadable`; limits on memory and time are set by the
process this runs in (`portal.letters.verification_child`).
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm

from portal.kernel.sentence import Sentence, say

T = TypeVar("T")

MAX_TREE: Final = 1_000
"""How many nodes of a name tree are looked at."""
MAX_DEPTH: Final = 20
"""How deep the tree of pages may be; without a limit, a tree that bites its tail is an endless loop."""
_dictionary: Any = generic.DictionaryObject  # typed as taking nothing
_MAY_CHANGE: Final = {"root": {"/AcroForm", "/Perms", "/Extensions", "/Version"}, "page": {"/Annots"}}
"""What a seal adds to the document: the signature's field and its declaration."""

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # a stranger's file must not fill our logs


class Unreadable(Exception):  # noqa: N818 - it reads as what happened
    """The file is no PDF, or one too broken to be read."""


def _guarded(read: Callable[[], T]) -> T:
    try:
        return read()
    except Exception as error:
        raise Unreadable(type(error).__name__) from error


class SealedPdf:
    """A PDF opened for checking. Raises `Unreadable`, as all of its methods may."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._reader: Any = _guarded(lambda: PdfFileReader(io.BytesIO(data), strict=True))
        if _guarded(lambda: self._reader.encrypted):
            raise Unreadable("encrypted")

    @property
    def revisions(self) -> int:
        """How many times the file was written to: 1, and 1 more for the seal."""
        return _guarded(lambda: int(self._reader.total_revisions))

    def seal_problem(self, byte_range: tuple[int, int, int, int]) -> Sentence | None:
        """Why the file does not declare that its one signature forbids every change; None if it does."""
        return _guarded(lambda: self._seal_problem(byte_range))

    def _seal_problem(self, byte_range: tuple[int, int, int, int]) -> Sentence | None:
        found = self._reader.embedded_signatures
        if len(found) != 1 or tuple(int(number) for number in found[0].byte_range) != byte_range:
            return say("The signature in the file's form is not the one that was checked.")
        seal = found[0]
        if seal.docmdp_level != MDPPerm.NO_CHANGES:
            return say("The signature does not forbid changes to the document.")
        permissions = _at(self._reader.root, "/Perms", {})
        declared = permissions.raw_get("/DocMDP") if "/DocMDP" in permissions else None
        field_value = seal.sig_field.raw_get("/V")
        if not isinstance(declared, generic.IndirectObject) or declared.reference != field_value.reference:
            return say("The document does not declare the signature as its certification.")
        return None

    def claimed_time(self) -> str | None:
        """The time of signing in the signature's dictionary, as RFC 3339; None if it has none."""

        def read() -> str | None:
            moment = generic.parse_pdf_date(
                str(self._reader.embedded_signatures[0].sig_object["/M"]), strict=True
            )
            return None if moment is None else str(moment.isoformat())

        try:
            return _guarded(read)
        except Unreadable:
            return None

    def embedded_files(self) -> dict[str, bytes]:
        """Name and content of every embedded file. Raises `Unreadable` if two have one name."""
        return _guarded(self._embedded_files)

    def _embedded_files(self) -> dict[str, bytes]:
        tree = _at(_at(self._reader.root, "/Names", {}), "/EmbeddedFiles", None)
        files: dict[str, bytes] = {}
        for specification in _leaves(tree) if tree is not None else ():
            name = str(_at(specification, "/UF", None) or specification["/F"])
            if name in files:
                raise ValueError("two embedded files have one name")
            files[name] = bytes(specification["/EF"]["/F"].data)
        return files

    # --- the letter under the seal ----------------------------------------------------------------

    def differs_from(self, rendered: bytes) -> Sentence | None:
        """How the document differs from *rendered* plus a seal; None if it does not.

        Usually *rendered* is simply what the file begins with. Where it is not, because another zlib
        compressed it, every object is compared with its streams decoded.
        """
        return _guarded(lambda: self._differs_from(rendered))

    def _differs_from(self, rendered: bytes) -> Sentence | None:
        if self._reader.total_revisions != 2:
            return say(
                "The file was written to %(n)s times after it was made.", n=self._reader.total_revisions - 1
            )
        own = PdfFileReader(io.BytesIO(rendered), strict=True)
        first = self._reader.get_historical_resolver(0)
        before = self._reader.xrefs.get_startxref_for_revision(0)
        same_bytes = self.data.startswith(rendered) and before == own.last_startxref
        if not same_bytes and not _same_objects(own, first):
            return say("The pages are not those that the embedded record gives.")
        return self._update_problem(first)

    def _update_problem(self, first: Any) -> Sentence | None:
        """The seal's update may add objects, and to the catalogue and one page what announces them."""
        reader = self._reader
        known = reader.xrefs.explicit_refs_in_revision(0)
        page = first.root["/Pages"]
        for _ in range(MAX_DEPTH):
            page = page["/Kids"][0] if page["/Type"] == "/Pages" else page
        annotations = page.raw_get("/Annots") if "/Annots" in page else None
        for ref in reader.xrefs.explicit_refs_in_revision(1) & known:
            old, new = first.get_object(ref), reader.get_object(ref)
            if (ref.idnum, ref.generation) == (reader.root_ref.idnum, reader.root_ref.generation):
                same = _rest(old, _MAY_CHANGE["root"]) == _rest(new, _MAY_CHANGE["root"])
            elif isinstance(new, generic.DictionaryObject) and _at(new, "/Type", None) == "/Page":
                same = _rest(old, _MAY_CHANGE["page"]) == _rest(new, _MAY_CHANGE["page"])
                same = same and _one_more(_at(old, "/Annots", []), _at(new, "/Annots", []))
            else:
                same = (
                    isinstance(annotations, generic.IndirectObject)
                    and annotations.idnum == ref.idnum
                    and _one_more(old, new)
                )
            if not same:
                return say("The sealed file changes parts of the letter itself.")
        if reader.xrefs.refs_freed_in_revision(1) or _entry(reader) != _entry(first):
            return say("The sealed file changes parts of the letter itself.")
        return None


def _at(dictionary: Any, key: str, otherwise: Any) -> Any:
    """The value under *key*, references followed (pyHanko's ``get`` does not)."""
    if key not in dictionary:
        return otherwise
    return dictionary[key]


def _entry(document: Any) -> list[bytes]:
    """Where a reader enters a document: what its trailer names as catalogue and metadata."""
    trailer = document.trailer_view
    return [_plain(trailer.raw_get(key)) for key in ("/Root", "/Info") if key in trailer]


def _leaves(tree: Any) -> Iterator[Any]:
    """The values of a name tree (ISO 32000-2 §7.9.6)."""
    waiting, seen = [tree], 0
    while waiting:
        node, seen = waiting.pop(0), seen + 1
        if seen > MAX_TREE:
            raise ValueError("the tree of embedded files is too large")
        names, kids = _at(node, "/Names", []), _at(node, "/Kids", [])
        yield from (names[place] for place in range(1, len(names), 2))
        waiting += [kids[place] for place in range(len(kids))]


def _same_objects(own: Any, theirs: Any) -> bool:
    """Whether two documents have the same objects, streams compared decoded."""
    ours = own.xrefs.explicit_refs_in_revision(0)
    numbers = {(ref.idnum, ref.generation) for ref in ours}
    if numbers != {(ref.idnum, ref.generation) for ref in theirs.explicit_refs_in_revision()}:
        return False
    if own.root_ref.idnum != theirs.root_ref.idnum:
        return False
    return all(
        _plain(own.get_object(ref))
        == _plain(theirs.get_object(generic.Reference(ref.idnum, ref.generation, theirs)))
        for ref in ours
    )


def _plain(value: Any) -> bytes:
    """An object in one spelling; a stream without its length and with its content decoded."""
    if isinstance(value, generic.StreamObject):
        return _rest(value, {"/Length"}) + b"stream" + bytes(value.data)
    output = io.BytesIO()
    value.write_to_stream(output, None)
    return output.getvalue()


def _rest(value: Any, without: set[str]) -> bytes:
    """A dictionary in one spelling, without some of its keys."""
    left = {key: inner for key, inner in value.items() if str(key) not in without}
    return _plain(_dictionary(dict(sorted(left.items()))))


def _one_more(old: Any, new: Any) -> bool:
    """Whether an array of annotations is the old one with just the signature's widget added."""
    if len(new) != len(old) + 1 or _at(new[-1], "/FT", None) != "/Sig":
        return False
    return [_plain(one) for one in old] == [_plain(one) for one in list(new)[:-1]]
