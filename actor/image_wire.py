"""What becomes of images between the actor's disk and the wire."""

from collections.abc import Callable

import msgspec
import numpy as np

from actor.parcel import Parcel
from actor.uplink_config import UplinkConfig
from shared.image_codec import DEFLATE, JPEG, Encode, Image, encode_deflate, encode_images

Compress = Callable[[Parcel], Parcel]


def compressor(config: UplinkConfig) -> Compress:
    """Encodes the images of parcels as the configuration says; spool and ring keep them raw."""
    match config.image_compression:
        case "none":
            return lambda parcel: parcel
        case "lossless":
            return _with(DEFLATE, encode_deflate)
        case "jpeg":
            return _with(JPEG, lambda image: encode_jpeg(image, config.jpeg_quality))


def encode_jpeg(image: Image, quality: int) -> bytes:
    """JPEG without chroma subsampling (4:4:4) of an (H, W, 3) RGB image."""
    import cv2

    settings = [
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    return np.asarray(data, np.uint8).tobytes()


def _with(name: str, encode: Encode) -> Compress:
    def compress(parcel: Parcel) -> Parcel:
        arrays, buffers = encode_images(parcel.header.arrays, parcel.buffers, name, encode)
        saved = sum(map(len, parcel.buffers)) - sum(map(len, buffers))
        header = msgspec.structs.replace(parcel.header, arrays=arrays)
        return Parcel(parcel.sequence, header, buffers, parcel.size_bytes - saved)

    return compress
