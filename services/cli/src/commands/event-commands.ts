/**
 * `atoll event list`: the history of a datacenter, and with `--follow` its present.
 *
 * Following begins where the list ends, by index, so that nothing is missing between the two; the
 * watch resumes by index too, so that nothing is missing or comes twice after a break.
 */
import type { Command } from "commander";
import { AsOf } from "@atoll/proto/atoll/v1/common";
import { Event, EventServiceService, type WatchEventsResponse } from "@atoll/proto/atoll/v1/event";
import type { CommandContext } from "../command-context.ts";
import { parseCount } from "../config.ts";
import { LIST_LENGTH_MAX, PAGE_SIZE } from "../pages.ts";
import { EVENT_HEADING, EVENT_WIDTHS_MIN, eventFollowRow, eventRow } from "../render/event.ts";
import { alignRow, table } from "../render/table.ts";
import { watchWithResume } from "../watch.ts";
import type { RunCommand } from "./command-runner.ts";

/** The log's own bookkeeping, which says nothing to people; only tables leave it out. */
const WITHOUT_BOOKKEEPING = 'NOT type = "factsAccepted" AND NOT type = "requestRecorded"';
const NEWEST_LISTED_DEFAULT = 50;
const NEWEST_BEFORE_FOLLOW_DEFAULT = 10;

interface ListOptions {
  readonly all?: boolean;
  readonly follow?: boolean;
  readonly from?: string;
  readonly filter?: string;
  readonly limit?: string;
}

interface EventList {
  readonly events: readonly Event[];
  readonly asOf: AsOf | undefined;
  /** The first index that the list does not cover wholly. */
  readonly nextIndex: number;
}

export function addEventCommands(program: Command, run: RunCommand): void {
  const events = program.command("event").description("what happened, in order");
  events
    .command("list")
    .description("the newest events, or those from an index on")
    .option("--from <index>", "the first index wanted; 0 for the first that is kept")
    .option("--filter <expression>", 'for example: node = "n1" AND type = "actionPlanned"')
    .option("--limit <count>", "at most so many (default: the newest 50, or all with --from)")
    .option("--all", "in tables too: watermarks of agents and ids of requests")
    .option("--follow", "go on with what comes, across breaks of the connection")
    .action(run(listEvents));
}

async function listEvents(context: CommandContext, options: ListOptions): Promise<void> {
  const isTable = context.settings.output === "table";
  const filter = options.filter ?? (isTable && options.all !== true ? WITHOUT_BOOKKEEPING : "");
  const from =
    options.from === undefined
      ? undefined
      : parseCount("--from", options.from, 0, Number.MAX_SAFE_INTEGER);
  if (options.follow === true) return followEvents(context, options, filter, from);
  const limit = listLimit(options, from === undefined ? NEWEST_LISTED_DEFAULT : LIST_LENGTH_MAX);
  const list = await fetchEvents(context, filter, from ?? -limit, limit);
  const document = {
    events: list.events.map(Event.toJSON),
    ...(list.asOf === undefined ? {} : { asOf: AsOf.toJSON(list.asOf) }),
  };
  await context.print(document, () => {
    if (list.events.length === 0) {
      context.note(filter === "" ? "no events there" : "no event passes the filter");
      return [];
    }
    const rows = list.events.map((event) => eventRow(event, context.nowMs));
    return table(EVENT_HEADING, rows, context.tableOptions);
  });
}

async function followEvents(
  context: CommandContext,
  options: ListOptions,
  filter: string,
  from: number | undefined,
): Promise<void> {
  const { gateway, terminal } = context;
  const printer = new EventPrinter(context);
  let resumeIndex = from ?? 0;
  if (resumeIndex === 0) {
    // Index 0 of a watch means from now on; what came before is listed.
    const limit = listLimit(options, from === 0 ? LIST_LENGTH_MAX : NEWEST_BEFORE_FOLLOW_DEFAULT);
    const list = await fetchEvents(context, filter, from ?? -limit, limit);
    for (const event of list.events) await printer.print(event);
    resumeIndex = list.nextIndex;
  }
  const parent = await gateway.datacenter();
  const watch = watchWithResume<WatchEventsResponse>({
    open: (fromIndex) =>
      gateway.stream(EventServiceService.watchEvents, { parent, filter, fromIndex }),
    resumeIndexOf: (message) => message.resumeIndex || undefined,
    resumeIndex,
    signal: terminal.signal,
    note: (text) => context.note(text),
  });
  for await (const message of watch) {
    for (const event of message.events) await printer.print(event);
  }
}

/** Prints each event once, in the order of the log. */
class EventPrinter {
  readonly #context: CommandContext;
  #lastIndex = -1;
  #lastOffset = -1;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async print(event: Event): Promise<void> {
    if (event.index < this.#lastIndex) return;
    if (event.index === this.#lastIndex && event.offset <= this.#lastOffset) return;
    this.#lastIndex = event.index;
    this.#lastOffset = event.offset;
    const { tableOptions } = this.#context;
    await this.#context.printItem(Event.toJSON(event), () => [
      alignRow(eventFollowRow(event), EVENT_WIDTHS_MIN, tableOptions),
    ]);
  }
}

/** From an index on, or, with a negative one, so many of the newest. At most `limit`. */
async function fetchEvents(
  context: CommandContext,
  filter: string,
  fromIndex: number,
  limit: number,
): Promise<EventList> {
  const { gateway } = context;
  const parent = await gateway.datacenter();
  const events: Event[] = [];
  let pageToken = "";
  while (true) {
    const pageSize = Math.min(PAGE_SIZE, limit - events.length);
    const request = { parent, pageSize, pageToken, filter, fromIndex };
    const page = await gateway.call(EventServiceService.listEvents, request);
    events.push(...page.events);
    pageToken = page.nextPageToken;
    if (pageToken === "" || events.length >= limit) {
      const lastIndex = events.at(-1)?.index ?? 0;
      const whole = pageToken === "" && events.length <= limit;
      const nextIndex = whole ? Math.max(page.asOf?.index ?? 0, lastIndex) + 1 : lastIndex;
      return { events: events.slice(0, limit), asOf: page.asOf, nextIndex };
    }
  }
}

function listLimit(options: ListOptions, byDefault: number): number {
  if (options.limit === undefined) return byDefault;
  return parseCount("--limit", options.limit, 1, LIST_LENGTH_MAX);
}
