import { CircleAlert, CircleCheck } from "lucide-react";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { TextField } from "../../kit/field";
import { registerPlatform, RegisterError, type RegisterProblem } from "./register-api";
import type { RegisterSubject } from "./subject";

const FIELDS = ["issuer", "client_id", "auth_url", "keys_url", "deployments"] as const;
type Field = (typeof FIELDS)[number];

const EMPTY: Readonly<Record<Field, string>> = {
  issuer: "",
  client_id: "",
  auth_url: "",
  keys_url: "",
  deployments: "",
};

/** What the platform said about itself when it sent the operator here, if it did. */
function sentBy(search: string) {
  const query = new URLSearchParams(search);
  const description = query.get("openid_configuration");
  if (description === null) return null;
  return { description, token: query.get("registration_token") ?? "" };
}

/** The operator introduces a learning platform; the API secret shows that it is the operator. */
export function RegisterPage({ about }: { readonly about: RegisterSubject }) {
  const { t } = useTranslation();
  const [sent] = useState(() => sentBy(window.location.search));
  const [secret, setSecret] = useState("");
  const [fields, setFields] = useState(EMPTY);
  const [state, setState] = useState<"open" | "busy" | "done">("open");
  const [problem, setProblem] = useState<RegisterProblem | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState("busy");
    setProblem(null);
    try {
      await registerPlatform(secret, sent ?? fields);
      setState("done");
      // The platform's own window closes when it hears this; the words carry nothing.
      if (sent) window.parent.postMessage({ subject: "org.imsglobal.lti.close" }, "*");
      if (sent && window.opener) {
        (window.opener as Window).postMessage({ subject: "org.imsglobal.lti.close" }, "*");
      }
    } catch (error) {
      setProblem(error instanceof RegisterError ? error.code : "failed");
      setState("open");
    }
  };
  return (
    <section className="card front-card lti-card" aria-labelledby="lti-title">
      <h1 id="lti-title">{t("lti.register.heading")}</h1>
      {state === "done" ? (
        <p className="lti-waiting" role="status">
          <CircleCheck className="icon" aria-hidden="true" />
          {t("lti.register.done")}
        </p>
      ) : (
        <>
          {sent === null ? <Addresses origin={about.origin} /> : <Sender from={sent.description} />}
          <form className="lti-form" onSubmit={(event) => void submit(event)}>
            {sent === null &&
              FIELDS.map((field) => (
                <TextField
                  key={field}
                  label={t(`lti.register.${field}`)}
                  hint={field === "deployments" ? t("lti.register.deploymentsHint") : undefined}
                  value={fields[field]}
                  onChange={(event) => setFields({ ...fields, [field]: event.target.value })}
                  required={field !== "deployments"}
                  type={field.endsWith("_url") ? "url" : "text"}
                  autoComplete="off"
                  spellCheck={false}
                  dir="ltr"
                  maxLength={2048}
                />
              ))}
            <TextField
              label={t("lti.register.secret")}
              hint={t("lti.register.secretHint")}
              type="password"
              value={secret}
              onChange={(event) => setSecret(event.target.value)}
              required
              autoComplete="off"
              dir="ltr"
              maxLength={500}
            />
            {problem !== null && (
              <p className="problem" role="alert">
                <CircleAlert className="icon" aria-hidden="true" />
                {t(`lti.register.error.${problem}`)}
              </p>
            )}
            <button
              type="submit"
              className="button button-primary button-wide"
              disabled={state === "busy"}
            >
              {t(state === "busy" ? "front.busy" : "lti.register.submit")}
            </button>
          </form>
        </>
      )}
    </section>
  );
}

function Sender({ from }: { readonly from: string }) {
  const { t } = useTranslation();
  return (
    <p className="muted">
      {t("lti.register.sent")} <bdi dir="ltr">{from}</bdi>
    </p>
  );
}

/** What the platform's own form asks for. */
function Addresses({ origin }: { readonly origin: string }) {
  const { t } = useTranslation();
  return (
    <>
      <p className="muted">{t("lti.register.lead")}</p>
      <dl className="lti-addresses">
        {(["login", "launch", "jwks"] as const).map((name) => (
          <div key={name}>
            <dt>{t(`lti.register.${name}`)}</dt>
            <dd>{`${origin}/lti/v1p3/${name}`}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
