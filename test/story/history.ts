/**
 * Follows all events of the story, and says at its end whether the history is whole.
 *
 * What was followed across every break must be what the log holds; within it nothing may be
 * missing, come twice, or contradict itself.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Event } from "@atoll/proto/atoll/v1/event";
import type { StoryApi } from "./api.ts";

const ENDINGS = ["actionSucceeded", "actionFailed", "actionTimedOut", "actionCancelled"];

export class History {
  readonly #api: StoryApi;
  readonly #seen: Event[] = [];
  #resumeIndex = 1;
  #breaks = 0;
  #stopped = false;
  #cancel: () => void = () => undefined;

  constructor(api: StoryApi) {
    this.#api = api;
  }

  /** How often the connection broke. */
  get breaks(): number {
    return this.#breaks;
  }

  get seen(): readonly Event[] {
    return this.#seen;
  }

  /** Until `stop`. */
  async follow(): Promise<void> {
    while (!this.#stopped) {
      const watch = this.#api.watchEvents(this.#resumeIndex);
      this.#cancel = () => watch.cancel();
      let connected = false;
      try {
        for await (const message of watch) {
          connected = true;
          this.#seen.push(...message.events);
          if (message.resumeIndex > 0) this.#resumeIndex = message.resumeIndex;
        }
      } catch {
        // The index says where to go on.
      }
      if (connected && !this.#stopped) this.#breaks += 1;
      await delay(20);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** What is wrong with what was followed, against the history as the gateway lists it now. */
  async problems(): Promise<string[]> {
    const listed = await this.#api.events();
    const last = listed.at(-1)?.index ?? 0;
    const deadlineMs = performance.now() + 10_000;
    while ((this.#seen.at(-1)?.index ?? 0) < last && performance.now() < deadlineMs)
      await delay(20);
    const followed = this.#seen.filter((event) => event.index <= last);
    return [
      ...compareHistories(followed, listed),
      ...orderProblems(listed),
      ...actionProblems(listed),
      ...factProblems(listed),
    ].slice(0, 10);
  }
}

function compareHistories(followed: readonly Event[], listed: readonly Event[]): string[] {
  const followedNames = followed.map((event) => event.name);
  const listedNames = listed.map((event) => event.name);
  if (followedNames.join() === listedNames.join()) return [];
  const followedSet = new Set(followedNames);
  const listedSet = new Set(listedNames);
  const missing = listedNames.filter((name) => !followedSet.has(name));
  const extra = followedNames.filter((name) => !listedSet.has(name));
  const twice = followedNames.length - followedSet.size;
  return [
    `followed ${followedNames.length} events, listed ${listedNames.length}: ` +
      `missing ${missing.slice(0, 3).join(" ")}, ` +
      `extra ${extra.slice(0, 3).join(" ")}, ${twice} twice`,
  ];
}

/** Indexes grow; within an index, offsets count from 0. */
function orderProblems(events: readonly Event[]): string[] {
  const problems: string[] = [];
  events.forEach((event, at) => {
    const before = events[at - 1];
    const follows =
      before?.index === event.index ? event.offset === before.offset + 1 : event.offset === 0;
    if (!follows || (before !== undefined && before.index > event.index)) {
      problems.push(`${event.name} does not follow ${before?.name}`);
    }
  });
  return problems;
}

/** Each action is planned once and ends at most once, after it was planned. */
function actionProblems(events: readonly Event[]): string[] {
  const planned = new Set<string>();
  const ended = new Set<string>();
  const problems: string[] = [];
  for (const event of events) {
    const payload = event.payload?.event;
    if (payload?.$case === "actionPlanned") {
      if (planned.has(payload.value.action)) problems.push(`${payload.value.action} planned twice`);
      planned.add(payload.value.action);
    } else if (payload !== undefined && ENDINGS.includes(payload.$case)) {
      const { action } = payload.value as { readonly action: string };
      if (!planned.has(action)) problems.push(`${action} ended without being planned`);
      if (ended.has(action)) problems.push(`${action} ended twice`);
      ended.add(action);
    }
  }
  return problems;
}

/**
 * Per node and life, the positions up to which facts were taken in only grow: none was taken in
 * twice.
 */
function factProblems(events: readonly Event[]): string[] {
  const last = new Map<string, { readonly boot: number; readonly sequence: number }>();
  const problems: string[] = [];
  for (const event of events) {
    const payload = event.payload?.event;
    if (payload?.$case !== "factsAccepted") continue;
    const { node, incarnation, through } = payload.value;
    if (through === undefined) continue;
    const key = `${node} ${incarnation}`;
    const before = last.get(key) ?? { boot: 0, sequence: 0 };
    const grows =
      through.boot > before.boot ||
      (through.boot === before.boot && through.sequence > before.sequence);
    if (!grows) problems.push(`facts of ${node} were taken in again at ${event.name}`);
    last.set(key, through);
  }
  return problems;
}
