/**
 * A copy of the Raft packages in a temporary folder, to be broken and run.
 *
 * The copy has its own `node_modules`, in which the project's packages are the copies and all else
 * is linked. Removed when disposed of. Used by raft-mutations.ts alone.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mutation } from "./raft-mutation-list.ts";

const PACKAGES = ["stdx", "linearizability", "raft-ts", "raft-replica", "raft-level", "sim"];
/** The simulation of Raft alone; the rest of sim needs packages that are not copied. */
const SIMULATION_INDEX = `
export { addCounters, noCounters, RAFT_COUNTERS } from "./raft-counters.ts";
export { simulateRaft, undecidedMax } from "./raft-simulation.ts";
export { LogImage, MemoryLogStore } from "./raft-log-store.ts";
export { VirtualClock } from "./virtual-clock.ts";
`;
/** Bounds a run of the packages as they are, which is the first of its kind. */
const FIRST_MS = 600_000;
/** Whatever takes so many times longer than that one, and this more, goes round in circles. */
const SLOWER_MAX = 4;
const LEEWAY_MS = 20_000;
const SHOWN_COLUMNS = 110;

/** What the runs that judge a copy say. */
export type Verdict =
  | { readonly type: "passed" }
  | { readonly type: "caught"; readonly by: string }
  /** Stopped because it took too long, with nothing failed so far. */
  | { readonly type: "endless"; readonly where: string }
  /** It cannot be loaded, or ended without saying what failed. */
  | { readonly type: "broken"; readonly reason: string };

interface Run {
  readonly status: number | null;
  readonly ended: boolean;
  readonly output: string;
  readonly errors: string;
}

export class MutationCopy implements Disposable {
  readonly #root: string = join(import.meta.dirname, "../..");
  readonly #folder: string = mkdtempSync(join(tmpdir(), "atoll-mutation-"));
  /** How long the first run of each kind took. */
  readonly #firstMs = new Map<string, number>();

  constructor() {
    const modules = join(this.#folder, "node_modules");
    mkdirSync(join(modules, "@atoll"), { recursive: true });
    for (const name of readdirSync(join(this.#root, "node_modules"))) {
      if (name.startsWith(".") || name === "@atoll" || name === "raft-ts") continue;
      symlinkSync(join(this.#root, "node_modules", name), join(modules, name));
    }
    for (const name of PACKAGES) {
      for (const part of ["src", "package.json"]) {
        cpSync(join(this.#root, "libs", name, part), join(this.#folder, "libs", name, part), {
          recursive: true,
        });
      }
      const link = name === "raft-ts" ? name : `@atoll/${name}`;
      symlinkSync(join(this.#folder, "libs", name), join(modules, link));
    }
    writeFileSync(join(this.#folder, "libs/sim/src/index.ts"), SIMULATION_INDEX);
    cpSync(join(this.#root, "test/simulation/raft-sim.ts"), join(this.#folder, "raft-sim.ts"));
    const data = join(this.#root, "test/data/raft");
    if (existsSync(data)) {
      cpSync(data, join(this.#folder, "test/data/raft"), { recursive: true });
    }
    writeFileSync(join(this.#folder, "package.json"), '{ "type": "module" }');
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** False when the text to find is not there exactly once. */
  apply({ file, find, replace }: Mutation): boolean {
    const path = join(this.#folder, "libs", file);
    if (!existsSync(path)) return false;
    const source = readFileSync(path, "utf8");
    if (source.split(find).length !== 2) return false;
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
    return true;
  }

  restore({ file }: Mutation): void {
    const original = join(this.#root, "libs", file);
    if (existsSync(original)) cpSync(original, join(this.#folder, "libs", file));
  }

  /** Judged by whether the changed file is a program at all, and links with the others. */
  loaded({ file }: Mutation): Verdict {
    const path = JSON.stringify(join(this.#folder, "libs", file));
    const words = ["--conditions=atoll-source", "--input-type=module", "--eval"];
    const run = this.#run("load", [...words, `await import(${path})`]);
    return run.status === 0 ? { type: "passed" } : { type: "broken", reason: lastWords(run) };
  }

  /** Judged by `seeds` seeds from seed 1 on. */
  simulated(seeds: number): Verdict {
    const script = join(this.#folder, "raft-sim.ts");
    const words = ["--conditions=atoll-source", script, "--from", "1", "--seeds", String(seeds)];
    const run = this.#run("simulation", [...words, "--first"]);
    const line = run.output.split("\n").find((each) => /^seed \d+: /.test(each));
    if (line !== undefined) return { type: "caught", by: line.slice(0, SHOWN_COLUMNS) };
    if (!run.ended) return { type: "endless", where: `the simulation of ${seeds} seeds` };
    // Situations that were never reached are for the whole suite to judge.
    if (/ 0 failed, /.test(run.output)) return { type: "passed" };
    return { type: "broken", reason: `the simulation ends: ${lastWords(run)}` };
  }

  /** Judged by the tests of a package. */
  tested(name: string): Verdict {
    const words = ["--conditions=atoll-source", "--test-reporter=tap", "--test"];
    const run = this.#run(name, [...words, `libs/${name}/src/**/*.test.ts`]);
    if (run.status === 0) return { type: "passed" };
    const failed = run.output.split("\n").find((each) => /^\s*not ok /.test(each));
    const title = failed?.replace(/^\s*not ok \d+ - /, "");
    if (title !== undefined) {
      return { type: "caught", by: `${name} test: ${title.slice(0, SHOWN_COLUMNS)}` };
    }
    if (!run.ended) return { type: "endless", where: `the tests of ${name}` };
    return { type: "broken", reason: `the tests of ${name} end: ${lastWords(run)}` };
  }

  #run(kind: string, words: readonly string[]): Run {
    const firstMs = this.#firstMs.get(kind);
    const timeout = firstMs === undefined ? FIRST_MS : LEEWAY_MS + SLOWER_MAX * firstMs;
    const startedMs = performance.now();
    const { status, error, stdout, stderr } = spawnSync(process.execPath, words, {
      cwd: this.#folder,
      encoding: "utf8",
      timeout: Math.ceil(timeout),
      // The test runner ends its own processes on this one.
      killSignal: "SIGTERM",
      maxBuffer: 64 << 20,
    });
    if (firstMs === undefined) this.#firstMs.set(kind, performance.now() - startedMs);
    const ended = (error as NodeJS.ErrnoException | undefined)?.code !== "ETIMEDOUT";
    return { status, ended, output: stdout, errors: stderr };
  }
}

/** The line that says what ended a program. */
function lastWords({ errors }: Run): string {
  const line = errors.split("\n").find((each) => /^\w*(Error|Bug|Violation)\b.*:/.test(each));
  return (line ?? errors.slice(-SHOWN_COLUMNS)).slice(0, SHOWN_COLUMNS);
}
