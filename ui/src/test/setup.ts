import '@testing-library/jest-dom/vitest';
import { beforeAll } from 'vitest';
import { startWords } from '@/lib/i18n';

window.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener() {},
    removeEventListener() {},
  }) as unknown as MediaQueryList;

beforeAll(startWords);
