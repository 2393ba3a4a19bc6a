import { useTranslation } from "react-i18next";
import { CopyButton } from "../../kit/copy-button";

/** The address others can open; absolute, because it is meant to leave this page. */
export const inviteUrl = (code: string): string =>
  new URL(`/join/${encodeURIComponent(code)}`, window.location.origin).href;

export function InviteLink({ code }: { readonly code: string }) {
  const { t } = useTranslation();
  const url = inviteUrl(code);
  return (
    <div className="invite-link">
      <input
        className="input"
        aria-label={t("invite.link")}
        value={url}
        readOnly
        dir="ltr"
        onFocus={(event) => event.currentTarget.select()}
      />
      <CopyButton text={url} label={t("invite.copy")} doneLabel={t("invite.copied")} />
    </div>
  );
}
