import { expect, type Page, test } from '@playwright/test';
import { isAccessible, signIn } from './at-work';

/** Starts a run as the page would, and opens it. */
async function startRun(page: Page, name: string, inputs: object): Promise<void> {
  const answer = await page.request.post(`/api/v1/workflows/${name}/runs`, { data: { inputs } });
  expect(answer.status()).toBe(202);
  await page.goto(`/runs/${(await answer.json()).run}`);
}

const OTHER = '00000000-0000-7000-8000-000000000001';
const UNKNOWN = '00000000-0000-7000-8000-000000000000';

test('a run that fails tells why, is run again with edited data, and compared with its origin', async ({
  page,
}) => {
  await signIn(page, 'claire');
  await startRun(page, 'bank-reconciliation', { condominium_id: UNKNOWN });
  await expect(page.getByRole('alert')).toContainText('reconcile.unknown_condominium', { timeout: 20_000 });
  await page.getByRole('option', { name: /proposals/ }).click();
  await expect(page.getByRole('heading', { name: 'proposals' })).toBeVisible();
  await isAccessible(page);
  for (const tab of ['Chronologie', 'Données']) {
    await page.getByRole('tab', { name: tab }).click();
    await isAccessible(page);
  }
  await page.getByRole('button', { name: 'Exécuter de nouveau' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel("Données d'entrée").fill(JSON.stringify({ condominium_id: OTHER }));
  await isAccessible(page);
  await dialog.getByRole('button', { name: 'Exécuter de nouveau' }).click();
  await expect(page.getByRole('link', { name: /^refait/ })).toBeVisible();
  await page.getByRole('link', { name: "Comparer à l'origine" }).click();
  await expect(page.getByRole('heading', { name: 'Comparer deux exécutions' })).toBeVisible();
  await expect(page.getByText('input.condominium_id')).toBeVisible();
  await isAccessible(page);
});

test('a run of nobody is not found, and the page says what to do', async ({ page }) => {
  await signIn(page, 'claire');
  await page.goto(`/runs/${UNKNOWN}`);
  await expect(page.getByRole('alert')).toContainText('run_unknown');
  await isAccessible(page);
});
