"""Many small pictures as one JPEG, which the page's browser unpacks."""

from __future__ import annotations

import io
import math

import numpy as np

from .wire import PictureSheet

_BLOCK = 8  # JPEG looks at blocks of so many pixels a side: no picture shares one with another
_QUALITY = 90


def picture_sheet(pictures: np.ndarray) -> PictureSheet:
    """Pictures (count, height, width, 3) row by row on a sheet. Colours are kept as finely as
    light; see decision 0015 for what is lost."""
    from PIL import Image

    count, height, width = pictures.shape[:3]
    columns = math.ceil(math.sqrt(count))
    tall, wide = (math.ceil(side / _BLOCK) * _BLOCK for side in (height, width))
    empty = -count % columns
    fill = ((0, empty), (0, tall - height), (0, wide - width), (0, 0))
    tiles = np.pad(pictures, fill, mode="edge").reshape(-1, columns, tall, wide, 3)
    sheet = tiles.swapaxes(1, 2).reshape(-1, columns * wide, 3)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return {"jpeg": buffer.getvalue(), "columns": columns, "size": [height, width]}
