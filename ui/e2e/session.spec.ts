import { expect, test } from '@playwright/test';
import { isAccessible, signIn } from './at-work';

test('one signs in with a demo account, and out of everywhere', async ({ page, browser }) => {
  const elsewhere = await (await browser.newContext()).newPage();
  await signIn(elsewhere, 'claire');
  await signIn(page, 'claire');
  await page.goto('/sessions');
  await expect(page.getByRole('heading', { level: 1, name: 'Mes sessions' })).toBeVisible();
  await isAccessible(page);
  await page.getByRole('button', { name: 'Se déconnecter partout' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Se déconnecter partout' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await elsewhere.goto('/sessions');
  await expect(elsewhere).toHaveURL(/\/sign-in/);
});

test('a wrong password is explained', async ({ page }) => {
  await page.goto('/sign-in');
  await page.getByLabel('Adresse e-mail').fill('personne@demo.example');
  await page.getByLabel('Mot de passe').fill('wrong');
  await page.getByRole('button', { name: 'Se connecter', exact: true }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await isAccessible(page);
});

test('a page that asks for a session is opened after signing in', async ({ page }) => {
  await page.goto('/sessions');
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByRole('button', { name: 'Claire Martin' }).first().click();
  await expect(page).toHaveURL(/\/sessions/);
});

test('language and theme are chosen and kept', async ({ page }) => {
  await page.goto('/sign-in');
  await page.getByRole('button', { name: 'Langue' }).click();
  await page.getByRole('menuitemradio', { name: 'English' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await page.getByRole('button', { name: 'Theme' }).click();
  await page.getByRole('menuitemradio', { name: 'Dark' }).click();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(page.locator('html')).toHaveClass(/dark/);
  await isAccessible(page);
});
