import "./background-control.css";
import { ChevronDown, ImageIcon, Info } from "lucide-react";
import { lazy, Suspense, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { loadTexts } from "../../i18n";
import { useBackground } from "./use-background";

/** With its words and pictures; whoever stays as they are needs none of it. */
const Chooser = lazy(async () => {
  const [chooser] = await Promise.all([
    import("./chooser"),
    loadTexts("backgrounds"),
    // What is said of files on their way.
    loadTexts("activities"),
  ]);
  return chooser;
});

/** Under one's own picture before the meeting: a button that opens the choice. */
export function BackgroundControl() {
  const { t } = useTranslation();
  const { offer, instead } = useBackground();
  const [open, setOpen] = useState(false);
  const id = useId();
  if (offer === "unsupported") return <Note text={t("background.unsupported")} />;
  // Whoever relies on it must know that it does not hold here.
  if (offer === "nothing") return instead && <Note text={t(`background.instead.${instead}`)} />;
  return (
    <div className="background-control">
      <button
        type="button"
        className="button button-plain button-small"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <ImageIcon className="icon icon-small" aria-hidden="true" />
        {t("background.button")}
        <ChevronDown className="icon icon-small background-chevron" aria-hidden="true" />
      </button>
      {instead && <Note text={t(`background.instead.${instead}`)} />}
      <div id={id} hidden={!open}>
        {open && (
          <Suspense fallback={<p className="muted">…</p>}>
            <Chooser />
          </Suspense>
        )}
      </div>
    </div>
  );
}

function Note({ text }: { readonly text: string }) {
  return (
    <p className="background-note">
      <Info className="icon icon-small" aria-hidden="true" />
      {text}
    </p>
  );
}
