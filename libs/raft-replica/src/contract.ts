/**
 * What every `LogStore` must do, as tests that any adapter can run.
 *
 * Free of any test runner and of Node: the caller passes a function that registers a test, and one
 * that makes a new store. Works by callbacks, so a store on a virtual clock and one on a disk both
 * fit. Called by the tests of raft-level and sim.
 */
import { Prng } from "@atoll/stdx";
import type { Membership } from "raft-ts";
import { LOG_STORE_CASES } from "./contract-cases.ts";
import { randomHistory } from "./contract-history.ts";
import { STANDING_CASES } from "./contract-standing.ts";
import type { LogStoreCase, LogStoreOpened, OpenedLogStore } from "./contract-subject.ts";
import { LogStoreSubject } from "./contract-subject.ts";
import { CONTRACT_MEMBERSHIP, given } from "./contract-values.ts";

export type { LogStoreOpened, OpenedLogStore };

/** Makes and opens a new store, blank, of a group founded with `membership`. */
export type CreateLogStore = (membership: Membership, opened: LogStoreOpened) => void;

/** Registers a test; it is over when `finish` is called. Fits node:test's callback style. */
export type ContractTest = (name: string, body: (finish: (error?: Error) => void) => void) => void;

/** Registers the whole suite. `seed` draws the random histories of the last test. */
export function logStoreContract(test: ContractTest, create: CreateLogStore, seed: number): void {
  for (const [name, steps] of [...LOG_STORE_CASES, ...STANDING_CASES]) {
    test(`LogStore ${name}`, (finish) => runCase(create, steps, finish));
  }
  test(`LogStore agrees with a model over random histories (seed ${seed})`, (finish) => {
    runCase(create, (subject) => randomHistory(subject, new Prng(seed)), finish);
  });
}

/** Runs the steps one after the other; whatever throws ends the case. */
function runCase(
  create: CreateLogStore,
  steps: LogStoreCase,
  finish: (error?: Error) => void,
): void {
  let over = false;
  const end = (error?: Error): void => {
    if (over) return;
    over = true;
    finish(error);
  };
  create(CONTRACT_MEMBERSHIP, (error, opened) => {
    guarded(end, () => {
      const subject = new LogStoreSubject(given(error, opened), (body) => guarded(end, body));
      const queue = [...steps(subject)];
      const advance = (): void => {
        guarded(end, () => {
          const step = queue.shift();
          if (step === undefined) subject.close((closeError) => end(closeError));
          else step(advance);
        });
      };
      advance();
    });
  });
}

function guarded(end: (error?: Error) => void, body: () => void): void {
  try {
    body();
  } catch (error) {
    end(error instanceof Error ? error : new Error(String(error)));
  }
}
