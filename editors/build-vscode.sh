#!/bin/sh
# Builds the extension for VS Code: build-vscode.sh [FOLDER] leaves FOLDER/nnlc-VERSION.vsix. Needs Node.js and npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "${1:-.}" && pwd)
vsce="$here/../target/editors/node_modules/.bin/vsce"
if [ ! -x "$vsce" ]; then
    npm install --silent --no-audit --no-fund --prefix "$here/../target/editors" @vscode/vsce@3.2.1
fi
cp "$here/../LICENSE-MIT" "$here/vscode/LICENSE.txt"
trap 'rm -f "$here/vscode/LICENSE.txt"' EXIT
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/vscode/package.json")
(cd "$here/vscode" && "$vsce" package --allow-missing-repository --no-dependencies --out "$out/nnlc-$version.vsix")
