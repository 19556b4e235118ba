"""Frozen records that can travel to another process as JSON.

The supervisor has many of them. Dataclasses would cost it 1.5 MiB, so `Values` does the little that is needed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self, dataclass_transform
else:

    def dataclass_transform(**_):  # noqa: ANN003, ANN201, D103
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Values:
    """A frozen record with the annotated fields of its class, all given by keyword, compared by value."""

    def __init__(self, **values: Any) -> None:
        fields = type(self).fields()
        if values.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}; got {', '.join(values)}")
        self.__dict__.update(values)

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """Return the names of the fields, in the order of the class body."""
        return tuple(cls.__annotations__)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.__dict__.items())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the values that `to_json` of this class gave, after a journey as JSON."""
        return cls(**{name: _frozen(value) for name, value in fields.items()})


def _frozen(value: Any) -> Any:
    """Return a value with tuples in place of lists: JSON turns tuples into lists."""
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
