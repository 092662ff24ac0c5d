// Runs `nnlc lsp` for VS Code: finds the compiler, starts the server, and starts it again when the settings change or somebody asks.

const { execFile } = require("node:child_process");
const { promisify } = require("node:util");
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

/** The compiler that the settings name. `~` and `${workspaceFolder}` are filled in. */
function compiler() {
    const written = vscode.workspace.getConfiguration("nnlc").get("path") || "nnlc";
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
    const home = process.env.HOME || process.env.USERPROFILE || "~";
    return written.replace("${workspaceFolder}", folder).replace(/^~(?=[/\\]|$)/, home);
}

/** Why `path` cannot serve, in a sentence; nothing when it can. */
async function fault(path) {
    try {
        await promisify(execFile)(path, ["lsp", "--help"]);
    } catch (error) {
        if (error.code === "ENOENT") {
            return `\`${path}\` is not found. Install nnlc, or say in the setting \`nnlc.path\` where it is.`;
        }
        if (error.code === "EACCES") {
            return `\`${path}\` is no program that may be run. The setting \`nnlc.path\` says where nnlc is.`;
        }
        return `\`${path}\` does not know \`lsp\`: it is no nnlc, or an old one. The setting \`nnlc.path\` says where nnlc is.`;
    }
}

async function start() {
    const command = compiler();
    const wrong = await fault(command);
    if (wrong) {
        const settings = "Open Settings";
        // Not awaited: the message stays until somebody answers.
        vscode.window.showErrorMessage(`nnlc: ${wrong}`, settings).then((chosen) => {
            if (chosen === settings) {
                vscode.commands.executeCommand("workbench.action.openSettings", "nnlc.path");
            }
        });
        return;
    }
    client = new LanguageClient(
        "nnlc",
        "nnlc",
        { command, args: ["lsp"] },
        { documentSelector: [{ language: "nn", scheme: "file" }, { language: "nn", scheme: "untitled" }] },
    );
    await client.start();
}

async function stop() {
    const running = client;
    client = undefined;
    await running?.stop();
}

async function restart() {
    await stop();
    await start();
}

async function activate(context) {
    context.subscriptions.push(
        vscode.commands.registerCommand("nnlc.restart", restart),
        vscode.workspace.onDidChangeConfiguration((change) => {
            if (change.affectsConfiguration("nnlc.path")) {
                return restart();
            }
        }),
    );
    await start();
}

module.exports = { activate, deactivate: stop };
