import { Outlet } from '@tanstack/react-router';
import { LanguageChoice, ThemeChoice } from './preferences';

/** The front door: one thing to do, and the language in which to do it. */
export function Door() {
  return (
    <div className="flex min-h-dvh flex-col">
      <div className="flex justify-end gap-1 p-3">
        <LanguageChoice />
        <ThemeChoice />
      </div>
      <main id="main" className="flex-1 px-5 pt-[6dvh] pb-10">
        <Outlet />
      </main>
    </div>
  );
}
