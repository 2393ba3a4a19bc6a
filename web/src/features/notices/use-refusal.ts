import type { TextKey } from "../../i18n/keys";
import { refusalText } from "../../session/refusal-text";
import { useNoticeText } from "./notice-text";

const NOBODY = new Map<string, string>();

/** The server's reason as a text to stand beside what was asked for. */
export function useRefusal(): (reason: string, otherwise: TextKey) => string {
  const textOf = useNoticeText();
  return (reason, otherwise) => textOf({ text: refusalText(reason, otherwise), about: NOBODY });
}
