import "./lti.css";
import { Unlink } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { FrontBar } from "../front-door";
import { createLtiApi } from "./api";
import { LinkPage } from "./link-page";
import { RegisterPage } from "./register-page";
import { RoomPage } from "./room-page";
import type { Subject } from "./subject";

export function LtiPage({ about }: { readonly about: Subject | null }) {
  return (
    <div className="front">
      <FrontBar />
      <main className="front-main lti-main">
        <Content about={about} />
      </main>
    </div>
  );
}

function Content({ about }: { readonly about: Subject | null }) {
  const api = useMemo(() => createLtiApi(about?.page === "room" ? about.token : ""), [about]);
  switch (about?.page) {
    case "room":
      return <RoomPage about={about} api={api} />;
    case "link":
      return <LinkPage about={about} />;
    case "register":
      return <RegisterPage about={about} />;
    default:
      return <Nobody />;
  }
}

/** Somebody came without a launch, or with one that this tab has forgotten. */
function Nobody() {
  const { t } = useTranslation();
  return (
    <section className="card front-card lti-card">
      <h1>
        <Unlink className="icon" aria-hidden="true" />
        {t("lti.nobody")}
      </h1>
      <p className="muted">{t("lti.nobodyLead")}</p>
    </section>
  );
}
