/**
 * Hints that managed files may have changed, from the kernel's notifications about their folders.
 *
 * Only hints: what cannot be watched (limits, missing folders, network file systems) is left to the
 * driver's periodic look. Events are gathered for a moment, so that a burst is one look.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";

const GATHER_MS = 20;

interface WatchedFolder {
  readonly watcher: FSWatcher;
  readonly inode: number;
}

export class FileWatch implements Disposable {
  readonly #root: string;
  readonly #onHint: (paths: readonly string[]) => void;
  readonly #folders = new Map<string, WatchedFolder>();
  #paths: readonly string[] = [];
  readonly #touched = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(root: string, onHint: (paths: readonly string[]) => void) {
    this.#root = root;
    this.#onHint = onHint;
  }

  /** Watches the folders of exactly these paths. Cheap when nothing has changed. */
  follow(paths: readonly string[]): void {
    if (this.#disposed) return;
    this.#paths = paths;
    const wanted = new Set(paths.map((path) => dirname(path)));
    for (const [folder, watched] of this.#folders) {
      if (wanted.has(folder) && watched.inode === inodeOf(join(this.#root, folder))) continue;
      watched.watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#add(folder);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #add(folder: string): void {
    const path = join(this.#root, folder);
    const inode = inodeOf(path);
    if (inode === undefined) return;
    try {
      const watcher = watch(path, { persistent: false }, () => this.#hint(folder));
      watcher.on("error", () => watcher.close());
      this.#folders.set(folder, { watcher, inode });
    } catch {
      // Not watchable now; the next periodic look tries again.
    }
  }

  #hint(folder: string): void {
    this.#touched.add(folder);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const touched = new Set(this.#touched);
      this.#touched.clear();
      this.#onHint(this.#paths.filter((path) => touched.has(dirname(path))));
    }, GATHER_MS);
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
