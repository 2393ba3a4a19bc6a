import { CircleAlert } from "lucide-react";

/** What is wrong with what was asked for; nothing while nothing is. */
export function Problem({ text }: { readonly text: string | null }) {
  if (text === null) return null;
  return (
    <p className="problem" role="alert">
      <CircleAlert className="icon" aria-hidden="true" />
      <span>{text}</span>
    </p>
  );
}
