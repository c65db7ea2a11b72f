"""Messages in a folder: Kombu's own such transport, except that a message is whole when others see it."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

SCHEME = "folder"


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # nor do their stubs agree
        # The original fills the file when it is in the queue already, and a worker that is quick reads an empty one.
        name = f"{time.monotonic_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        draft = Path(self.data_folder_out, name)
        draft.write_text(json.dumps(payload))
        draft.rename(Path(self.data_folder_in, name))


class Transport(filesystem.Transport):
    Channel = Channel


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def options(folder: Path) -> dict[str, Any]:
    """Make the folders, and tell the transport of them."""
    places = {
        "data_folder_in": folder / "queue",
        "data_folder_out": folder / "drafts",
        "processed_folder": folder / "done",
        "control_folder": folder / "control",
    }
    for place in places.values():
        place.mkdir()
    return {name: str(place) for name, place in places.items()} | {
        "store_processed": True,
        "polling_interval": 0.05,
    }
