/**
 * Reads the project's own sources for the architecture tests.
 *
 * Own means: written by hand. Generated code, build output and recorded data are left out. Only the
 * tests in this folder use it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/**
 * What can be published alone: the Raft library and what it stands on; a package comes after those
 * that it needs.
 */
export const LIBRARY: readonly string[] = [
  "libs/stdx",
  "libs/linearizability",
  "libs/raft-ts",
  "libs/raft-replica",
  "libs/raft-level",
  "libs/raft-grpc",
];

const SOURCE_FOLDERS = ["libs", "services", "deploy", "test", "scripts"];
const SKIPPED_FOLDERS = new Set(["node_modules", "dist", "gen", ".atoll"]);
const SKIPPED_PATHS = ["test/data", "test/bench/results"];

export interface Source {
  /** Relative to the project's folder, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Part of a test or of what only tests use. */
  readonly isTest: boolean;
}

/** Every TypeScript and JavaScript file of the project, sorted by path. */
export function readSources(): readonly Source[] {
  const paths = SOURCE_FOLDERS.flatMap((folder) => walk(folder));
  return paths
    .filter((path) => /\.(ts|mts|mjs|js|cjs)$/.test(path))
    .toSorted()
    .map((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return { path, text, lines: text.split("\n"), isTest: isTestPath(path) };
    });
}

/** Every folder with a package.json of its own, with slashes, sorted. */
export function packageFolders(): readonly string[] {
  return ["libs", "services", "deploy"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `${folder}/${entry.name}`),
    )
    .concat("test")
    .toSorted();
}

function isTestPath(path: string): boolean {
  return path.endsWith(".test.ts") || path.startsWith("test/") || /\/testing\//.test(path);
}

function walk(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`.split(sep).join("/");
    if (entry.isFile()) return [path];
    const skipped = SKIPPED_FOLDERS.has(basename(path)) || SKIPPED_PATHS.includes(path);
    return entry.isDirectory() && !skipped ? walk(path) : [];
  });
}
