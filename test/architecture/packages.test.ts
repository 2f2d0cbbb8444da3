/**
 * The Raft library as others get it: packed, laid into an empty folder, run by plain Node.
 *
 * No condition, no flag and nothing of the repository is in reach but the registry's packages. What
 * the READMEs show is run here, and must say what stands below it.
 */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { installPacked, link, type PackedPackage, run, tool } from "./packed-packages.ts";
import { root } from "./sources.ts";

/** Three replicas each: cores alone, and with disk and wire. */
const PROGRAMS = ["test/examples/raft-three-replicas.ts", "test/examples/raft-counter.ts"];
const README_LINES_MIN = 60;
const README_LINES_MAX = 120;

let folder = "";
let packages: readonly PackedPackage[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "raft-packages-"));
  packages = await installPacked(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const path of PROGRAMS) await copyFile(join(root, path), join(folder, basename(path)));
});
after(() => rm(folder, { recursive: true, force: true }));

function report(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n${problems.join("\n")}\n`);
}

async function readme({ folder: path }: PackedPackage): Promise<string> {
  return readFile(join(path, "README.md"), "utf8");
}

/** What a user of plain Node has. */
async function runAsUser(program: string): Promise<string> {
  const { stdout } = await run(process.execPath, [program], folder);
  return stdout;
}

test("a package says what a registry asks for, and depends on versions", () => {
  assert.equal(packages.length, 6);
  const versions = new Map(packages.map(({ manifest }) => [manifest.name, manifest.version]));
  report(
    packages.flatMap(({ manifest }) => {
      const { name, description, license, engines, sideEffects, dependencies } = manifest;
      const problem = (words: string): string => `${name}: ${words}`;
      return [
        ...(manifest.private === undefined ? [] : [problem("is private")]),
        ...(description === undefined ? [problem("has no description")] : []),
        ...(license === "Apache-2.0" ? [] : [problem("has no licence")]),
        ...(engines?.["node"] === undefined ? [problem("does not say which Node it needs")] : []),
        ...(sideEffects === false ? [] : [problem("does not say that importing it does nothing")]),
        ...Object.entries(dependencies)
          .filter(([other, range]) => range !== `^${versions.get(other) ?? range.slice(1)}`)
          .map(([other, range]) => problem(`${other} ${range} is no version that goes with it`)),
      ];
    }),
  );
});

test("a package carries what it names, and no tests", () => {
  report(
    packages.flatMap(({ manifest, files }) => {
      const named = Object.values(manifest.exports).flatMap((each) => Object.values(each));
      const wanted = ["LICENSE", "README.md", ...named.map((path) => path.replace(/^\.\//, ""))];
      return [
        ...wanted.filter((path) => !files.includes(path)).map((path) => `lacks ${path}`),
        ...files.filter((path) => /\.test\.|(?:^|\/)testing\/|\.tsbuildinfo$/.test(path)),
      ].map((problem) => `${manifest.name}: ${problem}`);
    }),
  );
});

test("a README has its length, and links only to what is packed with it", async () => {
  const problems = await Promise.all(
    packages.map(async (each) => {
      const text = await readme(each);
      const lines = text.split("\n").length - 1;
      const fits = lines >= README_LINES_MIN && lines <= README_LINES_MAX;
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path ?? "");
      return [
        ...(fits ? [] : [`has ${lines} lines`]),
        ...links
          .filter((path) => !each.files.includes(path))
          .map((path) => `links to ${path}, which is not in the package`),
      ].map((problem) => `${each.manifest.name}: README.md: ${problem}`);
    }),
  );
  report(problems.flat());
});

/** The first program of a README, and what it prints; undefined when it shows none of its own. */
function exampleOf(text: string): { readonly code: string; readonly prints: string } | undefined {
  const [, code, prints] = /```ts\n(import [\s\S]*?)```\n+```\n([\s\S]*?)```/.exec(text) ?? [];
  return code === undefined || prints === undefined ? undefined : { code, prints };
}

test("the first example of each README prints what stands below it", async (context) => {
  let examples = 0;
  for (const each of packages) {
    const { name } = each.manifest;
    const example = exampleOf(await readme(each));
    // The program of raft-ts is longer than a README: it is one of PROGRAMS.
    if (example === undefined && name === "raft-ts") continue;
    assert.ok(example !== undefined, `${name} shows no program with what it prints`);
    const program = `readme-${basename(each.folder)}.ts`;
    await writeFile(join(folder, program), example.code);
    await context.test(name, async () => assert.equal(await runAsUser(program), example.prints));
    examples += 1;
  }
  assert.ok(examples >= 5, `${examples}`);
});

test("three replicas agree over the packed cores", async () => {
  const said = await runAsUser("raft-three-replicas.ts");
  assert.equal(said.match(/has applied one, two, three\n/g)?.length, 3, said);
});

test("three replicas agree over the packed disk and wire", async () => {
  const said = await runAsUser("raft-counter.ts");
  assert.equal(said.match(/reads 500500\n/g)?.length, 3, said);
  assert.equal(said.match(/reads 501000\n/g)?.length, 2, said);
});

test("the packed types hold for a strict user", async () => {
  for (const name of ["@types/node", "undici-types"]) await link(name, folder);
  const compilerOptions = {
    target: "es2023",
    module: "nodenext",
    types: ["node"],
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  await run(tool("tsc"), ["-p", "."], folder).catch((error: { stdout?: string }) => {
    assert.fail(error.stdout ?? String(error));
  });
});
