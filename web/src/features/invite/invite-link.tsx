import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton } from "../../kit/copy-button";

/** The address others can open; absolute, because it is meant to leave this page. */
export const inviteUrl = (code: string): string =>
  new URL(`/join/${encodeURIComponent(code)}`, window.location.origin).href;

export function InviteLink({ code }: { readonly code: string }) {
  const { t } = useTranslation();
  const field = useRef<HTMLInputElement>(null);
  const url = inviteUrl(code);
  return (
    <div className="invite-link">
      <input
        ref={field}
        className="input"
        aria-label={t("invite.link")}
        value={url}
        readOnly
        dir="ltr"
        onFocus={(event) => event.currentTarget.select()}
      />
      <CopyButton
        text={url}
        label={t("invite.copy")}
        doneLabel={t("invite.copied")}
        refusedLabel={t("invite.copyByHand")}
        onRefused={() => field.current?.focus()}
      />
    </div>
  );
}
