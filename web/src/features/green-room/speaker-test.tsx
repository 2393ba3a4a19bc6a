import { Volume2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";

const TONES_HZ = [523.25, 659.25];
const TONE_S = 0.28;

/** Two soft tones, made here: nothing to download. */
async function playTones(speaker: string | null): Promise<void> {
  const context = new AudioContext();
  const sink = context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  // A speaker that is gone falls back to the usual one.
  if (speaker) await sink.setSinkId?.(speaker).catch(() => undefined);
  const gain = context.createGain();
  gain.gain.value = 0.12;
  gain.connect(context.destination);
  TONES_HZ.forEach((frequency, index) => {
    const tone = context.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(gain);
    tone.start(context.currentTime + index * TONE_S);
    tone.stop(context.currentTime + (index + 1) * TONE_S);
    if (index === TONES_HZ.length - 1) tone.addEventListener("ended", () => void context.close());
  });
}

export function SpeakerTest({ speaker }: { readonly speaker: string | null }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  return (
    <div className="speaker-test">
      <button
        type="button"
        className="button button-plain"
        onClick={() => {
          void playTones(speaker);
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
