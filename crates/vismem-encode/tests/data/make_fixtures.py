"""Writes the pictures of this folder that Rust's `image` crate cannot write, and what PIL decodes them to.

    pip install pillow && python make_fixtures.py
"""
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

here = Path(__file__).parent
rgb = Image.new("RGB", (48, 32), (240, 240, 235))
draw = ImageDraw.Draw(rgb)
draw.ellipse((4, 4, 24, 28), fill=(200, 40, 30))
draw.rectangle((26, 6, 44, 16), fill=(30, 90, 200))
draw.polygon([(26, 30), (35, 18), (45, 30)], fill=(40, 160, 60))
rgb = rgb.filter(ImageFilter.GaussianBlur(1))

# Grey component replacement, so that the K plane is not empty.
c, m, y, _ = rgb.convert("CMYK").split()
planes = [bytes(p.tobytes()) for p in (c, m, y)]
black = bytes(min(p) // 2 for p in zip(*planes))
inks = [bytes((v - k) * 255 // (255 - k) for v, k in zip(p, black)) for p in planes]
cmyk = Image.merge("CMYK", [Image.frombytes("L", rgb.size, p) for p in (*inks, black)])

# PIL writes CMYK JPEG as Adobe does, inverted, with an Adobe marker that says "no transform".
cmyk.save(here / "cmyk.jpg", quality=95)
cmyk.save(here / "cmyk.tif", compression="tiff_lzw")
rgb.quantize(16).save(here / "palette.png")
frames = [rgb.quantize(16), Image.new("RGB", rgb.size, (255, 0, 255)).quantize(16)]
frames[0].save(here / "animated.gif", save_all=True, append_images=frames[1:], duration=100)
rgb.save(here / "progressive.jpg", quality=95, progressive=True)
rgb.save(here / "lossy.webp", quality=95)

# Marked as turned by 90 degrees: stored on its side, upright again once EXIF is obeyed.
exif = Image.Exif()
exif[0x0112] = 6
rgb.transpose(Image.Transpose.ROTATE_90).save(here / "rotated.jpg", quality=95, subsampling=0, exif=exif)

for name in ["cmyk.jpg", "cmyk.tif", "palette.png", "animated.gif", "progressive.jpg", "lossy.webp", "rotated.jpg"]:
    picture = Image.open(here / name)
    if name == "rotated.jpg":
        picture = picture.transpose(Image.Transpose.ROTATE_270)
    picture.convert("RGB").save(here / f"{name}.expected.png", optimize=True)
