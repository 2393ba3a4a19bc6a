import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Notice } from "../../session/notices";

/** A notice in the reader's language. What the server says may be a key we know or plain text. */
export function useNoticeText(): (notice: Notice) => string {
  const { t } = useTranslation();
  return useCallback(
    ({ text, names }: Notice): string => {
      if ("plain" in text) {
        return t(text.plain as "notice.dismiss", { defaultValue: text.plain });
      }
      const { key } = text;
      const values = Object.fromEntries(
        Object.entries(text.values ?? {}).map(([name, value]) => [
          name,
          typeof value === "object" ? t(value.keyed as "notice.dismiss") : value,
        ]),
      );
      return names.length === 0
        ? t(key as "notice.dismiss", values)
        : t(key as "notice.joined", { ...values, count: names.length, name: names.at(-1) ?? "" });
    },
    [t],
  );
}
