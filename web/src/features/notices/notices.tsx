import "./notices.css";
import { X } from "lucide-react";
import { useCallback, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { IconButton } from "../../kit/icon-button";
import { useSelected, useStore } from "../../kit/use-store";
import { useVisit } from "../visit/context";
import { faceOf } from "./face";
import { NoticeIcon } from "./notice-icon";
import { useNoticeDirection, useNoticeText } from "./notice-text";

/** The toasts, away from the controls; each is also read out, once per wording. */
export function Notices() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const { notices } = session;
  const shown = useStore(notices);
  const open = useSelected(ui, (now) => now.panel);
  const textOf = useNoticeText();
  const directionOf = useNoticeDirection();
  const read = useRef(new Map<number, string>());
  useEffect(() => {
    const ids = new Set(shown.map(({ id }) => id));
    for (const id of read.current.keys()) if (!ids.has(id)) read.current.delete(id);
    for (const notice of shown) {
      const text = textOf(notice);
      if (read.current.get(notice.id) === text) continue;
      read.current.set(notice.id, text);
      announce(text);
    }
  }, [shown, textOf]);
  const list = useRef<HTMLUListElement>(null);
  const pointed = useRef(false);
  const settle = useCallback(
    (focused: Element | null) =>
      notices.hold(pointed.current || (list.current?.contains(focused) ?? false)),
    [notices],
  );
  useEffect(() => {
    // What is dismissed takes focus and pointer with it, and neither is said to have left.
    if (shown.length === 0) pointed.current = false;
    settle(document.activeElement);
  }, [shown, settle]);
  return (
    // Nothing here is to be pressed; the list only notices that somebody is reading it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <ul
      ref={list}
      className="notices"
      aria-label={t("notice.label")}
      onPointerEnter={() => {
        pointed.current = true;
        notices.hold(true);
      }}
      onPointerLeave={() => {
        pointed.current = false;
        settle(document.activeElement);
      }}
      onFocus={() => notices.hold(true)}
      onBlur={(event) => settle(event.relatedTarget)}
    >
      {shown.map((notice) => {
        const panel = notice.panel === open ? null : notice.panel;
        const action =
          notice.action ??
          (panel && ({ key: "notice.showMore", run: () => ui.showPanel(panel) } as const));
        const actions = [action, notice.also].filter((each) => each !== null);
        return (
          <li
            key={notice.id}
            className="notice"
            data-topic={faceOf(notice).topic}
            data-choice={actions.length > 1}
          >
            <NoticeIcon notice={notice} />
            <span className="notice-text" dir={directionOf(notice)}>
              {textOf(notice)}
            </span>
            {actions.length > 0 && (
              <span className="notice-actions">
                {actions.map(({ key, run }) => (
                  <button
                    key={key}
                    type="button"
                    className="button button-quiet notice-action"
                    onClick={() => {
                      run();
                      notices.dismiss(notice.id);
                    }}
                  >
                    {t(key as "toolbar.unmute")}
                  </button>
                ))}
              </span>
            )}
            <IconButton
              icon={X}
              label={t("notice.dismiss")}
              onClick={() => notices.dismiss(notice.id)}
            />
          </li>
        );
      })}
    </ul>
  );
}
