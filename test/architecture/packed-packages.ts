/**
 * Lays the packages of the Raft library into an empty folder as npm would from a registry.
 *
 * They are built, packed by `npm pack` and unpacked; what else they depend on is linked from the
 * project's own node_modules, so nothing is fetched. Only the test of the packages uses it.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { LIBRARY, root } from "./sources.ts";

const STEP_MS_MAX = 120_000;

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly description?: string;
  readonly sideEffects?: boolean;
  readonly engines?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

export interface PackedPackage {
  /** As it was unpacked. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** Relative to `folder`. */
  readonly files: readonly string[];
}

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

export async function run(
  program: string,
  words: readonly string[],
  cwd: string,
): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, npm_config_offline: "true", npm_config_update_notifier: "false" };
  return promisify(execFile)(program, [...words], { cwd, env, timeout: STEP_MS_MAX });
}

/** The path of a tool that the project has installed. */
export function tool(name: string): string {
  return join(root, "node_modules/.bin", name);
}

/** Installs the library's packages below `folder`/node_modules, and links what they need. */
export async function installPacked(folder: string): Promise<readonly PackedPackage[]> {
  await run(tool("tsc"), ["-b", ...LIBRARY], root);
  const workspaces = LIBRARY.flatMap((each) => ["--workspace", each]);
  const words = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const { stdout } = await run("npm", [...words, ...workspaces], root);
  const packed = packedOf(JSON.parse(stdout));
  const packages: PackedPackage[] = [];
  for (const { name, filename, files } of packed) {
    const target = join(folder, "node_modules", name);
    await mkdir(target, { recursive: true });
    await run("tar", ["-xzf", join(folder, filename), "--strip-components=1"], target);
    const manifest = JSON.parse(await readFile(join(target, "package.json"), "utf8")) as Manifest;
    packages.push({ folder: target, manifest, files: files.map(({ path }) => path) });
  }
  const own = new Set(packages.map(({ manifest }) => manifest.name));
  const others = packages.flatMap(({ manifest }) => Object.keys(manifest.dependencies));
  for (const name of new Set(others.filter((each) => !own.has(each)))) await link(name, folder);
  return packages;
}

/** A list in some versions of npm, by name in others. */
function packedOf(answer: unknown): readonly Packed[] {
  return Object.values(answer as Readonly<Record<string, Packed>>);
}

/** Links an installed package of the registry into `folder`. */
export async function link(name: string, folder: string): Promise<void> {
  const path = join(folder, "node_modules", name);
  await mkdir(dirname(path), { recursive: true });
  await symlink(join(root, "node_modules", name), path);
}
