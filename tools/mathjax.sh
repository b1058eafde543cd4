#!/bin/sh
# Fetch MathJax, so that the pages typeset their formulas without a network, and esbuild, which makes the scripts of the
# live figures. Called by make with a file to write, which changes only when these have come, gone, or changed version.
set -eu
cd "$(dirname "$0")/.."

lock=node_modules/.lock # the package-lock.json that is installed
mkdir -p _build/extra
if cmp -s package-lock.json $lock || { command -v npm >/dev/null && npm ci --silent && cp package-lock.json $lock; }; then
    ln -sfn ../../node_modules/mathjax/es5 _build/extra/mathjax
else
    rm -f _build/extra/mathjax $lock
    echo "npm is missing or has no network: the pages will load MathJax from the web to show their formulas," \
        "and what moves in them will stand still."
fi

state=$(cat $lock 2>/dev/null | cksum)
[ "$state" = "$(cat "$1" 2>/dev/null)" ] || echo "$state" >"$1"
