import "./chooser.css";
import {
  Ban,
  Check,
  Blend,
  CircleAlert,
  ImagePlus,
  Trash2,
  UserRound,
  type LucideIcon,
} from "lucide-react";
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { CheckField } from "../../kit/field";
import { IconButton } from "../../kit/icon-button";
import { useStore } from "../../kit/use-store";
import { isSameBackground, VEIL, type Background } from "../../session/background/choice";
import { fetchHousePictures, type HousePicture } from "../../session/background/house";
import {
  createOwnPictures,
  OWN_LIMITS,
  type OwnPictures,
  type OwnTrouble,
} from "../../session/background/own-pictures";
import {
  operatorsPictures,
  SUPPLIED_IDS,
  suppliedPicture,
} from "../../session/background/pictures";
import type { PendingUpload } from "../../session/together/uploads";
import type { StoredFile } from "../../wire/files";
import { useRefusal } from "../notices/use-refusal";
import { useSession } from "../visit/context";
import { useBackground } from "./use-background";

/** What to be seen in front of: one of several pictures, none of them, or nothing one can make out. */
export default function Chooser() {
  const { t } = useTranslation();
  const session = useSession();
  const { chosen, background, choose, saving, setSaving } = useBackground();
  const [own] = useState(() => createOwnPictures(session));
  const files = useStore(own);
  useEffect(() => {
    void own.refresh();
    return () => own.dispose();
  }, [own]);
  const sid = useStore(session.room)?.sid ?? "";
  const ownOf = (file: StoredFile): Background => ({
    kind: "own",
    address: file.address,
    session: sid,
  });
  // What an earlier meeting kept is not here; the list shows what takes its place.
  const checked = isSameBackground(chosen, background) ? chosen : background;
  const group = useId();
  const option = (one: Background, label: string, picture: ReactNode, caption = label) => (
    <Option
      group={group}
      label={label}
      caption={caption}
      checked={isSameBackground(one, checked)}
      onChoose={() => choose(one)}
    >
      {picture}
    </Option>
  );
  const remove = async (file: StoredFile) => {
    // First something else is drawn: what is shown must not fall back to the room.
    if (isSameBackground(ownOf(file), chosen)) choose(VEIL);
    await own.remove(file);
  };
  const offered = useOffered();
  return (
    <div className="backgrounds">
      <fieldset className="background-grid">
        <legend className="visually-hidden">{t("background.legend")}</legend>
        {option({ kind: "none" }, t("background.none"), <Sign icon={Ban} />)}
        {option({ kind: "blur", strong: false }, t("background.blur"), <Sign icon={UserRound} />)}
        {option({ kind: "blur", strong: true }, t("background.strong"), <Sign icon={Blend} />)}
        {offered.map(({ id, label, address }) => (
          <div key={id}>
            {option({ kind: "picture", id }, label, <Thumbnail address={address} />)}
          </div>
        ))}
        {files.map((file) => (
          <div key={file.address} className="background-own">
            {option(
              ownOf(file),
              t("background.own", { name: file.name }),
              <Thumbnail address={file.address} />,
              file.name,
            )}
            <IconButton
              icon={Trash2}
              label={t("background.remove", { name: file.name })}
              onClick={() => void remove(file)}
            />
          </div>
        ))}
      </fieldset>
      <AddPicture own={own} onAdded={(file) => choose(ownOf(file))} />
      <CheckField label={t("background.saving")} checked={saving} onChange={setSaving} />
    </div>
  );
}

/** Ours, or those of the page that embeds the client, and then the operator's. */
function useOffered(): readonly { id: string; label: string; address: string }[] {
  const { t } = useTranslation();
  const [house, setHouse] = useState<readonly HousePicture[]>([]);
  useEffect(() => {
    let isHere = true;
    void fetchHousePictures().then((pictures) => isHere && setHouse(pictures));
    return () => void (isHere = false);
  }, []);
  const embedders = operatorsPictures().map((address, index) => ({
    id: address,
    label: t("background.house", { number: index + 1 }),
    address,
  }));
  const supplied = SUPPLIED_IDS.map((id) => ({
    id,
    label: t(`background.pictures.${id}`),
    address: suppliedPicture(id),
  }));
  return [
    ...(embedders.length > 0 ? embedders : supplied),
    ...house.map(({ label, address }) => ({ id: address, label, address })),
  ];
}

interface OptionProps {
  readonly group: string;
  readonly label: string;
  /** What of it stands below the picture. */
  readonly caption: string;
  readonly checked: boolean;
  readonly onChoose: () => void;
  readonly children: ReactNode;
}

function Option({ group, label, caption, checked, onChoose, children }: OptionProps) {
  return (
    <label className="background-option" title={label}>
      <input type="radio" name={group} aria-label={label} checked={checked} onChange={onChoose} />
      <span className="background-picture">{children}</span>
      <span className="background-check">
        <Check className="icon icon-small" aria-hidden="true" />
      </span>
      <bdi className="background-name">{caption}</bdi>
    </label>
  );
}

function Sign({ icon: Icon }: { readonly icon: LucideIcon }) {
  return <Icon className="icon" aria-hidden="true" />;
}

function Thumbnail({ address }: { readonly address: string }) {
  return <img src={address} alt="" loading="lazy" decoding="async" />;
}

interface AddPictureProps {
  readonly own: OwnPictures;
  readonly onAdded: (file: StoredFile) => void;
}

function AddPicture({ own, onAdded }: AddPictureProps) {
  const { t } = useTranslation();
  const uploads = useStore(own.uploads);
  const trouble = useStore(own.trouble);
  const picker = useRef<HTMLInputElement>(null);
  const hint = useId();
  return (
    <div className="background-add">
      <button
        type="button"
        className="button button-plain button-small"
        aria-describedby={hint}
        onClick={() => picker.current?.click()}
      >
        <ImagePlus className="icon icon-small" aria-hidden="true" />
        {t("background.add")}
      </button>
      <input
        ref={picker}
        type="file"
        accept="image/jpeg,image/png"
        data-testid="background-files"
        hidden
        onChange={({ currentTarget }) => {
          for (const file of currentTarget.files ?? []) void own.add(file, onAdded);
          currentTarget.value = "";
        }}
      />
      <p id={hint} className="field-hint">
        {t("background.addHint", { count: OWN_LIMITS.maxMegabytes })}
      </p>
      {uploads.map((one) => (
        <OnItsWay key={one.id} one={one} own={own} />
      ))}
      {trouble && <Trouble trouble={trouble} />}
    </div>
  );
}

function OnItsWay({ one, own }: { readonly one: PendingUpload; readonly own: OwnPictures }) {
  const { t } = useTranslation();
  const refusal = useRefusal();
  const { name, share, state } = one;
  if (state.at !== "failed") {
    return <progress aria-label={t("background.preparing", { name })} value={share} max={1} />;
  }
  const text =
    state.detail === ""
      ? t(`files.error.${state.code}`, { count: OWN_LIMITS.maxMegabytes })
      : refusal(state.detail, "files.error.refused");
  return (
    <p className="problem" role="alert">
      <CircleAlert className="icon" aria-hidden="true" />
      <span>
        {text}{" "}
        <button type="button" className="link-button" onClick={() => own.uploads.retry(one.id)}>
          {t("green.problem.retry")}
        </button>
      </span>
    </p>
  );
}

function Trouble({ trouble: { what, name } }: { readonly trouble: OwnTrouble }) {
  const { t } = useTranslation();
  const text = {
    unreadable: () => t("background.unreadable", { name }),
    removal: () => t("background.removeFailed", { name }),
    "too-large": () => t("files.error.too-large", { count: OWN_LIMITS.maxMegabytes }),
    type: () => t("files.error.type"),
  }[what]();
  return (
    <p className="problem" role="alert">
      <CircleAlert className="icon" aria-hidden="true" />
      <span>{text}</span>
    </p>
  );
}
