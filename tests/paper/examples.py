"""Fictional projections for the tests of the letter on paper."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import Any

COLUMNS = ["number", "owners_en", "owners_ja", "title", "title_ja", "title_en", "kind", "year", "identifiers"]

# Names that have gone wrong in print before: 髙 and 﨑 (JIS X 0213), 𠮷 (outside the BMP), é, brackets
MEMBERS = [
    ("株式会社あおば動画", "Aoba Animation Co., Ltd.", "animation"),
    ("石狩ゲームス株式会社", "Ishikari Games, Inc.", "games"),
    ("株式会社うみねこ書房", "Umineko Publishing Co., Ltd.", "publishing"),
    ("一般社団法人 架空音楽出版社協会", "Fictional Music Publishers’ Association", "music"),
    ("木更津シネマ株式会社", "Kisarazu Cinema Corporation", "film"),
    ("株式会社スタジオ・カフェé", "Studio Café K.K.", "animation"),
    ("髙橋映像製作所", "Takahashi Film Works, Ltd.", "film"),
    ("株式会社つばめ＆カンパニー", "Tsubame & Company, Inc.", "publishing"),
    ("ナイト〈夜〉プロダクション株式会社", "Knight “Yoru” Productions, Inc.", "animation"),
    ("山﨑文庫株式会社", "Yamazaki Bunko, Inc.", "publishing"),
    ("株式会社𠮷田企画", "Yoshida Kikaku Co., Ltd.", "games"),
    ("合同会社ワン・トゥー", "One <Two> & Sons LLC", "music"),
]

FACTS_EN = (
    "We write on behalf of the companies and associations named on the page of signatories. Between them they"
    " create and license animation, films, games, books and music known to audiences in more than one hundred"
    " countries, among them the series “Harbour of Glass” (硝子の港) and the game “Seven Lanterns”."
)
TRIGGER_EN = (
    "On 30 September 2026 your company released the video model Example Reel 2. Within two days clips made with it"
    " were in public circulation that reproduce characters, settings and scenes of our members’ works closely"
    " enough to be taken for excerpts. Twenty such outputs, with the prompts that led to them, are listed in the"
    " annex of exhibits; each was captured with its time and digest."
)
LAW_EN = (
    "Reproducing a work in the course of training, and making adaptations of it available to the public, are"
    " restricted acts under the Copyright Act of Japan (Act No. 48 of 1970), in particular Articles 21, 23 and 27."
    " Article 30-4 does not reach uses whose purpose includes enjoying the expression of the work, nor uses that"
    " unreasonably prejudice the interests of the right holder. An offer to exclude works on request, made after"
    " the fact, does not change this: under Japanese law it is the user who asks first, not the owner who objects"
    " later."
)
FACTS_JA = (
    "当連合は、本書の連名の頁に掲げる各社及び団体を代表して、貴社に書簡を差し上げます。各社は、『硝子の港』をはじめとする"
    "アニメーション、映画、ゲーム、書籍及び音楽を創作し、百を超える国と地域の人々に届けてまいりました。"
)
TRIGGER_JA = (
    "貴社は2026年9月30日、動画生成モデル「Example Reel 2」を公開されました。公開から二日のうちに、会員の著作物の登場人物、"
    "舞台及び場面を、抜粋と見まがうほど忠実に再現した映像が広く流通しております。そのような出力20件を、入力された指示文とともに"
    "別紙の証拠一覧に掲げました（いずれも取得の時刻とダイジェストを付しております）。"
)
LAW_JA = (
    "学習の過程における著作物の複製、及びその翻案物の公衆への提供は、著作権法（昭和45年法律第48号）第21条、第23条及び第27条等により"
    "権利者の許諾を要する行為です。同法第30条の4は、著作物に表現された思想又は感情の享受を目的に含む利用や、権利者の利益を不当に害する"
    "利用には及びません。事後に申出があれば除外するという方式（いわゆるオプトアウト）は、この結論を左右しません。――"
    "「先に許諾を得る」ことが、わが国の法の原則だからです。"
)
STOP_EN = (
    "Stop generating and distributing output that reproduces or adapts our members’ works, and say in writing"
    " which measures have been taken to that end."
)
STOP_JA = (
    "会員の著作物を複製し又は翻案した映像の生成及び提供を停止し、そのために講じた措置を書面で説明すること。"
)
EXPLAIN_EN = (
    "Disclose whether works of the annexed schedule were used to train Example Reel 2, from which sources they"
    " were taken, and on what legal basis."
)
EXPLAIN_JA = "別紙の著作物一覧に掲げる著作物をExample Reel 2の学習に用いたか、その入手元及び法的根拠を明らかにすること。"
TALK_EN = (
    "Enter into talks with the association on the terms under which its members may, each deciding for itself,"
    " license their works."
)
TALK_JA = "会員が各自の判断により許諾する場合の条件について、当連合との協議に応じること。"
DEMANDS = [
    (STOP_EN, STOP_JA, "2026-12-18"),
    (EXPLAIN_EN, EXPLAIN_JA, "2026-12-18"),
    (TALK_EN, TALK_JA, None),
]
CLOSING_EN = (
    "Nothing in this letter is a waiver of any right or remedy of our members, all of which are reserved. We should"
    " much prefer to settle this by agreement, and shall be glad to meet your representatives in Tokyo or by video"
    " at short notice."
)
CLOSING_JA = (
    "本書のいかなる記載も、会員の権利又は救済手段を放棄するものではなく、その一切を留保いたします。もっとも、当連合は協議による解決を望んで"
    "おり、東京又はオンラインにて、速やかにお目にかかる用意がございます。"
)


def sections(language: str) -> list[dict[str, Any]]:
    """The letter's text in this language."""
    japanese = language == "ja"
    paragraphs = [
        ("sender", "差出人" if japanese else "Who we are", FACTS_JA if japanese else FACTS_EN),
        ("trigger", "経緯" if japanese else "What has happened", TRIGGER_JA if japanese else TRIGGER_EN),
        ("law", "法的な評価" if japanese else "The law", LAW_JA if japanese else LAW_EN),
    ]
    out = [
        {"id": name, "heading": heading, "blocks": [{"id": f"{name}1", "kind": "paragraph", "text": text}]}
        for name, heading, text in paragraphs
    ]
    asks = "以下の各項を要請いたします。" if japanese else "We therefore ask your company:"
    blocks: list[dict[str, Any]] = [{"id": "ask", "kind": "paragraph", "text": asks}]
    for number, (english, other, deadline) in enumerate(DEMANDS, 1):
        text = other if japanese else english
        blocks.append(
            {"id": f"d{number}", "kind": "demand", "number": number, "text": text, "deadline": deadline}
        )
    out.append({"id": "demands", "heading": "要請" if japanese else "What we ask", "blocks": blocks})
    last = {"id": "close", "kind": "paragraph", "text": CLOSING_JA if japanese else CLOSING_EN}
    out.append(
        {"id": "closing", "heading": "権利の留保" if japanese else "Reservation and talks", "blocks": [last]}
    )
    return out


def sha(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def works(owners: list[tuple[str, str]], each: int) -> list[list[str]]:
    """`each` works for every owner, then one owned by the first two."""
    rows = []
    for english, japanese in owners:
        for n in range(each):
            title = f"硝子の港 第{n + 1}期 〜{japanese[-2:]}の灯〜"
            other = f"Harbour of Glass {n + 1}: The Lanterns of {english.split()[0]}"
            kind = ("tv", "film", "game")[n % 3]
            rows.append([english, japanese, title, title, other, kind, str(1990 + n % 37), ""])
    joint = " | ".join(owners[0][:1] + owners[1][:1]), " | ".join([owners[0][1], owners[1][1]])
    rows.append([*joint, "Seven Lanterns — 七つの灯籠", "七つの灯籠", "Seven Lanterns", "game", "2021", ""])
    return [[str(n), *row] for n, row in enumerate(rows, 1)]


def table(rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([COLUMNS, *rows])
    return out.getvalue().encode("utf-8")


def projection(
    *,
    languages: tuple[str, ...] = ("en", "ja"),
    edition: str = "addressee",
    rehearsal: bool = False,
    members: list[tuple[str, str, str]] | None = None,
    total: int | None = None,
    schedule: bytes = b"",
    exhibits: int = 3,
) -> dict[str, Any]:
    """A record of a fictional association's letter to a fictional company."""
    named = MEMBERS if members is None else members
    total = len(named) if total is None else total
    return {
        "format": "rensho/letter/1",
        "kind": "projection",
        "edition": edition,
        "layout": 1,
        "rehearsal": rehearsal,
        "reference": "FCA-2026-0001",
        "date": "2026-11-21",
        "languages": list(languages),
        "prevails": languages[0],
        "association": {
            "names": {"en": "Fictional Content Alliance", "ja": "架空コンテンツ連合"},
            "address": {
                "en": ["1-2-3 Kasumi, Example-ku", "Tokyo 100-0000, Japan"],
                "ja": ["〒100-0000", "東京都例示区霞1丁目2番3号"],
            },
            "contact": "letters@fca.example",
        },
        "addressee": {
            "names": {"en": "Example Motion Labs, Inc.", "ja": "エグザンプル・モーション・ラボ社"},
            "office": {"en": "Office of the General Counsel", "ja": "法務統括責任者"},
            "person": {"en": "Ms. Jordan Placeholder", "ja": "ジョーダン・プレースホルダー様"},
            "address": {"en": ["500 Sample Street", "Springfield, CA 90000", "United States of America"]},
        },
        "delivery": {"en": "By courier and e-mail", "ja": "国際宅配便及び電子メールによる"},
        "subject": {
            "en": "Use of our members’ works in the video model Example Reel 2",
            "ja": "動画生成モデル「Example Reel 2」における会員著作物の利用について",
        },
        "revision": {"number": 3, "digest": sha("revision")},
        "sections": {language: sections(language) for language in languages},
        "quorum": {
            "rule": {"share": "2/3"},
            "sentence": {
                "en": f"Quorum reached: {total} of {total} members on the roll approved; two thirds were needed.",
                "ja": f"定足数に達しました。名簿の{total}社のうち{total}社が承認しました（必要数は3分の2）。",
            },
            "verdict": "reached",
            "tally": {"roll": total, "approved": total, "declined": 0, "abstained": 0, "unanswered": 0},
        },
        "order": {
            "rule": "gojuon",
            "sentence": {
                "en": "They stand in the order of the Japanese syllabary (gojūon) by the reading of their names.",
                "ja": "掲載の順は、名称の読みの五十音順によります。",
            },
        },
        "signatories": {
            "total": total,
            "named": [
                {
                    "position": n,
                    "names": {"ja": japanese, "en": english},
                    "language": "ja",
                    "category": category,
                    "consent": "addressee",
                    "signoff": sha(english),
                }
                for n, (japanese, english, category) in enumerate(named, 1)
            ],
        },
        "schedule": {"digest": sha(schedule.decode()), "works": 0, "rows": 0, "by_kind": {}},
        "exhibits": [
            {
                "number": n,
                "title": {"en": f"A lighthouse scene, output no. {n}", "ja": f"灯台の場面（出力その{n}）"},
                "url": f"https://video.example/watch/{n}",
                "captured_at": "2026-10-01T03:04:05Z",
                "sha256": sha(f"exhibit {n}"),
                "note": {
                    "en": "Resembles the opening of “Harbour of Glass”.",
                    "ja": "『硝子の港』の冒頭に酷似する。",
                },
            }
            for n in range(1, exhibits + 1)
        ],
        "countersignatures": [
            {
                "names": {"en": "Hanako Kakuu", "ja": "架空 花子"},
                "title": {"en": "Secretary General", "ja": "事務局長"},
                "at": "2026-11-20T08:15:00Z",
                "digest": sha("officer 1"),
            },
            {
                "names": {"en": "Tarō Sōzō", "ja": "想像 太郎"},
                "title": {"en": "Chair of the Board", "ja": "理事長"},
                "at": "2026-11-20T09:40:00Z",
                "digest": sha("officer 2"),
            },
        ],
        "mandate": {
            "text": {
                "en": "Each member authorises the association to send this letter and to receive answers to it. It does"
                " not authorise the association to negotiate, settle or sue in its name.",
                "ja": "各会員は、本書の送付及びこれに対する回答の受領を当連合に委任しています。会員の名において交渉し、和解し又は提訴する権限は"
                "含みません。",
            },
            "digest": sha("mandate"),
        },
        "log": {
            "origin": "fca.example/log",
            "vkey": "fca.example/log+1a2b3c4d+AUWuqx9fXkY0dTtPFVYCIXbXo1rVhZSPzrS0fX9nIvXJ",
        },
        "seal": {
            "subject": "CN=Fictional Content Alliance Seal, O=Fictional Content Alliance, C=JP",
            "fingerprint": sha("certificate"),
            "self_made": True,
            "timestamped": False,
        },
        "verify_url": "https://letters.fca.example/verify/FCA-2026-0001",
        "commitment": sha("commitment"),
    }


def sample(**options: Any) -> tuple[dict[str, Any], bytes]:
    """The usual letter: 12 members, two languages, a few works each."""
    each = options.pop("each", 4)
    members = options.get("members") or MEMBERS
    rows = works([(english, japanese) for japanese, english, _ in members], each)
    data = table(rows)
    return projection(schedule=data, **options), data


def full(**options: Any) -> dict[str, Any]:
    """A full record: everybody is in it, named or not, and somebody on the roll who did not approve."""
    record = projection(**options)
    record |= {
        "kind": "full",
        "edition": None,
        "salt": "5a" * 32,
        "others": {"m99": {"en": "Silent Pictures, Inc."}},
    }
    del record["commitment"]
    for n, one in enumerate(record["signatories"]["named"]):
        one["member"] = f"m{n}"
        one["consent"] = ("public", "addressee", "unnamed")[n % 3]
    return record
