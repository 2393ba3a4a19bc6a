import { CircleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { TextField } from "../../kit/field";
import { usePrefs } from "../settings/prefs-context";
import { codeIn, FrontDoorError, joinMeeting } from "./api";
import { useSubmit } from "./use-submit";

interface JoinFormProps {
  /** Known already when somebody followed an invite link. */
  readonly fixedCode?: string;
  /** Asked for elsewhere on the page; without it the form asks itself. */
  readonly name?: string;
  readonly go: (address: string) => void;
}

export function JoinForm({ fixedCode, name: given, go }: JoinFormProps) {
  const { t } = useTranslation();
  const [prefs, changePrefs] = usePrefs();
  const [own, setOwn] = useState(prefs.name);
  const name = given ?? own;
  const [typedCode, setCode] = useState("");
  const { busy, problem, onSubmit } = useSubmit(async () => {
    const code = fixedCode ?? codeIn(typedCode);
    if (name.trim() === "") throw new FrontDoorError("name-required");
    const url = await joinMeeting(code, name.trim());
    changePrefs({ name: name.trim() });
    go(url);
  });
  return (
    <form className="front-form" onSubmit={onSubmit}>
      {fixedCode === undefined && (
        <TextField
          label={t("front.code")}
          value={typedCode}
          onChange={(event) => setCode(event.target.value)}
          required
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          dir="ltr"
          maxLength={300}
        />
      )}
      {given === undefined && (
        <TextField
          label={t("front.yourName")}
          value={own}
          onChange={(event) => setOwn(event.target.value)}
          required
          autoComplete="name"
          maxLength={100}
          dir="auto"
          // The only field of its page, and what the page is for.
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
        />
      )}
      {problem !== null && <Problem text={problem} />}
      <button
        type="submit"
        className={`button button-wide ${fixedCode === undefined ? "button-second" : "button-primary"}`}
        disabled={busy}
      >
        {busy ? t("front.busy") : t("front.joinButton")}
      </button>
    </form>
  );
}

export function Problem({ text }: { readonly text: string }) {
  return (
    <p className="problem" role="alert">
      <CircleAlert className="icon" aria-hidden="true" />
      {text}
    </p>
  );
}
