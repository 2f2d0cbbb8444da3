/**
 * `npm test`: everything that must pass, in one sequence.
 *
 * Sets up what is missing, runs the checks and then all tests, one line each, and closes with
 * `N passed, M failed`. Plain JavaScript that the machine's own Node 20 runs with nothing
 * installed. Called by `npm test` and .ci/run.
 *
 *   npm test -- --only lint,types          only these groups
 *   npm test -- --only unit libs/stdx      only tests whose path contains one of the words
 */
import { cpus } from "node:os";
import { basename, join, sep } from "node:path";
import { ensureEverything, SetupError } from "./setup.mjs";

const GROUPS = ["lint", "types", "unit", "simulation", "e2e"];
/** Folders of /test that run with the tests of packages: they need nothing but the sources. */
const SUITES = ["test/architecture", "test/bench", "test/conformance", "test/examples"];
/** A test that takes so long is stuck. */
const TEST_TIMEOUT_MS = 240_000;
/** A suite that takes so long waits for something that a failed test has left running. */
const SUITE_LIMIT_MS = 480_000;

class UsageError extends Error {}

async function main(words) {
  const { groups, parts } = parseArguments(words);
  const startedMs = performance.now();
  const { node } = await ensureEverything({ log: (line) => console.log(line) });
  // Only now is anything there that the other scripts may need.
  const tools = await import("./tools.mjs");
  const { checks } = await import("./checks.mjs");
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const check of checks) {
    if (!groups.includes(check.group) || parts.length > 0) continue;
    const passed = await showStep(check.name, async () => {
      const problem = await check.run();
      return { failed: problem === undefined ? 0 : 1, note: "", output: problem ?? "" };
    });
    total[passed ? "passed" : "failed"] += 1;
  }
  for (const suite of findSuites(tools, groups, parts)) {
    await showStep(suite.name, async () => {
      const { counts, output } = await runTests(tools, node, suite);
      for (const key of ["passed", "failed", "skipped"]) total[key] += counts[key];
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
      return { failed: counts.failed, note: `${counts.passed} passed${skipped}`, output };
    });
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`\n${seconds} s${skipped}`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0;
}

function parseArguments(words) {
  const parts = [];
  let groups = GROUPS;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    const only = word === "--only" ? words[(at += 1)] : /^--only=(.*)$/.exec(word)?.[1];
    if (only === undefined) {
      if (word.startsWith("-")) throw new UsageError(`unknown option ${word}: there is --only`);
      parts.push(word);
      continue;
    }
    groups = only.split(",");
    const unknown = groups.find((group) => !GROUPS.includes(group));
    if (unknown !== undefined) {
      throw new UsageError(`unknown group ${unknown}: there are ${GROUPS.join(", ")}`);
    }
  }
  return { groups, parts };
}

/** Which test files run together, in order. Suites of /test after the packages' own. */
function findSuites(tools, groups, parts) {
  const concurrency = Math.max(2, cpus().length);
  const suites = [
    {
      group: "unit",
      folders: ["libs", "services", "deploy", ...SUITES],
      concurrency,
    },
    { group: "simulation", folders: ["libs/sim"], concurrency },
    { group: "e2e", folders: ["test/e2e"], concurrency: 1 },
  ];
  return suites
    .filter((suite) => groups.includes(suite.group))
    .map((suite) => ({
      ...suite,
      name: `${suite.group} tests`,
      files: testFiles(tools, suite, parts),
    }))
    .filter((suite) => suite.files.length > 0);
}

function testFiles(tools, suite, parts) {
  const isTest = (name) => name.endsWith(".test.ts");
  const isOurs = (file) => suite.group === "simulation" || !file.includes(join("libs", "sim", ""));
  const files = suite.folders.flatMap((folder) => tools.findFiles(folder, isTest)).filter(isOurs);
  if (parts.length === 0) return files;
  return files.filter((file) => parts.some((part) => file.split(sep).join("/").includes(part)));
}

async function runTests(tools, node, suite) {
  const reporter = new URL("./test-reporter.mjs", import.meta.url);
  const { COUNTS_MARK } = await import(reporter.href);
  const words = [
    "--conditions=atoll-source",
    "--disable-warning=ExperimentalWarning",
    "--test",
    `--test-concurrency=${suite.concurrency}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    `--test-reporter=${reporter.href}`,
    "--test-reporter-destination=stdout",
    ...suite.files,
  ];
  const { code, output } = await tools.run(node, words, { limitMs: SUITE_LIMIT_MS });
  const at = output.lastIndexOf(COUNTS_MARK);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (at >= 0)
    Object.assign(counts, JSON.parse(output.slice(at + COUNTS_MARK.length).split("\n")[0]));
  const shown = at >= 0 ? output.slice(0, at) : output;
  // A run that failed without a failed test broke before or after its tests.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return { counts, output: shown };
}

/** Runs one step and prints its line; returns whether it passed. */
async function showStep(name, work) {
  const startedMs = performance.now();
  if (process.stdout.isTTY) process.stdout.write(`… ${name}`);
  const { failed, note, output } = await work();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const clear = process.stdout.isTTY ? "\r\u001b[2K" : "";
  const result = failed === 0 ? "✓" : "✗";
  const details = note === "" ? "" : `, ${note}`;
  console.log(`${clear}${result} ${name} (${seconds} s${details})`);
  if (output.trim() !== "") console.log(output.trimEnd());
  return failed === 0;
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof SetupError) && !(error instanceof UsageError)) throw error;
  console.error(`${basename(process.argv[1] ?? "test.mjs")}: ${error.message}`);
  process.exitCode = 2;
}
