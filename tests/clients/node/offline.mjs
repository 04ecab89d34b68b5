// Runs the example examples/offline/typescript with the packages of this folder: its types are taken
// away, and it is put where Node finds them.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const source = new URL('../../../examples/offline/typescript/evaluate.ts', import.meta.url);
const folder = new URL(`node_modules/.offline-${process.pid}/`, import.meta.url);
const target = new URL('evaluate.mjs', folder);

const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
  compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
});
mkdirSync(folder);
try {
  writeFileSync(target, outputText);
  await import(target);
} finally {
  rmSync(folder, { recursive: true });
}
