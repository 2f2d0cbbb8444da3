/**
 * Pages of lists.
 *
 * A token says after which item to go on, and only fits the list that gave it: parent, filter and kind are part of it. Tokens are
 * opaque to callers and not a secret; a damaged one is refused.
 */
import { invalidField } from "@atoll/service-kit";
import { digestText } from "@atoll/stdx";

export const PAGE_SIZE_DEFAULT = 100;
export const PAGE_SIZE_MAX = 1_000;

const TOKEN_LENGTH_MAX = 1_024;

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
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
  throw invalidField(
    "page_token",
    "it is not a next_page_token of this list with this parent and filter: leave it empty to begin anew",
    "PAGE_TOKEN_INVALID",
  );
}

/** Takes a page from `items`, which come in the order of the list and all after the token's key. */
export function takePage<T>(
  items: Iterable<T>,
  options: { readonly size: number; readonly list: readonly string[]; readonly keyOf: (item: T) => string },
): Page<T> {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === options.size) {
      const last = taken.at(-1) as T;
      return { items: taken, nextPageToken: pageToken(options.list, options.keyOf(last)) };
    }
    taken.push(item);
  }
  return { items: taken, nextPageToken: "" };
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
