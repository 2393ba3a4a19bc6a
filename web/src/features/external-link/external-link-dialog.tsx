import "./external-link.css";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { CheckField, TextField } from "../../kit/field";
import { Problem } from "../../kit/problem";
import { useStore } from "../../kit/use-store";
import { useModeration } from "../host";
import { useMe, useVisit } from "../visit/context";
import {
  addressProblem,
  PARAMETERS,
  withParameters,
  withScheme,
  type AddressProblem,
  type Parameter,
} from "./address";

/** Which page, and what it may know. */
export function ExternalLinkDialog() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const { showLink } = useModeration();
  const me = useMe();
  const room = useStore(session.room);
  const [address, setAddress] = useState("");
  const [told, setTold] = useState<ReadonlySet<Parameter>>(new Set());
  const [problem, setProblem] = useState<AddressProblem | null>(null);
  const [busy, setBusy] = useState(false);
  const close = () => ui.showDialog(null);
  if (!me || !room) return null;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const url = withScheme(address);
    const wrong = addressProblem(url, window.location.host);
    setProblem(wrong);
    if (wrong !== null) return;
    setBusy(true);
    const values = {
      name: me.name,
      userId: me.id,
      role: me.isAdmin ? "admin" : "participant",
      meetingId: room.id,
    };
    const shown = await showLink(withParameters(url, values, told));
    setBusy(false);
    if (shown) close();
  };
  return (
    <Modal title={t("link.title")} closeLabel={t("common.close")} onClose={close}>
      <form className="link-form" noValidate onSubmit={(event) => void submit(event)}>
        <p className="muted">{t("link.lead")}</p>
        <TextField
          label={t("link.address")}
          type="url"
          dir="ltr"
          inputMode="url"
          placeholder="https://"
          maxLength={2_000}
          value={address}
          aria-invalid={problem !== null}
          onChange={({ target }) => setAddress(target.value)}
        />
        <fieldset className="link-told">
          <legend className="field-label">{t("link.told")}</legend>
          {PARAMETERS.map((name) => (
            <CheckField
              key={name}
              label={t(`link.parameter.${name}`)}
              checked={told.has(name)}
              onChange={(on) => {
                const next = new Set(told);
                if (on) next.add(name);
                else next.delete(name);
                setTold(next);
              }}
            />
          ))}
        </fieldset>
        <Problem text={problem && t(`link.problem.${problem}`)} />
        <div className="dialog-actions">
          <button type="button" className="button button-plain" onClick={close}>
            {t("link.cancel")}
          </button>
          <button type="submit" className="button button-primary" disabled={busy}>
            {t("link.show")}
          </button>
        </div>
      </form>
    </Modal>
  );
}
