/**
 * Reads settings from environment variables and collects everything that is wrong with them.
 *
 * A wrong variable yields a placeholder, so that reading goes on and `check` can name all problems
 * at once; nothing that was read may be used before `check` has returned. Called by each service's
 * `env.ts`, and by nothing else.
 */
import { ConfigError } from "./operational-error.ts";

export interface Address {
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
  /** `host:port`, IPv6 hosts in brackets. */
  readonly text: string;
}

const ADDRESS_PATTERN = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;
const INTEGER_PATTERN = /^-?\d{1,15}$/;
const PORT_MAX = 65_535;
const NO_ADDRESS: Address = { host: "", port: 0, text: "" };

/** What `host:port` means, or undefined when it is not of that form. */
export function parseAddress(text: string): Address | undefined {
  const match = ADDRESS_PATTERN.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > PORT_MAX) return undefined;
  const host = (match[1] as string).replace(/^\[|\]$/g, "");
  return { host, port, text };
}

export class EnvReader {
  readonly #variables: Readonly<Record<string, string | undefined>>;
  readonly #problems: string[] = [];

  constructor(variables: Readonly<Record<string, string | undefined>>) {
    this.#variables = variables;
  }

  /** Any text that is not empty. Without a default it is required. */
  text(name: string, options: { readonly default?: string } = {}): string {
    const value = this.#variables[name];
    if (value !== undefined && value !== "") return value;
    if (options.default !== undefined) return options.default;
    return this.#problem(`${name} must be set`, "");
  }

  /** An integer from `min` to `max`, both included. */
  integer(
    name: string,
    options: { readonly min: number; readonly max: number; readonly default?: number },
  ): number {
    const allowed = `allowed are integers from ${options.min} to ${options.max}`;
    const value = this.#variables[name];
    if (value === undefined || value === "") {
      if (options.default !== undefined) return options.default;
      return this.#problem(`${name} must be set: ${allowed}`, options.min);
    }
    const number = INTEGER_PATTERN.test(value) ? Number(value) : Number.NaN;
    if (number >= options.min && number <= options.max) return number;
    return this.#problem(`${name}="${value}": ${allowed}`, options.min);
  }

  /** One of `allowed`. */
  choice<T extends string>(
    name: string,
    allowed: readonly [T, ...T[]],
    options: { readonly default?: T } = {},
  ): T {
    const value = this.#variables[name];
    if ((value === undefined || value === "") && options.default !== undefined)
      return options.default;
    const chosen = allowed.find((candidate) => candidate === value);
    if (chosen !== undefined) return chosen;
    return this.#problem(`${name}="${value ?? ""}": allowed are ${allowed.join(", ")}`, allowed[0]);
  }

  /** `host:port`. */
  address(name: string, options: { readonly default?: string } = {}): Address {
    const text = this.text(name, options);
    const address = parseAddress(text);
    if (address !== undefined) return address;
    if (text === "") return NO_ADDRESS;
    return this.#problem(
      `${name}="${text}" is not HOST:PORT with a port from 0 to ${PORT_MAX}`,
      NO_ADDRESS,
    );
  }

  /**
   * Texts separated by commas, blanks around them removed; none when unset and there is no default.
   */
  list(name: string, options: { readonly default?: readonly string[] } = {}): readonly string[] {
    const value = this.#variables[name];
    if (value === undefined || value === "") return options.default ?? [];
    return value
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }

  /** `key=value` separated by commas; no key twice. Empty when unset. */
  pairs(name: string): Readonly<Record<string, string>> {
    const result: Record<string, string> = {};
    for (const part of this.list(name)) {
      const at = part.indexOf("=");
      const key = part.slice(0, at).trim();
      if (at < 1 || key === "") this.#problem(`${name}: "${part}" is not KEY=VALUE`, undefined);
      else if (Object.hasOwn(result, key)) this.#problem(`${name} gives ${key} twice`, undefined);
      else result[key] = part.slice(at + 1).trim();
    }
    return result;
  }

  /** `1=host:port,2=host:port,…`; required, no id twice. */
  addresses(name: string): ReadonlyMap<number, Address> {
    const result = new Map<number, Address>();
    if (this.text(name) === "") return result;
    for (const [key, text] of Object.entries(this.pairs(name))) {
      const id = /^\d{1,4}$/.test(key) ? Number(key) : 0;
      const address = parseAddress(text);
      if (id === 0 || address === undefined) {
        this.#problem(
          `${name}: "${key}=${text}" is not ID=HOST:PORT with an ID from 1 to 9999`,
          undefined,
        );
      } else {
        result.set(id, address);
      }
    }
    return result;
  }

  /** Notes a problem that the caller found. */
  problem(text: string): void {
    this.#problems.push(text);
  }

  /** @throws ConfigError naming every variable that is wrong and what is allowed. */
  check(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #problem<T>(text: string, placeholder: T): T {
    this.#problems.push(text);
    return placeholder;
  }
}
