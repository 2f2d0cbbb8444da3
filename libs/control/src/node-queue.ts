/**
 * Watched nodes in order of when they were last heard: the head has been silent longest.
 *
 * A linked list through the nodes themselves, so that a heartbeat costs the same however many nodes
 * there are. Times must not go back from one append to the next; the owner sees to that.
 */
import { assert } from "@atoll/stdx";

export interface Queued<T extends Queued<T>> {
  queue: NodeQueue<T> | undefined;
  previous: T | undefined;
  next: T | undefined;
}

export class NodeQueue<T extends Queued<T>> {
  #head: T | undefined;
  #tail: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that was appended first. */
  get head(): T | undefined {
    return this.#head;
  }

  /** Puts a node, which must be in no queue, at the end. */
  append(node: T): void {
    assert(node.queue === undefined, "it is in a queue already");
    this.#size += 1;
    node.queue = this as NodeQueue<T>;
    node.previous = this.#tail;
    node.next = undefined;
    if (this.#tail === undefined) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
  }

  remove(node: T): void {
    assert(node.queue === this, "it is in another queue");
    this.#size -= 1;
    const { previous, next } = node;
    if (previous === undefined) this.#head = next;
    else previous.next = next;
    if (next === undefined) this.#tail = previous;
    else next.previous = previous;
    node.queue = undefined;
    node.previous = undefined;
    node.next = undefined;
  }
}
