"""Static word vectors: a table of one vector for each token, and the tokenizer that it was made for.

A text is the mean of its tokens' vectors: no model runs, and nothing is ever downloaded. The table is that of the package
wordllama (`pip install 'segue[vectors]'`), whose files are read where it is installed, or lies in a directory with
`tokenizer.json` and one `.safetensors` file, as model2vec writes them. Its rows are read where they are needed, not the whole.
"""

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from json import loads
from pathlib import Path
from typing import Any, Final

from segue.core.errors import UsageError

PACKAGE: Final = "wordllama"
_EXTRA: Final = "pip install 'segue[vectors]'"
_LONGEST: Final = 4_000
"""Characters of a text that are looked at: what follows hardly moves the mean."""
_TYPES: Final = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8"}
_LONGEST_HEADER: Final = 10_000_000


class StaticVectors:
    """Tells how near texts are by the cosine of their mean vectors."""

    def __init__(self, numpy: Any, tokenizer: Any, table: Mapping[str, Any]) -> None:
        """Use a tokenizer and its table: `embeddings`, and where there are any `weights` and `mapping` of tokens."""
        self._numpy = numpy
        self._tokenizer = tokenizer
        self._rows = table["embeddings"]
        self._weights, self._mapping = table.get("weights"), table.get("mapping")

    def near(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return the cosine of *question* and each of *texts*; 0 for a text without a known token."""
        wanted = self._mean(question)
        return [float(self._mean(text) @ wanted) for text in texts]

    def _mean(self, text: str) -> Any:
        numpy = self._numpy
        encoding = self._tokenizer.encode(text[:_LONGEST].encode("utf-8", "replace").decode(), add_special_tokens=False)
        ids = numpy.asarray(encoding.ids, dtype=numpy.int64)
        weights = None if self._weights is None else self._weights[ids[ids < len(self._weights)]]
        if self._mapping is not None:
            ids = self._mapping[ids[ids < len(self._mapping)]]
        rows = self._rows[ids[ids < len(self._rows)]].astype(numpy.float32)
        if weights is not None and len(weights) == len(rows):
            rows = rows * weights[:, None]
        found = rows.sum(axis=0)
        return found / (float(numpy.linalg.norm(found)) or 1.0)


def vectors(where: str) -> StaticVectors:
    """Return the vectors of the package that `PACKAGE` names, or of a directory.

    Raises:
        UsageError: something is not installed, or not there, or damaged; the hint says what to do.
    """
    try:
        numpy, tokenizers = importlib.import_module("numpy"), importlib.import_module("tokenizers")
    except ImportError as e:
        raise UsageError(f"word vectors cannot be used: {e}", hint=_EXTRA) from e
    weights, words = _packaged() if where == PACKAGE else _in_directory(Path(where).expanduser())
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(words))
    except Exception as e:  # the library raises no class of its own
        raise UsageError(f"the tokenizer of word vectors cannot be read: {words}: {e}") from e
    tokenizer.no_padding()
    tokenizer.no_truncation()
    try:
        return StaticVectors(numpy, tokenizer, _table(numpy, weights))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as e:
        raise UsageError(f"the table of word vectors cannot be read: {weights}: {e}") from e


def _packaged() -> tuple[Path, Path]:
    """Return the files of the package, which is not imported: it would look for newer ones."""
    spec = find_spec(PACKAGE)
    for home in spec.submodule_search_locations or () if spec else ():
        weights = sorted(Path(home).glob("weights/*.safetensors"))
        words = sorted(Path(home).glob("tokenizers/*.json"))
        if weights and words:
            return weights[0], words[0]
    raise UsageError(f"word vectors cannot be used: the package {PACKAGE} is not installed", hint=_EXTRA)


def _in_directory(place: Path) -> tuple[Path, Path]:
    weights, words = sorted(place.glob("*.safetensors")), place / "tokenizer.json"
    if len(weights) != 1 or not words.is_file():
        raise UsageError(
            f"there are no word vectors in {place}", hint=f"it needs tokenizer.json and one .safetensors file; or say {PACKAGE}"
        )
    return weights[0], words


def _table(numpy: Any, path: Path) -> dict[str, Any]:
    """Return the arrays of a safetensors file as they lie in it, the one of two dimensions as `embeddings`. Raises ValueError."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _LONGEST_HEADER:
            message = "it does not begin like a safetensors file"
            raise ValueError(message)
        header = loads(file.read(size))
    found: dict[str, Any] = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        shape, (first, end) = tuple(about["shape"]), about["data_offsets"]
        kind = numpy.dtype(_TYPES[about["dtype"]])
        if len(shape) not in {1, 2} or end - first != kind.itemsize * int(numpy.prod(shape)):
            message = f"{name} has not the size that it says"
            raise ValueError(message)
        array = numpy.memmap(path, dtype=kind, mode="r", offset=8 + size + first, shape=shape)
        found["embeddings" if len(shape) == 2 else name] = array
    if "embeddings" not in found:
        message = "it has no table"
        raise ValueError(message)
    if "mapping" in found and found["mapping"].dtype.kind != "i":
        message = "its mapping is not one of whole numbers"
        raise ValueError(message)
    return found
