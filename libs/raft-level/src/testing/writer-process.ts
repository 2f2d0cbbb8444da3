/**
 * A process that appends entries until it is killed, for tests.
 *
 * Prints the index of each entry once it is durable. Several writes are under way at any time.
 * The only argument is the folder of the log.
 */
import { LevelLogStore } from "../level-log-store.ts";
import { entry, FOUNDING, IDENTITY } from "./harness.ts";

const folder = process.argv[2] as string;
const UNDER_WAY = 8;

const { store, recovered } = await LevelLogStore.open({
  folder,
  identity: IDENTITY,
  founding: FOUNDING,
});
let next = recovered.last.index + 1;

function append(): void {
  const index = next;
  next += 1;
  store.write({ entries: [entry(index, 1)] }, (error) => {
    if (error !== undefined) throw error;
    process.stdout.write(`${index}\n`);
    append();
  });
}

for (let count = 0; count < UNDER_WAY; count += 1) append();
