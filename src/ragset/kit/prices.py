"""What tokens cost: a small dated table of list prices, and the user's own file over it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ragset.errors import UsageError
from ragset.kit.yaml_text import read_yaml
from ragset.schema.models import BUILTIN

CURRENCY = "USD"
MILLION = 1_000_000

_SHAPE = "write: prices: [{model: 'openai:NAME', prompt: 0.40, completion: 1.60}]"
_WILD = frozenset("*?[")


class Price(BaseModel):
    """USD per million prompt and completion tokens of the models that ``model`` names or matches (``openai:gpt-*``).

    ``as_of`` is the day the price was read, ``source`` where.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    prompt: float = Field(ge=0, allow_inf_nan=False)
    completion: float = Field(ge=0, allow_inf_nan=False)
    as_of: str = ""
    source: str = ""
    note: str = ""

    @property
    def exact(self) -> bool:
        """True for a name, false for a pattern."""
        return not _WILD & set(self.model)

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Give USD for so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / MILLION


class PriceTable:
    """Prices by ``provider:model``; what comes first wins: the user's file, then the shipped table."""

    def __init__(self, *layers: tuple[Price, ...]) -> None:
        """Take layers of prices, the strongest first; no layer knows no price but that of ``builtin``."""
        self._layers = layers

    @classmethod
    def load(cls, path: str | Path | None = None) -> PriceTable:
        """Read the shipped table, and a user's YAML file over it; raises ``UsageError`` in one line."""
        shipped = _read((files("ragset.kit") / "prices.yaml").read_text("utf-8"), "prices.yaml")
        return cls(_read(_text(Path(path)), str(path)), shipped) if path else cls(shipped)

    @property
    def prices(self) -> tuple[Price, ...]:
        """Every price, the strongest first."""
        return tuple(price for layer in self._layers for price in layer)

    def find(self, name: str) -> Price | None:
        """Give the price of a model: in each layer the exact name, then the longest pattern that matches."""
        for layer in self._layers:
            exact = [price for price in layer if price.exact and price.model == name]
            like = [price for price in layer if not price.exact and fnmatchcase(name, price.model)]
            if found := exact or sorted(like, key=lambda price: -len(price.model)):
                return found[0]
        return Price(model=BUILTIN, prompt=0, completion=0) if name == BUILTIN else None

    def cost(self, name: str, prompt_tokens: float, completion_tokens: float) -> float | None:
        """Give USD for so many tokens of a model, or none when its price is not known."""
        price = self.find(name)
        return None if price is None else price.cost(prompt_tokens, completion_tokens)


def _text(path: Path) -> str:
    if not path.is_file():
        raise UsageError("no such file of prices", where=str(path), hint=_SHAPE)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read as UTF-8 ({error})", where=str(path)) from error


def _read(text: str, where: str) -> tuple[Price, ...]:
    data = read_yaml(text, where, _SHAPE)
    if not isinstance(data, dict) or set(data) != {"prices"} or not isinstance(data["prices"], list):
        raise UsageError("a file of prices is a mapping with the list 'prices' alone", where=where, hint=_SHAPE)
    found = tuple(_price(item, f"{where}, price {at}") for at, item in enumerate(data["prices"], 1))
    names = [price.model for price in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"'{twice}' has two prices", where=where, hint="leave one of them out")
    return found


def _price(item: Any, where: str) -> Price:
    if not isinstance(item, dict):
        raise UsageError("a price is a mapping", where=where, hint=_SHAPE)
    plain = {str(key): str(value) if key == "as_of" else value for key, value in item.items()}  # YAML makes dates
    try:
        return Price.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"field '{place}': {first['msg']}", where=where, hint=_SHAPE) from error
