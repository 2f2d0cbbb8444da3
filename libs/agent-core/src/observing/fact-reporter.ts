/**
 * Turns what drivers see into facts.
 *
 * The first fact of a start says all there is; from then on each change is one fact. Taking up the
 * changes and listing what there is happen in one turn of the loop, so nothing falls in between.
 */
import type { Fact, FileObservation, ServiceObservation } from "@atoll/domain";
import type { FileChange, FileDriver, ServiceChange } from "@atoll/drivers";
import type { Clock } from "@atoll/stdx";
import type { NodeServices } from "../actions/node-services.ts";
import type { Outbox } from "../outbox/outbox.ts";

export interface FactReporterOptions {
  readonly outbox: Pick<Outbox, "append">;
  readonly services: NodeServices;
  readonly files: Pick<FileDriver, "list" | "onChange">;
  readonly clock: Clock;
  readonly agentVersion: string;
  readonly bootId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly onBroken: (error: unknown) => void;
}

/** What the first fact holds at most of each; the rest follows as changes. */
const STARTED_ITEMS_MAX = 1_024;
/** Of differences in the first fact, all together; without them the files follow as changes. */
const STARTED_DIFF_LENGTH_MAX = 131_072;

export class FactReporter implements Disposable {
  readonly #options: FactReporterOptions;
  readonly #unsubscribes: (() => void)[] = [];

  constructor(options: FactReporterOptions) {
    this.#options = options;
  }

  /** Reports the start and begins to report changes. */
  start(): void {
    const { services, files } = this.#options;
    this.announce();
    this.#unsubscribes.push(
      services.onChange((change) => this.#serviceChanged(change)),
      files.onChange((change) => this.#fileChanged(change)),
    );
  }

  /** Says all there is, as at a start. */
  announce(): void {
    const { services, files, agentVersion, bootId, labels } = this.#options;
    const allServices = services.list();
    const allFiles = files.list();
    const diffLength = allFiles.reduce((sum, file) => sum + file.diff.length, 0);
    const brief = diffLength > STARTED_DIFF_LENGTH_MAX;
    const shownFiles = allFiles.slice(0, STARTED_ITEMS_MAX);
    this.#report({
      type: "agentStarted",
      observedAtMs: this.#nowMs(),
      agentVersion,
      bootId,
      labels,
      services: allServices.slice(0, STARTED_ITEMS_MAX),
      files: brief ? shownFiles.map((file) => ({ ...file, diff: "" })) : shownFiles,
    });
    for (const service of allServices.slice(STARTED_ITEMS_MAX)) this.#serviceObserved(service);
    for (const [index, file] of allFiles.entries()) {
      const shortened = brief && file.diff !== "";
      if (index >= STARTED_ITEMS_MAX || shortened) this.#fileObserved(file);
    }
  }

  [Symbol.dispose](): void {
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
  }

  #serviceChanged(change: ServiceChange): void {
    if (change.type === "observed") this.#serviceObserved(change.observation);
    else this.#report({ type: "serviceForgotten", observedAtMs: this.#nowMs(), key: change.key });
  }

  #fileChanged(change: FileChange): void {
    if (change.type === "observed") this.#fileObserved(change.observation);
    else this.#report({ type: "fileForgotten", observedAtMs: this.#nowMs(), path: change.path });
  }

  #serviceObserved(service: ServiceObservation): void {
    this.#report({ type: "serviceObserved", observedAtMs: this.#nowMs(), service });
  }

  #fileObserved(file: FileObservation): void {
    this.#report({ type: "fileObserved", observedAtMs: this.#nowMs(), file });
  }

  #report(fact: Fact): void {
    this.#options.outbox.append(fact).catch(this.#options.onBroken);
  }

  #nowMs(): number {
    return this.#options.clock.realtimeMs();
  }
}
