#!/bin/sh
# How the memories of format 1 in memories.tar.gz were made, with version 0.1:
#   VISMEM   its release binary
#   LIBRARY  its library, compiled with `cargo rustc -p vismem --lib -- --cfg fuzzing`, which derives its files for small
#            memories as well; DEPS is the directory of what it was compiled with
# usage: VISMEM=... LIBRARY=libvismem-....rlib DEPS=target/debug/deps ./make.sh
set -eu
here=$(dirname "$(readlink -f "$0")")
# Sources name it.
place=/tmp/vismem-format-1
mkdir "$place"
cd "$place"

# 60 rows of 8 values, ten for each of six labels; the same in every run.
python3 - <<'PYTHON'
import math, struct
rows = [[math.sin((n + 1) * (i + 1) * 0.37) + (n % 6) * (i == n % 6) for i in range(8)] for n in range(60)]
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (60, 8), }"
head += " " * ((-len(head) - 11) % 64) + "\n"
with open("rows.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
    file.write(b"".join(struct.pack("<8f", *row) for row in rows))
with open("labels.txt", "w") as file:
    file.write("".join(f"label-{n % 6}\n" for n in range(60)))
with open("taxonomy.csv", "w") as file:
    file.write("label,family\n" + "".join(f"label-{n},family-{n % 2}\n" for n in range(6)))
PYTHON
rustc --edition 2024 -L dependency="$DEPS" --extern vismem="$LIBRARY" -o derive "$here/derive.rs"

# plain: one add.
"$VISMEM" -m plain.vismem add rows.npy --labels labels.txt

# full: everything that a memory of format 1 can have: a forget with its receipt and free slots, a label that can be given
# back, a taxonomy, a pruning, every derived file.
cp -r plain.vismem full.vismem
"$VISMEM" -m full.vismem forget --id 8,9 --receipt receipt.json
"$VISMEM" -m full.vismem taxonomy set taxonomy.csv
"$VISMEM" -m full.vismem relabel --id 20,21 --to label-0
"$VISMEM" -m full.vismem prune soft
./derive full.vismem

# interrupted: full, and a forget of label-3 that was killed after its commit, when one of ten rows was overwritten.
cp -r full.vismem interrupted.vismem
strace -f -o /dev/null -P interrupted.vismem/vectors.f32 -e inject=pwrite64:signal=KILL:when=2 \
    "$VISMEM" -m interrupted.vismem forget --label label-3 || true

# compacting: full, and a compaction that was killed after its commit, before the new rows took their place.
cp -r full.vismem compacting.vismem
strace -f -o /dev/null -P compacting.vismem/vectors.f32.new -e inject=rename:signal=KILL:when=1 \
    "$VISMEM" -m compacting.vismem compact || true

# What version 0.1 says of them; the killed ones are read, not recovered.
for memory in plain full interrupted compacting; do
    "$VISMEM" -m $memory.vismem stats --format json | grep -E '"(exemplars|digest)"'
    ls -l $memory.vismem
done
rm -f ./*.vismem/catalog.sqlite-shm
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf "$here/memories.tar.gz" ./*.vismem receipt.json
