// The built extension, loaded with a stand-in for the editor: it starts `switchyard lsp`, and no other thing.
import assert from "node:assert";
import fs from "node:fs";
import Module from "node:module";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

// Whatever the client's library asks of the editor while it is loaded: classes, enums, functions.
function anything() {
  return new Proxy(class {}, {
    get: (target, key) => (key in target || typeof key === "symbol" ? target[key] : anything()),
    apply: () => anything(),
  });
}

test("the bundle loads and has an extension's entry points", () => {
  const load = Module._load;
  Module._load = (name, ...rest) => (name === "vscode" ? anything() : load(name, ...rest));
  try {
    const extension = Module.createRequire(import.meta.url)(path.join(root, "out", "extension.js"));
    assert.equal(typeof extension.activate, "function");
    assert.equal(typeof extension.deactivate, "function");
  } finally {
    Module._load = load;
  }
  const text = fs.readFileSync(path.join(root, "out", "extension.js"), "utf8");
  assert.match(text, /"lsp","--stdio"/);
});

test("the manifest names files that exist, and patterns that compile", () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  const [language] = manifest.contributes.languages;
  const [grammar] = manifest.contributes.grammars;
  for (const file of [language.configuration, grammar.path, manifest.main]) assert.ok(fs.existsSync(path.join(root, file)), file);
  const patterns = JSON.stringify(JSON.parse(fs.readFileSync(path.join(root, grammar.path), "utf8")));
  for (const [, pattern] of patterns.matchAll(/"match":"((?:[^"\\]|\\.)*)"/g)) new RegExp(JSON.parse(`"${pattern}"`));
  const { wordPattern } = JSON.parse(fs.readFileSync(path.join(root, language.configuration), "utf8"));
  assert.ok(new RegExp(wordPattern).test("input"));
});
