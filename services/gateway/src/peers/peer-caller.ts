/**
 * Calls to another datacenter, over whatever link there is.
 *
 * Straight to one of its gateways; when that cannot be reached, through a third datacenter, once
 * removed. Submits are safe to try another way: they carry a request id. Never throws.
 */
import type { Clock } from "@atoll/stdx";
import type { CallContent, Caller, CallOutcome } from "../islands/caller.ts";
import type { Routes } from "./routes.ts";

/** Asks a datacenter, over a third one only where that is allowed. */
export type Ask = (
  content: CallContent,
  to: { readonly datacenter: string; readonly deadlineMs: number; readonly mayRelay: boolean },
) => Promise<CallOutcome>;

/** A way that is silent for as long is given up for the next, while there is one. */
const PATIENCE_MS = 1_000;

/** Asks over `routes`. */
export function askOver(routes: Routes, clock: Clock): Ask {
  return async (content, { datacenter, deadlineMs, mayRelay }) => {
    const ways = routes.callsTo(datacenter).filter(({ peer }) => mayRelay || peer === datacenter);
    let outcome: CallOutcome = {
      type: "unreachable",
      uncertain: false,
      account: `there is no link to ${datacenter}`,
    };
    let uncertain = false;
    for (const [at, route] of ways.entries()) {
      const nowMs = clock.monotonicMs();
      if (nowMs >= deadlineMs) break;
      const last = at === ways.length - 1;
      const until = last ? deadlineMs : Math.min(deadlineMs, nowMs + PATIENCE_MS);
      const relayed = route.peer !== datacenter;
      outcome = await route.ask(content, { datacenter, deadlineMs: until, relayed });
      if (outcome.type !== "unreachable") break;
      uncertain ||= outcome.uncertain;
    }
    if (outcome.type === "unreachable") return { ...outcome, uncertain };
    if (!uncertain) return outcome;
    // The second way did nothing; the first may have.
    if (outcome.type === "failed") return { ...outcome, uncertain };
    if (outcome.type === "refused") {
      return { type: "failed", uncertain, account: outcome.reason };
    }
    return outcome;
  };
}

export class PeerCaller implements Caller {
  readonly #datacenter: string;
  readonly #ask: Ask;
  readonly #clock: Clock;
  lastContactMs: number | undefined;

  constructor(datacenter: string, options: { readonly routes: Routes; readonly clock: Clock }) {
    this.#datacenter = datacenter;
    this.#ask = askOver(options.routes, options.clock);
    this.#clock = options.clock;
  }

  async call(content: CallContent, deadlineMs: number): Promise<CallOutcome> {
    const datacenter = this.#datacenter;
    const outcome = await this.#ask(content, { datacenter, deadlineMs, mayRelay: true });
    if (outcome.type !== "unreachable" && outcome.type !== "refused") {
      this.lastContactMs = this.#clock.monotonicMs();
    }
    return outcome;
  }
}
