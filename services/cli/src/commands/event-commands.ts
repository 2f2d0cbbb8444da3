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
import { alignRow, type Cell } from "../render/table.ts";
import { timestampMs } from "../render/time.ts";
import { datacenterOf } from "../resource-names.ts";
import { type Position, watchWithResume } from "../watch.ts";
import type { RunCommand } from "./command-runner.ts";

/** The log's own bookkeeping, which says nothing to people; only tables leave it out. */
const WITHOUT_BOOKKEEPING = 'NOT type = "factsAccepted" AND NOT type = "requestRecorded"';
/** So that lines line up whatever datacenter they are of. */
const DATACENTER_WIDTH = 8;
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
  /** Of each datacenter. */
  readonly parts: readonly AsOf[];
  /** From where on the list does not cover everything. */
  readonly next: Position;
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
    ...(context.gateway.isOverAll ? { parts: list.parts.map(AsOf.toJSON) } : {}),
  };
  await context.print(document, () => {
    if (list.events.length === 0) {
      context.note(filter === "" ? "no events there" : "no event passes the filter");
      return [];
    }
    const row = (event: Event): Cell[] => eventRow(event, context.nowMs);
    return [...context.tableOf(EVENT_HEADING, list.events, row), ...context.ages(list.parts)];
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
  let position: Position = { index: from ?? 0 };
  if (position.index === 0) {
    // Index 0 of a watch means from now on; what came before is listed.
    const limit = listLimit(options, from === 0 ? LIST_LENGTH_MAX : NEWEST_BEFORE_FOLLOW_DEFAULT);
    const list = await fetchEvents(context, filter, from ?? -limit, limit);
    for (const event of list.events) await printer.print(event);
    position = list.next;
  }
  const parent = await gateway.parent();
  const watch = watchWithResume<WatchEventsResponse>({
    open: ({ index: fromIndex, resume }) =>
      gateway.stream(EventServiceService.watchEvents, { parent, filter, fromIndex, resume }),
    positionOf: ({ resumeIndex: index, resume }) => (index === 0 ? undefined : { index, resume }),
    position,
    signal: terminal.signal,
    note: (text) => context.note(text),
  });
  for await (const message of watch) {
    for (const event of message.events) await printer.print(event);
  }
}

/** Prints each event once, those of a datacenter in the order of its log. */
class EventPrinter {
  readonly #context: CommandContext;
  /** The last one printed, by datacenter. */
  readonly #last = new Map<string, Event>();

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async print(event: Event): Promise<void> {
    const datacenter = datacenterOf(event.name);
    const last = this.#last.get(datacenter);
    if (last !== undefined && event.index < last.index) return;
    if (event.index === last?.index && event.offset <= last.offset) return;
    this.#last.set(datacenter, event);
    const { tableOptions, gateway } = this.#context;
    const widths = gateway.isOverAll ? [DATACENTER_WIDTH, ...EVENT_WIDTHS_MIN] : EVENT_WIDTHS_MIN;
    await this.#context.printItem(Event.toJSON(event), () => [
      alignRow(this.#context.placed(event.name, eventFollowRow(event)), widths, tableOptions),
    ]);
  }
}

/**
 * From an index on, or, with a negative one, so many of the newest. At most `limit`, of all
 * datacenters together in the order of their clocks.
 */
async function fetchEvents(
  context: CommandContext,
  filter: string,
  fromIndex: number,
  limit: number,
): Promise<EventList> {
  const { gateway } = context;
  const parent = await gateway.parent();
  // Of several datacenters so many come of each.
  const most = gateway.isOverAll && fromIndex < 0 ? LIST_LENGTH_MAX : limit;
  const events: Event[] = [];
  let pageToken = "";
  while (true) {
    const pageSize = Math.min(PAGE_SIZE, most - events.length);
    const request = { parent, pageSize, pageToken, filter, fromIndex };
    const page = await gateway.call(EventServiceService.listEvents, request);
    events.push(...page.events);
    pageToken = page.nextPageToken;
    if (pageToken === "" || events.length >= most) {
      const isWhole = pageToken === "" && events.length <= most;
      const { asOf, parts } = page;
      const next = nextPosition(gateway.isOverAll ? parts : [asOf], events, isWhole);
      return { events: inTime(events).slice(...cutTo(limit, fromIndex)), asOf, parts, next };
    }
  }
}

/** The newest are at the end. */
function cutTo(limit: number, fromIndex: number): [start: number, end?: number] {
  return fromIndex < 0 ? [-limit] : [0, limit];
}

/** Those of one datacenter keep their order. */
function inTime(events: readonly Event[]): Event[] {
  const first = datacenterOf(events[0]?.name ?? "");
  if (events.every(({ name }) => datacenterOf(name) === first)) return [...events];
  return events.toSorted((left, right) => timeMs(left) - timeMs(right));
}

function timeMs({ time }: Event): number {
  return time === undefined ? 0 : timestampMs(time);
}

/** Behind what was listed: behind what was read, where that was all. */
function nextPosition(
  parts: readonly (AsOf | undefined)[],
  events: readonly Event[],
  isWhole: boolean,
): Position {
  const indexes = new Map<string, number>();
  for (const part of parts) {
    if (part !== undefined && part.index > 0 && isWhole) {
      indexes.set(part.datacenter, part.index + 1);
    }
  }
  for (const { name, index } of events) {
    const datacenter = datacenterOf(name);
    const next = isWhole ? index + 1 : index;
    indexes.set(datacenter, Math.max(indexes.get(datacenter) ?? 0, next));
  }
  if (parts.length > 1) return { index: 0, resume: { indexes: Object.fromEntries(indexes) } };
  return { index: Math.max(isWhole ? 1 : 0, ...indexes.values()) };
}

function listLimit(options: ListOptions, byDefault: number): number {
  if (options.limit === undefined) return byDefault;
  return parseCount("--limit", options.limit, 1, LIST_LENGTH_MAX);
}
