// Light, dark, or as the system says; kept in this browser.

import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const key = "coldpath-theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let theme: Theme = themes.find((one) => one === kept()) ?? "system";
apply();

/** A browser may forbid keeping anything. */
function kept(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function setTheme(next: Theme): void {
  theme = next;
  try {
    localStorage.setItem(key, next);
  } catch {
    // It holds until the page is closed.
  }
  tell();
}

function isDark(): boolean {
  return theme === "dark" || (theme === "system" && systemIsDark.matches);
}

/** Scroll bars, inputs of the browser, and the ground beyond the page. */
function apply(): void {
  document.documentElement.style.colorScheme = isDark() ? "dark" : "light";
}

function tell(): void {
  apply();
  for (const listener of listeners) listener();
}
systemIsDark.addEventListener("change", tell);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => theme);
}

export function useIsDark(): boolean {
  return useSyncExternalStore(subscribe, isDark);
}
