import "./shortcuts.css";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { Modal } from "../../kit/dialog";
import { CheckField } from "../../kit/field";
import { usePrefs } from "../settings/prefs-context";
import { useVisit } from "../visit/context";
import type { Action, ActionId } from "./actions";
import { aliasOf, assignable, changeKey, keyOf } from "./keys";

/** Every shortcut, each with a button that gives it another key or none. */
export function ShortcutsDialog() {
  const { t } = useTranslation();
  const { actions, ui } = useVisit();
  const [{ shortcuts, keys }, changePrefs] = usePrefs();
  const assign = (id: ActionId, key: string | null) =>
    changePrefs({ keys: changeKey(id, key, actions, keys) });
  return (
    <Modal
      title={t("shortcuts.title")}
      closeLabel={t("common.close")}
      onClose={() => ui.showDialog(null)}
      wide
    >
      <p className="muted">{t(shortcuts ? "shortcuts.lead" : "shortcuts.off")}</p>
      <CheckField
        label={t("settings.shortcutsOn")}
        checked={shortcuts}
        onChange={(on) => changePrefs({ shortcuts: on })}
      />
      <dl className="shortcuts" data-off={!shortcuts}>
        {Object.values(actions).map((action) => (
          <div key={action.id}>
            <dt>{t(`shortcuts.${action.id}`)}</dt>
            <dd>
              <Alias id={action.id} />
              <KeyButton action={action} onKey={(key) => assign(action.id, key)} />
            </dd>
          </div>
        ))}
        <div>
          <dt>{t("shortcuts.talk")}</dt>
          <dd>
            <kbd>{t("shortcuts.space")}</kbd>
          </dd>
        </div>
      </dl>
      <div className="dialog-actions">
        <button
          type="button"
          className="button button-plain"
          onClick={() => changePrefs({ keys: {} })}
        >
          {t("shortcuts.reset")}
        </button>
      </div>
    </Modal>
  );
}

function Alias({ id }: { readonly id: ActionId }) {
  const letter = aliasOf(id);
  return letter === null ? null : <kbd dir="ltr">Ctrl+Alt+{letter.toUpperCase()}</kbd>;
}

interface KeyButtonProps {
  readonly action: Action;
  readonly onKey: (key: string | null) => void;
}

/** The key itself; pressed, it takes the next key instead. */
function KeyButton({ action, onKey }: KeyButtonProps) {
  const { t } = useTranslation();
  const [{ keys }] = usePrefs();
  const [listening, setListening] = useState(false);
  const key = keyOf(action, keys);
  const shown = key === null ? t("shortcuts.none") : key.toUpperCase();
  return (
    <button
      type="button"
      className="key-button"
      aria-label={t("shortcuts.change", { action: t(`shortcuts.${action.id}`), key: shown })}
      title={t("shortcuts.changeHint")}
      data-listening={listening}
      onBlur={() => setListening(false)}
      onClick={() => {
        setListening(true);
        announce(t("shortcuts.press"));
      }}
      onKeyDown={(event) => {
        if (!listening || event.key === "Tab") return;
        event.preventDefault();
        if (event.key === "Escape") return setListening(false);
        const next = event.key === "Backspace" || event.key === "Delete" ? null : undefined;
        const wanted = next === null ? null : (assignable(event.nativeEvent) ?? undefined);
        if (wanted === undefined) return;
        onKey(wanted);
        setListening(false);
      }}
    >
      {listening ? t("shortcuts.press") : shown}
    </button>
  );
}
