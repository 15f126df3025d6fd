/** What the tests in a browser share. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** The demo's people, by name. */
export const people = { claire: 'Claire Martin', karim: 'Karim Haddad', louise: 'Louise Bernard' } as const;

/** Signs in as one of the demo's people, by the button that the page shows. */
export async function signIn(page: Page, who: keyof typeof people): Promise<void> {
  await page.goto('/');
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByRole('button', { name: people[who] }).first().click();
  await expect(page).not.toHaveURL(/\/sign-in/);
}

/** A page of ours has nothing that axe finds at fault. */
export async function isAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
    .analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
  expect(told).toEqual([]);
}
