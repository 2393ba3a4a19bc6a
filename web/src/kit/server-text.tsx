import { useTranslation } from "react-i18next";

/**
 * What the server says: the key of a text we know, or words to be shown as they came. Words of unknown
 * language find their own direction; ours have the page's.
 */
export function ServerText({ text }: { readonly text: string }) {
  const { t, i18n } = useTranslation();
  if (i18n.exists(text)) return <span>{t(text as "app.name")}</span>;
  return <span dir="auto">{text}</span>;
}
