// Coverage by counters: a load hook that writes `__fuzzEdges[n]++` into every branch of the modules under test.
//
// Owns:      which edges there are, and their counters; the literals of those modules (a dictionary); planted faults.
// Does not:  run anything.
//
// Types are stripped in place and counters are put in without new lines, so that a stack trace still names the line.
// Import the target's module only after `instrument`.

import { parse } from "acorn";
import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** A change of a module's source text, to see whether a target notices it. */
export interface Plant {
  /** From the root. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

export interface Instrumentation {
  /** Counts of the execution under way, by edge; they stop at 255. */
  readonly counters: Uint8ClampedArray;
  /** How many edges the modules that were loaded have. */
  readonly edges: number;
  /** Texts that stand in the modules. */
  readonly literals: ReadonlySet<string>;
  readonly numbers: ReadonlySet<number>;
}

const edgesMax = 32_768;
const root = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * @param covers  files from the root, or folders that end in a slash.
 * @param plants  changes to make first.
 */
export function instrument(covers: readonly string[], plants: readonly Plant[]): Instrumentation {
  const counters = new Uint8ClampedArray(edgesMax);
  const literals = new Set<string>();
  const numbers = new Set<number>();
  let edges = 0;
  Object.assign(globalThis, { __fuzzEdges: counters });
  const isCovered = (path: string): boolean =>
    /(?<!\.(?:test|contract|simulated))\.ts$/.test(path) &&
    covers.some((one) => (one.endsWith("/") ? path.startsWith(one) : path === one));
  registerHooks({
    load: (url, context, nextLoad) => {
      if (!url.startsWith("file:")) return nextLoad(url, context);
      const path = relative(root, fileURLToPath(url));
      const own = plants.filter((plant) => plant.path === path);
      if (own.length === 0 && !isCovered(path)) return nextLoad(url, context);
      const text = own.reduce(planted, readFileSync(fileURLToPath(url), "utf8"));
      const source = withCounters(stripTypeScriptTypes(text), () => edges++, literals, numbers);
      if (edges > edgesMax) throw new Error(`More than ${edgesMax} edges: raise the bound in ${import.meta.filename}.`);
      return { format: "module", source, shortCircuit: true };
    },
  });
  return {
    counters,
    literals,
    numbers,
    get edges() {
      return edges;
    },
  };
}

function planted(text: string, plant: Plant): string {
  const parts = text.split(plant.from);
  if (parts.length !== 2)
    throw new Error(`The planted fault no longer fits: ${plant.path} has ${parts.length - 1} times ${plant.from}`);
  return parts.join(plant.to);
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** Exported for its test. */
export function withCounters(
  code: string,
  nextEdge: () => number,
  literals: Set<string> = new Set(),
  numbers: Set<number> = new Set(),
): string {
  const insertions: { readonly at: number; readonly order: number; readonly text: string }[] = [];
  const open = (at: number, text: string): void => void insertions.push({ at, order: 1, text });
  const close = (at: number, text: string): void => void insertions.push({ at, order: 0, text });
  const count = (): string => `__fuzzEdges[${nextEdge()}]++`;

  /** Runs `more` for what is inside, so that openings come from outside in and closings from inside out. */
  const wrapStatement = (node: Node, more: () => void): void => {
    if (node.type === "BlockStatement") {
      open(node.start + 1, `${count()};`);
      return more();
    }
    open(node.start, `{${count()};`);
    more();
    close(node.end, "}");
  };
  const wrapExpression = (node: Node, more: () => void): void => {
    open(node.start, `(${count()},`);
    more();
    close(node.end, ")");
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isNode(value)) return;
    const node = value as Node & Record<string, unknown>;
    const child = (key: string): Node => node[key] as Node;
    const inside = (key: string) => (): void => visit(node[key]);
    switch (node.type) {
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        visit(node["params"]);
        return child("body").type === "BlockStatement"
          ? wrapStatement(child("body"), inside("body"))
          : wrapExpression(child("body"), inside("body"));
      case "IfStatement":
        visit(node["test"]);
        wrapStatement(child("consequent"), inside("consequent"));
        if (node["alternate"] === null) return close(child("consequent").end, ` else ${count()};`);
        return wrapStatement(child("alternate"), inside("alternate"));
      case "ConditionalExpression":
        visit(node["test"]);
        wrapExpression(child("consequent"), inside("consequent"));
        return wrapExpression(child("alternate"), inside("alternate"));
      case "LogicalExpression":
        visit(node["left"]);
        return wrapExpression(child("right"), inside("right"));
      case "AssignmentPattern":
        visit(node["left"]);
        return wrapExpression(child("right"), inside("right"));
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
      case "WhileStatement":
      case "DoWhileStatement":
        for (const key of ["init", "left", "test", "right", "update"]) visit(node[key]);
        return wrapStatement(child("body"), inside("body"));
      case "SwitchCase": {
        visit(node["test"]);
        const first = (node["consequent"] as Node[])[0];
        if (first !== undefined) open(first.start, `${count()};`);
        return visit(node["consequent"]);
      }
      case "CatchClause":
        return wrapStatement(child("body"), inside("body"));
      case "ImportDeclaration":
      case "ExportAllDeclaration":
        return;
      case "Literal":
        if (typeof node["value"] === "string") literals.add(node["value"]);
        if (typeof node["value"] === "number") numbers.add(node["value"]);
        return;
      case "TemplateElement":
        literals.add((node["value"] as { cooked?: string }).cooked ?? "");
        return;
      default:
        for (const key of Object.keys(node)) if (key !== "type") visit(node[key]);
    }
  };
  visit(parse(code, { ecmaVersion: "latest", sourceType: "module" }));

  insertions.sort((a, b) => a.at - b.at || a.order - b.order);
  const parts: string[] = [];
  let at = 0;
  for (const insertion of insertions) {
    parts.push(code.slice(at, insertion.at), insertion.text);
    at = insertion.at;
  }
  parts.push(code.slice(at));
  return parts.join("");
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
