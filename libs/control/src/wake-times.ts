/**
 * Which names are due at which moment: each at most once, the earliest found without looking at the
 * others.
 *
 * A heap. A name that gets another time leaves its old place behind, which counts for nothing when
 * its turn comes; when most places are such, the heap is built anew. Used by the plan schedule.
 */
interface Place<K> {
  readonly name: K;
  readonly atMs: number;
}

/** Fewer places than this are not worth the building. */
const PLACES_KEPT = 64;

export class WakeTimes<K extends string> {
  readonly #atMs = new Map<K, number>();
  /** No place is earlier than the one at half its index. */
  #places: Place<K>[] = [];

  get size(): number {
    return this.#atMs.size;
  }

  clear(): void {
    this.#atMs.clear();
    this.#places = [];
  }

  set(name: K, atMs: number): void {
    if (this.#atMs.get(name) === atMs) return;
    this.#atMs.set(name, atMs);
    this.#places.push({ name, atMs });
    this.#rise(this.#places.length - 1);
    if (this.#places.length > PLACES_KEPT && this.#places.length > this.#atMs.size * 2) {
      this.#rebuild();
    }
  }

  delete(name: K): void {
    this.#atMs.delete(name);
  }

  /** Removes and returns what is due, earliest first. */
  *takeDue(nowMs: number): IterableIterator<K> {
    for (let first = this.#places[0]; first !== undefined; first = this.#places[0]) {
      const { name, atMs } = first;
      if (atMs > nowMs) return;
      this.#removeFirst();
      if (this.#atMs.get(name) !== atMs) continue;
      this.#atMs.delete(name);
      yield name;
    }
  }

  #rebuild(): void {
    this.#places = [...this.#atMs]
      .map(([name, atMs]) => ({ name, atMs }))
      .toSorted((left, right) => left.atMs - right.atMs);
  }

  #removeFirst(): void {
    const last = this.#places.pop();
    if (last === undefined || this.#places.length === 0) return;
    this.#places[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (this.#timeAt(parent) <= this.#timeAt(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = at * 2 + 1;
      const least = this.#timeAt(left + 1) < this.#timeAt(left) ? left + 1 : left;
      if (this.#timeAt(least) >= this.#timeAt(at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #timeAt(index: number): number {
    return this.#places[index]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const kept = this.#places[one] as Place<K>;
    this.#places[one] = this.#places[other] as Place<K>;
    this.#places[other] = kept;
  }
}
