// Holds the two editors to each other and to the annotated text: for every character of the files given, the TextMate grammar (run by VS
// Code's own engine) and Vim's groups must be of one class; and Vim must answer what highlight.nn notes for VS Code.
//
//     NN_DUMP=dump.json NODE_PATH=.../node_modules node agree.cjs GRAMMAR.json HIGHLIGHT.nn FILE.nn...

const fs = require("fs");
const path = require("path");
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

// What a scope or a group means: the first that fits.
const SCOPES = [
    ["markup.inline.raw", "doc code"], ["comment.line.documentation", "doc"], ["comment", "comment"],
    ["invalid", "invalid"], ["constant.character.escape", "escape"], ["variable.other.interpolated", "interpolated"],
    ["string", "string"], ["constant.numeric", "number"], ["constant.language", "constant"],
    ["keyword.operator.word", "word operator"], ["keyword.operator", "operator"], ["keyword.control", "control"],
    ["keyword", "keyword"], ["support.class", "library layer"], ["entity.name.class", "layer"],
    ["support.function.reader", "reader"], ["support.function.optimizer", "optimizer"],
    ["support.function", "library function"], ["entity.name.function", "function"], ["entity.name.section", "data set"],
    ["storage.type", "type"], ["support.variable.setting", "setting"], ["variable.language", "special name"],
];
const GROUPS = {
    nnDocCode: "doc code", nnDoc: "doc", nnComment: "comment", nnTodo: "comment", nnForeign: "invalid",
    nnBadNumber: "invalid", nnBadEscape: "invalid", nnEscape: "escape", nnInterpolation: "interpolated",
    nnString: "string", nnMessage: "string", nnNumber: "number", nnConstant: "constant",
    nnWordOperator: "word operator", nnAs: "word operator", nnOperator: "operator", nnControl: "control",
    nnStatement: "keyword", nnDataWord: "keyword", nnTrainWord: "keyword", nnFrom: "keyword", nnWhere: "keyword",
    nnLossFor: "keyword", nnWeight: "keyword", nnRate: "keyword", nnModifier: "keyword",
    nnLibraryLayer: "library layer", nnLayerCall: "layer", nnLayerPiped: "layer", nnLayerName: "layer",
    nnReader: "reader", nnOptimizer: "optimizer", nnLibraryFunction: "library function", nnCall: "function",
    nnPiped: "function", nnFunctionName: "function", nnSetName: "data set", nnType: "type", nnHyperType: "type",
    nnSetting: "setting", nnProgress: "special name", nnPrim: "special name", nnReaderCall: "function",
};

// Punctuation belongs to what it encloses; otherwise the innermost scope decides.
function classOf(scopes) {
    const inner = scopes[scopes.length - 1].startsWith("punctuation.definition") ? scopes[scopes.length - 2] : scopes[scopes.length - 1];
    const found = SCOPES.find(([prefix]) => inner.startsWith(prefix));
    return found ? found[1] : "";
}

async function grammarOf(file) {
    const wasm = fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer;
    await oniguruma.loadWASM(wasm);
    const registry = new textmate.Registry({
        onigLib: Promise.resolve({
            createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
            createOnigString: (text) => new oniguruma.OnigString(text),
        }),
        loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(file, "utf8"), file),
    });
    return registry.loadGrammar("source.nn");
}

// The class of every character (code points, as Vim counts) of every line.
function classes(grammar, lines) {
    let stack = textmate.INITIAL;
    return lines.map((line) => {
        const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
        stack = ruleStack;
        const found = [];
        for (const { startIndex, endIndex, scopes } of tokens) {
            for (const _ of line.slice(startIndex, endIndex)) found.push(classOf(scopes));
        }
        return found;
    });
}

function compare(file, lines, ours, vims) {
    let faults = 0;
    lines.forEach((line, number) => {
        [...line].forEach((char, column) => {
            const vim = GROUPS[vims[number][column]] ?? "";
            const code = ours[number][column];
            if (char.trim() !== "" && vim !== code) {
                if (faults++ < 5) console.log(`${file}:${number + 1}:${column + 1}: \`${line.trim()}\` at \`${char}\`: VS Code "${code}", Vim "${vim}" (${vims[number][column]})`);
            }
        });
    });
    return faults;
}

// `#   ^^^ scope` notes the scope of the characters above; `# <---` those from the line's start.
function annotations(file, lines, vims) {
    let faults = 0;
    let subject = 0;
    lines.forEach((line, number) => {
        const note = line.match(/^#(\s*)(<-+|\^+)\s+(\S+)$/);
        if (!note) {
            subject = number;
            return;
        }
        const [start, length] = note[2][0] === "<" ? [0, note[2].length - 1] : [1 + note[1].length, note[2].length];
        const found = SCOPES.find(([prefix]) => note[3].startsWith(prefix));
        for (let column = start; column < start + length; column++) {
            const vim = GROUPS[vims[subject][column]] ?? "";
            if (vim !== (found ? found[1] : "")) {
                console.log(`${file}:${subject + 1}:${column + 1}: Vim has "${vim}" (${vims[subject][column]}) where ${note[3]} is noted`);
                faults++;
                break;
            }
        }
    });
    return faults;
}

async function main() {
    const [grammarFile, fixture, ...files] = process.argv.slice(2);
    const grammar = await grammarOf(grammarFile);
    const dump = JSON.parse(fs.readFileSync(process.env.NN_DUMP, "utf8"));
    let faults = 0;
    for (const file of [fixture, ...files.filter((file) => file !== fixture)]) {
        const lines = fs.readFileSync(file, "utf8").replace(/\n$/, "").split("\n");
        const { lines: vims, indent } = dump[file];
        const ours = classes(grammar, lines);
        if (file === fixture) faults += annotations(file, lines, vims);
        else {
            faults += compare(file, lines, ours, vims);
            if (ours.flat().includes("invalid")) faults++, console.log(`${file}: a program that compiles has text marked as invalid`);
            if (!indent && file.includes("examples")) faults++, console.log(`${file}: Vim's indentation changes it`);
        }
    }
    console.log(faults === 0 ? `${files.length} files: the editors agree` : `${faults} faults`);
    process.exit(faults === 0 ? 0 : 1);
}

main();
