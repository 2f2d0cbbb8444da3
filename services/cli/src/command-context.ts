/**
 * What a command needs to do its work: settings, a gateway, and ways to print.
 *
 * Made anew for each command by `app.ts`. Commands print through `print` so that each gives a
 * table for people and the same content as JSON or YAML for scripts.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import type { Clock } from "@atoll/stdx";
import type { Settings } from "./config.ts";
import type { Gateway } from "./gateway.ts";
import { ageNotes, staleNotes } from "./render/as-of.ts";
import { escapeLine } from "./render/escape.ts";
import { toJsonLine, toJsonText, toYamlText } from "./render/structured.ts";
import { paintFor, type Paint } from "./render/style.ts";
import { type Cell, table, type TableOptions } from "./render/table.ts";
import { datacenterOf } from "./resource-names.ts";
import type { Terminal } from "./terminal.ts";

export interface ContextParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly gateway: Gateway;
  readonly newRequestId: () => string;
}

export class CommandContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly gateway: Gateway;
  readonly paint: Paint;
  readonly newRequestId: () => string;

  constructor(parts: ContextParts) {
    this.terminal = parts.terminal;
    this.clock = parts.clock;
    this.settings = parts.settings;
    this.gateway = parts.gateway;
    this.newRequestId = parts.newRequestId;
    this.paint = paintFor(parts.settings.colour);
  }

  get nowMs(): number {
    return this.clock.realtimeMs();
  }

  get tableOptions(): TableOptions {
    const { columns } = this.terminal;
    return { paint: this.paint, ...(columns === undefined ? {} : { widthMax: columns }) };
  }

  /** One answer: lines for people, or `document` for scripts. Lines must be escaped already. */
  async print(document: unknown, lines: () => readonly string[]): Promise<void> {
    switch (this.settings.output) {
      case "json":
        return this.terminal.out(toJsonText(document));
      case "yaml":
        return this.terminal.out(toYamlText(document));
      case "table":
        return this.printLines(lines());
    }
  }

  /** One of many answers of a watch. */
  async printItem(document: unknown, lines: () => readonly string[]): Promise<void> {
    switch (this.settings.output) {
      case "json":
        return this.terminal.out(toJsonLine(document));
      case "yaml":
        return this.terminal.out(`---\n${toYamlText(document)}`);
      case "table":
        return this.printLines(lines());
    }
  }

  async printLines(lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.terminal.out(`${lines.join("\n")}\n`);
  }

  /** A table of what belongs to datacenters, which it names where there may be several. */
  tableOf<Item extends { readonly name: string }>(
    heading: readonly string[],
    items: readonly Item[],
    row: (item: Item) => Cell[],
  ): string[] {
    const rows = items.map((item) => this.placed(item.name, row(item)));
    return table(this.placedHeading(heading), rows, this.tableOptions);
  }

  placedHeading(heading: readonly string[]): readonly string[] {
    return this.gateway.isOverAll ? ["DC", ...heading] : heading;
  }

  /** The row of a resource. */
  placed(resource: string, row: Cell[]): Cell[] {
    return this.gateway.isOverAll ? [datacenterOf(resource), ...row] : row;
  }

  /** Lines that say how old the parts of a list are. */
  ages(asOf: readonly AsOf[]): string[] {
    return this.gateway.isElsewhere ? ageNotes(asOf) : staleNotes(asOf);
  }

  /** Says how old the last answer is, where it is not known to be up to date. */
  noteAge(): void {
    const { asOf } = this.gateway;
    for (const line of asOf === undefined ? [] : ageNotes([asOf])) this.note(line);
  }

  /** A remark beside the result, on the error output. */
  note(text: string): void {
    this.terminal.err(`atoll: ${escapeLine(text)}\n`);
  }
}
