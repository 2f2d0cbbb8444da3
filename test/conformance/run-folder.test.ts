/** Scenarios of our own pass, so do a peer's where they are at hand, and wrong ones fail. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseScenario } from "./datadriven.ts";
import type { CaseOutcome } from "./outcome.ts";
import { FolderError, runFolder, runScenario } from "./run-folder.ts";

const ROOT = join(import.meta.dirname, "../..");
const OWN = join(ROOT, "test/data/conformance");
const PEERS = join(ROOT, "../shared/raft-conformance");
/** Of one run of the program. */
const LIMIT_MS = 60_000;

/** Failed cases as `line command`. */
function failedCases(cases: readonly CaseOutcome[]): string[] {
  return cases
    .filter(({ failures }) => failures.length > 0)
    .map(({ line, command }) => `${line} ${command}`);
}

for (const { file, cases } of runFolder(OWN)) {
  test(`runFolder() passes our own ${file}`, () => {
    assert.ok(cases.length > 0);
    assert.deepEqual(
      cases.filter(({ failures }) => failures.length > 0),
      [],
    );
  });
}

const skip = existsSync(PEERS) ? false : "no peer's scenarios beside the project";

test("runFolder() passes every case of a peer's scenarios", { skip }, () => {
  const outcomes = runFolder(PEERS);
  assert.ok(outcomes.length > 0);
  const failed = outcomes.flatMap(({ file, cases }) =>
    failedCases(cases).map((line) => `${file}:${line}`),
  );
  assert.deepEqual(failed, []);
});

/** A file, and what is changed in it. */
const WRONG: readonly (readonly [file: string, right: string, wrong: string])[] = [
  ["quorum/mixed.txt", "\n3\n", "\n4\n"],
  ["quorum/mixed.txt", "VotePending", "VoteWon"],
  ["membership/replace.txt", "learners_next=(2)", "learners=(2)"],
  ["membership/replace.txt", "more than one voter changed", "nothing changed"],
  ["membership/replace.txt", "next=8", "next=9"],
  ["interaction/replication.txt", "term: 0, commit: 4", "term: 0, commit: 5"],
  ["interaction/replication.txt", "candidate at term 1", "candidate at term 2"],
  ["interaction/replication.txt", "cast MsgVote for 1", "cast MsgVote for 2"],
  ["interaction/replication.txt", "Term:1 Vote:1 Commit:6", "Term:1 Vote:2 Commit:6"],
  ["interaction/replication.txt", "HardState Term:1 Commit:5", "HardState Term:1 Commit:6"],
  ["interaction/replication.txt", '1/6 EntryNormal "passed-on"', '1/6 EntryNormal "other"'],
  ["interaction/replication.txt", "match=5 next=7 learner", "match=5 next=6 learner"],
  [
    "interaction/replication.txt",
    "StateProbe match=6 next=7\n3",
    "StateReplicate match=6 next=7\n3",
  ],
  ["interaction/replication.txt", '\n1/5 EntryNormal ""\n\n', '\n2/5 EntryNormal ""\n\n'],
  ["interaction/replication.txt", "(Non-Voter) Term:1 Lead:1", "(Voter) Term:1 Lead:1"],
  ["interaction/replication.txt", "raft proposal dropped", "ok"],
  ["interaction/membership.txt", "configuration voters=(2 3)&&(1 2)", "configuration voters=(2 3)"],
  ["interaction/membership.txt", "VotersOutgoing:[1 2]", "VotersOutgoing:[1]"],
  ["interaction/membership.txt", "ConfChangeV2 r1 v3", "ConfChangeV2 r2 v3"],
  ["interaction/membership.txt", "WARN 1 is unpromotable and can not campaign", "ok"],
  [
    "interaction/slow-disk.txt",
    "raft-log 3\n----\n1/8",
    'raft-log 3\n----\n1/9 EntryNormal "first"\n1/8',
  ],
];

for (const [file, right, wrong] of WRONG) {
  test(`runScenario() fails ${file} with ${JSON.stringify(wrong)}`, () => {
    const text = readFileSync(join(OWN, file), "utf8");
    assert.ok(text.includes(right), "what is to be changed is not there");
    const changed = text.replace(right, wrong);
    const line = text.slice(0, text.indexOf(right) + 1).split("\n").length;
    const affected = parseScenario(changed).findLast((given) => given.line <= line);
    assert.ok(affected !== undefined);
    const failed = failedCases(runScenario(changed));
    assert.ok(failed.includes(`${affected.line} ${affected.command}`), failed.join(", "));
  });
}

test("runScenario() fails what it does not understand, and names it", () => {
  const begin = "add-nodes 1 voters=(1) index=2\n----\n";
  for (const [text, words] of [
    ["dance 1\n----\nok\n", /unknown command dance/u],
    [`${begin}INFO 1 began to dance\n`, /INFO 1 began to dance/u],
    ["add-nodes 1 shoes=red\n----\nok\n", /add-nodes has no option shoes/u],
    ["committed cfg=(1) shoes=(2)\n----\n0\n", /committed has no option shoes/u],
    ["no separator\n", /line 1/u],
    ["# only a comment\n", /none/u],
  ] as const) {
    const [failure] = runScenario(text).flatMap(({ failures }) => failures);
    assert.match(failure?.observed ?? "", words);
  }
});

test("runFolder() refuses a folder without scenarios", () => {
  const folder = mkdtempSync(join(tmpdir(), "atoll-conformance-"));
  try {
    assert.throws(() => runFolder(folder), FolderError);
    assert.throws(() => runFolder(join(folder, "missing")), FolderError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("main.ts ends with a count, and with 0 only when all passed", () => {
  const folder = mkdtempSync(join(tmpdir(), "atoll-conformance-"));
  try {
    writeFileSync(join(folder, "good.txt"), "vote cfg=(1) votes=(y)\n----\nVoteWon\n");
    assert.deepEqual(run(folder), { status: 0, last: "1 passed, 0 failed" });
    writeFileSync(join(folder, "bad.txt"), "vote cfg=(1) votes=(y)\n----\nVoteLost\n");
    assert.deepEqual(run(folder), { status: 1, last: "1 passed, 1 failed" });
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    assert.equal(run(folder).status, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function run(folder: string): { status: number | null; last: string | undefined } {
  const words = ["--conditions=atoll-source", join(import.meta.dirname, "main.ts"), folder];
  const limits = { timeout: LIMIT_MS, killSignal: "SIGKILL" } as const;
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: "utf8", ...limits });
  return { status, last: stdout.trimEnd().split("\n").at(-1) };
}
