/**
 * Records with their keys in order, so that equal values give equal bytes.
 */
import { sortedKeys } from "@atoll/stdx";

export function sortedRecord(record: Readonly<Record<string, string>>): { [key: string]: string } {
  const sorted: { [key: string]: string } = {};
  for (const key of sortedKeys(record)) sorted[key] = record[key] as string;
  return sorted;
}
