import { X } from "lucide-react";
import {
  useCallback,
  useContext,
  useEffect,
  useState,
  type KeyboardEvent,
  type ReactNode,
} from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { PHONE, useMediaQuery } from "../../kit/use-media-query";
import { clampWidth, PANEL_WIDTH, type Panel } from "../../session/prefs";
import { PrefsContext } from "../settings/prefs-context";
import { useSwipeDown } from "./use-swipe-down";

interface SidePanelProps {
  readonly panel: Panel;
  readonly width: number;
  /** Stands beside the title. */
  readonly count?: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

const STEP = 20;

/** Beside the stage on wide screens (it pushes), a sheet from below on phones. */
export function SidePanel({ panel, width, count, onClose, children }: SidePanelProps) {
  const { t } = useTranslation();
  const isSheet = useMediaQuery(PHONE);
  // Asked while drawing: what is inside takes the focus before any effect of this component runs.
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // Focus that was inside goes back to where the panel was opened from.
      if (document.activeElement !== document.body) return;
      const back =
        opener instanceof HTMLElement && opener !== document.body && opener.isConnected
          ? opener
          : document.querySelector<HTMLElement>("#main-area");
      back?.focus();
    },
    [opener],
  );
  useEffect(() => {
    if (!isSheet) return undefined;
    // Escape closes it from anywhere.
    const onEscape = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (document.querySelector("[role='dialog'], [role='menu']")) return;
      event.preventDefault();
      onClose();
    };
    window.addEventListener("keydown", onEscape);
    return () => window.removeEventListener("keydown", onEscape);
  }, [isSheet, onClose]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    onClose();
  };
  const swipe = useSwipeDown(isSheet, onClose);
  return (
    // Escape closes the panel from anywhere inside it; every control in it stays reachable without.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <aside
      className="side-panel"
      aria-label={t(`${panel}.title`)}
      data-dragged={swipe.by > 0}
      style={{ inlineSize: width, ...(swipe.by > 0 && { translate: `0 ${swipe.by}px` }) }}
      onKeyDown={onKeyDown}
    >
      <ResizeHandle width={width} />
      <div className="side-panel-head" {...swipe.handlers}>
        <span className="sheet-grabber" aria-hidden="true" />
        <Heading key={panel} isSheet={isSheet}>
          {t(`${panel}.title`)}
          {count}
        </Heading>
        <IconButton icon={X} label={t("common.close")} onClick={onClose} />
      </div>
      {children}
    </aside>
  );
}

function Heading({
  isSheet,
  children,
}: {
  readonly isSheet: boolean;
  readonly children: ReactNode;
}) {
  // Asked while drawing, as above.
  const [opener] = useState(() => document.activeElement);
  const arrive = useCallback(
    (heading: HTMLHeadingElement | null) => {
      // A sheet covers what was in use, and a notice that led here is gone: the focus goes into the panel.
      const isLost = document.activeElement === document.body && opener?.isConnected === false;
      // Unless it becomes a sheet behind a dialog, when somebody turns their tablet.
      if (isLost || (isSheet && !document.querySelector("[role='dialog']"))) heading?.focus();
    },
    [isSheet, opener],
  );
  return (
    <h2 ref={arrive} tabIndex={-1}>
      {children}
    </h2>
  );
}

function ResizeHandle({ width }: { readonly width: number }) {
  const { t } = useTranslation();
  const prefs = useContext(PrefsContext);
  const sign = document.documentElement.dir === "rtl" ? -1 : 1;
  const resize = (next: number) => prefs.change({ panelWidth: clampWidth(next) });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") resize(width + sign * STEP);
    else if (event.key === "ArrowRight") resize(width - sign * STEP);
    else return;
    event.preventDefault();
  };
  return (
    <div
      className="resize-handle"
      role="slider"
      tabIndex={0}
      aria-orientation="horizontal"
      aria-label={t("common.resize")}
      aria-valuemin={PANEL_WIDTH.min}
      aria-valuemax={PANEL_WIDTH.max}
      aria-valuenow={width}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        resize(width - sign * event.movementX);
      }}
    />
  );
}
