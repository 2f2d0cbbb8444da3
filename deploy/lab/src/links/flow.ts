/**
 * One direction of one connection through a relay: takes from one socket, gives to the other when
 * the lane says so.
 *
 * An end and a break travel as bytes do, in their order: behind a cut nobody learns that the other
 * side has gone. Holds a bounded number of bytes; past it the sender is not read, and waits.
 */
import type { Socket } from "node:net";
import type { Lane } from "./lane.ts";

/** About what TCP has on its way at most. */
const HELD_BYTES_MAX = 4 * 1024 * 1024;
const HELD_PIECES_MAX = 2_048;

type Content =
  | { readonly type: "bytes"; readonly bytes: Buffer }
  /** The sender has no more to say. */
  | { readonly type: "end" }
  /** The connection broke on the sender's side. */
  | { readonly type: "break" };

interface Piece {
  readonly content: Content;
  /** It goes then, or later when it waits for one before it. */
  readonly dueMs: number;
}

export class Flow {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #lane: Lane;
  readonly #unwatch: () => void;
  #held: Piece[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Both sockets must be open for halves: an end is passed on by the flow alone. */
  constructor(source: Socket, target: Socket, lane: Lane) {
    this.#source = source;
    this.#target = target;
    this.#lane = lane;
    this.#unwatch = lane.watch(() => this.#beginAnew());
    source.on("data", (bytes: Buffer) => this.#take({ type: "bytes", bytes }));
    source.once("end", () => this.#take({ type: "end" }));
    source.once("close", (broken: boolean) => {
      if (broken || !source.readableEnded) this.#take({ type: "break" });
    });
    target.on("drain", () => this.#pump());
    this.#pump();
  }

  /** Forgets what it holds. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#unwatch();
    this.#held = [];
    this.#heldBytes = 0;
  }

  #take(content: Content): void {
    if (this.#closed) return;
    this.#hold(content, performance.now());
    this.#pump();
  }

  #hold(content: Content, nowMs: number): void {
    const byteCount = lengthOf(content);
    const dueMs = this.#lane.arrivalMs(byteCount, nowMs);
    this.#held.push({ content, dueMs });
    this.#heldBytes += byteCount;
  }

  /** The lane has changed: what is on its way goes by what holds now. */
  #beginAnew(): void {
    const nowMs = performance.now();
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { content } of held) this.#hold(content, nowMs);
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const { cut } = this.#lane.conditions;
    const nowMs = performance.now();
    while (!cut && !this.#target.writableNeedDrain) {
      const next = this.#held[0];
      if (next === undefined) break;
      if (next.dueMs > nowMs) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(next.dueMs - nowMs));
        break;
      }
      this.#held.shift();
      this.#heldBytes -= lengthOf(next.content);
      this.#deliver(next.content);
    }
    const full = this.#heldBytes >= HELD_BYTES_MAX || this.#held.length >= HELD_PIECES_MAX;
    if (cut || full) this.#source.pause();
    else this.#source.resume();
  }

  #deliver(content: Content): void {
    switch (content.type) {
      case "bytes":
        this.#lane.delivered(content.bytes.length);
        if (this.#target.writable) this.#target.write(content.bytes);
        break;
      case "end":
        this.#target.end();
        break;
      case "break":
        this.#target.destroy();
        break;
    }
  }
}

function lengthOf(content: Content): number {
  return content.type === "bytes" ? content.bytes.length : 0;
}
