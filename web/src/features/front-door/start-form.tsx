import { useState } from "react";
import { useTranslation } from "react-i18next";
import { TextField } from "../../kit/field";
import { usePrefs } from "../settings/prefs-context";
import { FrontDoorError, startMeeting } from "./api";
import { Problem } from "./join-form";
import { useSubmit } from "./use-submit";

interface StartFormProps {
  readonly name: string;
  readonly needsPassphrase: boolean;
  readonly go: (address: string) => void;
}

export function StartForm({ name, needsPassphrase, go }: StartFormProps) {
  const { t } = useTranslation();
  const [, changePrefs] = usePrefs();
  const [title, setTitle] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const { busy, problem, onSubmit } = useSubmit(async () => {
    if (name.trim() === "") throw new FrontDoorError("name-required");
    const { joinUrl } = await startMeeting({ name: name.trim(), title: title.trim(), passphrase });
    changePrefs({ name: name.trim() });
    go(joinUrl);
  });
  return (
    <form className="front-form" onSubmit={onSubmit}>
      <TextField
        label={t("front.title")}
        placeholder={t("front.titleHint")}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        autoComplete="off"
        maxLength={200}
        dir="auto"
      />
      {needsPassphrase && (
        <TextField
          label={t("front.passphrase")}
          hint={t("front.passphraseHint")}
          type="password"
          value={passphrase}
          onChange={(event) => setPassphrase(event.target.value)}
          required
          autoComplete="current-password"
          maxLength={300}
        />
      )}
      {problem !== null && <Problem text={problem} />}
      <button type="submit" className="button button-primary button-wide" disabled={busy}>
        {busy ? t("front.busy") : t("front.startButton")}
      </button>
    </form>
  );
}
