/**
 * Whether the node is in maintenance, as the orchestrator last said; remembered across restarts.
 */
import type { AgentDatabase } from "../storage/agent-database.ts";

const KEY = "link!maintenance";

export class Maintenance {
  readonly #database: AgentDatabase;
  #active: boolean;

  private constructor(database: AgentDatabase, active: boolean) {
    this.#database = database;
    this.#active = active;
  }

  static async open(database: AgentDatabase): Promise<Maintenance> {
    const [value] = await database.getMany([KEY]);
    return new Maintenance(database, value !== undefined);
  }

  get active(): boolean {
    return this.#active;
  }

  async set(active: boolean): Promise<void> {
    if (active === this.#active) return;
    this.#active = active;
    await this.#database.write([
      active ? { type: "put", key: KEY, value: Buffer.from("1") } : { type: "del", key: KEY },
    ]);
  }
}
