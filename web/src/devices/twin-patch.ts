// What of a twin's desired properties an operator may change, and the merge patch that makes of it what was typed. Pure.

type Tree = Readonly<Record<string, unknown>>;

/** The part of desired that is no setting of the device template. @param settings  by name. */
export function freePart(desired: Tree, settings: Tree): Tree {
  return Object.fromEntries(Object.entries(desired).filter(([key]) => !Object.hasOwn(settings, key)));
}

/** The merge patch (RFC 7396) that makes `wanted` of `had`: arrays as a whole, null removes. Null when they are equal. */
export function mergePatch(had: Tree, wanted: Tree): Tree | null {
  const patch: [string, unknown][] = [];
  for (const key of Object.keys(had)) if (!Object.hasOwn(wanted, key)) patch.push([key, null]);
  for (const [key, value] of Object.entries(wanted)) {
    const former = Object.hasOwn(had, key) ? had[key] : undefined;
    if (isTree(value) && isTree(former)) {
      const inner = mergePatch(former, value);
      if (inner !== null) patch.push([key, inner]);
    } else if (former === undefined || JSON.stringify(former) !== JSON.stringify(value)) patch.push([key, value]);
  }
  return patch.length === 0 ? null : Object.fromEntries(patch);
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
