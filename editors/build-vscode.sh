#!/bin/sh
# Builds the extension for VS Code: build-vscode.sh [FOLDER] leaves FOLDER/nnlc-VERSION.vsix. Needs Node.js and npm; what it takes from npm
# goes to a folder of its own under `target`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "${1:-.}" && pwd)
work="$here/../target/editors/build"
bin="$work/node_modules/.bin"
if [ ! -x "$bin/vsce" ] || [ ! -x "$bin/esbuild" ] || [ ! -d "$work/node_modules/vscode-languageclient" ]; then
    mkdir -p "$work"
    npm install --silent --no-audit --no-fund --prefix "$work" \
        @vscode/vsce@3.2.1 esbuild@0.25.12 vscode-languageclient@9.0.1
fi
cp "$here/../LICENSE-MIT" "$here/vscode/LICENSE.txt"
trap 'rm -rf "$here/vscode/LICENSE.txt" "$here/vscode/dist"' EXIT
meta="$work/meta.json"
NODE_PATH="$work/node_modules" "$bin/esbuild" "$here/vscode/src/extension.js" --outfile="$here/vscode/dist/extension.js" \
    --bundle --platform=node --target=node18 --external:vscode --minify --metafile="$meta" --log-level=warning
# The licences of what is bundled.
node - "$meta" "$work/node_modules" >"$here/vscode/dist/LICENSES.txt" <<'END'
const fs = require("node:fs");
const path = require("node:path");
const [meta, modules] = process.argv.slice(2);
const inputs = Object.keys(JSON.parse(fs.readFileSync(meta)).inputs);
const names = new Set(inputs.map((input) => input.split("node_modules/").slice(1).pop()).filter(Boolean).map((inside) => inside.split("/")[0]));
for (const name of [...names].sort()) {
    const folder = path.join(modules, name);
    const licence = fs.readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    console.log(`== ${name}\n\n${fs.readFileSync(path.join(folder, licence), "utf8").trim()}\n`);
}
END
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/vscode/package.json")
(cd "$here/vscode" && "$bin/vsce" package --allow-missing-repository --no-dependencies --out "$out/nnlc-$version.vsix")
