"""A receipt with its proof: whoever has the file can check it without the portal, and nobody else learns of it."""

import json
from copy import deepcopy

import pytest
from flask import Flask

from portal import cli, db
from portal.audit import log
from portal.audit.keys import load_or_make_signer
from portal.audit.note import TlogProof
from portal.kernel.act import system_act
from portal.kernel.errors import NotFound
from portal.signoffs import service
from portal.signoffs.receipts import verify_logged


@pytest.fixture
def key(tmp_path):
    return load_or_make_signer(tmp_path / "keys" / "log.key", "log.association.example")


def document(lite, act, signoff_id, key):
    return db.read(service.proof_document, act, signoff_id=signoff_id, vkey=key.vkey)


@pytest.fixture
def placed(lite, key):
    lite.open()
    me = lite.signatories[lite.member_ids[1]]
    receipt = lite.sign(1, "decline", reason="Secret.")
    lite.sign(2)
    assert document(lite, me, receipt.signoff.id, key) is None  # nothing is signed yet
    db.run(log.sign_checkpoint, system_act(me.at), key=key)
    return me, receipt


def test_the_proof_is_checked_offline(lite, key, placed):
    me, receipt = placed
    found = json.loads(json.dumps(document(lite, me, receipt.signoff.id, key)))
    assert verify_logged(found, key.vkey)
    assert found["receipt"] == receipt.document
    assert found["opening"]["content"]["payload"]["act"] == receipt.digest
    entry = TlogProof.parse(found["proof"]).extra
    for told in (receipt.digest, receipt.signoff.id, lite.member_ids[1], "signoffs", "decline"):
        assert told not in entry.decode()


def test_another_member_is_not_given_it(lite, key, placed):
    _me, receipt = placed
    with pytest.raises(NotFound):
        document(lite, lite.signatories[lite.member_ids[2]], receipt.signoff.id, key)
    assert document(lite, lite.staff, receipt.signoff.id, key)


def test_what_does_not_prove_it(lite, key, placed, tmp_path):
    me, receipt = placed
    good = document(lite, me, receipt.signoff.id, key)
    other = document(lite, lite.signatories[lite.member_ids[2]], latest(lite, 2), key)
    assert verify_logged(other, key.vkey)
    changed = deepcopy(good)
    changed["receipt"]["act"]["decision"] = "approve"
    said = deepcopy(good)
    said["opening"]["content"]["payload"]["act"] = other["receipt"]["digest"]
    for bad in (
        changed, said, {**good, "receipt": other["receipt"]}, {**good, "opening": other["opening"]},
        {**good, "proof": other["proof"]}, {**other, "receipt": good["receipt"]}, {**good, "proof": ""},
        {**good, "format": "x"}, {**good, "opening": None}, {}, {**good, "proof": 1}, {**good, "opening": []},
        {**good, "receipt": {**good["receipt"], "act": float("nan")}},
        {**good, "opening": {**good["opening"], "content": "\ud800"}},
        {**good, "proof": good["proof"].replace("\nindex ", "\nindex 9")},
    ):  # fmt: skip
        assert not verify_logged(bad, key.vkey)
    stranger = load_or_make_signer(tmp_path / "other" / "log.key", key.origin)
    assert not verify_logged(good, stranger.vkey)
    assert not verify_logged(good, "no key")
    assert verify_logged(good, key.vkey)


def latest(lite, index):
    with db.current().readers() as session:
        return service.history(session, lite.round.id, lite.member_ids[index])[-1].id


# --- on the command line --------------------------------------------------------


def said(app, *args):
    found = app.test_cli_runner().invoke(cli.group, ["verify-receipt", *map(str, args)])
    return found.exit_code, found.output


def test_the_command_line_says_whether_it_is_proved(lite, key, placed, tmp_path):
    me, receipt = placed
    good = document(lite, me, receipt.signoff.id, key)
    app = Flask("portal")
    app.extensions["rensho-log-key"] = key
    file, vkey = tmp_path / "receipt.proof.json", tmp_path / "log.vkey"
    file.write_text(json.dumps(good))
    vkey.write_text(key.vkey + "\n")
    assert said(app, file, "--key", vkey) == (0, "The log holds exactly the answer in this receipt.\n")
    assert said(app, file)[0] == 0
    vkey.write_text(load_or_make_signer(tmp_path / "other" / "log.key", key.origin).vkey)
    assert said(app, file, "--key", vkey)[0] == 1
    for bad in ("", "[]", "{}", "\xff", json.dumps({**good, "proof": ""})):
        file.write_text(bad, encoding="latin-1")
        assert said(app, file)[0] == 1
    assert said(app, tmp_path / "none")[0] == 2
