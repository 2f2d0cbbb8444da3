/**
 * Pages of lists.
 *
 * A token says after which item of which datacenter to go on, and only fits the list that gave it:
 * parent, filter and kind are part of it. Tokens are opaque to callers and not a secret; a damaged
 * one is refused.
 */
import { type ApiError, invalidField } from "@atoll/service-kit";
import { digestText } from "@atoll/stdx";

export const PAGE_SIZE_DEFAULT = 100;
export const PAGE_SIZE_MAX = 1_000;

/** Well below what a message may hold. */
export const PAGE_BYTES_MAX = 3_000_000;

const TOKEN_LENGTH_MAX = 1_024;

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/** Where a page begins. */
export interface Place {
  readonly datacenter: string;
  /** The key of the item before it; undefined at the datacenter's first. */
  readonly after: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
}

export interface PageOptions<T, R> {
  readonly size: number;
  /** What the list is of: kind, parent, filter. */
  readonly list: readonly string[];
  readonly keyOf: (item: T) => string;
  readonly render: (item: T) => R;
  /** How large an item is in the message. */
  readonly bytesOf: (rendered: R) => number;
}

/** How many items a page may hold at most. */
export function pageSizeOf(request: PageRequest): number {
  const { pageSize } = request;
  if (pageSize === 0) return PAGE_SIZE_DEFAULT;
  if (pageSize >= 1 && pageSize <= PAGE_SIZE_MAX) return pageSize;
  throw invalidField(
    "page_size",
    `${pageSize} is not allowed: 1 to ${PAGE_SIZE_MAX}, or 0 for ${PAGE_SIZE_DEFAULT}`,
    "PAGE_SIZE_OUT_OF_RANGE",
  );
}

/** A token to go on after `key` in the list that `list` describes. */
export function pageToken(list: readonly string[], key: string): string {
  return Buffer.from(JSON.stringify([key, sealOf(list, key)])).toString("base64url");
}

/** The key after which the page begins; undefined for the first page. */
export function readPageToken(request: PageRequest, list: readonly string[]): string | undefined {
  const { pageToken: token } = request;
  if (token === "") return undefined;
  const key = token.length > TOKEN_LENGTH_MAX ? undefined : openToken(token, list);
  if (key !== undefined) return key;
  throw wrongToken();
}

/** As {@link readPageToken}, for lists whose keys are `DATACENTER/KEY`. */
export function readPlace(request: PageRequest, list: readonly string[]): Place | undefined {
  const key = readPageToken(request, list);
  if (key === undefined) return undefined;
  const slash = key.indexOf("/");
  if (slash === -1) throw wrongToken();
  return { datacenter: key.slice(0, slash), after: key.slice(slash + 1) || undefined };
}

/**
 * Takes a page from `items`, which come in the order of the list and all after the token's key. A
 * page holds fewer than `size` when more would make the message too large.
 */
export function takePage<T, R>(items: Iterable<T>, options: PageOptions<T, R>): Page<R> {
  const { size, list, keyOf, render, bytesOf } = options;
  const taken: R[] = [];
  let last: T | undefined;
  let bytes = 0;
  for (const item of items) {
    const rendered = taken.length < size ? render(item) : undefined;
    if (rendered !== undefined) bytes += bytesOf(rendered);
    const fits = taken.length === 0 || bytes <= PAGE_BYTES_MAX;
    if (rendered === undefined || !fits) {
      return { items: taken, nextPageToken: pageToken(list, keyOf(last as T)) };
    }
    taken.push(rendered);
    last = item;
  }
  return { items: taken, nextPageToken: "" };
}

function wrongToken(): ApiError {
  return invalidField(
    "page_token",
    "it is not a next_page_token of this list with this parent and filter; empty begins anew",
    "PAGE_TOKEN_INVALID",
  );
}

function openToken(token: string, list: readonly string[]): string | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (!Array.isArray(parts) || parts.length !== 2) return undefined;
    const [key, seal] = parts as unknown[];
    return typeof key === "string" && seal === sealOf(list, key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function sealOf(list: readonly string[], key: string): string {
  return digestText(JSON.stringify([...list, key]));
}
