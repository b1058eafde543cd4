#!/bin/sh
# Create .venv with the pinned versions of constraints.txt, or bring it up to date. Called by make.
# PYTHON=/path/to/python chooses the interpreter; pip's own variables (PIP_INDEX_URL, ...) are respected.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/.installed
pins=$(cat constraints.txt pyproject.toml | cksum)

fail() {
    printf '\n%s\n' "$@" >&2
    exit 1
}

if [ "$(cat $stamp 2>/dev/null)" = "$pins" ]; then
    touch $stamp # newer dates, same contents
    exit 0
fi
rm -f $stamp

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    free=$(df -Pk . | awk 'NR == 2 {print int($4 / 1024)}')
    [ "$free" -ge 3072 ] || fail "The environment needs 3 GB of disk, and only $free MB are free here." \
        "Make room (\`make clean\` removes what was built), then run the same command again."

    python=
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13}; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 was not found (looked for: ${PYTHON:-python3 python3.11 python3.12 python3.13})." \
        "Install one from your system's packages or python.org, or name it: make book PYTHON=/path/to/python3.12" \
        "With conda: conda env create -f environment.yml"

    rm -rf .venv
    "$python" -m venv .venv || fail "\`$python -m venv .venv\` failed, see above." \
        "On Debian and Ubuntu the module comes in its own package: apt install python3-venv"
fi

# Python writes the bytecode of what it uses when it first uses it; for all files it takes pip 38 s of 119.
install() {
    .venv/bin/python -m pip install -qq --no-compile --disable-pip-version-check --constraint constraints.txt "$@" ||
        fail "pip could not install $*; its own words are above." \
            "No network? Behind a proxy set HTTPS_PROXY; with a mirror set PIP_INDEX_URL." \
            "Disk full? \`df -h .\` tells. Then run the same command again: what is installed stays."
}

# PyTorch first and alone: resolved together with the rest, pip may fetch several builds of it. And before it a pip of
# today: the one that comes with Python 3.11 finds and fetches the rest in 71 s, this one in 45.
echo "Setting up .venv: PyTorch ..."
install "$(grep '^pip==' constraints.txt)"
install "$(grep '^torch==' constraints.txt)"
echo "Setting up .venv: the book, JupyterLab and the tests ..."
install --editable '.[book,earth,lab,test]'
echo "$pins" >$stamp
