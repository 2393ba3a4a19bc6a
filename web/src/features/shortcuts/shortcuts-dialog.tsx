import "./shortcuts.css";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { usePrefs } from "../settings/prefs-context";
import { useVisit } from "../visit/context";

export function ShortcutsDialog() {
  const { t } = useTranslation();
  const { actions, ui } = useVisit();
  const [{ shortcuts }] = usePrefs();
  return (
    <Modal
      title={t("shortcuts.title")}
      closeLabel={t("common.close")}
      onClose={() => ui.showDialog(null)}
    >
      <p className="muted">{t(shortcuts ? "shortcuts.lead" : "shortcuts.off")}</p>
      <dl className="shortcuts">
        {Object.values(actions).map(({ id, key }) => (
          <div key={id}>
            <dt>{t(`shortcuts.${id}`)}</dt>
            <dd>
              <kbd>{key.toUpperCase()}</kbd>
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
    </Modal>
  );
}
