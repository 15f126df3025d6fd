/** Words for a problem: what happened, what is particular to it, what to do. */
import type { i18n as I18n, TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { Problem } from './api/problem';

export interface ProblemWords {
  title: string;
  detail?: string;
  fix: string;
}

/** In the language in use; an unknown code falls back to what the server said. */
export function problemWords(problem: Problem, t: TFunction, i18n: I18n): ProblemWords {
  const has = (key: string) => i18n.exists(key);
  const say = (key: string) => t(key as 'ui.problem.unexpected');
  const title = [`problem.${problem.code}`, `ui.problem.${problem.code}`].find(has);
  const family = problem.passing
    ? 'later'
    : problem.status >= 500 || problem.status === 0
      ? 'report'
      : 'check';
  const fix = [`ui.fix.${problem.code}`].find(has) ?? `ui.fix.${family}`;
  return {
    title: title ? say(title) : (problem.title ?? say('ui.problem.unexpected')),
    detail: problem.detail,
    fix: say(fix),
  };
}

/** The same, as a hook. */
export function useProblemWords(problem: Problem): ProblemWords {
  const { t, i18n } = useTranslation();
  return problemWords(problem, t, i18n);
}
