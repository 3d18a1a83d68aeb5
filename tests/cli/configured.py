"""What the five agents with hooks have in their settings before `segue init`."""

import stat

FOUND = {
    ".claude/settings.json": '{"model": "opus"}',
    ".codex/config.toml": 'model = "gpt-5"\n\n[hooks.state."/home/dev/.codex/hooks.json:stop:0:0"]\ntrusted_hash = "sha256:mine"',
    ".codex/hooks.json": '{\n\t"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}\n}',
    ".gemini/settings.json": '{\r\n    // theme\r\n    "ui": {"theme": "x"},\r\n}\r\n',
    ".qwen/settings.json": "",
    ".config/opencode/opencode.json": "{}",
    ".config/opencode/plugin/mine.js": "export const Mine = async () => ({})\n",
}


def tree(place):
    return {
        str(p.relative_to(place)): (stat.S_IMODE(p.lstat().st_mode), p.read_bytes() if p.is_file() else None)
        for p in sorted(place.rglob("*"))
    }
