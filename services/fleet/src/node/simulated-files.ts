/**
 * Files of a simulated node: they are what they were last written to be.
 *
 * Nobody changes them by hand. They outlive power and agent, not a wipe.
 */
import type { FileObservation, RenderedFile } from "@atoll/domain";
import type { FileChange } from "@atoll/drivers";
import { compareText } from "@atoll/stdx";

export class SimulatedFiles {
  readonly #files = new Map<string, FileObservation>();
  readonly #listeners = new Set<(change: FileChange) => void>();

  write({ path, digest }: RenderedFile): Promise<FileObservation> {
    const observation: FileObservation = { path, digest, status: "inSync", diff: "", reason: "" };
    this.#files.set(path, observation);
    this.#tell({ type: "observed", observation });
    return Promise.resolve(observation);
  }

  remove(path: string): Promise<void> {
    if (this.#files.delete(path)) this.#tell({ type: "forgotten", path });
    return Promise.resolve();
  }

  list(): readonly FileObservation[] {
    return [...this.#files.values()].toSorted((left, right) => compareText(left.path, right.path));
  }

  onChange(listener: (change: FileChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The node is reinstalled: nothing of it is left. */
  wipe(): void {
    this.#files.clear();
  }

  #tell(change: FileChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}
