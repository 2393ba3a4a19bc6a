import "./notices.css";
import { Popover, PopoverButton, PopoverPanel } from "@headlessui/react";
import { Bell } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useSelected, useStore } from "../../kit/use-store";
import { formatLocale } from "../../i18n";
import { useSession, useVisit } from "../visit/context";
import { DesktopOffer } from "./desktop-offer";
import { faceOf } from "./face";
import { NoticeIcon } from "./notice-icon";
import { useNoticeDirection, useNoticeText } from "./notice-text";

/** Everything that was said in a toast, for whoever looked away. */
export function NoticesButton() {
  const { t } = useTranslation();
  const { notices } = useSession();
  const unseen = useSelected(notices.history, (now) => now.unseen);
  const name = t("notice.list");
  const label = unseen === 0 ? name : `${name}, ${t("notice.unseen", { count: unseen })}`;
  return (
    <Popover className="notices-button">
      <PopoverButton className="icon-button" aria-label={label} title={label}>
        <Bell className="icon" aria-hidden="true" />
        {unseen > 0 && (
          <span
            className="notices-badge tabular"
            aria-hidden="true"
            data-count={Math.min(unseen, 99)}
          />
        )}
      </PopoverButton>
      <PopoverPanel
        focus
        className="menu notices-list"
        aria-label={name}
        anchor={{ to: "bottom end", gap: 6, padding: 12 }}
      >
        {({ close }) => <NoticesList close={close} />}
      </PopoverPanel>
    </Popover>
  );
}

function NoticesList({ close }: { readonly close: () => void }) {
  const { t, i18n } = useTranslation();
  const { session, ui } = useVisit();
  const { notices } = session;
  const { all, unseen } = useStore(notices.history);
  const textOf = useNoticeText();
  const directionOf = useNoticeDirection();
  useEffect(() => {
    if (unseen > 0) notices.seen();
  }, [unseen, notices]);
  const time = new Intl.DateTimeFormat(formatLocale(i18n.language), { timeStyle: "short" });
  return (
    // A list that scrolls must be reachable with the keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <section aria-label={t("notice.list")} tabIndex={0} className="notices-scroll">
      <h2>{t("notice.list")}</h2>
      <DesktopOffer />
      {all.length === 0 && <p className="muted">{t("notice.none")}</p>}
      <ol>
        {all.map((notice) => (
          <li key={notice.id} data-topic={faceOf(notice).topic}>
            <NoticeIcon notice={notice} />
            <span className="notice-text" dir={directionOf(notice)}>
              {textOf(notice)}
            </span>
            {notice.panel && (
              <button
                type="button"
                className="button button-quiet button-small"
                onClick={() => {
                  close();
                  ui.showPanel(notice.panel);
                }}
              >
                {t("notice.showMore")}
              </button>
            )}
            <time className="muted tabular">{time.format(notice.at)}</time>
          </li>
        ))}
      </ol>
    </section>
  );
}
