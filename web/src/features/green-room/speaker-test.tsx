import { Volume2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { playTones } from "../../kit/tones";

const TEST = { frequencies: [523.25, 659.25] };

export function SpeakerTest({ speaker }: { readonly speaker: string | null }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  return (
    <div className="speaker-test">
      <button
        type="button"
        className="button button-plain"
        onClick={() => {
          void playTones(TEST, speaker);
          setAsked(true);
          announce(t("green.tested"));
        }}
      >
        <Volume2 className="icon" aria-hidden="true" />
        {t("green.testSpeaker")}
      </button>
      {asked && <span className="field-hint">{t("green.tested")}</span>}
    </div>
  );
}
