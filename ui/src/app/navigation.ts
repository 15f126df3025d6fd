/** The pages that the sidebar and the palette lead to, in the order of a day's work. */
import { type LucideIcon, MonitorSmartphoneIcon, WorkflowIcon } from 'lucide-react';
import type { Permission } from '@/lib/session';

type Name = 'editor' | 'sessions';

export interface Destination {
  to: `/${Name}`;
  label: Name;
  icon: LucideIcon;
  /** Shown to who may this; to everyone without. */
  needs?: Permission;
}

export const work: Destination[] = [
  { to: '/editor', label: 'editor', icon: WorkflowIcon, needs: 'read_workflows' },
];

export const account: Destination[] = [{ to: '/sessions', label: 'sessions', icon: MonitorSmartphoneIcon }];
