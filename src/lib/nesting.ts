// How deep JSON goes. It is read without recursion and written with it, so what is nested too deep can be read and never said again.

/** Whether more than `levelsMax` objects and arrays stand within each other. @param value  from JSON. */
export function isNestedBeyond(value: unknown, levelsMax: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levelsMax === 0 || Object.values(value).some((inner) => isNestedBeyond(inner, levelsMax - 1));
}
