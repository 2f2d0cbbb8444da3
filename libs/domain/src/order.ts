/**
 * What an executor is told to do, fully specified.
 *
 * Templates are rendered, digests computed; nothing is left to choose (style.md 8). Made by the
 * planner, recorded in `ActionPlanned`, carried to the agent, executed by a driver.
 */
import type { ServiceKey } from "./names.ts";
import type { DriftPolicy, HealthCheck } from "./role.ts";

export interface RenderedFile {
  readonly path: string;
  readonly content: string;
  readonly mode: string;
  readonly owner?: string;
  readonly group?: string;
  readonly drift: DriftPolicy;
  /** Of everything above but `drift`. */
  readonly digest: string;
}

export interface RenderedService {
  readonly key: ServiceKey;
  readonly driver: "process" | "systemd";
  readonly command: readonly string[];
  readonly unit: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly health?: HealthCheck;
  readonly stopTimeoutMs: number;
  /** Of everything above and of the files in `restartOn`: another digest means another instance. */
  readonly digest: string;
}

export type Order =
  | { readonly type: "writeFile"; readonly file: RenderedFile }
  /** Puts back what was there before Atoll, or removes the file when there was nothing. */
  | { readonly type: "removeFile"; readonly path: string }
  /** Makes it run with this specification; an instance with another digest is stopped first. */
  | { readonly type: "startService"; readonly service: RenderedService }
  /** Stops what runs under the key, whatever its digest, and starts it. */
  | { readonly type: "restartService"; readonly service: RenderedService }
  | { readonly type: "stopService"; readonly key: ServiceKey };
