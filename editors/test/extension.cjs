// Tries the extension for VS Code with a stand-in for the editor: the compiler that it starts, its messages when that is missing or is
// something else, and its commands. Needs `nnlc` on the `PATH`.
//     node extension.cjs EXTENSION.js

const assert = require("node:assert");
const Module = require("node:module");
const path = require("node:path");

const settings = { path: "nnlc" };
const commands = {};
const messages = [];
const started = [];
let opened;
let changed;

const editor = {
    workspace: {
        workspaceFolders: [{ uri: { fsPath: path.resolve(__dirname, "..") } }],
        getConfiguration: () => ({ get: (key) => settings[key] }),
        onDidChangeConfiguration: (listener) => {
            changed = listener;
            return {};
        },
    },
    window: {
        showErrorMessage: async (message, ...items) => {
            messages.push(message);
            return items[0];
        },
    },
    commands: {
        registerCommand: (name, run) => {
            commands[name] = run;
            return {};
        },
        executeCommand: (name, argument) => {
            opened = [name, argument];
        },
    },
};

class LanguageClient {
    constructor(id, name, server, options) {
        Object.assign(this, { server, options, runs: false });
    }
    async start() {
        this.runs = true;
        started.push(this);
    }
    async stop() {
        this.runs = false;
    }
}

const load = Module._load;
Module._load = function (request, ...more) {
    if (request === "vscode") return editor;
    if (request === "vscode-languageclient/node") return { LanguageClient };
    return load.call(this, request, ...more);
};

async function main() {
    const extension = require(path.resolve(process.argv[2]));
    const context = { subscriptions: [] };
    await extension.activate(context);
    assert.equal(context.subscriptions.length, 2);
    assert.deepEqual(started[0].server, { command: "nnlc", args: ["lsp"] });
    assert.ok(started[0].options.documentSelector.some((selector) => selector.language === "nn"));

    await commands["nnlc.restart"]();
    assert.deepEqual(started.map((client) => client.runs), [false, true]);

    settings.path = "/nowhere/nnlc";
    await changed({ affectsConfiguration: (key) => key === "nnlc.path" });
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(started[1].runs, false);
    assert.equal(started.length, 2);
    assert.match(messages[0], /^nnlc: `\/nowhere\/nnlc` is not found\. Install nnlc, or say in the setting `nnlc\.path` where it is\.$/);
    assert.deepEqual(opened, ["workbench.action.openSettings", "nnlc.path"]);

    settings.path = "${workspaceFolder}/README.md";
    await commands["nnlc.restart"]();
    assert.match(messages[1], /README\.md` is no program that may be run/);
    settings.path = "false";
    await commands["nnlc.restart"]();
    assert.match(messages[2], /^nnlc: `false` does not know `lsp`/);

    settings.path = "nnlc";
    await changed({ affectsConfiguration: () => false });
    assert.equal(started.length, 2);
    await commands["nnlc.restart"]();
    assert.equal(started[2].runs, true);
    await extension.deactivate();
    assert.equal(started[2].runs, false);
    console.log("the server, its restart, its messages");
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
