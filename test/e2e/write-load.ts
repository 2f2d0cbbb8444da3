/**
 * Writes one after another while a test goes on, and what became of each.
 *
 * Every write is its own: the reason of a maintenance with a number, so that the history shows how
 * often it was carried out. Used by the tests of the control plane's own group.
 */
import { setTimeout as delay } from "node:timers/promises";
import { NodeServiceService } from "@atoll/proto/atoll/v1/node";
import type { StoryApi } from "../story/api.ts";

const PAUSE_MS = 10;
const WRITE_MS_MAX = 10_000;

export class WriteLoad implements AsyncDisposable {
  /** Reasons whose write was acknowledged, in order. */
  readonly done: string[] = [];
  readonly failures: string[] = [];
  readonly #api: StoryApi;
  readonly #node: string;
  readonly #reasonLength: number;
  readonly #working: Promise<void>;
  #stopped = false;

  /** `reasonLength` makes every write so long at least, in characters; at most 500. */
  constructor(api: StoryApi, node: string, reasonLength = 0) {
    this.#api = api;
    this.#node = `${api.datacenter}/nodes/${node}`;
    this.#reasonLength = reasonLength;
    this.#working = this.#work();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #work(): Promise<void> {
    for (let number = 1; !this.#stopped; number += 1) {
      const reason = `write ${number}`.padEnd(this.#reasonLength, ".");
      const request = { name: this.#node, reason, requestId: "" };
      try {
        await this.#api.call(NodeServiceService.startMaintenance, request, WRITE_MS_MAX);
        this.done.push(reason);
      } catch (error) {
        this.failures.push(`${reason}: ${(error as Error).message}`);
      }
      await delay(PAUSE_MS);
    }
  }
}
