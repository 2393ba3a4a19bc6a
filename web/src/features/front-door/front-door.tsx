import "./front-door.css";
import { History, LogIn, Video } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { TextField } from "../../kit/field";
import { usePrefs } from "../settings/prefs-context";
import { frontDoorMode, type FrontDoorMode } from "./api";
import { FrontBar } from "./front-bar";
import { JoinForm } from "./join-form";
import { StartForm } from "./start-form";

function useMode(): FrontDoorMode | null {
  const [mode, setMode] = useState<FrontDoorMode | null>(null);
  useEffect(() => {
    let gone = false;
    // Without an answer the start form stays; its own error will say why it fails.
    void frontDoorMode()
      .catch(() => "open" as const)
      .then((answer) => {
        if (!gone) setMode(answer);
      });
    return () => {
      gone = true;
    };
  }, []);
  return mode;
}

export function FrontDoor({ go }: { readonly go: (address: string) => void }) {
  const { t } = useTranslation();
  const mode = useMode();
  const [{ name: known, recent }] = usePrefs();
  const [name, setName] = useState(known);
  return (
    <div className="front">
      <FrontBar />
      <main className="front-main">
        <div className="front-intro">
          <h1>{t("front.heading")}</h1>
          <p className="muted">{t("front.lead")}</p>
        </div>
        <div className="front-name">
          <TextField
            label={t("front.yourName")}
            value={name}
            onChange={(event) => setName(event.target.value)}
            autoComplete="name"
            maxLength={100}
            dir="auto"
          />
        </div>
        <div className="front-doors" data-settled={mode !== null}>
          <section
            className={`card front-card front-start ${mode === "closed" ? "front-closed" : ""}`}
            aria-labelledby="front-start"
          >
            <h2 id="front-start">
              <Video className="icon" aria-hidden="true" />
              {t("front.start")}
            </h2>
            {mode === "closed" ? (
              <p className="muted">{t("front.closed")}</p>
            ) : (
              <>
                <p className="muted">{t("front.startLead")}</p>
                <StartForm name={name} needsPassphrase={mode === "passphrase"} go={go} />
              </>
            )}
          </section>
          <section className="card front-card" aria-labelledby="front-join">
            <h2 id="front-join">
              <LogIn className="icon" aria-hidden="true" />
              {t("front.join")}
            </h2>
            <p className="muted">{t("front.joinLead")}</p>
            <JoinForm name={name} go={go} />
          </section>
        </div>
        {recent.length > 0 && (
          <section className="front-recent" aria-labelledby="front-recent">
            <h2 id="front-recent">{t("front.recent")}</h2>
            <ul>
              {recent.map(({ code, title }) => (
                <li key={code}>
                  <button
                    type="button"
                    className="button button-plain"
                    onClick={() => go(`/join/${encodeURIComponent(code)}`)}
                  >
                    <History className="icon" aria-hidden="true" />
                    {t("front.rejoin", { title: title || code })}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </main>
    </div>
  );
}
