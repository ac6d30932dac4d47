"""One identity per thing: short hashes of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Write JSON that is equal for equal values: sorted keys, no blanks, UTF-8 kept."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(*parts: Any) -> str:
    """Hash JSON values to 20 hexadecimal digits (80 bits of SHA-256)."""
    text = canonical_json(list(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:20]
