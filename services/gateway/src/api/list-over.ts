/**
 * Pages of lists over datacenters: by datacenter, and within each in the order of the list.
 *
 * A page token says after which item of which datacenter to go on. One that has no state yet, or
 * is gone, is passed over; nobody waits for it.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import type { CallContext } from "@atoll/service-kit";
import { compareText } from "@atoll/stdx";
import type { Island } from "../islands/island.ts";
import { beginReads } from "./begin-read.ts";
import { type Page, type PageRequest, pageSizeOf, readPlace, takePage } from "./pages.ts";

interface Item<T> {
  readonly island: Island;
  readonly item: T;
}

export interface ListOptions<T, R> {
  /** What the list is of: kind, parent, filter. */
  readonly list: readonly string[];
  /** Those of a datacenter, in order; those after `after` alone where it is given. */
  readonly items: (island: Island, after: string | undefined) => Iterable<T>;
  readonly keyOf: (item: T) => string;
  readonly render: (island: Island, item: T) => R;
  /** How large an item is in the message. */
  readonly bytesOf: (rendered: R) => number;
}

export async function listOver<T, R>(
  islands: readonly Island[],
  joined: { readonly request: PageRequest; readonly context: CallContext },
  options: ListOptions<T, R>,
): Promise<Page<R> & { readonly asOf: readonly AsOf[] }> {
  const { request, context } = joined;
  const { list, items, keyOf, render, bytesOf } = options;
  const place = readPlace(request, list);
  const size = pageSizeOf(request);
  const asOf = await beginReads(islands, context);
  function* from(): Iterable<Item<T>> {
    for (const island of islands) {
      const order = place === undefined ? 1 : compareText(island.datacenter, place.datacenter);
      if (order < 0) continue;
      const after = order === 0 ? place?.after : undefined;
      for (const item of items(island, after)) yield { island, item };
    }
  }
  const page = takePage(from(), {
    size,
    list,
    keyOf: ({ island, item }) => `${island.datacenter}/${keyOf(item)}`,
    render: ({ island, item }) => render(island, item),
    bytesOf,
  });
  return { ...page, asOf };
}
