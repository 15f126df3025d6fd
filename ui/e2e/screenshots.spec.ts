/** Pictures of each page for `docs/`: `make screenshots`. */
import { join } from 'node:path';
import { test } from '@playwright/test';
import { signIn } from './at-work';

const folder = process.env.SCREENSHOTS;
test.skip(!folder, 'only on demand');

const pages = { editor: '/editor', sessions: '/sessions' };

test('each page is drawn', async ({ page }, info) => {
  const draw = async (name: string) => {
    await page.waitForLoadState('networkidle');
    await page.screenshot({ path: join(folder ?? '', `${name}-${info.project.name}.png`) });
  };
  await page.goto('/sign-in');
  await draw('sign-in');
  await signIn(page, 'claire');
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(path);
    await draw(name);
  }
});
