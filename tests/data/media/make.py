"""Writes the pictures and sounds of this folder, with what people write such files with; `tests/it/media.rs` reads them.

    pip install pillow==13.0.0 numpy==2.4.6 scipy==1.17.1
    python make.py

The coloured pictures are [[red, green, (1, 2, 3)], [(1, 2, 3), green, red]], with green (0, 128, 0); the gray ones [[0, 51, 255], [102, 3, 7]],
of 16 bits [[65535, 256]]. The sounds' numbers stand below.
"""

import os
import wave

import numpy
from PIL import Image
from scipy.io import wavfile

os.chdir(os.path.dirname(os.path.abspath(__file__)))

colours = [[255, 0, 0], [0, 128, 0], [1, 2, 3]]
coloured = Image.fromarray(numpy.array([colours, colours[::-1]], numpy.uint8))
tones = numpy.array([[0, 51, 255], [102, 3, 7]], numpy.uint8)

coloured.save("coloured.bmp")
Image.fromarray(tones).save("gray.bmp")

palette = coloured.quantize(4)
other = Image.new("RGB", coloured.size, (9, 9, 9)).quantize(4)
palette.save("two_frames.gif", save_all=True, append_images=[other])
transparent = Image.new("P", (2, 1))
transparent.putpalette([9, 9, 9, 200, 100, 50])
transparent.putpixel((1, 0), 1)
transparent.save("transparent.gif", transparency=0)

coloured.save("coloured.tif", compression="tiff_lzw")
Image.fromarray(tones).save("gray.tiff", compression="tiff_adobe_deflate")
Image.fromarray(tones > 50).save("black_and_white.tif", compression="group4")
Image.fromarray(numpy.array([[65535, 256]], numpy.uint16)).save("deep.tif")
Image.fromarray(tones.astype(numpy.float32)).save("fractions.tif")
palette.save("palette.tif")


def sound(name, numbers, kind, rate=8000):
    wavfile.write(name, rate, numpy.array(numbers, kind))


sound("stereo.wav", [[-32768, 16384], [32767, -1], [0, 256]], numpy.int16)
sound("eight.wav", [0, 128, 192], numpy.uint8)
sound("thirty_two.wav", [-(2**31), 2**30], numpy.int32, 44100)
sound("fractions.wav", [0.5, -0.25, 1.5], numpy.float32, 44100)
sound("doubles.wav", [0.5, -0.25], numpy.float64)
with wave.open("twenty_four.wav", "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(3)
    file.setframerate(8000)
    file.writeframes(b"".join(number.to_bytes(3, "little", signed=True) for number in (-(2**23), 2**22)))
