/**
 * Who may import whom: the order of packages as design.md §5 draws it, read from every import
 * statement.
 *
 * npm hoists, so an undeclared dependency compiles and runs; here it does not pass. A new package
 * gets its rank in the table below.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { LIBRARY, packageFolders, readSources, root } from "./sources.ts";
import type { Source } from "./sources.ts";

/** A package imports only packages of a lower rank. */
const RANKS: Readonly<Record<string, number>> = {
  "libs/stdx": 0,
  "libs/proto": 0,
  "libs/linearizability": 1,
  "libs/raft-ts": 1,
  "libs/domain": 1,
  "libs/planner": 2,
  "libs/control": 3,
  "libs/raft-replica": 3,
  "libs/event-bus": 3,
  "libs/codec": 3,
  "libs/raft-level": 4,
  "libs/raft-grpc": 4,
  "libs/event-bus-nats": 4,
  "libs/drivers": 4,
  "libs/federation": 4,
  "libs/service-kit": 5,
  "libs/sim": 6,
  "libs/agent-core": 6,
  "services/agent": 7,
  "services/orchestrator": 7,
  "services/gateway": 7,
  "services/cli": 7,
  "services/fleet": 7,
  "deploy/lab": 8,
  test: 9,
};

/** Packages that see no I/O: neither Node's modules nor anything that is not ours. */
const PURE = [
  "libs/stdx",
  "libs/linearizability",
  "libs/raft-ts",
  "libs/domain",
  "libs/planner",
  "libs/control",
  "libs/raft-replica",
  "libs/event-bus",
  "libs/federation",
  "libs/sim",
];

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Import {
  readonly source: Source;
  readonly folder: string;
  readonly specifier: string;
}

const folders = packageFolders();
const manifests = new Map(folders.map((folder) => [folder, readManifest(folder)]));
const folderOf = new Map([...manifests].map(([folder, manifest]) => [manifest.name, folder]));
const imports = readSources().flatMap(importsOf);
const problem = ({ source, specifier }: Import, words: string): string =>
  `${source.path}: ${specifier}: ${words}`;

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest;
}

function importsOf(source: Source): Import[] {
  const folder = folders.find((one) => source.path.startsWith(`${one}/`));
  if (folder === undefined) return [];
  const { importedFiles } = ts.preProcessFile(source.text, true, true);
  return importedFiles.map(({ fileName }) => ({ source, folder, specifier: fileName }));
}

/** `@scope/name` or `name` of a specifier that names a package. */
function packageName(specifier: string): string {
  const [first = "", second = ""] = specifier.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

function isRelative({ specifier }: Import): boolean {
  return specifier.startsWith(".");
}

function isNode({ specifier }: Import): boolean {
  return specifier.startsWith("node:");
}

function report(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n${[...new Set(problems)].join("\n")}\n`);
}

test("imports are found at all, and every package has a rank", () => {
  assert.ok(imports.length > 300, `${imports.length}`);
  assert.deepEqual(
    folders.filter((folder) => RANKS[folder] === undefined),
    [],
  );
});

test("a package imports only lower ranks", () => {
  report(
    imports.flatMap((one) => {
      const target = folderOf.get(packageName(one.specifier));
      if (target === undefined) return [];
      const own = target === one.folder;
      // A test may use its package as others do.
      if (own) return one.source.isTest ? [] : [problem(one, "imports its own barrel")];
      const [rank, targetRank] = [RANKS[one.folder] ?? 0, RANKS[target] ?? 0];
      return targetRank < rank ? [] : [problem(one, `rank ${rank} imports rank ${targetRank}`)];
    }),
  );
});

test("raft-ts knows nothing of Atoll but its standard extensions", () => {
  const others = imports
    .filter((one) => one.folder === "libs/raft-ts" && !one.source.isTest && !isRelative(one))
    .filter((one) => packageName(one.specifier) !== "@atoll/stdx");
  report(others.map((one) => problem(one, "is not for raft-ts")));
});

test("the Raft library needs no package of Atoll but its own", () => {
  report(
    imports.flatMap((one) => {
      const target = folderOf.get(packageName(one.specifier));
      if (target === undefined || !LIBRARY.includes(one.folder)) return [];
      return LIBRARY.includes(target) ? [] : [problem(one, "is not part of the library")];
    }),
  );
});

test("services and tests never import a service's inside", () => {
  report(
    imports.flatMap((one) => {
      const target = folderOf.get(packageName(one.specifier));
      const into = target?.startsWith("services/") === true && target !== one.folder;
      return into ? [problem(one, "is a service: talk to it over its API")] : [];
    }),
  );
});

test("what a package imports is declared in its package.json", () => {
  const shared = Object.keys(readManifest(".").devDependencies ?? {});
  report(
    imports.flatMap((one) => {
      if (isRelative(one) || isNode(one)) return [];
      const name = packageName(one.specifier);
      const manifest = manifests.get(one.folder);
      const declared = {
        ...manifest?.dependencies,
        ...(one.source.isTest ? manifest?.devDependencies : {}),
      };
      const isDeclared = Object.hasOwn(declared, name) || name === manifest?.name;
      const isTool = one.source.isTest && shared.includes(name);
      return isDeclared || isTool ? [] : [problem(one, `is not in ${one.folder}/package.json`)];
    }),
  );
});

test("pure packages import nothing that does I/O", () => {
  const foreign = imports.filter(
    (one) =>
      PURE.includes(one.folder) &&
      !one.source.isTest &&
      !isRelative(one) &&
      folderOf.get(packageName(one.specifier)) === undefined,
  );
  report(foreign.map((one) => problem(one, "has no place in a pure package")));
});

test("relative imports stay in their package, name a file that exists, and carry its end", () => {
  report(
    imports.filter(isRelative).flatMap((one) => {
      const path = posix.normalize(posix.join(dirname(one.source.path), one.specifier));
      if (!path.startsWith(`${one.folder}/`)) {
        return [problem(one, "leaves its package: import it by name")];
      }
      if (!/\.(?:ts|mjs|json)$/.test(path)) return [problem(one, "carries no ending")];
      return existsSync(join(root, path)) ? [] : [problem(one, "does not exist")];
    }),
  );
});

test("no file imports the barrel of its own package", () => {
  const barrels = imports.filter((one) => isRelative(one) && one.specifier.endsWith("/index.ts"));
  report(
    barrels
      .filter((one) => !one.source.isTest)
      .map((one) => problem(one, "makes a cycle: import the file")),
  );
});

test("the compiler's project references are the declared dependencies", () => {
  report(
    folders.flatMap((folder) => {
      const path = join(root, folder, "tsconfig.json");
      if (!existsSync(path)) return [];
      const { config } = ts.readConfigFile(path, (file) => readFileSync(file, "utf8"));
      const references = ((config as { references?: { path: string }[] }).references ?? []).map(
        (reference) => posix.normalize(posix.join(folder, reference.path)),
      );
      const declared = Object.keys(manifests.get(folder)?.dependencies ?? {})
        .map((name) => folderOf.get(name))
        .filter((target) => target !== undefined);
      return [
        ...declared
          .filter((target) => !references.includes(target))
          .map((target) => `${folder}/tsconfig.json: does not reference ${target}`),
        ...references
          .filter((target) => !declared.includes(target))
          .map((target) => `${folder}/tsconfig.json: references ${target}, which is not declared`),
      ];
    }),
  );
});
