/** What this browser remembers: small choices of taste, never data. */
import type { z } from 'zod/mini';

const name = (key: string) => `copro.${key}`;

/** What was kept, when it still has the shape that is asked for. */
export function kept<T>(key: string, shape: z.ZodMiniType<T>): T | undefined {
  try {
    const text = localStorage.getItem(name(key));
    return text === null ? undefined : shape.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // storage is refused, or what it holds is not ours
  }
}

/** Keeps a choice; without storage it lasts as long as the page. */
export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(name(key), JSON.stringify(value));
  } catch {
    return; // storage is refused
  }
}
