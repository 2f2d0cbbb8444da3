/**
 * What the story plays on: a lab in processes of its own, known by its `lab.json` alone.
 *
 * Kills go to pids from that file, as anybody's `kill -9` would; the lab starts again what was
 * killed.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  isRunning,
  processesOfLab,
  readLabFile,
  REPOSITORY_DIR,
  signal,
  type LabFile,
  type ProcessIdentity,
} from "@atoll/lab";
import { runAtoll } from "../support/run-atoll.ts";
import { timeUntil } from "./measure.ts";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;

export class Stage {
  readonly stateDir: string;
  /** Whether the story started the lab, and so may kill all of it. */
  readonly own: boolean;
  #lab: ChildProcess | undefined;

  constructor(stateDir: string, own: boolean) {
    this.stateDir = stateDir;
    this.own = own;
  }

  /** Starts a lab in a new folder, on free ports. */
  static async start(): Promise<Stage> {
    const stage = new Stage(mkdtempSync(join(tmpdir(), "atoll-story-")), true);
    try {
      await stage.startLab();
    } catch (error) {
      await stage.stop();
      stage.forget();
      throw error;
    }
    return stage;
  }

  /** Uses the lab that wrote this file. */
  static use(labFile: string): Stage {
    const stage = new Stage(dirname(labFile), false);
    if (!isRunning(stage.file.lab)) throw new Error(`the lab of ${labFile} does not run`);
    return stage;
  }

  get file(): LabFile {
    const file = readLabFile(this.stateDir);
    if (file === undefined) throw new Error(`no lab.json in ${this.stateDir}`);
    return file;
  }

  /** As `npm start` does it. Resolves when all of it is ready. */
  async startLab(): Promise<void> {
    const main = join(REPOSITORY_DIR, "deploy/lab/src/main.ts");
    const words = ["--state", this.stateDir, "--port-base", "0"];
    const lab = spawn(process.execPath, ["--conditions=atoll-source", main, ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#lab = lab;
    let printed = "";
    lab.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    await timeUntil("the lab is ready", START_TIMEOUT_MS, async () => {
      if (lab.exitCode !== null) throw new Error(`the lab ended:\n${printed}`);
      return printed.includes("Try next");
    });
  }

  identity(name: string): ProcessIdentity | undefined {
    const found = this.file.processes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`the lab has no process ${name}`);
    if (found.pid === null || found.startTicks === null) return undefined;
    return { pid: found.pid, startTicks: found.startTicks };
  }

  /** `kill -9` of one process; returns when it is dead. */
  async kill(name: string): Promise<void> {
    const { value } = await timeUntil(`${name} runs`, START_TIMEOUT_MS, async () =>
      this.identity(name),
    );
    signal(value, "SIGKILL");
    await timeUntil(`${name} is dead`, 5_000, async () => !isRunning(value));
  }

  /**
   * `kill -9` of the lab and all of its processes at once; the services on the nodes are not
   * among them.
   */
  async killEverything(): Promise<void> {
    const { lab, processes } = this.file;
    const all = processes.flatMap(({ pid, startTicks }) =>
      pid === null || startTicks === null ? [] : [{ pid, startTicks }],
    );
    for (const identity of [lab, ...all]) signal(identity, "SIGKILL");
    await timeUntil("all are dead", 5_000, async () => ![lab, ...all].some(isRunning));
  }

  /** Where the files of a lab node are. */
  rootDir(node: string): string {
    return join(this.stateDir, "agents", node, "root");
  }

  readNodeFile(node: string, path: string): string | undefined {
    try {
      return readFileSync(join(this.rootDir(node), path), "utf8");
    } catch {
      return undefined;
    }
  }

  /** Runs the command line as a user would. */
  atoll(...words: readonly string[]): Promise<string> {
    return runAtoll(this.file.gateway, ...words);
  }

  /** Ends an own lab as Ctrl-C does. Returns what was left running, which is ended too. */
  async stop(): Promise<readonly ProcessIdentity[]> {
    const lab = this.#lab;
    if (lab === undefined) return [];
    lab.kill("SIGINT");
    await timeUntil("the lab has stopped", STOP_TIMEOUT_MS, async () => hasEnded(lab)).catch(() =>
      lab.kill("SIGKILL"),
    );
    const left = processesOfLab(this.stateDir);
    for (const identity of left) signal(identity, "SIGKILL");
    return left;
  }

  /** Deletes the state folder of an own lab. */
  forget(): void {
    if (this.own) rmSync(this.stateDir, { recursive: true, force: true });
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
