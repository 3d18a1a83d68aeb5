"""Pictures, sounds and files in a message of LangChain's: each provider's form of them is in use, beside LangChain's own."""

from collections.abc import Mapping
from typing import Any, Final

_MODALITIES: Final = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "audio": "audio",
    "input_audio": "audio",
    "video": "video",
    "file": "document",
    "input_file": "document",
    "document": "document",
    "media": "",
}
_WITHIN: Final = ("image_url", "source", "input_audio", "file")
_DATA: Final = ("base64", "data", "file_data")
_PLACES: Final = ("url", "file_url", "file_uri", "file_id")
_MIMES: Final = ("mime_type", "media_type")


def medium(kind: str, block: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a block of a *kind* as a part that has the medium, or where it is; None where it is another kind of block."""
    if kind not in _MODALITIES:
        return None
    told = next((block[name] for name in _WITHIN if name in block), block)
    inner = told if isinstance(told, Mapping) else {"url": told}
    data, where = _text(inner, _DATA), _text(inner, _PLACES)
    mime = _text(inner, _MIMES) or _text(block, _MIMES)
    if isinstance(sound := inner.get("format"), str) and not mime:
        mime = f"audio/{sound}"
    url = data or where or ""
    if url.startswith("data:") and ";base64," in url:
        mime, _, data = url.removeprefix("data:").partition(";base64,")
    modality = _MODALITIES[kind] or _by(mime)
    if data is not None:
        return {"type": "blob", "modality": modality, "mime_type": mime, "content": data}
    if where is not None:
        return {"type": "uri", "modality": modality, "mime_type": mime, "uri": where}
    return {"type": kind, "mime_type": mime}


def _text(told: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((told[name] for name in names if isinstance(told.get(name), str)), None)


def _by(mime: str | None) -> str:
    kind = (mime or "").partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "document"
