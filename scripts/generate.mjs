/**
 * Makes what is generated from proto/: TypeScript and the descriptors for reflection.
 *
 * `node scripts/generate.mjs` writes into libs/proto; given a folder, it writes there instead, so
 * that a check can compare. Nothing else ever edits these files. Called by `npm run generate` and
 * by test.mjs.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { environment } from "./tools.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What is generated, relative to the project's folder. */
export const generated = {
  sources: "libs/proto/src/gen",
  descriptors: "libs/proto/descriptors.binpb",
};

/** Generates into `folder`, which stands for the project's. Throws what buf says. */
export function generate(folder) {
  buf(["generate", "-o", folder]);
  const descriptors = join(folder, generated.descriptors);
  mkdirSync(dirname(descriptors), { recursive: true });
  buf(["build", "--exclude-source-info", "-o", descriptors]);
}

function buf(words) {
  const result = spawnSync(join(root, "node_modules/.bin/buf"), words, {
    cwd: root,
    env: environment(),
    encoding: "utf8",
  });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`buf ${words[0]}: ${result.stderr}${result.stdout}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  generate(process.argv[2] ?? root);
}
