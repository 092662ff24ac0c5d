#!/bin/sh
# Tries the highlighting in real editors: the annotated text in VS Code's engine, and every example and library file in VS Code's engine,
# Vim and, where it is installed, Neovim, which must agree character by character; the language server in Neovim 0.11 or later; then builds
# the extension and tries how it starts the server. Needs Rust, Vim, Node.js and npm; what it takes from npm goes to a folder of its own under
# `target`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work="$here/../target/editors"
mkdir -p "$work"

if [ ! -x "$work/node_modules/.bin/vscode-tmgrammar-test" ]; then
    echo "== installing the test tools"
    npm install --silent --no-audit --no-fund --prefix "$work" vscode-tmgrammar-test@0.1.3
fi
bin="$work/node_modules/.bin"
grammar="$here/vscode/syntaxes/nn.tmLanguage.json"

echo "== VS Code: the annotated text"
"$bin/vscode-tmgrammar-test" -g "$grammar" "$here/test/highlight.nn"

printf '%s\n' "$here/test/highlight.nn" "$here"/../examples/*.nn "$here"/../src/library/*.nn >"$work/files"

# agree NAME COMMAND...: dumps every character's group in the editor, and compares it with VS Code's.
agree() {
    name=$1
    shift
    echo "== $name: every character"
    NN_VIM="$here/vim" NN_FILES="$work/files" NN_DUMP="$work/dump.json" \
        "$@" -es -u NONE -i NONE -n -S "$here/test/dump.vim" </dev/null || { cat "$work/dump.json"; exit 1; }
    echo "== VS Code and $name: the examples and the library"
    # shellcheck disable=SC2046
    NODE_PATH="$work/node_modules" NN_DUMP="$work/dump.json" node "$here/test/agree.cjs" "$grammar" $(cat "$work/files")
}

agree Vim vim -T dumb --not-a-term
if command -v nvim >/dev/null; then
    agree Neovim nvim --headless
else
    echo "== Neovim: not installed, left out"
fi

echo "== the compiler"
cargo build --quiet --manifest-path "$here/../Cargo.toml"
PATH="${CARGO_TARGET_DIR:-$here/../target}/debug:$PATH"
if command -v nvim >/dev/null && nvim --headless -u NONE -c 'lua vim.cmd(vim.lsp.enable and "quit" or "cquit")' 2>/dev/null; then
    echo "== Neovim: the language server"
    NN_VIM="$here/vim" nvim --headless -u NONE -i NONE -n -S "$here/test/lsp.lua" </dev/null
else
    echo "== Neovim 0.11 or later: not installed, the language server left out"
fi

echo "== the extension"
"$here/build-vscode.sh" "$work"
node "$here/test/extension.cjs" "$here/vscode/src/extension.js"
