/**
 * Words of the screens: the catalogue at the project's root, of which the
 * browser is given only what it shows.
 */
import i18next, { type Module } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { z } from 'zod/mini';
import { keep, kept } from './kept';
import type { Catalogue } from './words/fr';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'words';
    resources: { words: Catalogue };
    returnNull: false;
  }
}

export const languages = ['fr', 'en'] as const;
export type Language = (typeof languages)[number];

const catalogues: Record<Language, () => Promise<{ words: object }>> = {
  fr: () => import('./words/fr'),
  en: () => import('./words/en'),
};

const THIN = '\u202f';
const FIXED = '\u00a0';

/** Spaces as French prints them: fixed before `:` and inside guillemets, thin before `; ! ?`. */
export function typeset(text: string): string {
  return text
    .replace(/ ([;!?])/g, `${THIN}$1`)
    .replace(/ ([:»%€])/g, `${FIXED}$1`)
    .replace(/« /g, `«${FIXED}`);
}

const typography: Module & { name: string; process: (text: string) => string } = {
  type: 'postProcessor',
  name: 'typography',
  process: (text) => (i18next.language === 'fr' ? typeset(text) : text),
};

/** The language in use. */
export function language(): Language {
  return i18next.language === 'en' ? 'en' : 'fr';
}

async function load(to: Language): Promise<void> {
  if (!i18next.hasResourceBundle(to, 'words')) {
    const { words } = await catalogues[to]();
    i18next.addResourceBundle(to, 'words', words);
  }
}

/** Shows the screens in this language from now on. */
export async function speak(to: Language): Promise<void> {
  await load(to);
  await i18next.changeLanguage(to);
  keep('language', to);
  document.documentElement.lang = to;
}

/** Makes the words ready in the language that was chosen, French first. */
export async function startWords(): Promise<void> {
  await i18next
    .use(initReactI18next)
    .use(typography)
    .init({
      lng: 'fr',
      fallbackLng: false,
      ns: ['words'],
      defaultNS: 'words',
      resources: {},
      postProcess: ['typography'],
      interpolation: { escapeValue: false },
      react: { useSuspense: false },
    });
  await speak(kept('language', z.enum(languages)) ?? 'fr');
}
