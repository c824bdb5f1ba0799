"""The letter's own words: everything printed on it that is not in its record, in both languages.

These are part of the letter and not of the user interface: they are printed in the letter's
languages whatever the reader's is, and a change of one changes the bytes of every letter. Hence they
are kept here, versioned with the layout (`record.LAYOUT`), and not in the message catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

WORDS: Mapping[str, Mapping[str, str]] = {
    "reference": {"en": "Reference", "ja": "文書番号"},
    "date": {"en": "Date", "ja": "日付"},
    "delivery": {"en": "Delivery", "ja": "送付方法"},
    "subject": {"en": "Re:", "ja": "件名："},
    "by_deadline": {"en": "By {date}.", "ja": "期限：{date}"},
    "page": {"en": "Page {page} of {pages}", "ja": "{page} / {pages} ページ"},
    "language_part": {"en": "English text", "ja": "日本語正文"},
    "prevails": {
        "en": "This letter is written in {languages}, each complete in itself. Should they differ, the"
        " {prevailing} text prevails.",
        "ja": "本書は{languages}で作成され、それぞれが全文です。相違がある場合は、{prevailing}の文面が優"
        "先します。",
    },
    "language_en": {"en": "English", "ja": "英語"},
    "language_ja": {"en": "Japanese", "ja": "日本語"},
    "and": {"en": " and ", "ja": "及び"},
    "members": {"en": "The members in whose name this letter is sent", "ja": "本書を連名で送付する会員"},
    "members_total": {
        "en": "{total} members approved this letter; {named} of them are named here.",
        "ja": "本書を承認した会員は{total}社、うちここに社名を掲げるものは{named}社です。",
    },
    "members_total_all": {
        "en": "{total} members approved this letter; all of them are named here.",
        "ja": "本書を承認した会員は{total}社で、そのすべての社名をここに掲げます。",
    },
    "members_unnamed": {
        "en": "{n} further members approved and are not named in this edition.",
        "ja": "このほか{n}社が承認しましたが、この版では社名を掲げていません。",
    },
    "members_unnamed_one": {
        "en": "1 further member approved and is not named in this edition.",
        "ja": "このほか1社が承認しましたが、この版では社名を掲げていません。",
    },
    "members_none_named": {
        "en": "{total} members approved this letter; none of them is named in this edition.",
        "ja": "本書を承認した会員は{total}社ですが、この版では社名を掲げていません。",
    },
    "number": {"en": "No.", "ja": "番号"},
    "name": {"en": "Name", "ja": "名称"},
    "name_latin": {"en": "Name in Latin letters", "ja": "英文名称"},
    "name_original": {"en": "Legal name", "ja": "正式名称"},
    "mandate": {"en": "What the association may do", "ja": "本会に委ねられたこと"},
    "countersigned": {"en": "Countersigned for the association", "ja": "本会を代表して副署した役員"},
    "countersigned_at": {"en": "Countersigned electronically on {at}", "ja": "電子的に副署した日時　{at}"},
    "evidence_digest": {"en": "Digest of the evidence", "ja": "証跡のダイジェスト"},
    "annex_schedule": {"en": "Annex A: Schedule of works", "ja": "別紙A　著作物一覧"},
    "annex_exhibits": {"en": "Annex B: Exhibits", "ja": "別紙B　証拠一覧"},
    "annex_exhibits_only": {"en": "Annex A: Exhibits", "ja": "別紙A　証拠一覧"},
    "schedule_intro": {
        "en": "{works} works, in the order of their owners. A work owned by several members is listed"
        " once, under all their names. The same list is embedded in this file as {file}.",
        "ja": "著作物{works}点を権利者の順に掲げます。複数の会員が権利を有する著作物は、連名のもとに一度"
        "だけ掲げます。同じ一覧を{file}として本ファイルに埋め込んでいます。",
    },
    "schedule_empty": {
        "en": "No work is listed by name in this edition.",
        "ja": "この版では著作物の題名を掲げていません。",
    },
    "totals": {"en": "Totals by kind", "ja": "種別ごとの件数"},
    "total": {"en": "Total", "ja": "合計"},
    "works_count": {"en": "{n} works", "ja": "{n}点"},
    "works_count_one": {"en": "1 work", "ja": "1点"},
    "continued": {"en": "(continued)", "ja": "（続き）"},
    "title": {"en": "Title", "ja": "題名"},
    "title_other": {"en": "Other titles", "ja": "別題"},
    "kind": {"en": "Kind", "ja": "種別"},
    "year": {"en": "Year", "ja": "年"},
    "identifiers": {"en": "Identifiers", "ja": "識別子"},
    "exhibit": {"en": "Exhibit {n}", "ja": "証拠{n}"},
    "captured": {"en": "Captured {at}", "ja": "取得日時　{at}"},
    "proof": {
        "en": "What this document proves and how to check it",
        "ja": "この文書が証明することと、その確かめ方",
    },
    "proves": {
        "en": "The seal shows that this file was issued by {association} and has not been changed since."
        " The log entry shows when it was issued and that no other letter bears its reference. Each"
        " member counted here approved exactly this text; the count is the same in every edition.",
        "ja": "eシールは、本ファイルが{association}により発行され、以後変更されていないことを示します。ログ"
        "の記録は、発行の時と、同じ文書番号の書簡がほかにないことを示します。ここに数えられた会員は"
        "、いずれもこの文面そのものを承認しました。会員の総数はどの版でも同じです。",
    },
    "proves_not": {
        "en": "It does not prove who owns a work, nor that what the letter says is true.",
        "ja": "著作物の権利の帰属や、書簡の述べる内容が真実であることまでを証明するものではありません。",
    },
    "proves_self_made": {
        "en": "The seal’s certificate was made by the association itself: it is no qualified certificate,"
        " and its fingerprint must be compared with one obtained from the association.",
        "ja": "eシールの証明書は本会が自ら作成したもので、適格な認証局によるものではありません。指紋を、本会"
        "から別途入手したものと照合してください。",
    },
    "proves_no_time": {
        "en": "The seal carries no time-stamp of a third party: its time rests on the log alone.",
        "ja": "eシールに第三者のタイムスタンプは付されておらず、その時刻の裏付けはログのみです。",
    },
    "proves_time": {
        "en": "The seal carries a time-stamp of a third party.",
        "ja": "eシールには第三者のタイムスタンプが付されています。",
    },
    "check_1": {
        "en": "Open {url} (or scan the code) and drop this file there. The page says whether it is"
        " genuine, and which edition it is.",
        "ja": "{url}を開き（または二次元コードを読み取り）、本ファイルを置いてください。真正かどうかと、"
        "どの版かが表示されます。",
    },
    "check_2": {
        "en": "Without that page: any PDF reader that checks signatures must report one valid"
        " certification by the certificate below, covering the entire file.",
        "ja": "そのページを使わない場合は、署名を検証できるPDFリーダーで、下記の証明書による有効な証明用"
        "署名が一つだけあり、ファイル全体を対象としていることを確かめてください。",
    },
    "check_3": {
        "en": "The embedded file {record} holds what is printed here, for programs; with the proof file"
        " sent along, its place in the log can be checked against the key below, offline.",
        "ja": "埋め込まれた{record}は、ここに印刷された内容をプログラムで読める形で収めています。同送の証"
        "明ファイルと下記の鍵により、ログ上の位置をオフラインで確かめられます。",
    },
    "facts": {"en": "Particulars", "ja": "明細"},
    "edition": {"en": "Edition", "ja": "版"},
    "edition_addressee": {"en": "Addressee edition", "ja": "宛先版"},
    "edition_public": {"en": "Public edition", "ja": "公開版"},
    "edition_none": {"en": "Draft", "ja": "草案"},
    "verify": {"en": "Check at", "ja": "検証ページ"},
    "revision": {"en": "Text", "ja": "文面"},
    "revision_value": {"en": "Revision {number}, {digest}", "ja": "第{number}版　{digest}"},
    "commitment": {"en": "Commitment to the full record", "ja": "全記録へのコミットメント"},
    "schedule_digest": {"en": "Schedule of works", "ja": "著作物一覧"},
    "log_origin": {"en": "Log", "ja": "ログ"},
    "log_key": {"en": "Log key", "ja": "ログの公開鍵"},
    "seal_subject": {"en": "Seal certificate", "ja": "eシールの証明書"},
    "seal_self_made": {"en": "made by the association itself", "ja": "本会の自己作成"},
    "seal_fingerprint": {"en": "Its fingerprint", "ja": "証明書の指紋"},
    "seal_time": {"en": "Time-stamp", "ja": "タイムスタンプ"},
    "time_none": {"en": "none", "ja": "なし"},
    "time_third_party": {"en": "by a third party, in the seal", "ja": "第三者によるもの（eシール内）"},
    "rehearsal": {
        "en": "REHEARSAL: this is not a letter. Nobody approved or sent it.",
        "ja": "予行：これは書簡ではありません。承認も送付もされていません。",
    },
    "letter_of": {"en": "Letter {reference}", "ja": "書簡 {reference}"},
    "file_record": {
        "en": "The letter's record as this edition shows it (JSON)",
        "ja": "この版に示す範囲の記録 (JSON)",
    },
    "file_schedule": {"en": "Schedule of works (CSV)", "ja": "著作物一覧 (CSV)"},
    "certificate": {"en": "Certificate of approval", "ja": "承認証明書"},
    "internal": {"en": "For the association’s files", "ja": "本会保管用"},
    "certificate_intro": {
        "en": "This is how the letter below came to be approved: by whom, with which evidence, and by"
        " which rule it was counted. It names every member and stays with the association.",
        "ja": "下記の書簡が、だれにより、どのような証跡をもって承認され、どの規則により数えられたかを示し"
        "ます。すべての会員の名称を含むため、本会の外に出すものではありません。",
    },
    "letter": {"en": "The letter", "ja": "書簡"},
    "addressee": {"en": "Addressee", "ja": "宛先"},
    "subject_plain": {"en": "Subject", "ja": "件名"},
    "count": {"en": "Roll and count", "ja": "名簿と集計"},
    "rule": {"en": "Quorum rule, as data", "ja": "定足数の規則（データ）"},
    "verdict": {"en": "Verdict", "ja": "結果"},
    "verdict_reached": {"en": "quorum reached", "ja": "定足数に到達"},
    "tally_roll": {"en": "Members on the roll", "ja": "名簿の会員数"},
    "tally_approved": {"en": "Approved", "ja": "承認"},
    "tally_declined": {"en": "Declined", "ja": "不承認"},
    "tally_abstained": {"en": "Abstained", "ja": "棄権"},
    "tally_unanswered": {"en": "No answer", "ja": "未回答"},
    "signoffs": {"en": "Sign-offs", "ja": "承認の一覧"},
    "consent": {"en": "May be named", "ja": "社名の掲載"},
    "consent_public": {"en": "publicly", "ja": "公開可"},
    "consent_addressee": {"en": "to the addressee", "ja": "宛先に限る"},
    "consent_unnamed": {"en": "not named", "ja": "掲載しない"},
    "others": {
        "en": "On the roll, without an approval that counts",
        "ja": "名簿のうち、承認に数えられない会員",
    },
    "digests": {"en": "Digests", "ja": "ダイジェスト"},
    "full_record": {"en": "Full record", "ja": "全記録"},
    "qr_alternative": {"en": "QR code of {url}", "ja": "{url} の二次元コード"},
}

REHEARSAL_STAMP = "予行 / REHEARSAL"

KINDS: Mapping[str, Mapping[str, str]] = {
    "tv": {"en": "Television", "ja": "テレビ"},
    "film": {"en": "Film", "ja": "映画"},
    "movie": {"en": "Film", "ja": "映画"},
    "ova": {"en": "Video release", "ja": "OVA"},
    "ona": {"en": "Web series", "ja": "配信作品"},
    "special": {"en": "Special", "ja": "特別番組"},
    "series": {"en": "Series", "ja": "シリーズ"},
    "animation": {"en": "Animation", "ja": "アニメーション"},
    "game": {"en": "Game", "ja": "ゲーム"},
    "manga": {"en": "Manga", "ja": "漫画"},
    "comic": {"en": "Comic", "ja": "漫画"},
    "book": {"en": "Book", "ja": "書籍"},
    "novel": {"en": "Novel", "ja": "小説"},
    "music": {"en": "Music", "ja": "音楽"},
    "song": {"en": "Song", "ja": "楽曲"},
    "recording": {"en": "Recording", "ja": "録音"},
    "character": {"en": "Character", "ja": "キャラクター"},
    "illustration": {"en": "Illustration", "ja": "イラスト"},
    "photograph": {"en": "Photograph", "ja": "写真"},
    "other": {"en": "Other", "ja": "その他"},
}


def word(key: str, language: str, /, **values: object) -> str:
    """The words for `key` in this language (English where it has none), values filled in.

    Raises KeyError for an unknown key.
    """
    texts = WORDS[key]
    text = texts.get(language, texts["en"])
    return text.format(**values) if values else text


def both(key: str, languages: Sequence[str], between: str = " / ", /, **values: object) -> str:
    """The words for `key` in all of the letter's languages, the main one first, said once if equal."""
    texts = [word(key, language, **values) for language in languages]
    return between.join(dict.fromkeys(texts))


def kind(name: str, language: str) -> str:
    """The printed word for a kind of work; an unknown one as it is."""
    known = KINDS.get(name.lower())
    return known.get(language, known["en"]) if known else name


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_REIWA = date(2019, 5, 1)


def western(day: date, language: str) -> str:
    """The date by the Western calendar: "21 November 2026", "2026年11月21日"."""
    if language == "ja":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def reiwa(day: date) -> str:
    """The date in the era 令和 (from 1 May 2019), its first year 元年; "" before it."""
    if day < _REIWA:
        return ""
    year = day.year - 2018
    return f"令和{'元' if year == 1 else year}年{day.month}月{day.day}日"


def dated(day: date, language: str, languages: Sequence[str]) -> str:
    """The letter's date: Western and, where the letter is Japanese too, by era."""
    era = reiwa(day) if "ja" in languages else ""
    if not era:
        return western(day, language)
    return f"{western(day, language)}（{era}）" if language == "ja" else f"{western(day, language)} ({era})"


def instant(at: str, language: str) -> str:
    """An RFC 3339 instant, said in UTC to the minute: "20 November 2026, 03:04 UTC"."""
    moment = datetime.fromisoformat(at).astimezone(UTC)
    day = western(moment.date(), language)
    time = f"{moment:%H:%M}"
    return f"{day} {time}（協定世界時）" if language == "ja" else f"{day}, {time} UTC"


def counted(n: int) -> str:
    """A number for readers: 2,030."""
    return f"{n:,}"
