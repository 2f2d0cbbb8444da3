/**
 * A second agent under the name of a node: a copy of its data folder, or one with a folder of its
 * own, as on another machine.
 *
 * It has a root folder and a record of its own. What runs as services on the node is not known to
 * it, for on another machine nothing of it would run. It never stays: it ends with all that it
 * started, and its disk with it. Made by `Field`.
 */
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { freePorts, LabProcess, type ProcessSpec } from "@atoll/lab";
import { isAlive } from "../support/alive.ts";
import { SERVICES, startsFile } from "./role.ts";

/** Of a data folder: what is of the processes that run on its machine. */
const OF_THE_MACHINE = new Set(["process", "systemd", "filler"]);
/** A folder that is written to while it is copied. */
const COPY_ATTEMPTS_MAX = 20;

export class Twin {
  readonly node: string;
  readonly recordFile: string;
  readonly #process: LabProcess;
  /** Under which it spoke; 0 before it was started. */
  pid = 0;

  private constructor(node: string, process: LabProcess, recordFile: string) {
    this.node = node;
    this.#process = process;
    this.recordFile = recordFile;
  }

  /** Begins to start one; that it gets ready is for others to see. */
  static async start(
    of: ProcessSpec,
    about: { readonly folder: string; readonly copied: boolean },
  ): Promise<Twin> {
    const { folder, copied } = about;
    const dataDir = join(folder, "data");
    const rootDir = join(folder, "root");
    const recordFile = join(folder, "record.jsonl");
    mkdirSync(rootDir, { recursive: true });
    if (copied) copyFolder(of.dataDir, dataDir);
    const { admin = 0 } = await freePorts({ admin: 0 }, {});
    const spec: ProcessSpec = {
      ...of,
      dataDir,
      rootDir,
      environment: {
        ...of.environment,
        ATOLL_DATA_DIR: dataDir,
        ATOLL_ROOT_DIR: rootDir,
        ATOLL_ADMIN_PORT: String(admin),
        ATOLL_RECORD_FILE: recordFile,
      },
      ports: { ...of.ports, admin },
      logFile: join(folder, "log"),
      ready: { type: "http", url: `http://127.0.0.1:${admin}/healthz` },
    };
    const unsupervised = { restart: false, report: () => undefined, changed: () => undefined };
    const twin = new Twin(of.name, new LabProcess(spec, unsupervised), recordFile);
    twin.#process.start().catch(() => {});
    twin.pid = twin.#process.pid ?? 0;
    return twin;
  }

  /** The pids that its services wrote down when they began, in order. */
  startedPids(service: string): number[] {
    try {
      const path = join(this.#process.spec.rootDir as string, startsFile(service));
      return readFileSync(path, "utf8").trim().split("\n").map(Number);
    } catch {
      return [];
    }
  }

  /** Its machine is gone. */
  async end(): Promise<void> {
    await this.#process.kill("SIGKILL");
    for (const service of SERVICES) {
      const pid = this.startedPids(service).at(-1);
      if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGKILL");
    }
  }
}

function copyFolder(from: string, to: string): void {
  const filter = (path: string): boolean => !OF_THE_MACHINE.has(basename(path));
  for (let attempt = 1; ; attempt += 1) {
    try {
      cpSync(from, to, { recursive: true, filter });
      return;
    } catch (error) {
      if (attempt === COPY_ATTEMPTS_MAX) throw error;
      rmSync(to, { recursive: true, force: true });
    }
  }
}
