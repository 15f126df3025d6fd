/** What the browser shows of the catalogue: the rest stays out of the bundle. */
import { evidence, problem, status, target, ui } from '@i18n/en.json';

export const words = { evidence, problem, status, target, ui };
