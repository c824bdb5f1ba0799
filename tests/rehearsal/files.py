"""The small invented association of these tests: four members, their works lists, and how to rehearse with them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from portal.app import make_worker
from portal.rehearsal import rehearsal
from tests.running import ROOT

EDITIONS = ("addressee", "public")
ALL_FILES = {
    *(name for e in EDITIONS for name in (f"letter.{e}.pdf", f"record.{e}.json", f"schedule.{e}.csv", f"letter.{e}.tlog-proof")),
    "checkpoint", "log.vkey", "seal.pem", "outbox",
}  # fmt: skip

MEMBERS = """slug,name_en,name_ja,name_kana,category,country,contact_email
yoshida,Yoshida Animation Studio,𠮷田アニメーション合同会社,ヨシダアニメーション,animation,JP,legal@yoshida.example
takahashi,Takahashi Eizo Inc.,髙橋映像株式会社,タカハシエイゾウ,animation,JP,
yamazaki,"Yamazaki Shuppan Co., Ltd.",株式会社山﨑出版,ヤマザキシュッパン,publishing,JP,legal@yamazaki.example
eclair,Studio Éclair d'Étoile SAS,ステュディオ・エクレール・デトワール,ステュディオエクレールデトワール,music,FR,legal@yamazaki.example
"""
IN_ORDER = ("eclair", "takahashi", "yamazaki", "yoshida")  # ス タ ヤ ヨ
WORKS = {
    "yoshida": "題名,英題,種別,発表年\nねこ町郵便局,Cat Town Post Office,テレビ,2009\n霧の灯台守,Keeper of the Misty Light,映画,2016\n",
    "takahashi": "題名,英題,種別,発表年\n髙橋さんの塔,The Tower of Mr Takahashi,テレビ,2014\n霧の灯台守,Keeper of the Misty Light,映画,2016\n",
    "yamazaki": "題名,英題,種別,発表年\nほうき星の台所,The Comet Kitchen,漫画,2012\n",
    "eclair": "Title,Kind,Year\nLe Phare aux œufs d'été,film,2019\n",
}


@dataclass(frozen=True)
class Inputs:
    """A members table and a folder of lists in *folder*, and where the files go."""

    folder: Path

    @property
    def members(self) -> Path:
        return self.folder / "members.csv"

    @property
    def works(self) -> Path:
        return self.folder / "works"

    @property
    def out(self) -> Path:
        return self.folder / "out"


def write_inputs(folder: Path) -> Inputs:
    given = Inputs(folder)
    given.works.mkdir(parents=True)
    given.members.write_text(MEMBERS, encoding="utf-8")
    for slug, text in WORKS.items():
        (given.works / f"{slug}.csv").write_text(text, encoding="utf-8")
    return given


def rehearse(
    given: Inputs, *, works: Path | None = None, brief: Path | None = None, quorum: str = "2/3",
    approve: int | None = None, order: str = "gojuon",
) -> bool:  # fmt: skip
    """The rehearsal in this process."""
    return rehearsal.rehearse(
        given.members, works or given.works, given.out,
        brief=brief, quorum_rule=quorum, approve=approve, order=order, make_worker=make_worker, language="en",
    )  # fmt: skip


def portal(
    data: Path, *arguments: object, seconds: float = 120, **env: str
) -> subprocess.CompletedProcess[str]:
    """``flask --app wsgi portal …`` as a person types it, with *data* as the installation's folder."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("RENSHO_")}
    own |= {
        "RENSHO_DATA": str(data),
        "LANG": "C.UTF-8",
        "LC_ALL": "",
        "LC_MESSAGES": "",
        "FORCE_COLOR": "1",
        **env,
    }
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "portal", *map(str, arguments)],
        cwd=ROOT, env=own, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def verify_offline(
    data: Path, file: Path, beside: Path, edition: str, *more: str
) -> subprocess.CompletedProcess[str]:
    """``portal verify --offline`` of *file* with the key, certificate and proof of the rehearsal in *beside*."""
    return portal(
        data, "verify", "--offline", "--key", beside / "log.vkey", "--cert", beside / "seal.pem",
        "--proof", beside / f"letter.{edition}.tlog-proof", *more, file,
    )  # fmt: skip
