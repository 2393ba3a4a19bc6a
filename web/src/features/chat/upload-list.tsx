import { CircleAlert, FileUp, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { useStore } from "../../kit/use-store";
import type { PendingUpload, Uploads } from "../../session/together/uploads";
import { useRefusal } from "../notices/use-refusal";

interface UploadListProps {
  readonly uploads: Uploads;
  readonly maxMegabytes: number;
}

/** Files on their way, each with how far it is and a way to stop it. */
export function UploadList({ uploads, maxMegabytes }: UploadListProps) {
  const { t } = useTranslation();
  const all = useStore(uploads);
  if (all.length === 0) return null;
  return (
    <ul className="uploads" aria-label={t("files.onTheirWay")}>
      {all.map((one) => (
        <UploadRow key={one.id} one={one} uploads={uploads} maxMegabytes={maxMegabytes} />
      ))}
    </ul>
  );
}

interface UploadRowProps extends UploadListProps {
  readonly one: PendingUpload;
}

function UploadRow({ one, uploads, maxMegabytes }: UploadRowProps) {
  const { t } = useTranslation();
  const refusal = useRefusal();
  const { state, name, share } = one;
  const failed = state.at === "failed";
  const Icon = failed ? CircleAlert : FileUp;
  return (
    <li className="upload" data-failed={failed}>
      <Icon className="icon icon-small" aria-hidden="true" />
      <div className="upload-words">
        <bdi className="upload-name">{name}</bdi>
        {failed ? (
          <span role="alert">
            {state.detail === ""
              ? t(`files.error.${state.code}`, { count: maxMegabytes })
              : refusal(state.detail, "files.error.refused")}
          </span>
        ) : (
          <progress aria-label={t("files.progress", { name })} value={share} max={1} />
        )}
      </div>
      {failed && (state.code === "network" || state.code === "refused") && (
        <button type="button" className="link-button" onClick={() => uploads.retry(one.id)}>
          {t("chat.again")}
        </button>
      )}
      <IconButton
        icon={X}
        label={t(failed ? "files.forget" : "files.cancel", { name })}
        onClick={() => uploads.cancel(one.id)}
      />
    </li>
  );
}
