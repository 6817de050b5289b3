#!/bin/sh
# Makes the virtual environment $1 with the interpreter $2, and a pip in it that knows dependency groups (25.1 or newer).
set -eu
environment=$1
python=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "CloudConnect needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11" >&2
    exit 1
}
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
else
    # Debian without python3-venv: the environment itself needs no package, only pip does.
    "$python" -m venv --without-pip "$environment"
    SSL_CERT_FILE=${SSL_CERT_FILE:-${PIP_CERT:-$("$python" -c 'import ssl; print(ssl.get_default_verify_paths().openssl_cafile)')}} \
        "$environment/bin/python" "$(dirname "$0")/get_pip.py"
fi
