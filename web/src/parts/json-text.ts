// JSON as somebody types it. Pure.

export type ReadJson =
  | { readonly isJson: true; readonly value: unknown }
  | { readonly isJson: false; readonly problem: string };

/** Nothing typed is null. */
export function readJson(text: string): ReadJson {
  if (text.trim() === "") return { isJson: true, value: null };
  try {
    return { isJson: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { isJson: false, problem: `This is not JSON. Text needs quotes: "like this". (${why})` };
  }
}

/** As it is shown to be changed. */
export function writtenJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
