/**
 * Speaks to systemd through `systemctl`.
 *
 * Narrow: start, restart, stop, and the few properties that tell how a unit fares. Output is asked
 * for as properties, never read from texts for people.
 */
import { DriverError } from "../../errors.ts";
import { type CommandRunner, DEFAULT_PATH } from "../../run-command.ts";

export interface UnitState {
  /** `loaded`, `not-found`, `masked`, … */
  readonly load: string;
  /** `active`, `activating`, `deactivating`, `inactive`, `failed`, `reloading`. */
  readonly active: string;
  /** `success`, `exit-code`, `signal`, … */
  readonly result: string;
  /** 0 when nothing runs. */
  readonly pid: number;
  /** Exit status or signal number of the last main process. */
  readonly status: number;
  /** 1: exited; 2: killed; 3: killed with a core dump. As in waitid(2). */
  readonly exitCode: number;
}

const SHOW_TIMEOUT_MS = 5_000;
const PROPERTIES = "Id,LoadState,ActiveState,Result,MainPID,ExecMainStatus,ExecMainCode";

export class Systemctl {
  readonly #program: string;
  readonly #run: CommandRunner;

  constructor(program: string, run: CommandRunner) {
    this.#program = program;
    this.#run = run;
  }

  /** @throws DriverError when the manager cannot be asked. */
  async show(unit: string): Promise<UnitState> {
    const output = await this.#ask(["show", `--property=${PROPERTIES}`, "--", unit]);
    const fields = new Map<string, string>();
    for (const line of output.split("\n")) {
      const at = line.indexOf("=");
      if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trim());
    }
    return {
      load: fields.get("LoadState") ?? "",
      active: fields.get("ActiveState") ?? "",
      result: fields.get("Result") ?? "",
      pid: Number(fields.get("MainPID") ?? 0),
      status: Number(fields.get("ExecMainStatus") ?? 0),
      exitCode: Number(fields.get("ExecMainCode") ?? 0),
    };
  }

  /** The reason when the unit did not start. Waits for the start job. */
  async start(unit: string, timeoutMs: number): Promise<string | undefined> {
    await this.#run([this.#program, "reset-failed", "--", unit], this.#options(SHOW_TIMEOUT_MS));
    return await this.#job("start", unit, timeoutMs);
  }

  /** The reason when the unit did not stop in time. */
  stop(unit: string, timeoutMs: number): Promise<string | undefined> {
    return this.#job("stop", unit, timeoutMs);
  }

  /** Sends SIGKILL to everything in the unit. */
  async kill(unit: string): Promise<void> {
    await this.#ask(["kill", "--signal=SIGKILL", "--", unit]);
  }

  async #job(verb: string, unit: string, timeoutMs: number): Promise<string | undefined> {
    const result = await this.#run([this.#program, verb, "--", unit], this.#options(timeoutMs));
    if (result.type === "failed") return result.reason;
    if (result.status === 0) return undefined;
    const said = result.errorOutput.trim().split("\n")[0] ?? "";
    return said === ""
      ? `systemctl ${verb} ended with status ${result.status}`
      : said.slice(0, 300);
  }

  async #ask(command: readonly string[]): Promise<string> {
    const result = await this.#run([this.#program, ...command], this.#options(SHOW_TIMEOUT_MS));
    if (result.type === "failed") throw new DriverError("MANAGER_FAILED", result.reason);
    if (result.status !== 0) {
      const said = result.errorOutput.trim().slice(0, 300);
      throw new DriverError("MANAGER_FAILED", `systemctl ${command[0]}: ${said}`);
    }
    return result.output;
  }

  #options(timeoutMs: number): { timeoutMs: number; environment: Record<string, string> } {
    const path = process.env["PATH"] ?? DEFAULT_PATH;
    return { timeoutMs, environment: { PATH: path, LANG: "C", SYSTEMD_PAGER: "" } };
  }
}
