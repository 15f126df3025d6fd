/** Light, dark, or as the system has it. */
import { useSyncExternalStore } from 'react';
import { z } from 'zod/mini';
import { keep, kept } from './kept';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const system = () => window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let current: Theme = 'system';

function apply(): void {
  const dark = current === 'dark' || (current === 'system' && system().matches);
  document.documentElement.classList.toggle('dark', dark);
}

/** Shows this theme from now on. */
export function setTheme(theme: Theme): void {
  current = theme;
  keep('theme', theme);
  apply();
  for (const listener of listeners) listener();
}

/** Applies what was chosen, and follows the system. */
export function startTheme(): void {
  current = kept('theme', z.enum(themes)) ?? 'system';
  system().addEventListener('change', apply);
  apply();
}

/** The theme that was chosen. */
export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
