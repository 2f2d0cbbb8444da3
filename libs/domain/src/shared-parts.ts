/**
 * Lets equal parts of many values be one object in memory.
 *
 * Servers are bought by the rack: of what is known of the hardware of ten thousand nodes, all but
 * names and serial numbers is the same few values. Values stay equal to what they were, byte for
 * byte in a snapshot; nobody may rely on which of them are one object. What is remembered is
 * bounded and forgotten all at once, so a part may be there a few times. Owned by the state of a
 * datacenter.
 */

const PARTS_MAX = 4_096;
/** A part whose text is longer is unlikely to be had twice; what is in it may be. */
const TEXT_LENGTH_MAX = 256;

export class SharedParts {
  readonly #parts = new Map<string, unknown>();

  /** A value equal to this one, of plain objects, arrays, texts and numbers. */
  share<T>(value: T): T {
    if (typeof value !== "object" || value === null) return value;
    const text = JSON.stringify(value);
    if (text.length > TEXT_LENGTH_MAX) return this.#shareWithin(value);
    const known = this.#parts.get(text);
    if (known !== undefined) return known as T;
    const made = this.#shareWithin(value);
    if (this.#parts.size >= PARTS_MAX) this.#parts.clear();
    this.#parts.set(text, made);
    return made;
  }

  #shareWithin<T extends object>(value: T): T {
    if (Array.isArray(value)) return value.map((item: unknown) => this.share(item)) as object as T;
    const made: Record<string, unknown> = {};
    for (const [name, part] of Object.entries(value)) made[name] = this.share(part as unknown);
    return made as T;
  }
}
