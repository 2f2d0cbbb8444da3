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
export { simulateRaft } from "./raft-simulation.ts";
export { LogImage, MemoryLogStore } from "./raft-log-store.ts";
export { VirtualClock } from "./virtual-clock.ts";
`;
/** A run that takes longer goes round in circles. */
const SIMULATION_MS = 60_000;
const TESTS_MS = 120_000;
const SHOWN_COLUMNS = 110;

export class MutationCopy implements Disposable {
  readonly #root: string = join(import.meta.dirname, "../..");
  readonly #folder: string = mkdtempSync(join(tmpdir(), "atoll-mutation-"));

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

  /** The first failing seed, of `seeds` from seed 1 on; undefined when all pass. */
  simulated(seeds: number): string | undefined {
    const script = join(this.#folder, "raft-sim.ts");
    const words = ["--conditions=atoll-source", script, "--from", "1", "--seeds", String(seeds)];
    const run = this.#run([...words, "--first"], SIMULATION_MS);
    const line = run.output.split("\n").find((each) => /^seed \d+: /.test(each));
    if (line !== undefined) return line.slice(0, SHOWN_COLUMNS);
    // Situations that were never reached are for the whole suite to judge.
    if (run.ended && / 0 failed, /.test(run.output)) return undefined;
    const lastWords = run.errors
      .split("\n")
      .find((each) => /^\w*(Error|Bug|Violation):/.test(each));
    return run.ended ? `run ends: ${lastWords?.slice(0, SHOWN_COLUMNS)}` : "a run without end";
  }

  /** The first failing test of a package; undefined when all pass. */
  tested(name: string): string | undefined {
    const words = ["--conditions=atoll-source", "--test-reporter=tap", "--test"];
    const run = this.#run([...words, `libs/${name}/src/**/*.test.ts`], TESTS_MS);
    if (run.status === 0) return undefined;
    const failed = run.output
      .split("\n")
      .find((each) => /^\s*not ok .*\.test\.ts|^not ok/.test(each));
    const title = failed?.replace(/^\s*not ok \d+ - /, "") ?? "tests without end";
    return `${name} test: ${title.slice(0, SHOWN_COLUMNS)}`;
  }

  #run(
    words: readonly string[],
    timeout: number,
  ): { status: number | null; ended: boolean; output: string; errors: string } {
    const run = spawnSync(process.execPath, words, {
      cwd: this.#folder,
      encoding: "utf8",
      timeout,
      killSignal: "SIGKILL",
      maxBuffer: 64 << 20,
    });
    const { status, signal, stdout, stderr } = run;
    return { status, ended: signal === null, output: stdout, errors: stderr };
  }
}
