/** The sign of each kind of step. */
import {
  BellIcon,
  BoxIcon,
  BracesIcon,
  ClockIcon,
  FileCodeIcon,
  GlobeIcon,
  HandIcon,
  KeyRoundIcon,
  type LucideIcon,
  OctagonXIcon,
  RadioIcon,
  RepeatIcon,
  ReplyIcon,
  ScaleIcon,
  ScrollTextIcon,
  SplitIcon,
  WebhookIcon,
  WorkflowIcon,
} from 'lucide-react';

const signs: Record<string, LucideIcon> = {
  approval: HandIcon,
  emit: RadioIcon,
  fail: OctagonXIcon,
  'http.request': GlobeIcon,
  log: ScrollTextIcon,
  respond: ReplyIcon,
  script: FileCodeIcon,
  set: BracesIcon,
  switch: SplitIcon,
  token: KeyRoundIcon,
  wait: ClockIcon,
  'wait.event': BellIcon,
  'wait.webhook': WebhookIcon,
  workflow: WorkflowIcon,
};

export function signOf(uses: string | undefined, group = false): LucideIcon {
  if (group) return RepeatIcon;
  const name = uses?.replace(/@\d+$/, '') ?? '';
  return signs[name] ?? (name.startsWith('reconcile.') ? ScaleIcon : BoxIcon);
}
