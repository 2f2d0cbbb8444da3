/**
 * Users at work during chaos: one write after the other, each with a value of its own.
 *
 * A write without an answer is repeated under the same request id. What was acknowledged must stand
 * in the log exactly once, and what was not at most once.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Node, NodeServiceService, UpdateNodeRequest } from "@atoll/proto/atoll/v1/node";
import type { StoryApi } from "../story/api.ts";
import type { LoggedEvent } from "./check-facts.ts";

const ALLOWED_MS = 60_000;
const PAUSE_MS = 100;

export class Writes {
  readonly #api: StoryApi;
  readonly #acknowledged: string[] = [];
  readonly #failed: string[] = [];
  readonly #working: Promise<void>;
  #stopped = false;

  constructor(api: StoryApi, nodes: readonly string[], run: string) {
    this.#api = api;
    this.#working = this.#work(nodes, run);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  problems(log: readonly LoggedEvent[]): string[] {
    const counts = new Map<string, number>();
    for (const { event } of log) {
      const value = event.type === "nodeUpdated" ? event.labels?.["write"] : undefined;
      if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const lost = this.#acknowledged.filter((value) => !counts.has(value));
    const twice = [...counts].filter(([, count]) => count > 1).map(([value]) => value);
    return [
      ...lost.map((value) => `users: lost: the acknowledged write ${value}`),
      ...twice.map((value) => `users: repeated: write ${value}`),
      ...this.#failed.map((failure) => `users: ${failure}`),
    ];
  }

  async #work(nodes: readonly string[], run: string): Promise<void> {
    for (let number = 1; !this.#stopped; number += 1) {
      const value = `${run}-${number}`;
      const node = `${this.#api.datacenter}/nodes/${nodes[number % nodes.length]}`;
      const request = {
        ...UpdateNodeRequest.fromPartial({}),
        node: Node.fromPartial({ name: node, labels: { tier: "chaos", write: value } }),
        updateMask: ["labels"],
        requestId: value,
      };
      try {
        await this.#api.insist(NodeServiceService.updateNode, request, ALLOWED_MS);
        this.#acknowledged.push(value);
      } catch (error) {
        this.#failed.push(`${value}: ${(error as Error).message}`);
      }
      await delay(PAUSE_MS);
    }
  }
}
