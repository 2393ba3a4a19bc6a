import { CircleAlert, Info, TriangleAlert } from "lucide-react";
import type { NoticeLevel } from "../../wire/types";

const ICONS = { info: Info, warning: TriangleAlert, error: CircleAlert } as const;

export function NoticeIcon({ level }: { readonly level: NoticeLevel }) {
  const Icon = ICONS[level];
  return <Icon className="icon" aria-hidden="true" />;
}
