import { Plate } from '@/components/plate';
import { LanguageChoice, ThemeChoice } from './preferences';

/** The front door. */
export function Home() {
  return (
    <main id="main" className="grid min-h-dvh place-content-center gap-6">
      <h1>
        <Plate className="px-6 py-3 text-2xl" />
      </h1>
      <div className="flex justify-center gap-1">
        <LanguageChoice />
        <ThemeChoice />
      </div>
    </main>
  );
}
