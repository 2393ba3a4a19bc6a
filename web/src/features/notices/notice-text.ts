import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Notice } from "../../session/notices";

/** A notice in the reader's language. What the server says may be a key we know or plain text. */
export function useNoticeText(): (notice: Pick<Notice, "text" | "about">) => string {
  const { t } = useTranslation();
  return useCallback(
    ({ text, about }: Pick<Notice, "text" | "about">): string => {
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
      if (about.size > 0) {
        values["count"] = about.size;
        values["name"] = [...about.values()].at(-1) ?? "";
      }
      return t(key as "notice.dismiss", values);
    },
    [t],
  );
}

/** Somebody else's words find their own direction; ours have the page's, whatever name is in them. */
export function useNoticeDirection(): (notice: Notice) => "auto" | undefined {
  const { i18n } = useTranslation();
  return useCallback(
    ({ text }: Notice) => ("plain" in text && !i18n.exists(text.plain) ? "auto" : undefined),
    [i18n],
  );
}
