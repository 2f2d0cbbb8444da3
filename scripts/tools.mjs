/**
 * What the project's scripts share: the environment in which its tools run, and running them.
 *
 * Tools come from node_modules/.bin and run on the pinned Node; both are first on their PATH.
 * Called by test.mjs, generate.mjs and run.mjs.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { findNode } from "./setup.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** This process's environment with the project's tools and the pinned Node first on the PATH. */
export function environment() {
  const ours = [dirname(findNode()), join(root, "node_modules/.bin")];
  const path = [...ours, process.env["PATH"] ?? "", "/usr/sbin", "/usr/local/sbin"];
  return { ...process.env, PATH: path.join(delimiter) };
}

/**
 * Runs a program in the project's folder; resolves with its exit code and what it wrote. One that
 * takes longer than `limitMs` is asked to end, which is then a failure.
 */
export function run(program, words, { limitMs } = {}) {
  return new Promise((resolve) => {
    const stdio = ["ignore", "pipe", "pipe"];
    const child = spawn(program, words, { cwd: root, env: environment(), stdio });
    const chunks = [];
    const stop = () => {
      const left = descendants(child.pid).map((each) => `  still running: ${each}\n`);
      chunks.push(Buffer.from(`\nnot done after ${limitMs / 1000} s: stopped\n${left.join("")}`));
      child.kill("SIGTERM");
    };
    const timer = limitMs === undefined ? undefined : setTimeout(stop, limitMs);
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: 127, output: error.message }));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString("utf8") });
    });
  });
}

/**
 * The programs that run below `pid` and their last words on the command line, parents first. Empty
 * on a system that does not list them under /proc.
 */
function descendants(pid) {
  const found = [];
  if (!existsSync("/proc")) return found;
  for (const name of readdirSync("/proc").filter((each) => /^[0-9]+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(parent) !== pid) continue;
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").filter(Boolean);
      found.push(`${name} (${state}) ${words.at(0)} … ${words.slice(-2).join(" ").slice(-160)}`);
      found.push(...descendants(Number(name)));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** Paths below `folder`, relative to the project's, for which `wanted` holds; sorted. */
export function findFiles(folder, wanted) {
  const found = [];
  const walk = (at) => {
    let entries;
    try {
      entries = readdirSync(at, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      if (entry.name === "node_modules" || entry.name === "dist" || entry.name === ".atoll")
        continue;
      const path = join(at, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (wanted(entry.name)) found.push(relative(root, path));
    }
  };
  walk(join(root, folder));
  return found.toSorted((left, right) => (left < right ? -1 : 1));
}
