/**
 * Messages that are not ours: counted, a few kept for inspection, never acted upon.
 *
 * What an outsider sends can be anything, so only the beginning is kept. Used wherever messages
 * arrive.
 */
import { BoundedQueue } from "@atoll/stdx";

const SAMPLES_MAX = 16;
const SAMPLE_SUBJECT_LENGTH_MAX = 256;
const SAMPLE_BYTES_MAX = 256;

export interface ForeignSample {
  readonly subject: string;
  /** The beginning of the payload. */
  readonly head: Uint8Array;
}

export class Foreign {
  #count = 0;
  readonly #samples = new BoundedQueue<ForeignSample>(SAMPLES_MAX);

  get total(): number {
    return this.#count;
  }

  count(subject: string, payload: Uint8Array): void {
    this.#count += 1;
    if (this.#samples.size === SAMPLES_MAX) this.#samples.shift();
    this.#samples.push({
      subject: subject.slice(0, SAMPLE_SUBJECT_LENGTH_MAX),
      head: payload.slice(0, SAMPLE_BYTES_MAX),
    });
  }

  /** The newest ones, oldest first. */
  samples(): readonly ForeignSample[] {
    const samples = this.#samples.drain();
    for (const sample of samples) this.#samples.push(sample);
    return samples;
  }
}
