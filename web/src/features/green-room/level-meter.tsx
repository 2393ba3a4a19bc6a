import { Mic } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "../../kit/use-store";
import { watchPreviewLevel, type Preview } from "../../session/devices";

/** How loud you are. Drawn without React: twelve times a second is no news for the rest of the page. */
export function LevelMeter({ preview }: { readonly preview: Preview }) {
  const { t } = useTranslation();
  const { stream } = useStore(preview);
  const [asleep, setAsleep] = useState(false);
  const bar = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      watchPreviewLevel(
        preview,
        (level) => {
          const element = bar.current;
          if (!element) return;
          element.style.setProperty("--level", level.toFixed(2));
          element.setAttribute("aria-valuenow", String(Math.round(level * 100)));
        },
        setAsleep,
      ),
    [preview],
  );
  return (
    <div className="level">
      <Mic className="icon icon-small" aria-hidden="true" />
      <div
        ref={bar}
        className="level-bar"
        role="meter"
        aria-label={t("green.level")}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={0}
      />
      {/* Its line is always there, so that nothing moves when the device answers. */}
      <span className="field-hint level-hint">
        {stream !== null && t(asleep ? "green.levelAsleep" : "green.levelHint")}
      </span>
    </div>
  );
}
