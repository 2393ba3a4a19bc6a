import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "../../kit/dialog";
import { CheckField } from "../../kit/field";
import { useSelected } from "../../kit/use-store";
import { useVisit } from "../visit/context";
import { useModeration } from "./use-moderation";

/** Asks once before somebody is sent out, and whether they may come back. */
export function RemoveDialog() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const about = useSelected(ui, (now) => now.about);
  const here = useSelected(session.people, (all) => (about === null ? null : all.get(about)));
  // Whoever leaves while it is asked is still the one it is about.
  const [seen, setSeen] = useState(here);
  if (here && here !== seen) setSeen(here);
  const person = here ?? seen;
  const { remove } = useModeration();
  const [block, setBlock] = useState(false);
  const close = () => ui.showDialog(null);
  const words = person?.waiting ? "reject" : "remove";
  return (
    <Modal
      title={t(`host.${words}.title`, { name: person?.name ?? about })}
      closeLabel={t("common.close")}
      onClose={close}
    >
      {here ? (
        <>
          <p className="muted">{t(`host.${words}.lead`)}</p>
          <CheckField
            label={t("host.block", { name: here.name })}
            checked={block}
            onChange={setBlock}
          />
          <div className="dialog-actions">
            <button type="button" className="button button-plain" onClick={close}>
              {t("host.keep")}
            </button>
            <button
              type="button"
              className="button button-danger"
              onClick={() => {
                close();
                void remove(here, block);
              }}
            >
              {t(`host.${words}.do`)}
            </button>
          </div>
        </>
      ) : (
        <p className="muted" role="status">
          {t("locks.gone")}
        </p>
      )}
    </Modal>
  );
}
