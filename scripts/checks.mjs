/**
 * The checks that run before the tests: format, lint, types, generated code, dead code.
 *
 * Each resolves with undefined, or with what is wrong as text to show. None changes a file but the
 * compiler's own output below dist/. Called by test.mjs.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate, generated } from "./generate.mjs";
import { findFiles, root, run } from "./tools.mjs";

export const checks = [
  { group: "lint", name: "proto: buf lint", run: () => tool("buf", ["lint"]) },
  { group: "lint", name: "proto: generated code is up to date", run: checkGenerated },
  { group: "lint", name: "format: oxfmt", run: () => tool("oxfmt", ["--check"]) },
  // Before the linter: its rules about types read the declarations that this makes.
  { group: "types", name: "types: packages", run: () => tool("tsc", ["-b"]) },
  {
    group: "lint",
    name: "lint: oxlint",
    run: () => tool("oxlint", ["--type-aware", "--deny-warnings"]),
  },
  { group: "lint", name: "dead code and dependencies: knip", run: () => tool("knip", KNIP) },
  { group: "types", name: "types: tests and scripts", run: checkTestTypes },
];

const KNIP = ["--no-progress", "--no-config-hints"];

/** Runs one of the tools in node_modules/.bin. */
async function tool(name, words) {
  const { code, output } = await run(join(root, "node_modules/.bin", name), words);
  if (code === 0) return undefined;
  return output.trim() === "" ? `${name} ended with ${code}` : output;
}

/** The tests of pure packages see Node, so they have projects of their own. */
async function checkTestTypes() {
  const isProject = (name) => name === "tsconfig.test.json";
  const projects = ["libs", "services", "deploy", "test"].flatMap((folder) =>
    findFiles(folder, isProject),
  );
  const problems = [];
  for (const project of projects) {
    const problem = await tool("tsc", ["-p", project]);
    if (problem !== undefined) problems.push(problem);
  }
  return problems.length === 0 ? undefined : problems.join("\n");
}

function checkGenerated() {
  const folder = mkdtempSync(join(tmpdir(), "atoll-generated-"));
  try {
    generate(folder);
    const stale = [
      ...compare(join(folder, generated.sources), join(root, generated.sources)),
      ...(sameFile(join(folder, generated.descriptors), join(root, generated.descriptors))
        ? []
        : [generated.descriptors]),
    ];
    if (stale.length === 0) return undefined;
    return `not what proto/ makes: ${stale.join(", ")}\nrun: npm run generate`;
  } catch (error) {
    return error.message;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Names of files that are in one folder alone or differ. */
function compare(made, present) {
  const names = new Set([...filesIn(made), ...filesIn(present)]);
  return [...names].filter((name) => !sameFile(join(made, name), join(present, name)));
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".ts"));
}

function sameFile(left, right) {
  try {
    return readFileSync(left).equals(readFileSync(right));
  } catch {
    return false;
  }
}
