/**
 * What one replica of a scenario has durably: entries, and its state after each applied index.
 *
 * The state machine of a scenario appends the data of every entry, so a snapshot exists for each
 * index that was applied, with the configuration of that moment. Writes change it when the scenario
 * lets them finish, never earlier. It answers loads at once. Called by replica.ts.
 */
import type { Entry, LoadedEntries, Membership, PersistEffect, SnapshotMetadata } from "raft-ts";
import type { InstallSnapshotEffect } from "raft-ts";
import { assert, crc32c } from "@atoll/stdx";

export interface StoredSnapshot {
  readonly metadata: SnapshotMetadata;
  readonly content: Uint8Array;
}

export class ReplicaStore {
  /** The position before the first entry that is kept. */
  #before: { index: number; term: number };
  #entries: Entry[] = [];
  /** By index, oldest first. */
  #snapshots: StoredSnapshot[];

  constructor(founding: StoredSnapshot) {
    this.#before = { index: founding.metadata.index, term: founding.metadata.term };
    this.#snapshots = [founding];
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get firstIndex(): number {
    return this.#before.index + 1;
  }

  get newestSnapshot(): StoredSnapshot {
    return this.#snapshots.at(-1) as StoredSnapshot;
  }

  write(effect: PersistEffect | InstallSnapshotEffect): void {
    if (effect.type === "installSnapshot") {
      const { metadata } = effect;
      this.#before = { index: metadata.index, term: metadata.term };
      this.#entries = [];
      this.#snapshots = [{ metadata, content: join(effect.chunks) }];
      return;
    }
    const [first] = effect.entries;
    if (first === undefined) return;
    const kept = first.index - this.firstIndex;
    assert(kept >= 0 && kept <= this.#entries.length, `a hole before entry ${first.index}`);
    this.#entries = [...this.#entries.slice(0, kept), ...effect.entries];
  }

  /** Forgets the entries up to and including `index`. */
  compact(index: number): void {
    const last = this.#entries[index - this.firstIndex];
    assert(last !== undefined, `entry ${index} is not in the log`);
    this.#entries = this.#entries.slice(index - this.firstIndex + 1);
    this.#before = { index, term: last.term };
  }

  /** Entries in [from, to), at most `maxBytes` but at least one; undefined when they are gone. */
  load(from: number, to: number, maxBytes: number): LoadedEntries | undefined {
    if (from < this.firstIndex) return undefined;
    const start = from - this.firstIndex;
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(start, to - this.firstIndex)) {
      bytes += entry.data.length;
      if (bytes > maxBytes && entries.length > 0) break;
      entries.push(entry);
    }
    const previous = start === 0 ? this.#before : (this.#entries[start - 1] as Entry);
    return { previous: { index: previous.index, term: previous.term }, entries };
  }

  loadChunk(index: number, offset: number, maxBytes: number): Uint8Array | undefined {
    const found = this.#snapshots.find(({ metadata }) => metadata.index === index);
    return found?.content.slice(offset, offset + maxBytes);
  }

  /** Notes the state after `entry`, whose application led to `membership`. */
  applied(entry: Entry, membership: Membership): SnapshotMetadata {
    const data = entry.type === "data" ? [entry.data] : [];
    const content = join([this.newestSnapshot.content, ...data]);
    const { index, term } = entry;
    const checksum = crc32c(content);
    const metadata = { index, term, membership, sizeBytes: content.length, checksum };
    this.#snapshots.push({ metadata, content });
    return metadata;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
