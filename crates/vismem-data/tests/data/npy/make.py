"""Makes the arrays beside it, with NumPy: python3 make.py"""

import numpy as np

values = np.array([[0.5, -0.25, 2.0], [1.0, 0.0, -8.0]])
for dtype in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]:
    np.save(f"rows-{'big' if dtype[0] == '>' else 'little'}-{dtype[1:]}.npy", values.astype(dtype))
np.save("rows-fortran.npy", np.asfortranarray(values))
np.save("one-column-fortran.npy", np.asfortranarray(values[:, :1]))

numbers = [-128, 0, 127]
for dtype in ["|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8"]:
    np.save(f"numbers-{'big' if dtype[0] == '>' else 'little'}-{dtype[1:]}.npy", np.array(numbers, dtype))
for dtype in ["|u1", ">u2", "<u4", ">u8"]:
    largest = np.iinfo(dtype).max
    np.save(f"largest-{dtype[1:]}.npy", np.array([0, largest], dtype))
np.save("texts-little.npy", np.array(["zèbre", "a\0b", "龍"], "<U8"))
np.save("texts-big.npy", np.array(["zèbre", "a\0b", "龍"], ">U8"))
np.save("bytes.npy", np.array([b"zebra", b"ox"], "S5"))
np.save("records.npy", np.array([(1, 2.0)], [("id", "<i4"), ("é", "<f4", (1,))]))
np.save("booleans.npy", np.array([True, False]))
np.save("scalar.npy", np.float32(1))
with open("version-2.npy", "wb") as file:
    np.lib.format.write_array(file, values.astype("<f4"), version=(2, 0))
