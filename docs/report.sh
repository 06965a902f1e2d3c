#!/bin/sh
# Draws docs/report.png, the picture in the README: the report on a folder of pictures, as a browser shows its beginning.
#
#   docs/report.sh MEMORY QUERIES        folders of pictures, a folder for each label
#
# Needs `vismem` on the path and Chromium.
set -eu
docs=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
memory=$(realpath "$1")
queries=$(realpath "$2")
cd "$work"
ln -s "$queries" "$(basename "$queries")"
vismem -m photos.vismem add "$memory" >/dev/null
vismem -m photos.vismem eval all "$(basename "$queries")" -o report >/dev/null
"${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1180,1560 \
    --screenshot="$docs/report.png" "file://$work/report/report.html" 2>/dev/null
