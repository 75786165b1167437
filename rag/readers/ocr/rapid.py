"""Recognition by RapidOCR's models (PP-OCRv6: Latin letters, Greek, Chinese and Japanese) with OpenVINO.

Of the package `rapidocr` the models, the search for lines in the detector's map, and the cutting of slanted lines are
used. Its own recogniser copies the probabilities of 18,000 characters for each step of a line, 130 MB for six lines;
here the model is given an end that keeps the likeliest character alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rag.readers.ocr.words import Recognition, Word
from rag.runtime.cpu import cores

NAME = "RapidOCR"
_Pixels = npt.NDArray[Any]
# Pixels of the longer side of the picture in which lines are looked for, and the multiple that the model needs.
_LONGEST = 1600
_MULTIPLE = 32
# The height of a line for the model, its greatest width, and the step in which widths grow: each width that is new
# takes memory and time.
_HEIGHT = 48
_WIDEST = 3200
_WIDTH_STEP = 160
# A page has no more lines. Lines below this confidence are drawings.
_MOST_LINES = 600
_LEAST = 0.5
_MOST_THREADS = 4
_CACHED_SHAPES = 16
_lock = threading.Lock()


def is_installed() -> bool:
    """Whether the package with the models is installed."""
    return find_spec("rapidocr") is not None


def is_loaded() -> bool:
    """Whether the models are loaded."""
    return bool(_models.cache_info().currsize)


def recognise(picture: Image.Image) -> Recognition:
    """The words of a picture. The models are loaded at the first call, which takes seconds."""
    pixels = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    with _lock:
        models = _models()
        lines = [(_length(quad), models.words(pixels, quad)) for quad in models.lines(pixels)[:_MOST_LINES]]
    total = sum(length for length, _ in lines)
    share = sum(length for length, words in lines if words) / total if total else 0.0
    return Recognition([word for _, words in lines for word in words], picture.size, NAME, share)


@lru_cache(maxsize=1)
def _models() -> _Models:
    return _Models()


class _Models:
    """The two models, compiled. Not re-entrant."""

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
        import openvino
        from openvino import opset13
        from rapidocr.ch_ppocr_det.utils import DBPostProcess
        from rapidocr.utils.process_img import get_rotate_crop_image

        self._cut: Any = get_rotate_crop_image
        self._find: Any = DBPostProcess(box_thresh=0.5, unclip_ratio=1.6, use_dilation=True)
        spec = find_spec("rapidocr")
        assert spec is not None and spec.origin
        folder = Path(spec.origin).parent / "models"
        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": str(min(cores(), _MOST_THREADS)),
            "NUM_STREAMS": "1",
            "CPU_RUNTIME_CACHE_CAPACITY": str(_CACHED_SHAPES),
        }
        detector = core.read_model(folder / "PP-OCRv6_det_small.onnx")
        self._detect = core.compile_model(detector, "CPU", options).create_infer_request()
        reader: Any = core.read_model(folder / "PP-OCRv6_rec_small.onnx")
        characters = reader.get_rt_info()["framework"]["character"].value.splitlines()
        self._characters: list[str] = ["", *characters, " "]
        probabilities = reader.outputs[0].get_node().input_value(0)
        best: Any = opset13.topk(
            probabilities, opset13.constant(np.int64(1)), 2, "max", "none", index_element_type="i32"
        )
        ends = [opset13.result(best.output(0)), opset13.result(best.output(1))]
        shortened = openvino.Model(ends, reader.get_parameters(), "lines")
        self._read = core.compile_model(shortened, "CPU", options).create_infer_request()

    def lines(self, pixels: _Pixels) -> Sequence[_Pixels]:
        """The corners of each line of text: four points, clockwise from its beginning."""
        height, width = pixels.shape[:2]
        factor = min(1.0, _LONGEST / max(height, width))
        small = [max(_MULTIPLE, round(side * factor / _MULTIPLE) * _MULTIPLE) for side in (width, height)]
        (found,) = self._infer(self._detect, _scaled(pixels, small[0], small[1]))
        quads, _ = self._find(found, (height, width))
        return sorted(quads, key=lambda quad: (float(quad[0][1]), float(quad[0][0])))

    def words(self, pixels: _Pixels, quad: _Pixels) -> list[Word]:
        """The words of a line."""
        line = self._cut(pixels, quad.copy())
        height, width = line.shape[:2]
        if not height or not width:
            return []
        shown = max(8, min(_WIDEST, round(_HEIGHT * width / height)))
        padded = -(-shown // _WIDTH_STEP) * _WIDTH_STEP
        given = np.zeros((1, 3, _HEIGHT, padded), dtype=np.float32)
        given[:, :, :, :shown] = _scaled(line, shown, _HEIGHT)
        sure, best = (values.reshape(-1) for values in self._infer(self._read, given))
        # CTC: a character that stays likeliest over several steps is one character, and 0 is none.
        steps = [at for at, index in enumerate(best) if index and (not at or best[at - 1] != index)]
        if not steps or float(np.mean(sure[steps])) < _LEAST:
            return []
        share = padded / shown / len(best)
        upright = _side(quad, 0, 3) >= 1.5 * _side(quad, 0, 1)  # then the line was turned when it was cut
        return _split(
            [self._characters[best[at]] for at in steps],
            [min(1.0, (at + 0.5) * share) for at in steps],
            [float(sure[at]) for at in steps],
            quad,
            upright=upright,
        )

    @staticmethod
    def _infer(request: Any, given: _Pixels) -> list[_Pixels]:
        request.infer([given])
        return [np.array(output.data) for output in request.output_tensors]


def _scaled(pixels: _Pixels, width: int, height: int) -> _Pixels:
    """The picture in this size, as numbers from -1 to 1: 1 × channels × height × width."""
    import cv2

    small = cv2.resize(np.ascontiguousarray(pixels), (width, height)).astype(np.float32) / 127.5 - 1
    return np.ascontiguousarray(small.transpose(2, 0, 1)[np.newaxis])


def _length(quad: _Pixels) -> float:
    return max(_side(quad, 0, 1), _side(quad, 0, 3))


def _side(quad: _Pixels, begin: int, end: int) -> float:
    return float(np.linalg.norm(quad[begin] - quad[end]))


def _split(
    characters: Sequence[str], places: Sequence[float], sure: Sequence[float], quad: _Pixels, *, upright: bool
) -> list[Word]:
    """A line's characters, each at its share of the line's length, as words with boxes around their place."""
    words: list[Word] = []
    begin = 0
    for at in range(len(characters) + 1):
        if at < len(characters) and not characters[at].isspace():
            continue
        if at > begin:
            half = 0.5 * (places[at - 1] - places[begin]) / max(1, at - begin - 1) if at - begin > 1 else 0.01
            left = max(0.0, places[begin] - half)
            right = min(1.0, places[at - 1] + half)
            text = "".join(characters[begin:at])
            words.append(Word(text, _part(quad, left, right, upright), sum(sure[begin:at]) / (at - begin)))
        begin = at + 1
    return words


def _part(quad: _Pixels, left: float, right: float, upright: bool) -> tuple[float, float, float, float]:
    """The box around the part of a line between two shares of its length."""
    first, second, third, fourth = (point.astype(float) for point in quad)
    edges = ((first, fourth), (second, third)) if upright else ((first, second), (fourth, third))
    points = np.array([begin + (end - begin) * share for begin, end in edges for share in (left, right)])
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)
