/**
 * Whole lists from an API that answers in pages.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";

/** Nodes carry their inventory: a page stays far below the size of a message. */
export const PAGE_SIZE = 200;
/** A list longer than this is asked for in parts, by a filter. */
export const LIST_LENGTH_MAX = 100_000;

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextPageToken: string;
  readonly asOf: readonly AsOf[];
}

export interface WholeList<Item> {
  readonly items: readonly Item[];
  readonly asOf: readonly AsOf[];
  /** True when there was more than `limit`. */
  readonly cut: boolean;
}

export async function collectPages<Item>(
  fetchPage: (pageToken: string, pageSize: number) => Promise<Page<Item>>,
  limit: number = LIST_LENGTH_MAX,
): Promise<WholeList<Item>> {
  const items: Item[] = [];
  let pageToken = "";
  while (true) {
    const page = await fetchPage(pageToken, Math.min(PAGE_SIZE, limit - items.length));
    items.push(...page.items.slice(0, limit - items.length));
    pageToken = page.nextPageToken;
    const full = items.length >= limit;
    if (pageToken === "" || full) {
      return { items, asOf: page.asOf, cut: full && pageToken !== "" };
    }
  }
}
