/**
 * YAML documents as roles, and the way back from a role's field to file and line.
 *
 * All mistakes in all documents are found at once. Anchors and aliases are refused: they could make
 * a small document a huge one. Sizes are bounded before anything is parsed.
 */
import { showText } from "@atoll/domain";
import type { Violation } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { RoleSpec } from "@atoll/proto/atoll/type/v1/role_spec";
import type { RoleDocument } from "@atoll/proto/atoll/v1/role";
import type { FieldViolation } from "@atoll/service-kit";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
} from "yaml";
import { readRole } from "./role-document.ts";
import { Complaints, descend, placeOf, type YamlFile } from "./yaml-place.ts";

export const DOCUMENTS_MAX = 256;
export const TEXT_LENGTH_MAX = 1_048_576;
const FILE_NAME_LENGTH_MAX = 200;

export type ParsedRoles =
  | {
      readonly type: "parsed";
      readonly roles: readonly RoleSpec[];
      /** Puts a refusal of the domain (subject: the role, path: the field) into the documents. */
      readonly locate: (violation: Violation) => FieldViolation;
    }
  | { readonly type: "failed"; readonly violations: readonly FieldViolation[] };

interface Source {
  readonly file: YamlFile;
  readonly root: Node;
}

export function parseRoles(documents: readonly RoleDocument[]): ParsedRoles {
  const refusal = checkSizes(documents);
  if (refusal !== undefined) return { type: "failed", violations: [refusal] };
  const complaints = new Complaints();
  const roles: RoleSpec[] = [];
  const sources = new Map<string, Source>();
  documents.forEach((document, at) => {
    const lines = new LineCounter();
    const file = { name: fileName(document.fileName, at), lines };
    for (const root of rootsOf(file, document.text, complaints)) {
      const role = readRole({ file, complaints }, root);
      if (role === undefined) continue;
      const earlier = sources.get(role.name);
      if (earlier !== undefined && role.name !== "") {
        const place = placeOf(earlier.file, descend(earlier.root, "name"));
        complaints.add(
          file,
          descend(root, "name"),
          `role ${showText(role.name)} is at ${place} already`,
        );
      }
      sources.set(role.name, { file, root });
      roles.push(role);
    }
  });
  if (complaints.violations.length > 0)
    return { type: "failed", violations: complaints.violations };
  if (roles.length === 0) {
    const field = documents[0] === undefined ? "documents" : fileName(documents[0].fileName, 0);
    return { type: "failed", violations: [{ field, description: "there is no role in it" }] };
  }
  return { type: "parsed", roles, locate: (violation) => locate(sources, violation) };
}

function checkSizes(documents: readonly RoleDocument[]): FieldViolation | undefined {
  if (documents.length > DOCUMENTS_MAX) {
    const description = `${documents.length} are too many: at most ${DOCUMENTS_MAX} are allowed`;
    return { field: "documents", description };
  }
  const length = documents.reduce((sum, { text }) => sum + text.length, 0);
  if (length <= TEXT_LENGTH_MAX) return undefined;
  const description = `${length} characters are too many: at most ${TEXT_LENGTH_MAX} together`;
  return { field: "documents", description };
}

/** The contents of each document that is not empty and could be parsed. */
function rootsOf(
  file: YamlFile & { readonly lines: LineCounter },
  text: string,
  complaints: Complaints,
): Node[] {
  let parsed: readonly Document.Parsed[];
  try {
    const documents = parseAllDocuments(text, { lineCounter: file.lines, prettyErrors: false });
    parsed = Array.isArray(documents) ? documents : [];
  } catch (error) {
    // The parser is recursive: a document nested without end exhausts the stack.
    if (!(error instanceof RangeError)) throw error;
    complaints.add(file, 0, "it is nested too deeply");
    return [];
  }
  return parsed.flatMap((document) => {
    const sound = checkDocument(file, document, complaints);
    return sound && isNode(document.contents) && !isEmpty(document.contents)
      ? [document.contents]
      : [];
  });
}

function checkDocument(file: YamlFile, document: Document.Parsed, complaints: Complaints): boolean {
  for (const error of document.errors) complaints.add(file, error.pos[0], firstLine(error.message));
  if (document.errors.length > 0) return false;
  let sound = true;
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node) && (node as { anchor?: string }).anchor === undefined) return undefined;
      complaints.add(file, node, "anchors and aliases (& and *) are not allowed: write it out");
      sound = false;
      return visit.BREAK;
    },
  });
  return sound;
}

function locate(sources: ReadonlyMap<string, Source>, violation: Violation): FieldViolation {
  const source = sources.get(violation.subject);
  if (source === undefined) {
    const field = [violation.subject, violation.path].filter((part) => part !== "").join(": ");
    return { field, description: violation.reason };
  }
  const place = descend(source.root, violation.path === "" ? "name" : violation.path);
  return { field: placeOf(source.file, place), description: violation.reason };
}

function isEmpty(root: Node): boolean {
  return !isMap(root) && (root as { value?: unknown }).value === null;
}

function fileName(given: string, at: number): string {
  if (given === "") return `document ${at + 1}`;
  return given.slice(0, FILE_NAME_LENGTH_MAX).replace(/\p{C}/gu, "?");
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? message;
}
