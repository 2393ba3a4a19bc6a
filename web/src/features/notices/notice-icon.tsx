import type { Notice } from "../../session/notices";
import { faceOf } from "./face";

/** What a notice is about, in one sign. */
export function NoticeIcon({ notice }: { readonly notice: Pick<Notice, "text" | "level"> }) {
  const { icon: Icon } = faceOf(notice);
  return <Icon className="icon" aria-hidden="true" />;
}
