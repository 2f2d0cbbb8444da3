/**
 * JSON and YAML for scripts: the messages of the API as proto3 JSON, times absolute.
 *
 * A watch prints one JSON document per line, or YAML documents with `---` between them. Control
 * characters inside strings are escaped in both, so that looking at an output is as safe as
 * parsing it.
 */
import { stringify } from "yaml";
import { escapeInDocument } from "./escape.ts";

export const OUTPUT_FORMATS = ["table", "json", "yaml"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export function toJsonText(value: unknown): string {
  return `${escapeInDocument(JSON.stringify(value, undefined, 2))}\n`;
}

export function toJsonLine(value: unknown): string {
  return `${escapeInDocument(JSON.stringify(value))}\n`;
}

export function toYamlText(value: unknown): string {
  const plain = stringify(value, { lineWidth: 0 });
  if (escapeInDocument(plain) === plain) return plain;
  // Escapes mean something between double quotes only.
  return escapeInDocument(
    stringify(value, { lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" }),
  );
}
