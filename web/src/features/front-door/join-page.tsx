import "./front-door.css";
import { useTranslation } from "react-i18next";
import { FrontBar } from "./front-bar";
import { JoinForm } from "./join-form";

interface JoinPageProps {
  readonly code: string;
  readonly go: (address: string) => void;
}

/** Where an invite link leads: only the name is missing. */
export function JoinPage({ code, go }: JoinPageProps) {
  const { t } = useTranslation();
  return (
    <div className="front">
      <FrontBar />
      <main className="front-main">
        <section className="card front-card front-single">
          <h1>{t("front.joinHeading")}</h1>
          <p className="muted">{t("front.joinCodeLead", { code })}</p>
          <JoinForm fixedCode={code} go={go} />
          <button type="button" className="button button-quiet" onClick={() => go("/")}>
            {t("front.otherMeeting")}
          </button>
        </section>
      </main>
    </div>
  );
}
