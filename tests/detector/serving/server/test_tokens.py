"""The token file: what it may hold, and how a change of it is taken up."""

import hashlib
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.results.errors import ServerStartError
from detector.serving.server import tokens
from detector.serving.server.tokens import TokenFile


def line(token: str, name: str = "alice") -> str:
    return f"{hashlib.sha256(token.encode()).hexdigest()} {name}\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tokens, "_CHECK_S", 0.0)
    return tmp_path / "tokens.txt"


def test_tokens_have_names(path: Path) -> None:
    path.write_text(
        "# who may call\n\n" + line("one") + line("two", "bob@example.org").upper().replace("BOB", "bob")
    )
    known = TokenFile(path)
    assert known.name_of("one") == "alice"
    assert known.name_of("two") == "bob@EXAMPLE.ORG", "hashes may be in capitals"
    assert known.name_of("three") is None
    assert known.name_of("") is None
    assert known.name_of(hashlib.sha256(b"one").hexdigest()) is None, "who steals the file has no token"


@given(st.text())
def test_no_other_text_is_a_token(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("tokens") / "tokens.txt"
    path.write_text(line("one"))
    assert (TokenFile(path).name_of(text) is None) == (text != "one")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no tokens"),
        (b"# none yet\n", "no tokens"),
        (b"open-sesame alice\n", "line 1 is not the SHA-256"),
        (line("one").encode() + b"\n" + b"0" * 63 + b" short\n", "line 3 is not"),
        (b"0" * 64 + b"\n", "line 1 is not"),
        (b"0" * 64 + b" a name with spaces\n", "line 1 is not"),
        (b"\xff\xfe\x00", "codec can't decode"),
        (b"#" * (tokens._MAX_BYTES + 1), "more than 1,048,576 bytes"),
    ],
    ids=["empty", "comments", "not hashed", "short", "no name", "spaces", "not text", "huge"],
)
def test_files_that_no_server_starts_with(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ServerStartError, match=message) as caught:
        TokenFile(path)
    assert "open-sesame" not in str(caught.value), "what is in the file may be a secret"


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(ServerStartError, match=r"tokens.txt: No such file"):
        TokenFile(path)


def test_a_change_is_taken_up(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path.write_text(line("old"))
    known = TokenFile(path)
    path.write_text(line("old") + line("new"))
    assert (known.name_of("old"), known.name_of("new")) == ("alice", "alice"), (
        "both, while callers change over"
    )
    path.write_text(line("new"))
    assert (known.name_of("old"), known.name_of("new")) == (None, "alice")
    assert "has changed: 1 tokens" in caplog.text
    path.write_text("# nobody\n")
    assert known.name_of("new") is None, "no tokens let nobody in"


@pytest.mark.parametrize("damage", ["broken", "removed"])
def test_a_file_that_is_no_good_any_more_changes_nothing_but_the_log(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(line("old"))
    known = TokenFile(path)
    if damage == "broken":
        path.write_text(line("new") + "open-sesame\n")
    else:
        path.unlink()
    assert (known.name_of("old"), known.name_of("new")) == ("alice", None)
    assert "the tokens stay as they were" in caplog.text
    assert "open-sesame" not in caplog.text
    path.write_text(line("new"))
    assert (known.name_of("old"), known.name_of("new")) == (None, "alice"), "mended"


def test_a_file_is_looked_at_no_more_than_once_a_second(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(line("old"))
    known = TokenFile(path)
    known._checked += 3600  # it has just been looked at, however slow this machine is
    path.write_text(line("new"))
    assert known.name_of("old") == "alice"
