/**
 * A set of names kept in order, so that walks are sorted without sorting.
 */
import { compareText } from "@atoll/stdx";

export class SortedNames<K extends string> {
  #names: K[] = [];

  get values(): readonly K[] {
    return this.#names;
  }

  /** At most `most` names behind `name`, which need not be there. */
  after(name: string, most: number): K[] {
    const at = this.#find(name as K);
    const from = this.#names[at] === name ? at + 1 : at;
    return this.#names.slice(from, from + most);
  }

  add(name: K): void {
    const at = this.#find(name);
    if (this.#names[at] !== name) this.#names.splice(at, 0, name);
  }

  delete(name: K): void {
    const at = this.#find(name);
    if (this.#names[at] === name) this.#names.splice(at, 1);
  }

  copy(): SortedNames<K> {
    const copy = new SortedNames<K>();
    copy.#names = [...this.#names];
    return copy;
  }

  /** Where `name` is or would be. */
  #find(name: K): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareText(this.#names[middle] as K, name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
