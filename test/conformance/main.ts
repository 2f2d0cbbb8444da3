/**
 * Replays a peer's scenario files against raft-ts: `npm run conformance -- FOLDER`.
 *
 * Prints each failure with file, line, command, what was expected and what was observed; the last
 * line is `N passed, M failed`. Ends with 0 only when every case of every file passed, with 1 when
 * one failed, with 2 when there is nothing to play.
 */
import { resolve } from "node:path";
import type { FileOutcome } from "./run-folder.ts";
import { FolderError, runFolder } from "./run-folder.ts";

/** npm runs scripts in the project's root and tells where it was called. */
const calledIn = process.env["INIT_CWD"] ?? process.cwd();

process.exitCode = run(process.argv.slice(2));

function run(words: readonly string[]): number {
  const [folder, ...rest] = words;
  if (folder === undefined || rest.length > 0) {
    print("usage: npm run conformance -- FOLDER");
    return 2;
  }
  try {
    return report(runFolder(resolve(calledIn, folder)));
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    print(error.message);
    return 2;
  }
}

function report(outcomes: readonly FileOutcome[]): number {
  let passed = 0;
  let failed = 0;
  for (const { file, cases } of outcomes) {
    const broken = cases.filter(({ failures }) => failures.length > 0);
    passed += cases.length - broken.length;
    failed += broken.length;
    for (const { line, command, failures } of broken) {
      for (const { expected, observed } of failures) {
        print(`${file}:${line}: ${command}`);
        print(indent("expected", expected));
        print(indent("observed", observed));
      }
    }
  }
  for (const { file, cases } of outcomes) {
    const good = cases.filter(({ failures }) => failures.length === 0).length;
    print(`${good === cases.length ? "ok    " : "FAILED"} ${file} ${good}/${cases.length}`);
  }
  print(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function indent(title: string, text: string): string {
  return [`  ${title}:`, ...text.split("\n").map((line) => `    ${line}`)].join("\n");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
