/**
 * Looks for an order of steps that the model allows and that respects real time.
 *
 * The search of Wing and Gong (1993) with the memory of Lowe (2017): a step may come next when no
 * other one that is still to be placed has returned before it was invoked; a set of placed steps
 * with the state it led to is never tried twice. Two cuts more: a step that only observes is placed
 * as soon as it fits, since no later place is better; and one of unknown outcome, which need not be
 * placed at all, is placed only where the next one finds what it left. The problem is NP-complete,
 * so the work is bounded. Called by the checker, once per key.
 */
import { assert } from "@atoll/stdx";
import type { SequentialModel } from "./model.ts";

/** A step in time; `returnedAt` is undefined when nobody knows whether it happened. */
export interface TimedStep<Step> {
  readonly step: Step;
  readonly invokedAt: number;
  readonly returnedAt: number | undefined;
}

export type SearchResult =
  | { readonly type: "found"; readonly order: readonly number[]; readonly work: number }
  /** No order exists. The longest attempt could not get past the return of step `stuckAt`. */
  | {
      readonly type: "none";
      readonly placed: readonly number[];
      readonly stuckAt: number;
      readonly work: number;
    }
  | { readonly type: "gaveUp"; readonly work: number };

interface Placed<State> {
  readonly at: number;
  /** The state before it. */
  readonly before: State;
  /** No other choice needs to be tried in its place. */
  readonly forced: boolean;
}

/** No event: the end of the list. */
const END = -1;

/**
 * @param workMax how many times a step is tried at most, 1 or more.
 */
export function findOrder<State, Step>(
  model: SequentialModel<State, Step>,
  steps: readonly TimedStep<Step>[],
  workMax: number,
): SearchResult {
  return new Search(model, steps, workMax).run();
}

class Search<State, Step> {
  readonly #model: SequentialModel<State, Step>;
  readonly #steps: readonly TimedStep<Step>[];
  readonly #workMax: number;
  readonly #events: EventList;
  readonly #places: PlacedSet;
  readonly #seen = new Set<string>();
  readonly #stack: Placed<State>[] = [];
  #state: State;
  /** Steps with a known outcome that are still to be placed. */
  #left: number;
  #work = 0;
  #longest: readonly number[] = [];
  #stuckAt = 0;
  #fewestLeft: number;

  constructor(
    model: SequentialModel<State, Step>,
    steps: readonly TimedStep<Step>[],
    workMax: number,
  ) {
    this.#model = model;
    this.#steps = steps;
    this.#workMax = workMax;
    this.#events = new EventList(steps);
    this.#places = new PlacedSet(steps);
    this.#state = model.initial;
    this.#left = steps.filter((step) => step.returnedAt !== undefined).length;
    this.#fewestLeft = this.#left + 1;
  }

  run(): SearchResult {
    let event = this.#events.first;
    for (;;) {
      while (this.#placeObservation()) event = this.#events.first;
      if (this.#left === 0) return this.#found();
      const placed = this.#placeNext(event);
      if (this.#work > this.#workMax) return { type: "gaveUp", work: this.#work };
      if (placed) {
        event = this.#events.first;
        continue;
      }
      const next = this.#backtrack();
      if (next === undefined) {
        const { placed: order, stuckAt } = { placed: this.#longest, stuckAt: this.#stuckAt };
        return { type: "none", placed: order, stuckAt, work: this.#work };
      }
      event = next;
    }
  }

  /** Places a step that fits and changes nothing, if one may come next. */
  #placeObservation(): boolean {
    const events = this.#events;
    for (let event = events.first; event !== END; event = events.after(event)) {
      if (events.isReturn(event)) return false;
      const at = events.stepOf(event);
      const { step, returnedAt } = this.#steps[at] as TimedStep<Step>;
      if (returnedAt === undefined || !this.#model.observes(step)) continue;
      this.#work += 1;
      if (this.#model.apply(this.#state, step) === undefined) continue;
      this.#push(at, this.#state, true);
      return true;
    }
    return false;
  }

  /** Places the first step from `event` on that fits and leads somewhere new. */
  #placeNext(event: number): boolean {
    const events = this.#events;
    const model = this.#model;
    const last = this.#stack.at(-1);
    const afterUnknown = last !== undefined && this.#steps[last.at]?.returnedAt === undefined;
    for (let next = event; next !== END; next = events.after(next)) {
      const at = events.stepOf(next);
      if (events.isReturn(next)) {
        this.#noteStuck(at);
        return false;
      }
      const { step, returnedAt } = this.#steps[at] as TimedStep<Step>;
      if (afterUnknown && model.overwrites(step)) continue;
      this.#work += 1;
      const applied = model.apply(this.#state, step);
      if (applied === undefined) continue;
      const identity = model.identify(applied.state);
      const isUnknown = returnedAt === undefined;
      if (isUnknown && identity === model.identify(this.#state)) continue;
      this.#places.add(at);
      const name = `${this.#places.name()}${isUnknown ? "?" : "."}${identity}`;
      const isNew = !this.#seen.has(name);
      this.#places.remove(at);
      if (!isNew) continue;
      this.#seen.add(name);
      this.#push(at, applied.state, false);
      return true;
    }
    return false;
  }

  #push(at: number, state: State, forced: boolean): void {
    this.#stack.push({ at, before: this.#state, forced });
    this.#state = state;
    this.#places.add(at);
    this.#events.take(at);
    if ((this.#steps[at] as TimedStep<Step>).returnedAt !== undefined) this.#left -= 1;
  }

  /** Takes back up to the last free choice; gives the event after it, or undefined at the end. */
  #backtrack(): number | undefined {
    for (let last = this.#stack.pop(); last !== undefined; last = this.#stack.pop()) {
      const { at, before, forced } = last;
      this.#state = before;
      this.#places.remove(at);
      this.#events.putBack(at);
      if ((this.#steps[at] as TimedStep<Step>).returnedAt !== undefined) this.#left += 1;
      if (!forced) return this.#events.afterCall(at);
    }
    return undefined;
  }

  #noteStuck(at: number): void {
    if (this.#left >= this.#fewestLeft) return;
    this.#fewestLeft = this.#left;
    this.#longest = this.#stack.map((placed) => placed.at);
    this.#stuckAt = at;
  }

  #found(): SearchResult {
    const order = this.#stack.map((placed) => placed.at);
    assert(new Set(order).size === order.length, "a step was placed twice");
    return { type: "found", order, work: this.#work };
  }
}

/**
 * Calls and returns in the order of time, as a list from which steps can be taken and put back in
 * reverse order. Event `2 * step` is its call, `2 * step + 1` its return.
 */
class EventList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #hasReturn: readonly boolean[];
  #first = END;

  constructor(steps: readonly TimedStep<unknown>[]) {
    const events: number[] = [];
    const timeOf = (event: number): number => {
      const { invokedAt, returnedAt } = steps[event >> 1] as TimedStep<unknown>;
      return event % 2 === 0 ? invokedAt : (returnedAt as number);
    };
    for (const [at, { returnedAt }] of steps.entries()) {
      events.push(2 * at);
      if (returnedAt !== undefined) events.push(2 * at + 1);
    }
    // At equal times calls come first, so that such steps overlap.
    events.sort(
      (left, right) => timeOf(left) - timeOf(right) || (left % 2) - (right % 2) || left - right,
    );
    this.#hasReturn = steps.map(({ returnedAt }) => returnedAt !== undefined);
    this.#next = new Int32Array(2 * steps.length).fill(END);
    this.#previous = new Int32Array(2 * steps.length).fill(END);
    for (let place = 0; place < events.length; place += 1) {
      const event = events[place] as number;
      this.#previous[event] = events[place - 1] ?? END;
      this.#next[event] = events[place + 1] ?? END;
    }
    this.#first = events[0] ?? END;
  }

  get first(): number {
    return this.#first;
  }

  isReturn(event: number): boolean {
    return event % 2 === 1;
  }

  stepOf(event: number): number {
    return event >> 1;
  }

  after(event: number): number {
    return this.#next[event] as number;
  }

  afterCall(step: number): number {
    return this.after(2 * step);
  }

  take(step: number): void {
    this.#unlink(2 * step);
    if (this.#hasReturn[step] === true) this.#unlink(2 * step + 1);
  }

  /** Undoes the last `take` that is not undone yet. */
  putBack(step: number): void {
    if (this.#hasReturn[step] === true) this.#link(2 * step + 1);
    this.#link(2 * step);
  }

  #unlink(event: number): void {
    const previous = this.#previous[event] as number;
    const next = this.#next[event] as number;
    if (previous === END) this.#first = next;
    else this.#next[previous] = next;
    if (next !== END) this.#previous[next] = previous;
  }

  #link(event: number): void {
    const previous = this.#previous[event] as number;
    const next = this.#next[event] as number;
    if (previous === END) this.#first = event;
    else this.#next[previous] = event;
    if (next !== END) this.#previous[next] = event;
  }
}

/**
 * Which steps are placed, with a short exact name for each set.
 *
 * Steps of known outcome stand by time of call, so that all but a short stretch of them is either
 * placed or not; those of unknown outcome, which may stay unplaced for ever, have bits of their own
 * behind.
 */
class PlacedSet {
  readonly #bitOf: Int32Array;
  readonly #words: Uint16Array;
  readonly #knownWords: number;

  constructor(steps: readonly TimedStep<unknown>[]) {
    const order = Array.from(steps.keys()).toSorted(
      (left, right) =>
        (steps[left] as TimedStep<unknown>).invokedAt -
        (steps[right] as TimedStep<unknown>).invokedAt,
    );
    const known = order.filter((at) => steps[at]?.returnedAt !== undefined);
    const unknown = order.filter((at) => steps[at]?.returnedAt === undefined);
    this.#knownWords = Math.ceil(known.length / 16);
    this.#bitOf = new Int32Array(steps.length);
    for (const [bit, at] of known.entries()) this.#bitOf[at] = bit;
    for (const [bit, at] of unknown.entries()) this.#bitOf[at] = this.#knownWords * 16 + bit;
    this.#words = new Uint16Array(this.#knownWords + Math.ceil(unknown.length / 16));
  }

  add(at: number): void {
    const bit = this.#bitOf[at] as number;
    this.#words[bit >> 4] = (this.#words[bit >> 4] as number) | (1 << (bit & 15));
  }

  remove(at: number): void {
    const bit = this.#bitOf[at] as number;
    this.#words[bit >> 4] = (this.#words[bit >> 4] as number) & ~(1 << (bit & 15));
  }

  /** Where the full words end, the words up to the last that is not empty, the unknown ones. */
  name(): string {
    const words = this.#words;
    let from = 0;
    while (from < this.#knownWords && words[from] === 0xffff) from += 1;
    let to = this.#knownWords;
    while (to > from && words[to - 1] === 0) to -= 1;
    let name = `${from} ${to} `;
    for (let at = from; at < to; at += 1) name += String.fromCharCode(words[at] as number);
    for (let at = this.#knownWords; at < words.length; at += 1) {
      name += String.fromCharCode(words[at] as number);
    }
    return name;
  }
}
