/** What people call a node. */
import { useTranslation } from 'react-i18next';
import { kindOf } from './nodes';

export function useNodeWords() {
  const { t, i18n } = useTranslation();
  const say = (uses: string | undefined, title: boolean): string => {
    const word = kindOf(uses)?.word;
    if (!word) return '';
    const key = title ? `ui.editor.node_title.${word}` : `ui.editor.node_about.${word}`;
    return i18n.exists(key) ? t(key as 'ui.editor.node_title.set') : '';
  };
  return {
    title: (uses: string | undefined) => say(uses, true) || uses || t('ui.editor.no_node'),
    about: (uses: string | undefined) => say(uses, false),
  };
}
