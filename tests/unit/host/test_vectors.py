"""Static word vectors: texts of like meaning are near, files of any kind are taken or refused, nothing is asked of a network."""

import json
import socket
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from segue.core.errors import UsageError
from segue.host.vectors import PACKAGE, vectors

WORDS = ["[UNK]", "car", "engine", "fruit", "apple"]
ROWS = [[0, 0], [1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]]


def tensors(**arrays):
    """A safetensors file of *arrays*."""
    header, data = {}, b""
    for name, array in arrays.items():
        kind = {"float16": "F16", "float32": "F32", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.fixture
def model(tmp_path):
    """A directory with a tokenizer of five words; its table is to be written."""
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_texts_of_like_meaning_are_near(model, kind):
    (model / "model.safetensors").write_bytes(tensors(embeddings=np.array(ROWS, kind)))

    found = vectors(str(model)).near("car", ["engine", "apple", "car engine", "", "unheard of", "\ud800 \0"])

    assert min(found[0], found[2]) > 0.9
    assert found[1] < 0.2
    assert found[3:] == [0.0, 0.0, 0.0]


def test_weights_and_a_mapping_of_tokens_count_as_model2vec_writes_them(model):
    rows = np.array([ROWS[0], ROWS[1], ROWS[3]], np.float32)
    table = tensors(
        embeddings=rows, weights=np.array([0, 1, 1, 0.01, 0.01], np.float32), mapping=np.array([0, 1, 1, 2, 2], np.int64)
    )
    (model / "model.safetensors").write_bytes(table)

    found = vectors(str(model)).near("car fruit", ["engine", "apple"])

    assert found[0] > 0.99
    assert found[1] < 0.02


def test_the_package_is_read_where_it_is_installed_and_nothing_is_asked_of_a_network(monkeypatch):
    def refused(*_args):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)

    found = vectors(PACKAGE).near("a car on the road", ["the automobile drives", "a bowl of fruit salad"])

    assert found[0] > found[1]
    assert PACKAGE not in sys.modules  # it would look for newer files


TABLE = tensors(embeddings=np.array(ROWS, np.float32))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"", "Expecting value"),
        (b"\xff" * 64, "does not begin like"),
        (TABLE[:-4], "mmap length is greater than file size"),
        (TABLE.replace(b'"shape": [5, 2]', b'"shape": [9, 2]'), "has not the size"),
        (TABLE.replace(b'"F32"', b'"F99"'), "F99"),
        (tensors(weights=np.ones(5, np.float32)), "it has no table"),
        (TABLE[:8] + b"[" * 60, ""),
        (b"\2" + bytes(7) + b"[]", ""),
        (tensors(embeddings=np.array(ROWS, np.float32), mapping=np.ones(5, np.float32)), "whole numbers"),
    ],
    ids=["empty", "noise", "cut", "shape", "type", "no table", "deep", "list", "mapping"],
)
def test_a_damaged_table_is_refused_by_its_name(model, table, reason):
    (model / "model.safetensors").write_bytes(table)

    with pytest.raises(UsageError, match=r"table of word vectors cannot be read: .*model\.safetensors") as e:
        vectors(str(model))
    assert reason in str(e.value)


def test_a_damaged_tokenizer_is_refused(model):
    (model / "model.safetensors").write_bytes(TABLE)
    (model / "tokenizer.json").write_text("{}")

    with pytest.raises(UsageError, match="tokenizer of word vectors cannot be read"):
        vectors(str(model))


def test_a_directory_without_vectors_is_refused_with_what_it_needs(tmp_path):
    with pytest.raises(UsageError, match="there are no word vectors in") as e:
        vectors(str(tmp_path / "none"))
    assert e.value.hint == "it needs tokenizer.json and one .safetensors file; or say wordllama"


@pytest.mark.parametrize("gone", ["numpy", "tokenizers"])
def test_what_is_not_installed_is_named_with_what_installs_it(monkeypatch, gone):
    monkeypatch.setitem(sys.modules, gone, None)

    with pytest.raises(UsageError, match="word vectors cannot be used") as e:
        vectors(PACKAGE)
    assert e.value.hint == "pip install 'segue[vectors]'"
