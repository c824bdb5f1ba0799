"""A letter to make records of; all names are fictional."""

from portal.letters.record import Consent, Countersignature, Exhibit, Letter, ScheduledWork, Signatory

SALT = "5a" * 32
DIGEST = "sha256:" + "ab" * 32


def letter(approved, **changes):
    given = {
        "reference": "FCA-2026-0001",
        "date": "2026-11-21",
        "languages": ("en", "ja"),
        "prevails": "en",
        "rehearsal": False,
        "association": {
            "names": {"en": "Fictional Creators Association", "ja": "架空創作者協会"},
            "address": {"en": ["1-2-3 Example, Tokyo"], "ja": ["東京都例示区1-2-3"]},
            "contact": "office@association.example",
        },
        "addressee": {
            "names": {"en": "Prompt Pictures Inc."}, "office": {"en": "Office of the General Counsel", "ja": "法務部"},
            "person": None, "address": {"en": ["1 Model Way"]},
        },
        "delivery": {"en": "By courier", "ja": "宅配便"},
        "subject": {"en": "Your video model", "ja": "貴社の動画生成モデルについて"},
        "revision": {"number": 3, "digest": DIGEST},
        "sections": {
            "en": [{"id": "facts", "heading": "Facts", "blocks": [{"id": "p1", "kind": "paragraph", "text": "We observed it."}]}],
            "ja": [{"id": "facts", "heading": "事実", "blocks": [{"id": "p1", "kind": "paragraph", "text": "確認した。"}]}],
        },
        "quorum": {
            "rule": {"kind": "share", "at_least": "2/3"},
            "sentence": {"en": "Two thirds of the roll.", "ja": "名簿の3分の2。"},
            "verdict": "reached",
            "tally": {"roll": approved + 1, "approved": approved, "declined": 0, "abstained": 0, "unanswered": 1},
        },
        "order": {"rule": "gojuon", "sentence": {"en": "In the order of the reading.", "ja": "五十音順。"}},
        "mandate": {"text": {"en": "To send this letter.", "ja": "本書の送付。"}, "digest": DIGEST},
        "log": {"origin": "log.association.example", "vkey": "log.association.example+00000000+AQ=="},
        "seal": {"subject": "CN=Seal", "fingerprint": DIGEST, "self_made": True, "timestamped": False},
        "verify_url": "https://portal.association.example/verify/FCA-2026-0001",
        "exhibits": (Exhibit({"en": "A clip", "ja": "動画"}, "2026-10-01T03:04:05Z", DIGEST),),
        "countersignatures": (
            Countersignature({"en": "Hanako Shiken", "ja": "試験 花子"}, {"en": "Chair", "ja": "会長"}, "2026-11-20T01:00:00Z", DIGEST),
        ),
    }  # fmt: skip
    return Letter(**(given | changes))


SIGNATORIES = (
    Signatory("m1", {"ja": "株式会社髙橋映像", "en": "Takahashi Eizo Inc."}, "ja", "animation", Consent.public, "sha256:" + "01" * 32),
    Signatory("m2", {"ja": "吉祥工房", "en": "Kissho Kobo"}, "ja", "animation", Consent.addressee, "sha256:" + "02" * 32),
    Signatory("m3", {"en": "Étoile Musique"}, "en", "music", Consent.unnamed, "sha256:" + "03" * 32),
    Signatory("m4", {"ja": "𠮷田出版", "en": "Yoshida Publishing"}, "ja", "publishing", Consent.public, "sha256:" + "04" * 32),
)  # fmt: skip
WORKS = (
    ScheduledWork(("m1",), "青い彗星", {"ja": "青い彗星", "en": "Blue Comet"}, "tv", 2019, ("EIDR:10.5240/XXXX",)),
    ScheduledWork(("m1", "m4"), '=LOVE, "the" film\nPart 2', {"en": "=LOVE"}, "film", None),
    ScheduledWork(("m1", "m2"), "二人の庭", {"ja": "二人の庭"}, "tv", 2020),
    ScheduledWork(("m3",), "Chanson secrète", {}, "music", 1999),
    ScheduledWork(("m4",), "限定本", {"ja": "限定本"}, "book", 2001, (), Consent.addressee),
    ScheduledWork(("m1", "m3"), "Duo caché", {}, "music", 2003),
    ScheduledWork(("m4",), "非公表の本", {"ja": "非公表の本"}, "book", 2002, (), Consent.withheld),
)  # fmt: skip
